"""Memory over a long run: training steps for an hour, and 10,000 descriptions with each engine, in processes of their own.

    python -m benchmarks.soak [--minutes 60] [--descriptions 10000] [--parts training torch onnx]

Each process says now and then how much memory it holds by itself (without the pages of files, such as the pictures' cache,
that the system may take back). A straight line is fitted to the second half of these; it grows if the line rises by more
than --allowed megabytes from the half's start to its end. Exit status 1 where a part grows.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import SIZES, make_in_child
from benchmarks.common import available_cores
from benchmarks.machine import describe as describe_machine
from benchmarks.training import make_trainer
from nanovlm_hf.files import write_atomically

PARTS = ["training", "torch", "onnx"]
SAMPLES = 400  # of memory, over a part


def growth(seconds: list[float], megabytes: list[float]) -> tuple[float, float]:
    """Of the second half: how much the fitted line rises over it, in MB, and an hour, in MB."""
    half = len(seconds) // 2
    slope = statistics.linear_regression(seconds[half:], megabytes[half:]).slope
    return slope * (seconds[-1] - seconds[half]), slope * 3600


def own_memory() -> float:
    """MB that this process holds by itself: resident, without the pages of files."""
    import psutil

    info = psutil.Process().memory_info()
    return (info.rss - getattr(info, "shared", 0)) / 1e6


def watch(steps: Iterator[float]) -> None:
    """Runs `steps`, which gives the share done after each, and prints seconds and memory now and then, as JSON."""
    start, said = time.perf_counter(), 0
    for index, share in enumerate(steps, 1):
        if share * SAMPLES >= said or share >= 1:
            print(json.dumps([time.perf_counter() - start, own_memory(), index]), flush=True)
            said = int(share * SAMPLES) + 1
        if share >= 1:
            return


def train(options: argparse.Namespace, folder: Path) -> Iterator[float]:
    """Steps of a recipe, from the whole pipeline of the loop: data, augmentation, step."""
    from nanovlm_hf.training.memory_and_threads import keep_freed_memory
    from nanovlm_hf.training.settings import parse_settings

    recipe = resources.files("nanovlm_hf.recipes") / f"{options.size}.yaml"
    flags = ["--config", str(recipe), "--epochs", "100000", "--encoder_steps", "0", "--small_side", "0"]
    for name in options.dataset or []:
        flags += ["--dataset", name]
    keep_freed_memory()
    trainer = make_trainer(parse_settings([*flags, "--output_dir", str(folder)]))
    start = time.perf_counter()
    for batch in trainer.batches():
        trainer.step(*batch)
        trainer.progress.step += 1
        yield (time.perf_counter() - start) / 60 / options.minutes


def describe(options: argparse.Namespace, folder: Path, engine: str) -> Iterator[float]:
    """Pictures of all sorts of sizes, in batches of the command's own size, each with another prompt."""
    import numpy as np
    from PIL import Image

    make_in_child(folder, options.size, "pooled")
    run = _describer(folder, engine)
    rng, described = np.random.default_rng(0), 0
    words = ["the", "a", "red", "dog", "man", "sits", "on", "and", "with", "two", "near", "big", "small", "house"]
    for _ in count():
        height, width = rng.integers(64, 800, 2)
        pictures = [
            Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))
            for _ in range(options.batch_size)
        ]
        run(
            pictures,
            " ".join(rng.choice(words, rng.integers(1, 12))),
            int(rng.integers(1, options.max_new_tokens + 1)),
        )
        described += len(pictures)
        yield described / options.descriptions


def _describer(folder: Path, engine: str) -> Callable[[list[Any], str, int], Any]:
    if engine == "onnx":
        from nanovlm_hf.edge.describe import Describer

        describer = Describer(folder / "fp32")
        return lambda pictures, prompt, tokens: describer.describe(pictures, prompt, max_new_tokens=tokens)
    from nanovlm_hf import describe as torch_engine

    model, processor = torch_engine.load(str(folder / "checkpoint"))
    return lambda pictures, prompt, tokens: torch_engine.describe(
        model, processor, pictures, prompt, max_new_tokens=tokens
    )


def run_part(part: str, options: argparse.Namespace) -> list[list[float]]:
    """A part in a process of its own, with a progress bar; (seconds, MB, steps) now and then."""
    from rich.progress import track

    command = [sys.executable, "-m", "benchmarks.soak", "--only", part, "--size", options.size]
    for name in ("minutes", "descriptions", "batch_size", "max_new_tokens", "threads"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    for name in options.dataset or []:
        command += ["--dataset", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = (line for line in process.stdout or () if line.startswith("["))
        found = [json.loads(line) for line in track(said, part, total=SAMPLES, transient=True)]
    if process.returncode or len(found) < 4:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}, after {len(found)} samples")
    return found


def run_here(part: str, options: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        watch(train(options, Path(folder)) if part == "training" else describe(options, Path(folder), part))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="torch and onnx: descriptions.")
    parser.add_argument("--minutes", type=float, default=60, help="Of training.")
    parser.add_argument("--descriptions", type=int, default=10_000, help="With each engine.")
    parser.add_argument("--allowed", type=float, default=10, help="MB that the second half may rise by.")
    parser.add_argument("--size", default="mini", choices=SIZES)
    parser.add_argument("--dataset", action="append", help="As for train.py; the picture book by default.")
    parser.add_argument("--batch-size", type=int, default=16, help="Pictures described at once.")
    parser.add_argument("--max-new-tokens", type=int, default=30, help="Of a description, at most.")
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--json", type=Path, help="Where to write what was measured.")
    parser.add_argument("--only", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        run_here(options.only, options)
        return 0
    record, failed = {}, 0
    for part in options.parts:
        samples = run_part(part, options)
        seconds, megabytes, done = map(list, zip(*samples, strict=True))
        rise, hourly = growth(seconds, megabytes)
        flat = rise <= options.allowed
        failed += not flat
        print(
            f"{part}: {done[-1]:,} steps in {seconds[-1] / 60:.1f} minutes; memory {megabytes[0]:.0f} MB after the first, "
            f"{megabytes[len(megabytes) // 2]:.0f} half-way, {megabytes[-1]:.0f} at the end; the second half rises by "
            f"{rise:+.1f} MB ({hourly:+.1f} an hour): {'flat' if flat else 'GROWS'}",
            flush=True,
        )
        record[part] = {"samples": samples, "rise_mb": rise, "mb_an_hour": hourly, "flat": flat}
    if options.json:
        write_atomically(options.json, json.dumps({"machine": describe_machine(), "parts": record}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
