"""The report of an evaluation: report.html, one file with all its figures and pictures, and report.md.

    write_report(results, data, held_out, models, judged, settings)         # as `evaluate` does

What stands in it is in results.json too, except the completions themselves (items.parquet) and the figures. Sources:
NanoVLMs, Table 3 and Figures 6, 7 and 8; the sections on sight and on the judge's validity are not in the paper.
"""

from typing import Any

from nanovlm_hf.evaluation.measures import MEASURES, STYLE_TITLES
from nanovlm_hf.evaluation.report_blocks import Block, Cell, Prose, Section, Table, Value, as_html, as_markdown
from nanovlm_hf.evaluation.report_judges import judges_section
from nanovlm_hf.evaluation.report_measures import (
    comparison_section,
    measures_section,
    sight_section,
    title_of,
    value_of,
)
from nanovlm_hf.evaluation.report_texts import curves_section, originality_section, side_by_side_section
from nanovlm_hf.evaluation.results import Data, Evaluated, Judged
from nanovlm_hf.evaluation.settings import JUDGED, EvaluationSettings
from nanovlm_hf.files import write_atomically


def write_report(
    results: dict[str, Any],
    data: Data,
    held_out: Evaluated,
    models: list[Evaluated],
    judged: list[Judged],
    settings: EvaluationSettings,
) -> None:
    """Writes report.html, and report.md with its figures in figures/, to the folder of the results.

    Args:
        results: what results.json holds; the other arguments are what it was made of.

    Raises:
        FileNotFoundError, ValueError: a picture that cannot be read.
    """
    judges = [judges_section(results)]  # where nobody judged, it has the paper's table only
    sections = [
        _glance(results),
        *(judges if results["judges"] else []),
        sight_section(results, models),
        measures_section(results),
        originality_section(held_out, models),
        side_by_side_section(data, held_out, models, judged, settings.with_pictures),
        curves_section(models),
        comparison_section(results),
        *([] if results["judges"] else judges),
        _method(results),
    ]
    sections = [section for section in sections if section.blocks]
    about = results["data"]
    told = (
        f"{', '.join(results['models'])} on {', '.join(about['datasets'])}, split {about['split']}: {about['pictures']:,} "
        f"pictures ({about['chosen']}). {results['created'][:10]}. Figures are means with 95% intervals, resampled over "
        "items; n is the number of items."
    )
    title = "Evaluation of small vision-language models"
    markdown, figures = as_markdown(title, told, sections)
    folder = settings.out
    for old in (folder / "figures").glob("*.svg"):
        if old.name not in figures:
            old.unlink()
    for name, svg in figures.items():
        write_atomically(folder / "figures" / name, svg)
    write_atomically(folder / "report.md", markdown)
    write_atomically(folder / "report.html", as_html(title, told, sections))


def _glance(results: dict[str, Any]) -> Section:
    styles = results["data"]["items"]
    main = next(style for style in ("short", "long", "caption") if style in styles)
    names = ["right_picture", "gap", "perplexity_ratio", "ended_in_length", "rouge1_max_above_held_out"]
    columns = [(main, MEASURES[name]) for name in names]
    if "caption" in styles:
        columns.insert(2, ("caption", MEASURES["cider_x100"]))
    models = results["models"].values()
    columns = [(style, one) for style, one in columns if any(one.name in model["styles"][style] for model in models)]
    judges = list(results["judges"]) if main in JUDGED else []
    rows: list[list[Cell]] = []
    for label, model in results["models"].items():
        scores = [model["judges"][judge].get(main, {}).get("total") for judge in judges]
        rows.append(
            [
                label,
                f"{model['parameters']:,}",
                *(value_of(model["styles"][style], measure.name) for style, measure in columns),
                *(score and Value(score, 2) for score in scores),
            ]
        )
    header = [
        "Model",
        "Parameters",
        *(f"{title_of(measure)} ({STYLE_TITLES[style].lower()})" for style, measure in columns),
    ]
    header += [f"Total of 50, {judge}" for judge in judges]
    return Section(
        "At a glance",
        [
            Table("Sight, truth, language", header, rows),
            Prose(
                "↑: higher is better, ↓: lower is better; other figures are to be read beside the held-out texts' own. A "
                "model that does not look finds the right picture of 10 as often as chance does, however well it writes."
            ),
        ],
    )


def _method(results: dict[str, Any]) -> Section:
    data, models = results["data"], results["models"]
    given = {"caption": "nothing", "short": "6 or 7 words", "long": "18 to 20 words"}
    blocks: list[Block] = [
        Prose(f"`{results['command']}`"),
        Prose(
            "Every model goes on from the same beginnings of held-out texts ("
            + "; ".join(f"{STYLE_TITLES[style].lower()}: {given[style]}" for style in data["items"])
            + "), cut at a place that a hash of the picture's id chooses, in float32."
        ),
        _decoding(models),
    ]
    counted: list[list[Cell]] = [
        [STYLE_TITLES[style], f"{count:,}", f"{data['training_texts'][style]:,}"]
        for style, count in data["items"].items()
    ]
    note = f"Fingerprint of the data {data['fingerprint']}, of the items {data['items_fingerprint']}: results are comparable where the latter is equal."
    if data["pictures_left_out"]:
        note += f" {data['pictures_left_out']:,} pictures of the split were not found and are left out."
    blocks.append(Table("Data", ["Style", "Items", "Training texts"], counted, note))
    trained = {True: "yes", False: "no, other data", None: "unknown"}
    about: list[list[Cell]] = [
        [
            label,
            f"{model['parameters']:,}",
            model["revision"],
            (model["weights_sha256"] or "")[:12] or None,
            trained[model["trained_on_this_data"]],
            model["device"],
        ]
        for label, model in models.items()
    ]
    header = ["Model", "Parameters", "Revision", "SHA-256 of weights", "Trained on this data's training split", "On"]
    blocks.append(Table("Models", header, about))
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    blocks.append(Prose(f"Versions: {versions}."))
    return Section("How it was done", blocks)


def _decoding(models: dict[str, Any]) -> Table:
    """What all styles share; one row where all models do too."""
    names = {
        "num_beams": "Beams",
        "length_penalty": "Length penalty",
        "repetition_penalty": "Repetition penalty",
        "no_repeat_ngram_size": "Size of n-grams never repeated",
        "temperature": "Temperature",
        "top_k": "Top-k",
        "top_p": "Top-p",
    }
    by_style = next(iter(models.values()))["decoding"]
    rows: list[list[Cell]] = [
        [label, *(str(next(iter(model["decoding"].values())).get(name, "-")) for name in names)]
        for label, model in models.items()
    ]
    if len(rows) > 1 and all(row[1:] == rows[0][1:] for row in rows):
        rows = [["all models", *rows[0][1:]]]
    limits = ", ".join(f"{own['max_new_tokens']} ({STYLE_TITLES[style].lower()})" for style, own in by_style.items())
    note = (
        f"One beam without a temperature is greedy; 0: any n-gram may be repeated. At most so many tokens: {limits}."
    )
    return Table("Decoding", ["Model", *names.values()], rows, note)
