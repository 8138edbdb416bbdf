"""What a run says of itself: the curve, the recipe that repeats it, and the record of data, versions and hardware."""

import json
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nanovlm_hf.files import write_atomically
from nanovlm_hf.training.settings import TrainingSettings

CORE_WATTS, GPU_WATTS = 10, 700  # a computing core's share of a server; a data centre's largest GPU at full power


def write_recipe(folder: Path, settings: TrainingSettings) -> None:
    """`recipe.yaml`: `train.py --config` of it repeats the run."""
    import yaml

    values = {name: value for name, value in asdict(settings).items() if value is not None and name != "resume"}
    write_atomically(folder / "recipe.yaml", yaml.safe_dump(values, sort_keys=False))


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """`training_run.json`: results, data fingerprint, versions, commit and hardware."""
    import torch

    libraries = ("torch", "transformers", "tokenizers", "accelerate", "numpy", "pillow")
    environment = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "commit": _commit(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
    write_atomically(folder / "training_run.json", json.dumps({**record, **environment}, indent=2) + "\n")


def energy(seconds: float, accelerator: Any) -> dict[str, Any]:
    """`energy_kwh`, an estimate from time alone, as no meter is read, and `energy_method`, which says so."""
    import torch

    watts, unit = (CORE_WATTS, "core") if accelerator.device.type == "cpu" else (GPU_WATTS, "GPU")
    units = accelerator.num_processes * (torch.get_num_threads() if unit == "core" else 1)
    method = f"estimated from the time: {watts} W for each {unit}, of which there were {units}"
    return {"energy_kwh": round(units * watts * seconds / 3.6e6, 4), "energy_method": method}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # an installed package has no commit
    return answer.stdout.strip()


def write_history(folder: Path, history: list[dict[str, Any]]) -> None:
    """`metrics.jsonl`, a line a record, and `curve.png`: losses in training and validation, and with wrong pictures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    write_atomically(folder / "metrics.jsonl", "".join(json.dumps(entry) + "\n" for entry in history))
    training = [(entry["step"], entry["train_loss"]) for entry in history if "train_loss" in entry]
    validation = [entry for entry in history if "loss" in entry]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    if training:
        axes.plot(*zip(*training, strict=True), color="0.75", linewidth=1, label="training, with augmentation")
    steps = [entry["step"] for entry in validation]
    axes.plot(
        steps,
        [entry["seen_loss"] for entry in validation],
        "o-",
        markersize=3,
        color="0.45",
        label="training, without",
    )
    axes.plot(steps, [entry["loss"] for entry in validation], "o-", markersize=3, label="validation")
    axes.plot(
        steps, [entry["shuffled_loss"] for entry in validation], "o--", markersize=3, label="with wrong pictures"
    )
    axes.set(xlabel="step", ylabel="loss (nats per token)")
    if validation:
        axes.set_ylim(top=1.1 * max(entry["shuffled_loss"] for entry in validation))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    part = folder / "curve.part.png"
    figure.savefig(part, dpi=120)
    plt.close(figure)
    part.replace(folder / "curve.png")
