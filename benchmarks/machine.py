"""What this machine can do at most: matrix products a second, and bytes read a second from each level of its memory.

    python -m benchmarks.machine [--threads 1]

The other benchmarks hold our speed against these.
"""

import os
import platform
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.common import Row, available_cores, calibrate, clock_for, finish, in_turn, parse, parser_for, rate

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "bf16", "sve")
PACKAGES = ("torch", "transformers", "accelerate", "onnxruntime", "numpy", "tokenizers", "pillow")
# (rows, inner, columns): the encoder's widest product for a batch of 8 pictures, and two for which blocking is easiest
PRODUCTS = ((8 * 197, 512, 2048), (1024, 1024, 1024), (2048, 2048, 2048))
MEMORY_BYTES = 256 * 2**20  # no cache holds so much


def describe() -> dict[str, Any]:
    """The machine and the versions, as they stand beside every figure."""
    info = _cpu_info()
    flags = set(info.get("flags", info.get("Features", "")).split())
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "processor": info.get("model name") or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "cores_allowed": available_cores(),
        "instructions": [flag for flag in FLAGS if flag in flags],
        "caches": [{"level": f"L{level}", "bytes": size} for size, level in caches()],
        "memory_bytes": _memory_bytes(),
        "versions": versions,
    }


def _cpu_info() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip()}


def _memory_bytes() -> int | None:
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def caches() -> list[tuple[int, int]]:
    """(bytes, level) of the first core's data caches, smallest first; empty where the system does not say."""
    found = []
    for cache in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (cache / "type").read_text().strip() != "Instruction":
            kilobytes = int((cache / "size").read_text().strip().rstrip("K"))
            found.append((1024 * kilobytes, int((cache / "level").read_text())))
    return sorted(found)


def level_of(size: int) -> str:
    """The level of memory that holds so many bytes: the smallest cache that they fit in."""
    found = caches()
    for capacity, level in found:
        if size <= capacity:
            return f"L{level} cache ({capacity / 2**20:.3g} MiB)"
    return "memory" if found else "wherever they lie"


def product(precision: str, shape: tuple[int, int, int], device: str = "cpu") -> Any:
    """A call that multiplies two matrices."""
    import torch

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    rows, inner, columns = shape
    one = torch.randn(rows, inner, dtype=dtype, device=device)
    two = torch.randn(inner, columns, dtype=dtype, device=device)
    out = torch.empty(rows, columns, dtype=dtype, device=device)

    def multiply() -> None:
        torch.mm(one, two, out=out)

    return multiply


def main() -> None:
    options = parse(parser_for(__doc__, rounds=15))
    import torch

    torch.set_num_threads(options.threads)
    before, clock = calibrate(), clock_for(options.threads)
    precisions = ("fp32", "bf16")
    sides = {f"{name} {shape}": product(name, shape) for name in precisions for shape in PRODUCTS}
    found = in_turn(sides, options.rounds, clock, burst=5, warming=2)
    rows = []
    for name in precisions:
        for shape in PRODUCTS:
            amount = 2e-9 * shape[0] * shape[1] * shape[2]
            measured = rate(found[f"{name} {shape}"], amount)
            rows.append(Row("matrix products", f"{name}, {shape}", *measured, "GFLOP/s", "limit"))

    # Half a cache each; the smallest are read before a call has begun.
    levels = [(f"L{level}", size // 2) for size, level in caches() if size >= 2**19] + [("memory", MEMORY_BYTES)]
    buffers = {name: torch.ones(size // 4) for name, size in levels}
    reads = {name: partial(_read, buffer) for name, buffer in buffers.items()}
    found = in_turn(reads, options.rounds, clock, burst=5, warming=2)
    for name, size in levels:
        amount = max(1, 2**22 // size) * size / 1e9
        measured = rate(found[name], amount)
        rows.append(Row("reading", f"{name}, {size / 2**20:.3g} MiB", *measured, "GB/s", "limit"))
    finish(rows, options, before, machine=describe())


def _read(buffer: Any) -> None:
    """Every number once, of small buffers several times over, as a call by itself takes a microsecond."""
    for _ in range(max(1, 2**22 // (4 * buffer.numel()))):
        buffer.sum()


if __name__ == "__main__":
    main()
