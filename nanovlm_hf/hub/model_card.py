"""The card of a checkpoint: what it is, its limits, use, training, figures, terms. No figure in it is typed by hand.

    python -m nanovlm_hf.hub.model_card checkpoints/nanovlm-base --results results/

It is made of the folder's config.json, recipe.yaml, training_run.json and metrics.jsonl, and of what `nanovlm evaluate`
wrote; the wording is in `model_card_template.md`. Without results the card says that there are none.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import metadata, requires
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from nanovlm_hf import __version__
from nanovlm_hf.errors import clear_errors
from nanovlm_hf.files import write_atomically
from nanovlm_hf.hub.card_results import Evaluation, read_evaluation
from nanovlm_hf.hub.results import read_results

TEMPLATE = Path(__file__).with_name("model_card_template.md")
OURS = {"coco", "flickr8k"}  # the sources of ShortDesc and LongDesc
STYLE_NAMES = {
    "caption": "captions of a sentence",
    "short": "descriptions of 20-25 words",
    "long": "descriptions of 60-70 words",
    "answer": "answers to questions",
}


def write_model_card(folder: str | Path, results: str | Path | None = None, datasets: Sequence[Path] = ()) -> Path:
    """Writes a checkpoint's `README.md`, valid for the Hub, and returns its path.

    Args:
        folder: the checkpoint's, as training wrote it.
        results: the folder that `nanovlm evaluate` wrote, or its results.json, in which these weights are evaluated.
        datasets: folders of datasets as the Hub holds them; figures of their texts go into the card's `model-index`.

    Raises:
        FileNotFoundError: no checkpoint, or no such results.
        ValueError: the results are of other weights, or the card would not be valid.
    """
    from huggingface_hub import ModelCard
    from jinja2 import Environment, StrictUndefined

    from nanovlm_hf.hub.verify import card_problems

    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder} holds no checkpoint (no config.json): pass the folder that training wrote.")
    name = folder.resolve().name
    evaluation, figures = None, []
    if results:
        evaluation = read_evaluation(folder, Path(results))
        for one in read_results(Path(results), list(datasets)) if datasets else ():
            if one.weights_sha256 == evaluation.weights_sha256:
                figures = replace(one, model=name).for_model_index("org")
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["quoted"] = '`"{}"`'.format
    environment.filters["cell"] = lambda text: re.sub(r"\s+", " ", text).replace("|", "\\|")
    told = _about(folder, evaluation)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=_card_data(name, told, figures).to_yaml(),
        name=name,
        repo_id=f"org/{name}",
        version=__version__,
        **told,
    )
    card = str(ModelCard(re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text))))
    if problems := card_problems(card, "model"):
        raise ValueError(f"{name}: the card would not be valid: {'; '.join(problems)}")
    write_atomically(folder / "README.md", card)
    return folder / "README.md"


def _about(folder: Path, evaluation: Evaluation | None) -> dict[str, Any]:
    """What the template tells of a checkpoint, out of the files in its folder."""
    import yaml

    from nanovlm_hf.modeling import NanoVLMConfig
    from nanovlm_hf.modeling.configuration_nanovlm import SIZES

    config = NanoVLMConfig.from_pretrained(folder)
    recipe, run = read_settings(folder / "recipe.yaml"), read_settings(folder / "training_run.json")
    history = _read_lines(folder / "metrics.jsonl")
    best = run.get("best") or min(
        (entry for entry in history if "loss" in entry), key=itemgetter("loss"), default=None
    )
    data, styles, parts = training_data(recipe, run), _styles(recipe, best), _parts(config)
    recipe = published_recipe(recipe)
    return {
        "config": config,
        "parts": parts,
        "parameters": sum(part["parameters"] for part in parts),
        "megabytes": (folder / "model.safetensors").stat().st_size / 1e6,
        "reshaped": any(recipe.get(part, "{}") not in ("{}", {}) for part in ("vision_config", "text_config")),
        "recipe": recipe,
        "recipe_text": yaml.safe_dump(recipe, sort_keys=False),
        "run": run,
        "best": best,
        "validated": [style for style in ("", *STYLE_NAMES) if best and f"loss_{style}".rstrip("_") in best],
        "last_training": next((entry for entry in reversed(history) if "train_loss" in entry), None),
        "has_curve": (folder / "curve.png").is_file(),
        "data": data,
        "styles": styles,
        "style_names": STYLE_NAMES,
        "sizes": list(SIZES),
        "default_style": read_settings(folder / "processor_config.json").get("style", "short"),
        "generation": _generation(read_settings(folder / "generation_config.json")),
        "transformers_range": _in_words(
            next(one for one in requires("nanovlm-hf") or [] if one.startswith("transformers"))
        ),
        "python_range": _in_words(metadata("nanovlm-hf")["Requires-Python"]),
        "evaluation": evaluation,
    }


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON or YAML file's content; nothing where there is no file."""
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def training_data(recipe: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Where the training pictures come from: as the run has recorded, or as its folders say if they hold the same still.

    Returns:
        `sources`, `splits` (split -> source -> pictures; both empty where that cannot be told), `known` (all of them are
        ShortDesc's and LongDesc's) and `picture_book`.
    """
    splits = run.get("pictures_by_source") or _read_sources(recipe, run)
    sources = sorted({source for counts in splits.values() for source in counts})
    from_scratch = not recipe.get("start_from")  # or else the terms of other data count, too
    picture_book = bool(recipe) and not recipe.get("dataset")
    return {
        "sources": sources,
        "splits": {split: counts for split, counts in splits.items() if counts},
        "known": from_scratch and bool(sources) and set(sources) <= OURS,
        "picture_book": from_scratch and picture_book,
    }


def _read_sources(recipe: dict[str, Any], run: dict[str, Any]) -> dict[str, dict[str, int]]:
    from nanovlm_hf.data.sources import data_fingerprint, read_datasets

    names = recipe.get("dataset")
    if not names or not all(Path(name).exists() for name in names):
        return {}
    read = read_datasets(list(names))
    if data_fingerprint(read) != run.get("data_fingerprint"):
        return {}
    return {split: dict(Counter(row.source for row in rows)) for split, rows in read.items()}


def _styles(recipe: dict[str, Any], best: dict[str, Any] | None) -> list[str]:
    """The kinds of text that it learned: those that validation has texts of, else those of the recipe."""
    validated = [style for style in STYLE_NAMES if f"loss_{style}" in (best or {})]
    return validated or [style for style in STYLE_NAMES if style in recipe.get("styles", "caption,short,long")]


def _parts(config: Any) -> list[dict[str, Any]]:
    """Each part with its shape and number of parameters, counted on a model without memory."""
    import torch

    from nanovlm_hf.modeling import NanoVLMForConditionalGeneration

    with torch.device("meta"):
        model = NanoVLMForConditionalGeneration(config)
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2

    def part(name: str, shape: str, *modules: Any) -> dict[str, Any]:
        parameters = {id(one): one.numel() for module in modules for one in module.parameters()}
        return {"name": name, "shape": shape, "parameters": sum(parameters.values())}

    def blocks(of: Any) -> str:
        return f"{of.num_hidden_layers} of width {of.hidden_size}, {of.num_attention_heads} heads, MLP {of.intermediate_size}"

    encoder, decoder = model.vision_model, model.language_model
    found = [
        part(
            "encoder: patches and [CLS]",
            f"{patches} of {vision.patch_size}x{vision.patch_size} pixels",
            encoder.embeddings,
        ),
        part("encoder: blocks", blocks(vision), encoder.layers, encoder.layernorm),
        part(
            "connector",
            f"{vision.hidden_size} to {config.projector_intermediate_size} to {text.hidden_size}",
            model.connector,
        ),
        part("decoder: blocks", blocks(text), decoder.layers, decoder.norm),
        part(
            "decoder: tokens, positions, head",
            f"{text.vocab_size:,} tokens, {text.max_position_embeddings} positions",
            decoder.embed_tokens,
            decoder.embed_positions,
            model.lm_head,
        ),
    ]
    return found


def published_recipe(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe without what is this machine's: folders go by their names; datasets and models on the Hub stay."""

    def name_of(value: Any) -> Any:
        if isinstance(value, list):
            return [name_of(one) for one in value]
        is_folder = isinstance(value, str) and (value.startswith((".", "~")) or Path(value).is_absolute())
        return Path(value).resolve().name if is_folder else value

    return {name: name_of(value) for name, value in recipe.items() if name not in ("output_dir", "cache_dir")}


def _generation(settings: dict[str, Any]) -> list[str]:
    """What `generate` does by default, in words."""
    how = (
        "sampled"
        if settings.get("do_sample")
        else "greedily"
        if settings.get("num_beams", 1) in (1, None)
        else "by beams"
    )
    names = (
        "num_beams",
        "temperature",
        "top_k",
        "top_p",
        "repetition_penalty",
        "no_repeat_ngram_size",
        "length_penalty",
    )
    said = [f"{name} {settings[name]}" for name in names if settings.get(name) is not None]
    limit = settings.get("max_new_tokens")
    return [how, *said, *([f"at most {limit} tokens"] if limit else [])]


def _in_words(wanted: str) -> str:
    """The releases that setup.cfg allows, such as "5.0 or later, below 6" of "transformers>=5.0,<6"."""
    lowest, below = re.search(r">=([\d.]+)", wanted), re.search(r"<([\d.]+)", wanted)
    return (f"{lowest[1]} or later" if lowest else "of any release") + (f", below {below[1]}" if below else "")


def _card_data(name: str, told: dict[str, Any], figures: list[Any]) -> Any:
    from huggingface_hub import ModelCardData

    data, base = told["data"], told["recipe"].get("start_from")
    licence, licence_name = "unknown", None
    if data["picture_book"]:
        licence = "apache-2.0"
    elif data["known"]:
        licence, licence_name = "other", "research-and-non-commercial-use"
    return ModelCardData(
        language=["en"],
        license=licence,
        license_name=licence_name,
        license_link=f"https://huggingface.co/org/{name}#licences" if licence_name else None,
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        base_model=base if base and "/" in base and not Path(base).exists() else None,
        tags=[
            "nanovlm",
            "vision-language-model",
            "image-captioning",
            "simple-english",
            "fine-tuned" if base else "trained-from-scratch",
            "arxiv:2502.07838",
        ],
        datasets=["org/shortdesc", "org/longdesc"] if data["known"] else None,
        metrics=told["evaluation"].metrics if told["evaluation"] else None,
        model_name=name if figures else None,
        eval_results=figures or None,
    )


def main(
    folder: Annotated[Path, typer.Argument(help="The checkpoint's folder.")],
    results: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="What `nanovlm evaluate --out` wrote, with these weights."),
    ] = None,
    datasets: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="Datasets, or folders of them, of which the evaluated texts are. Default: dataset_cards/."),
    ] = None,
) -> None:
    """Write a checkpoint's card, README.md, from its settings, its run and its results."""
    with clear_errors("train", program="model card"):
        from nanovlm_hf.hub.uploads import find_folders

        places = datasets or [place for place in [Path("dataset_cards")] if place.is_dir()]
        found = find_folders(places, [], "dataset") if places else []
        typer.echo(f"{write_model_card(folder, results, found)} is written.")


if __name__ == "__main__":
    typer.run(main)
