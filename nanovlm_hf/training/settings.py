"""What a training run is told: one dataclass, which becomes flags, a recipe file and the record beside the weights.

accelerate launch train.py --config recipes/mini.yaml --dataset photos/ --epochs 5
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

# What may differ when a run is taken up again: it changes neither the data nor the arithmetic of a step.
FREE_ON_RESUME = {
    "output_dir",
    "cache_dir",
    "num_threads",
    "num_workers",
    "resume",
    "save_minutes",
    "sample_texts",
    "log_steps",
}

PARTS = ("vision_model", "connector", "language_model")


def _flag(default: Any, help: str, **kwargs: Any) -> Any:
    return field(default=default, metadata={"help": help, **kwargs})


@dataclass
class TrainingSettings:
    """Settings of a training run."""

    dataset: list[str] | None = _flag(
        None,
        "Folder in COCO's captions form, or a `datasets` name or path; repeat it to merge several by image_id. "
        "Default: the picture book, which is drawn on the spot.",
        action="extend",
    )
    images: list[str] | None = _flag(
        None,
        "Folder or zip of pictures for datasets that come without, such as our ShortDesc and LongDesc; repeat it.",
        action="extend",
    )
    output_dir: str = _flag("runs/model", "Where the model goes, best step first, with all that says how it came.")
    cache_dir: str | None = _flag(None, "Where decoded pictures lie. Default: nanovlm/ in the Hugging Face cache.")

    size: str = _flag("mini", "The paper's size: mini (5.7M parameters), base (16.1M) or large (25.8M).")
    image_tokens: str = _flag(
        "cls", "What stands for the picture: cls (1 token, the paper), pooled (49), patches (196)."
    )
    vision_config: str = _flag("{}", "Fields of the encoder that differ, as JSON: '{\"num_hidden_layers\": 2}'.")
    text_config: str = _flag("{}", "Fields of the decoder that differ, as JSON: '{\"hidden_size\": 128}'.")
    vocab_size: int = _flag(2400, "Entries of the tokenizer, at most.")
    start_from: str | None = _flag(
        None,
        "A checkpoint to start from, a folder or a repository on the Hub: its shape, tokenizer and weights, whatever the "
        "five settings above say.",
    )
    freeze: str = _flag("", f"Parts that stay as they are, commas between: {', '.join(PARTS)}.")
    styles: str = _flag("caption,short,long,answer", "Kinds of text to learn, where the data has them.")

    epochs: float = _flag(8.0, "Times that all texts are seen.")
    batch_size: int = _flag(32, "Pictures a step, over all processes.")
    gradient_accumulation_steps: int = _flag(1, "Parts that a step's batch is computed in, to need less memory.")
    texts_per_image: int = _flag(6, "Texts of a picture that one encoding of it serves, at most.")
    learning_rate: float = _flag(1e-3, "Peak of the learning rate (the paper's: 1e-3); a cosine falls to a tenth.")
    muon_learning_rate: float = _flag(
        0.0, "Peak for linear layers and convolutions under Muon, which needs fewer steps; 0: AdamW for all."
    )
    warmup_steps: int = _flag(200, "Steps in which the learning rate rises.")
    weight_decay: float = _flag(0.05, "AdamW's, on matrices.")
    adam_beta2: float = _flag(0.99, "AdamW's second beta.")
    max_grad_norm: float = _flag(1.0, "Gradients are clipped to this norm.")
    word_loss: float = _flag(
        0.0, "Weight of the encoder's second task, predicting a picture's frequent words; 0 is off."
    )
    word_targets: str = _flag(
        "agreed",
        "What that task asks for: agreed (800 words, there or not, unsure where captions differ) or shares (2,000 words, "
        "by the share of the texts that use each).",
    )
    encoder_steps: int = _flag(0, "Steps in which the encoder learns its second task alone, before the decoder joins.")
    encoder_rate: float = _flag(
        1.0,
        "The encoder's learning rate after these steps, as a share of the others': a decoder that cannot write yet "
        "teaches it little, and makes it forget.",
    )
    small_side: int = _flag(
        0,
        "Side of the pictures in training but for the last epochs, in pixels: half costs a quarter, and an encoder that "
        "learned from small pictures reads large ones well. Default: the model's.",
    )
    full_side_epochs: float = _flag(
        1.0, "Last epochs, of pictures of the model's own side, where small_side is given."
    )
    dropout: float = _flag(0.1, "In training, in encoder and decoder (the paper's: 0.1).")
    min_crop: float = _flag(1.0, "Smallest side of a random crop, as a share of the picture's; 1: whole pictures.")
    flip: bool = _flag(False, "Mirror half of the pictures.")
    recolour: float = _flag(0.0, "Share of pictures shown in other colours; colour words then carry no loss.")
    word_dropout: float = _flag(
        0.0, "Share of a text's tokens that the model does not get to read, so that it must look."
    )
    blind: bool = _flag(False, "Show the same picture everywhere, to measure what a model gets from looking.")

    eval_epochs: float = _flag(1.0, "Validate each so many epochs; the best step is the one that stays.")
    eval_pictures: int = _flag(500, "Validation pictures to use, at most.")
    sample_texts: int = _flag(3, "Validation pictures to describe at each validation.")
    save_minutes: float = _flag(5.0, "Save the state to resume from each so many minutes.")
    log_steps: int = _flag(20, "Record the training loss each so many steps.")
    mixed_precision: str = _flag("auto", "auto (bf16 where the processor has it), bf16 or no.")
    num_threads: int = _flag(0, "CPU threads a process computes with. Default: the machine's cores, shared out.")
    num_workers: int = _flag(0, "Processes that fetch pictures; 2 to 4 keep a GPU fed.")
    seed: int = _flag(0, "Of weights, order, augmentation and dropout.")
    strict: bool = _flag(False, "Stop at a picture that cannot be read, instead of leaving it out.")
    resume: bool = _flag(True, "Go on where an interrupted run in output_dir stopped.")

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "batch_size",
            "gradient_accumulation_steps",
            "texts_per_image",
            "learning_rate",
            "encoder_rate",
            "eval_epochs",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"--{name} must be above 0, got {getattr(self, name)}.")
        if not 0 < self.min_crop <= 1:
            raise ValueError(f"--min_crop must lie in (0, 1], got {self.min_crop}.")
        for name in ("dropout", "recolour", "word_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} must lie in [0, 1), got {getattr(self, name)}.")
        if self.encoder_steps and not self.word_loss:
            raise ValueError("--encoder_steps without --word_loss: the encoder would have nothing to learn.")
        unknown = [part for part in self.frozen_parts if part not in PARTS]
        if unknown:
            raise ValueError(f"--freeze {','.join(unknown)}: the parts are {', '.join(PARTS)}.")
        if "vision_model" in self.frozen_parts and self.word_loss:
            raise ValueError(
                "--word_loss teaches the vision encoder, which --freeze keeps as it is: set one of them to 0."
            )
        if self.mixed_precision not in ("auto", "bf16", "no"):
            raise ValueError(f"--mixed_precision must be auto, bf16 or no, got {self.mixed_precision!r}.")
        if self.word_targets not in ("agreed", "shares"):
            raise ValueError(f"--word_targets must be agreed or shares, got {self.word_targets!r}.")
        for name in ("vision_config", "text_config"):
            try:
                json.loads(getattr(self, name))
            except json.JSONDecodeError as error:
                raise ValueError(f"--{name} must be JSON, got {getattr(self, name)!r} ({error}).") from error

    @property
    def frozen_parts(self) -> list[str]:
        return [part for part in self.freeze.split(",") if part]

    def differences(self, other: dict[str, Any]) -> list[str]:
        """What keeps a run of `other` settings from being resumed by this one: `name: theirs -> ours`."""
        ours, theirs = asdict(self), {**asdict(TrainingSettings()), **other}  # an older run may not know a setting
        names = [name for name in ours if name not in FREE_ON_RESUME and ours[name] != theirs[name]]
        return [f"{name}: {theirs[name]!r} -> {ours[name]!r}" for name in names]


def parse_settings(arguments: list[str] | None = None) -> TrainingSettings:
    """Flags, and before them the recipe that `--config` names: a YAML file of the same names.

    Without recipe and dataset, the recipe of the picture book.
    """
    from transformers import HfArgumentParser

    parser = HfArgumentParser(
        TrainingSettings,  # type: ignore[arg-type]
        allow_abbrev=False,
        prog="train.py",
        description="Trains a NanoVLM. Without arguments: a small one, on a picture book that is drawn on the spot.",
        epilog="Example: accelerate launch train.py --config recipes/mini.yaml --dataset photos/ --output_dir runs/mini",
    )
    parser.add_argument("--config", metavar="RECIPE.yaml", help="A recipe: any of these settings. Flags go before it.")
    arguments = sys.argv[1:] if arguments is None else arguments
    recipe = _recipe_of(arguments)
    if recipe is None and "--dataset" not in arguments:
        recipe = Path(str(resources.files("nanovlm_hf.recipes") / "picture_book.yaml"))
    values = vars(parser.parse_args([*_as_arguments(recipe), *arguments]))
    return TrainingSettings(**{f.name: values[f.name] for f in fields(TrainingSettings)})


def _recipe_of(arguments: list[str]) -> Path | None:
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", type=Path)
    return finder.parse_known_args(arguments)[0].config


def _as_arguments(recipe: Path | None) -> list[str]:
    """A recipe's settings as flags, so that one parser checks names and types of both."""
    import yaml

    if recipe is None:
        return []
    if not recipe.is_file():
        raise FileNotFoundError(f"{recipe}: no such recipe. Those of the project lie in recipes/.")
    settings = yaml.safe_load(recipe.read_text(encoding="utf-8")) or {}
    arguments = []
    for name, value in settings.items():
        if isinstance(value, dict):
            value = json.dumps(value)
        arguments += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return arguments
