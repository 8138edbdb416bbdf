"""What a model card says of an evaluation: tables, limits and samples out of `nanovlm evaluate`'s results.json.

evaluation = read_evaluation(Path("checkpoints/nanovlm-base"), Path("results/results.json"))
evaluation.tables[0].rows[0]              # {"title": "Shuffled gap", "ours": "0.213 [0.190, 0.236]", ...}

Its model is found by the hash of its weights, so that no card shows another model's figures. The form of the file is
described in `nanovlm_hf.evaluation.results`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanovlm_hf.hub.results import HELD_OUT, read_evaluation_file

TITLES = {"caption": "Captions", "short": "Short descriptions", "long": "Long descriptions"}
# What a reader wants first, each style a column; the tables of all measures follow.
AT_A_GLANCE = (
    "right_picture",
    "gap",
    "cider_x100",
    "chair_i",
    "grammar_errors_per_100_words",
    "repeated_4grams",
    "commonest_share",
    "ended_in_length",
)
# Where a picture can be looked at: it lies on its owner's page, not here.
PICTURE_PAGES = {
    "coco": "https://cocodataset.org/#explore?id={}",
    "flickr8k": "https://www.flickr.com/photo.gne?id={}",
}
SAMPLES = 3  # good ones of a style, and bad ones
# Other models and our exports beside ours, in these.
HEADLINE = (
    ("short", "gap"),
    ("short", "right_picture"),
    ("long", "gap"),
    ("caption", "cider_x100"),
    ("caption", "bleu4"),
)
# In results.json, but not in the card: others say nearly the same.
LEFT_OUT = ("chance", "texts_with_errors", "rouge1_mean", "distinct_1", "distinct_3", "distinct_4", "finished_texts")
METRICS = {"cider_x100": "cider", "bleu4": "bleu", "perplexity": "perplexity", "rouge1_max": "rouge"}


@dataclass(frozen=True)
class Evaluation:
    """One model's part of the results, as the card's template shows it; `figures`: style -> measure -> figure."""

    command: str
    created: str
    weights_sha256: str
    data: dict[str, Any]
    held_out_from_training: bool
    decoding: str
    figures: dict[str, dict[str, Any]]
    limits: list[str]
    glance: dict[str, Any]
    tables: list[dict[str, Any]]
    headline: list[str]
    others: list[dict[str, Any]]
    exports: list[dict[str, Any]]
    chance: str
    judges: list[dict[str, Any]]
    meanings: list[tuple[str, str]]
    samples: list[dict[str, Any]]

    @property
    def metrics(self) -> list[str]:
        measured = {name for figures in self.figures.values() for name, figure in figures.items() if figure}
        return [metric for name, metric in METRICS.items() if name in measured]


def read_evaluation(folder: Path, path: Path) -> Evaluation:
    """The evaluation of a checkpoint's weights.

    Raises:
        FileNotFoundError: no such results.
        ValueError: no results, or of other weights only.
    """
    path = path / "results.json" if path.is_dir() else path
    results = read_evaluation_file(path)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    models = results.get("models", {})
    label = next((label for label, model in models.items() if model.get("weights_sha256") == digest), None)
    if label is None:
        raise ValueError(
            f"{path} has no results of the weights in {folder} (sha256 {digest[:12]}), but of "
            f"{', '.join(models) or 'none'}: evaluate this checkpoint."
        )
    model = models[label]
    held_out = results.get("held_out", {})
    measures = results["measures"]
    shown = [
        name
        for name in measures
        if name not in LEFT_OUT and any(figures.get(name) for figures in model["styles"].values())
    ]
    headline = [(style, name) for style, name in HEADLINE if model["styles"].get(style, {}).get(name)]
    exports = [
        _beside(f"ONNX, {about['precision']}", about, headline)
        for about in models.values()
        if about.get("exported_from") == digest
    ]
    return Evaluation(
        command=results["command"],
        created=results["created"],
        weights_sha256=digest,
        data=results["data"],
        held_out_from_training=bool(model.get("trained_on_this_data")) and results["data"]["split"] != "train",
        decoding=_decoding(model["decoding"]),
        figures=model["styles"],
        limits=_limits(model),
        glance=_glance(model["styles"], measures),
        tables=[_table(style, model["styles"][style], held_out.get(style, {}), measures) for style in model["styles"]],
        headline=[f"{measures[name]['title']} ({style})" for style, name in headline],
        others=[_beside(other, about, headline) for other, about in models.items() if not about.get("exported_from")],
        exports=[_beside("the checkpoint, in torch", model, headline), *exports] if exports else [],
        chance=_chance(model["styles"]),
        judges=_judges(results, model),
        meanings=[(measures[name]["title"], measures[name]["meaning"]) for name in shown],
        samples=_samples(path.with_name("items.parquet"), label, list(model["styles"])),
    )


def _beside(name: str, about: dict[str, Any], headline: list[tuple[str, str]]) -> dict[str, Any]:
    figures = [shown_figure(measure, about["styles"].get(style, {}).get(measure)) for style, measure in headline]
    return {"model": name, "parameters": about["parameters"], "figures": figures}


def shown_figure(name: str, figure: dict[str, Any] | None) -> str:
    """Such as "0.213 [0.190, 0.236]" or "55.1% [51.0, 59.3]"; "-" where there is none."""
    from nanovlm_hf.evaluation.measures import MEASURES

    if not figure:
        return "-"
    measure = MEASURES.get(name)
    digits, factor, sign = (
        (measure.digits, 100 if measure.percent else 1, "%" * measure.percent) if measure else (2, 1, "")
    )
    mean, low, high = (
        None if figure[key] is None else f"{factor * figure[key]:.{digits}f}" for key in ("mean", "low", "high")
    )
    return f"{mean}{sign}" + (f" [{low}, {high}]" if low is not None else "")


def _decoding(decoding: dict[str, dict[str, Any]]) -> str:
    """Settings that all styles share, and the limits of each."""
    common = {
        name: value
        for name, value in next(iter(decoding.values())).items()
        if all(one.get(name) == value for one in decoding.values())
    }
    if common["do_sample"]:
        how = "drawn, each text by a seed of its own"
    else:
        how = "greedy decoding" if common["num_beams"] == 1 else f"{common['num_beams']} beams"
    named = ("repetition_penalty", "length_penalty", "no_repeat_ngram_size", "temperature", "top_k", "top_p")
    more = [f"{name} {common[name]:g}" for name in named if common.get(name, 0) not in (0, 1)]
    limits = ", ".join(f"{one['max_new_tokens']} ({style})" for style, one in decoding.items())
    return ", ".join([how, *more]) + f", at most {limits} tokens"


def _limits(model: dict[str, Any]) -> list[str]:
    """What a user must know first, in figures, of the style with most to tell."""
    lines = []
    for style in ("short", "long", "caption"):
        figures = model["styles"].get(style, {})
        if figures.get("right_picture"):
            lines.append(
                f"**How much it sees**: of ten pictures it tells the one that a text of the style `{style}` belongs to "
                f"{shown_figure('right_picture', figures['right_picture'])} of the time. Guessing would give {_chance({style: figures})}."
            )
            break
    for style in ("caption", "short", "long"):
        figures = model["styles"].get(style, {})
        if figures.get("chair_i"):
            lines.append(
                f"**How much it makes up**: {shown_figure('chair_i', figures['chair_i'])} of the objects that it names in "
                f"the style `{style}` are in none of people's captions of the picture."
            )
            break
    common = {
        style: figures["commonest_share"]
        for style, figures in model["styles"].items()
        if figures.get("commonest_share")
    }
    if common:
        style = max(common, key=lambda style: common[style]["mean"])
        text = model.get("commonest", {}).get(style, {}).get("text", "").strip()
        share = shown_figure("commonest_share", common[style])
        lines.append(
            f"**How much it repeats itself**: one text serves {share} of the pictures in the style `{style}`"
            + (f': "{" ".join(text.split())}"' if text else ".")
        )
    return lines


def _chance(styles: dict[str, Any]) -> str:
    """What guessing would give where ten are told apart, a little more than a tenth where a source has fewer pictures."""
    found = next((figures["chance"] for figures in styles.values() if figures.get("chance")), None)
    return shown_figure("chance", {**found, "low": None}) if found else "chance"


def _glance(styles: dict[str, Any], measures: dict[str, Any]) -> dict[str, Any]:
    """The measures that matter most, a row each; the styles are columns."""
    names = [name for name in AT_A_GLANCE if any(figures.get(name) for figures in styles.values())]
    rows = [
        {
            "title": measures[name]["title"] + (f" (guessing: {_chance(styles)})" if name == "right_picture" else ""),
            "figures": [shown_figure(name, figures.get(name)) for figures in styles.values()],
            "better": measures[name]["better"],
        }
        for name in names
    ]
    return {"styles": list(styles), "rows": rows}


def _table(style: str, ours: dict[str, Any], held_out: dict[str, Any], measures: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "title": measures[name]["title"],
            "ours": shown_figure(name, figure),
            "held_out": shown_figure(name, held_out.get(name)),
            "better": {"lower": "lower", "higher": "higher"}.get(measures[name]["better"], ""),
            "n": figure["n"],
        }
        for name, figure in ours.items()
        if figure and name not in LEFT_OUT
    ]
    return {"title": TITLES.get(style, style), "rows": rows}


def _judges(results: dict[str, Any], model: dict[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for name, by_style in model.get("judges", {}).items():
        if not by_style:
            continue
        about = results["judges"][name]
        axes = list(next(iter(by_style.values())))
        what = ", ".join(about["judge_models"]) if about["kind"] == "model" else "a person"
        tried = ""
        if about["validity"]:
            told = "could" if about["validity"]["passed"] else "could **not**"
            tried = f" Tried first on texts whose order is known: it {told} tell them apart."
        shown.append(
            {
                "name": name,
                "about": f"By {what}, from 0 to 10 an axis; {about['texts']:,} texts judged, {about['unscored']:,} unscored.{tried}",
                "axes": axes,
                "rows": [
                    {"style": style, "figures": [shown_figure("", figures.get(axis)) for axis in axes]}
                    for style, figures in by_style.items()
                ],
            }
        )
    return shown


def _samples(path: Path, label: str, styles: list[str]) -> list[dict[str, Any]]:
    """The best and the worst completions of each style, with what was written for the same pictures."""
    if not path.is_file():
        return []
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(path).to_pylist()
    written = {
        (row["style"], row["image_id"]): f"{row['beginning']}{row['completion']}"
        for row in rows
        if row["model"] == HELD_OUT
    }
    groups = []
    for style in styles:
        scored = [
            (score, row)
            for row in rows
            if row["model"] == label and row["style"] == style and (score := _agreement(row))
        ]
        scored.sort(key=lambda pair: pair[0], reverse=True)
        for title, chosen in (("the best", scored[:SAMPLES]), ("the worst", scored[SAMPLES:][-SAMPLES:])):
            samples = [
                {
                    **row,
                    "written": written.get((style, row["image_id"]), ""),
                    "page": PICTURE_PAGES.get(row["source"], "").format(row["image_id"]),
                }
                for _, row in chosen
            ]
            if samples:
                groups.append({"title": f"{TITLES.get(style, style)}: {title}", "samples": samples})
    return groups


def _agreement(row: dict[str, Any]) -> tuple[float, ...] | None:
    """How much a completion agrees with what people said of the picture; `None` where they named nothing."""
    if row["style"] == "caption":
        return None if row.get("cider") is None else (row["cider"],)
    if not row.get("true_objects") or row.get("hallucinated") is None:
        return None
    return (row["recalled"] / row["true_objects"] - row["hallucinated"], -row["hallucinated"])
