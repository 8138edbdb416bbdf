"""What a training process sets before its first step: how it keeps memory, and how many threads compute."""

import ctypes
import os
import platform

import torch


def keep_freed_memory() -> None:
    """Tells glibc's allocator to reuse a step's large blocks rather than return them: steps take a sixth less time.

    Call it before the first step: torch's two caches of compiled products, for 1,024 shapes each, then hold those of about
    a layer. Texts are of another length in each step, so the caches filled, half a megabyte a shape, and tore the large
    blocks apart: memory grew with each step.
    """
    os.environ.setdefault("LRU_CACHE_CAPACITY", "16")  # of ideep, torch's layer over oneDNN
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "24")
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(-4, 0)  # M_MMAP_MAX: no block straight from the system
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: none back to it


def set_threads(num_threads: int) -> None:
    """`accelerate launch` leaves one thread to a process on a CPU; unless told a number, we share out the cores."""
    import psutil

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    torch.set_num_threads(num_threads or max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1))))
