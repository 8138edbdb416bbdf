"""What a run leaves on disk: the state to resume from, and the best step's model. Both appear whole or not at all.

The state is one safetensors file: weights and optimizer as tensors, the rest as JSON in its header. There is no random
state to keep, as order, augmentation and dropout are functions of (seed, step).
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

STATE_FILE = "training_state.safetensors"


def save_state(folder: Path, model: Any, optimizer: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Writes weights, optimizer and `progress` (anything JSON can hold) to `folder`, atomically."""
    from safetensors.torch import save_file

    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value.contiguous() for name, value in state.items()}
    # Tied weights are one tensor under two names, which the format refuses.
    tensors = {name: value.clone() for name, value in tensors.items()}
    part = folder / f"{STATE_FILE}.part"
    save_file(tensors, part, metadata={"progress": json.dumps(progress)})
    os.replace(part, folder / STATE_FILE)


def load_state(folder: Path, model: Any, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Loads what `save_state` wrote into model and optimizer, and returns `progress`."""
    from safetensors import safe_open

    with safe_open(str(folder / STATE_FILE), "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        progress = json.loads(file.metadata()["progress"])
    weights = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    model.load_state_dict(weights)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress


def read_progress(folder: Path) -> dict[str, Any] | None:
    """The `progress` of an unfinished run in `folder`, or `None` where there is none."""
    from safetensors import safe_open

    if not (folder / STATE_FILE).exists():
        return None
    with safe_open(str(folder / STATE_FILE), "pt") as file:
        return json.loads(file.metadata()["progress"])


def publish(folder: Path, model: Any, processor: Any) -> None:
    """Saves a complete checkpoint to `folder`: weights, configs, tokenizer and code, each file replaced in one go."""
    part = folder / ".saving"
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    processor.save_pretrained(part)
    for file in sorted(part.iterdir()):
        os.replace(file, folder / file.name)
    part.rmdir()
