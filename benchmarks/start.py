"""From the start of a process to its first token: `nanovlm describe` and the exported folders, beside bare imports.

    python -m benchmarks.start [--size large] [--image-tokens cls] [--rounds 15]

Each round starts fresh processes in turn: Python alone, the imports of torch and transformers, `nanovlm describe` with
torch, and `python describe.py` of the fp32 and int8 exports. Seconds by the clock, CPU seconds, peak memory. A first round
warms the files and does not count.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import SHAPES, SIZES, make_in_child
from benchmarks.common import Row, calibrate, finish, in_turn, parse, parser_for, ratio, spread

IMPORTS = "import torch; from transformers import PreTrainedModel"
OURS = (
    "import time; start = time.perf_counter(); import nanovlm_hf, nanovlm_hf.cli; print(time.perf_counter() - start)"
)


class Command:
    """A command to time: calling it runs it once and gives its seconds; CPU seconds and peak memory are kept."""

    def __init__(self, arguments: list[str], folder: Path):
        self.arguments, self.folder = [sys.executable, *arguments], folder
        self.cpu: list[float] = []
        self.memory: list[float] = []

    def __call__(self) -> float:
        start = time.perf_counter()
        process = subprocess.Popen(self.arguments, cwd=self.folder, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            raise RuntimeError(f"{' '.join(self.arguments)} failed with status {status}")
        self.cpu.append(used.ru_utime + used.ru_stime)
        self.memory.append(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)
        return seconds


def first_tokens(folder: Path) -> None:
    """The exports and the torch model begin alike, or their times mean nothing. The int8 export may differ."""
    one = ["../photo.jpg", "--max-new-tokens", "8"]
    texts = []
    for name, command in (
        ("fp32", ["describe.py", *one]),
        ("checkpoint", ["-m", "nanovlm_hf.cli", "describe", *one, "--model", "."]),
    ):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder / name,
            check=True,
            capture_output=True,
            text=True,
            env=_environment(),
        )
        texts.append(done.stdout.strip())
    if texts[0] != texts[1]:
        raise RuntimeError(f"the export writes {texts[0]!r} and the torch model {texts[1]!r}")


def _environment() -> dict[str, str]:
    """Processes that run elsewhere find this checkout."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def rows_of(found: dict[str, list[float]], sides: dict[str, Any], size: str) -> list[Row]:
    rows = []
    for name, seconds in found.items():
        side = "limit" if name in ("python", "imports") else "ours"
        row = Row("process start to first token, by the clock", name, *spread(seconds, 1e3), "ms", side)
        if name == "export fp32":
            row.bar = ("<=", 600)
        elif name == "nanovlm describe":
            row.over("imports", ratio(found, name, "imports"))
        rows.append(row)
    for name, side in sides.items():
        kind = "limit" if name in ("python", "imports") else "ours"
        rows.append(Row("process start to first token, CPU", name, *spread(side.cpu[1:], 1e3), "ms", kind))
    for name, side in list(sides.items())[1:]:  # Python alone needs less than this process, from which its peak counts
        kind = "limit" if name == "imports" else "ours"
        row = Row("peak memory to the first token", name, *spread(side.memory[1:]), "MB", kind)
        if name == "export fp32" and size == "large":
            row.bar = ("<=", 200)
        rows.append(row)
    return rows


def main() -> None:
    parser = parser_for(__doc__, rounds=15)
    parser.add_argument("--size", default="large", choices=SIZES)
    parser.add_argument("--image-tokens", default="cls", choices=SHAPES)
    options = parse(parser)
    os.environ.update(_environment())
    before = calibrate()
    with tempfile.TemporaryDirectory() as name:
        folder = make_in_child(Path(name), options.size, options.image_tokens)
        first_tokens(folder)
        one = [str(folder / "photo.jpg"), "--max-new-tokens", "1"]
        sides = {
            "python": Command(["-c", ""], folder),
            "imports": Command(["-c", IMPORTS], folder),
            "nanovlm describe": Command(["-m", "nanovlm_hf.cli", "describe", *one, "--model", "checkpoint"], folder),
            "export fp32": Command(["describe.py", *one], folder / "fp32"),
            "export int8": Command(["describe.py", *one], folder / "int8"),
        }
        for side in sides.values():  # warms the files
            side()
        found = in_turn(sides, options.rounds)
        rows = rows_of(found, sides, options.size)
        own = [float(subprocess.check_output([sys.executable, "-c", OURS])) for _ in range(options.rounds)]
        rows.append(Row("the package's own imports", "nanovlm_hf, nanovlm_hf.cli", *spread(own, 1e3), "ms"))
    how = f"Medians of {options.rounds} fresh processes each, in turn; threads as they come."
    finish(rows, options, before, how, size=options.size, image_tokens=options.image_tokens)


if __name__ == "__main__":
    main()
