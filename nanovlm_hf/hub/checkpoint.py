"""From a training run's folder to a checkpoint as the Hub holds it: half the size, with what says how it came.

    python -m nanovlm_hf.hub.checkpoint runs/mini checkpoints/nanovlm-mini --generation repetition_penalty=1.2

Weights are stored in bf16 and, as config.json says, computed with in fp32: at these sizes rounding costs nothing, and
many processors have no fast bf16. The run's records go along, without this machine's paths. Evaluate the folder, then
write its card: `python -m nanovlm_hf.hub.model_card`.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from nanovlm_hf.errors import clear_errors
from nanovlm_hf.files import write_atomically
from nanovlm_hf.hub.model_card import published_recipe, read_settings, training_data
from nanovlm_hf.hub.verify import ABSOLUTE_PATH

RECORDS = ("recipe.yaml", "training_run.json", "metrics.jsonl", "curve.png")


def make_checkpoint(run: Path, folder: Path, generation: dict[str, Any] | None = None) -> Path:
    """Writes `folder` whole, in the place of what was there but for its README.md and results; returns it.

    Args:
        run: what `train.py` wrote, finished.
        generation: fields of generation_config.json that differ from the run's.

    Raises:
        FileNotFoundError: the run is not finished, or there is none.
    """
    import torch
    from safetensors.torch import load_file, save_file

    from nanovlm_hf.describe import load

    missing = [name for name in RECORDS if not (run / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{run} has no {', '.join(missing)}: pass the folder of a run that train.py finished.")
    model, processor = load(str(run), device="cpu")
    model.generation_config.update(**(generation or {}))
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.float().save_pretrained(part)
    processor.save_pretrained(part)
    weights = {name: weight.to(torch.bfloat16) for name, weight in load_file(part / "model.safetensors").items()}
    save_file(weights, part / "model.safetensors", metadata={"format": "pt"})
    for name in RECORDS:
        shutil.copy(run / name, part / name)
    _make_public(part, run)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(part.iterdir()):
        os.replace(file, folder / file.name)
    part.rmdir()
    return folder


def _make_public(part: Path, run: Path) -> None:
    """Takes the folders out of recipe.yaml and training_run.json, once it is said which sources lay in them."""
    import yaml

    recipe, record = read_settings(run / "recipe.yaml"), read_settings(run / "training_run.json")
    record["pictures_by_source"] = training_data(recipe, record)["splits"]
    record["pictures_left_out"] = [
        ABSOLUTE_PATH.sub(lambda path: re.split(r"[\\/]", path[0])[-1], complaint)
        for complaint in record["pictures_left_out"]
    ]
    write_atomically(part / "recipe.yaml", yaml.safe_dump(published_recipe(recipe), sort_keys=False))
    write_atomically(part / "training_run.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _settings(pairs: list[str]) -> dict[str, Any]:
    settings = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ValueError(f"--generation {pair}: expected NAME=VALUE, such as repetition_penalty=1.2.")
        settings[name] = json.loads(value)
    return settings


def main(
    run: Annotated[Path, typer.Argument(help="What train.py wrote.")],
    folder: Annotated[Path, typer.Argument(help="The checkpoint's folder; its name is the repository's.")],
    generation: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="NAME=VALUE for generation_config.json. Repeat it."),
    ] = None,
) -> None:
    """Make a checkpoint for the Hub of a finished training run."""
    with clear_errors("train", program="checkpoint"):
        typer.echo(f"{make_checkpoint(run, folder, _settings(generation or []))} is written.")
        recipe = read_settings(run / "recipe.yaml")
        if recipe.get("dataset") and not read_settings(folder / "training_run.json")["pictures_by_source"]:
            where = ", ".join(recipe["dataset"])
            typer.echo(
                f"Where its pictures came from is not known: {where} does not lead to the data of the run from here."
            )


if __name__ == "__main__":
    typer.run(main)
