"""The same run in one process, in two, and on two machines (over loopback): the loss curves must be one.

    python -m benchmarks.processes [--size mini] [--steps 20] [--threads 1]

Trains a size on a small picture book, at the same global batch, without dropout and augmentation, in fp32, with the
commands of docs/scale.md. Prints the largest difference between the curves, which must be at most 1e-4, and pictures a
second: processes on one machine share its cores, so this shows what they cost, not what more machines bring.

With --muon the matrices train as in the recipes. It gives every direction of a gradient the same length, those too that
are rounding alone, so that any other order of summing moves the curve by thousandths: two parts of a batch in one process
(gradient_accumulation_steps) just as two processes. The bar is for AdamW.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from benchmarks.checkpoint import SHAPES, SIZES
from benchmarks.common import Row, calibrate, finish, parse, parser_for

LARGEST_DIFFERENCE = 1e-4
PICTURES = 160
ROOT = Path(__file__).parent.parent
# Both start as many processes on CPUs as on GPUs; without --multi_gpu, accelerate starts one on a CPU, whatever it is told.
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--mixed_precision", "no"]
LAUNCH += ["--dynamo_backend", "no"]


def flags(options: argparse.Namespace, folder: Path) -> list[str]:
    """Of `train.py`: the recipe's model and losses, without what chance decides."""
    epochs = options.steps * options.batch_size / PICTURES
    chosen = {
        "config": resources.files("nanovlm_hf.recipes") / f"{options.size}.yaml",
        "image_tokens": options.image_tokens,
        "dataset": folder / "book",
        "cache_dir": folder / "cache",
        "epochs": epochs,
        "batch_size": options.batch_size,
        "encoder_steps": 0,
        "small_side": 0,
        "dropout": 0.0,
        "min_crop": 1.0,
        "flip": False,
        "mixed_precision": "no",
        "log_steps": 1,
        "eval_epochs": epochs,
        "sample_texts": 0,
    }
    if not options.muon:
        chosen["muon_learning_rate"] = 0.0
    return [part for name, value in chosen.items() for part in (f"--{name}", str(value))]


def run(name: str, commands: list[list[str]], folder: Path, threads: int) -> tuple[list[float], float]:
    """Runs all commands of a training run at once; the losses and pictures a second of the last steps."""
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": str(threads)}
    with contextlib.ExitStack() as stack:
        processes = []
        for index, command in enumerate(commands):
            log = stack.enter_context((folder / f"{name}-{index}.log").open("w+"))
            processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        for index, process in enumerate(processes):
            if process.wait():
                raise RuntimeError(f"{name}: {(folder / f'{name}-{index}.log').read_text()[-3000:]}")
    record = json.loads((folder / name / "training_run.json").read_text())
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    losses = [entry["train_loss"] for entry in map(json.loads, lines) if "train_loss" in entry]
    wanted = 1 if name == "one" else 2
    if record["processes"] != wanted:
        raise RuntimeError(f"{name}: the run had {record['processes']} processes, not {wanted}")
    return losses, record["pictures_per_second"]


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def main() -> int:
    parser = parser_for(__doc__, rounds=2)
    parser.add_argument("--size", default="mini", choices=SIZES)
    parser.add_argument("--image-tokens", default="pooled", choices=SHAPES)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16, help="Pictures a step, over all processes.")
    parser.add_argument("--muon", action="store_true", help="Train matrices with Muon, as the recipes do.")
    options = parse(parser)
    from nanovlm_hf.data.picture_book import draw_picture_book

    before, curves, rows, speeds = calibrate(), {}, [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_picture_book(folder / "book", num_train=PICTURES, num_validation=16, num_test=16)
        common = flags(options, folder)
        half = max(1, options.threads // 2)
        machine = ["--num_processes", "2", "--num_machines", "2", "--main_process_ip", "127.0.0.1"]
        machine += ["--main_process_port", free_port()]
        runs = {
            "one": ([["train.py"]], options.threads),
            "two": ([[*LAUNCH[1:], "--num_processes", "2", "--main_process_port", free_port(), "train.py"]], half),
            "machines": ([[*LAUNCH[1:], *machine, "--machine_rank", rank, "train.py"] for rank in "01"], half),
        }
        for name, (commands, threads) in runs.items():
            own = [*common, "--output_dir", str(folder / name), "--num_threads", str(threads)]
            curves[name], speed = run(
                name, [[sys.executable, *command, *own] for command in commands], folder, threads
            )
            # Losses are written to four places.
            difference = round(max(abs(a - b) for a, b in zip(curves[name], curves["one"], strict=True)), 5)
            label = {"one": "one process", "two": "two processes", "machines": "two machines, over loopback"}[name]
            speeds.append(
                Row("training in processes", label, speed, speed, speed, "pictures/s", note=f"threads: {threads} each")
            )
            if name != "one":
                note = f"{len(curves[name])} steps, losses {curves[name][0]:.4f} to {curves[name][-1]:.4f}"
                row = Row(
                    "loss curve beside that of one process",
                    label,
                    difference,
                    difference,
                    difference,
                    "nats at most",
                    note=note,
                )
                row.bar = None if options.muon else ("<=", LARGEST_DIFFERENCE)
                rows.append(row)
    finish(rows + speeds, options, before, how="One run of each.", curves=curves)
    return 0 if all(row.holds is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
