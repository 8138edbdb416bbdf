"""The card of a checkpoint: what it is, its limits, use, training, figures, terms. No figure in it is typed by hand.

    python -m nanovlm_hf.hub.model_card checkpoints/nanovlm-base --results results/results.json

It is made of the folder's config.json, recipe.yaml, training_run.json and metrics.jsonl, and of what `nanovlm evaluate`
wrote; the wording is in `model_card_template.md`. Without results the card says that there are none.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from nanovlm_hf import __version__
from nanovlm_hf.files import write_atomically
from nanovlm_hf.hub.card_results import Evaluation, read_evaluation, write_hub_results

TEMPLATE = Path(__file__).with_name("model_card_template.md")
OURS = {"coco", "flickr8k"}  # the sources of ShortDesc and LongDesc
STYLE_NAMES = {
    "caption": "captions of a sentence",
    "short": "descriptions of 20-25 words",
    "long": "descriptions of 60-70 words",
    "answer": "answers to questions",
}


def write_model_card(folder: str | Path, results: str | Path | None = None) -> Path:
    """Writes a checkpoint's `README.md`, valid for the Hub, and returns its path.

    Args:
        folder: the checkpoint's, as training wrote it.
        results: `results.json` of `nanovlm evaluate`, in which this checkpoint's weights are evaluated.

    Raises:
        FileNotFoundError: no checkpoint, or no such results.
        ValueError: the results are of other weights, or the card would not be valid.
    """
    from huggingface_hub import ModelCard
    from jinja2 import Environment, StrictUndefined

    from nanovlm_hf.hub.verify import card_problems
    from nanovlm_hf.modeling import NanoVLMConfig

    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder} holds no checkpoint (no config.json): pass the folder that training wrote.")
    name = folder.resolve().name
    config = NanoVLMConfig.from_pretrained(folder)
    recipe, run = _read(folder / "recipe.yaml"), _read(folder / "training_run.json")
    data = training_data(recipe, run)
    styles = _styles(recipe, run)
    evaluation = read_evaluation(folder, Path(results)) if results else None
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["quoted"] = '`"{}"`'.format
    environment.filters["cell"] = lambda text: re.sub(r"\s+", " ", text).replace("|", "\\|")
    parts = _parts(config)
    best = run.get("best")
    history = _read_lines(folder / "metrics.jsonl")
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=_card_data(name, data, styles, evaluation).to_yaml(),
        name=name,
        repo_id=f"org/{name}",
        config=config,
        parts=parts,
        parameters=sum(part["parameters"] for part in parts),
        reshaped=any(recipe.get(part, "{}") not in ("{}", {}) for part in ("vision_config", "text_config")),
        recipe=recipe,
        recipe_text=_recipe_text(recipe),
        run=run,
        best=best,
        validated=[style for style in ("", *STYLE_NAMES) if best and (f"loss_{style}" if style else "loss") in best],
        last_training=next((entry for entry in reversed(history) if "train_loss" in entry), None),
        has_curve=(folder / "curve.png").is_file(),
        data=data,
        styles=[STYLE_NAMES[style] for style in styles],
        style_names=styles,
        answers="answer" in styles,
        default_style=_read(folder / "processor_config.json").get("style", "short"),
        generation=_generation(_read(folder / "generation_config.json")),
        transformers_range=_transformers_range(),
        evaluation=evaluation,
        version=__version__,
    )
    card = str(ModelCard(re.sub(r"\n{3,}", "\n\n", text)))
    if problems := card_problems(card, "model"):
        raise ValueError(f"{name}: the card would not be valid: {'; '.join(problems)}")
    write_atomically(folder / "README.md", card)
    return folder / "README.md"


def _read(path: Path) -> dict[str, Any]:
    """A JSON or YAML file's content; nothing where there is no file."""
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def training_data(recipe: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Where the training pictures come from: read from the recipe's folders, if they still hold what was trained on.

    Returns:
        `sources`, `splits` (split -> source -> pictures; both empty where that cannot be told), `known` (all of them are
        ShortDesc's and LongDesc's) and `picture_book`.
    """
    from nanovlm_hf.data.sources import data_fingerprint, read_datasets

    names = recipe.get("dataset")
    unknown = {"sources": [], "splits": {}, "known": False, "picture_book": bool(recipe) and not names}
    if not names or not all(Path(name).exists() for name in names):
        return unknown
    read = read_datasets(list(names))
    if data_fingerprint(read) != run.get("data_fingerprint"):
        return unknown
    sources = sorted({row.source for rows in read.values() for row in rows})
    splits = {
        split: {source: sum(row.source == source for row in rows) for source in sources}
        for split, rows in read.items()
    }
    return {"sources": sources, "splits": splits, "known": set(sources) <= OURS, "picture_book": False}


def _styles(recipe: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """The kinds of text that it learned: those that validation has texts of, else those of the recipe."""
    validated = [style for style in STYLE_NAMES if f"loss_{style}" in (run.get("best") or {})]
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


def _recipe_text(recipe: dict[str, Any]) -> str:
    """The recipe as it may be published: folders by their last part."""
    import yaml

    shown = {name: value for name, value in recipe.items() if name not in ("output_dir", "cache_dir")}
    if shown.get("dataset"):
        shown["dataset"] = [
            Path(name).name if Path(name).is_absolute() or name.startswith(".") else name for name in shown["dataset"]
        ]
    return yaml.safe_dump(shown, sort_keys=False) if shown else ""


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
    said = [f"{name} {settings[name]}" for name in (*names, "max_new_tokens") if settings.get(name) is not None]
    return [how, *said]


def _transformers_range() -> str:
    """The releases that setup.cfg allows."""
    from importlib.metadata import requires

    wanted = next(one for one in requires("nanovlm-hf") or [] if re.match(r"transformers\b", one))
    return re.sub(r"^transformers>=([\d.]+).*", r"\1 or later", wanted)


def _card_data(name: str, data: dict[str, Any], styles: list[str], evaluation: Evaluation | None) -> Any:
    from huggingface_hub import ModelCardData

    licence, licence_name = "unknown", None
    if data["picture_book"]:
        licence = "apache-2.0"
    elif data["known"]:
        licence, licence_name = "other", "research-and-non-commercial-use"
    figures = evaluation.for_model_index(name, "org") if evaluation and data["known"] else []
    return ModelCardData(
        language=["en"],
        license=licence,
        license_name=licence_name,
        license_link="README.md#licences" if licence_name else None,
        library_name="transformers",
        pipeline_tag="image-text-to-text",
        tags=[
            "nanovlm",
            "vision-language-model",
            "image-captioning",
            "simple-english",
            "trained-from-scratch",
            "arxiv:2502.07838",
        ],
        datasets=["org/shortdesc", "org/longdesc"] if data["known"] else None,
        metrics=evaluation.metrics if evaluation else None,
        model_name=name if figures else None,
        eval_results=figures or None,
    )


def main(
    folder: Annotated[Path, typer.Argument(help="The checkpoint's folder.")],
    results: Annotated[Optional[Path], typer.Option(help="results.json of `nanovlm evaluate`.")] = None,  # noqa: UP045
    hub_results: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A folder that also gets the results as push_scripts/push_results.py reads them."),
    ] = None,
) -> None:
    """Write a checkpoint's card, README.md, from its settings, its run and its results."""
    try:
        typer.echo(f"{write_model_card(folder, results)} is written.")
        if results and hub_results:
            path = write_hub_results(read_evaluation(folder, results), folder.resolve().name, hub_results)
            typer.echo(f"{path} is written.")
    except (ValueError, OSError) as error:
        typer.echo(f"model card: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
