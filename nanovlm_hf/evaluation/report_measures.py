"""The measures' part of a report: sight, the offline measures beside the held-out texts' own, models compared."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nanovlm_hf.evaluation.measures import (
    COMPARED,
    LANGUAGE,
    LENGTH,
    MEASURES,
    ORIGINALITY,
    REPETITION,
    SIGHT,
    STYLE_TITLES,
    TRUTH,
    Measure,
)
from nanovlm_hf.evaluation.report_blocks import Block, Cell, Panel, Panels, Prose, Section, Table, Terms, Value
from nanovlm_hf.evaluation.report_figures import sight_svg
from nanovlm_hf.evaluation.results import Evaluated

GROUPS: dict[str, Sequence[Measure]] = {
    "true to the picture": TRUTH,
    "language": LANGUAGE,
    "copies": ORIGINALITY,
    "repeats": REPETITION,
    "length": LENGTH,
}


def value_of(figures: dict[str, Any], name: str) -> Value | None:
    measure = MEASURES[name]
    return Value(figures[name], measure.digits, measure.percent) if name in figures else None


def title_of(measure: Measure) -> str:
    return measure.title + {"lower": " ↓", "higher": " ↑", "": ""}[measure.better]


def _rows(results: dict[str, Any], style: str, measures: Sequence[Measure]) -> list[list[Cell]]:
    return [
        [label, *(value_of(model["styles"][style], measure.name) for measure in measures)]
        for label, model in results["models"].items()
    ]


def sight_section(results: dict[str, Any], models: list[Evaluated]) -> Section:
    blocks: list[Block] = [
        Prose(
            "Does a model look, or does it only write well? Held-out texts are scored under their own picture and under "
            "wrong ones of the same source, so that telling data sets apart is of no use."
        )
    ]
    panels = []
    for style in results["data"]["items"]:
        figures = {label: model["styles"][style] for label, model in results["models"].items()}
        if any("chance" not in found for found in figures.values()):
            blocks.append(
                Prose(f"{STYLE_TITLES[style]}: no two pictures of one source, so there is no wrong one to try.")
            )
            continue
        blocks.append(Table(STYLE_TITLES[style], ["Model", *map(title_of, SIGHT)], _rows(results, style, SIGHT)))
        shares = "; ".join(
            f"{label}: right picture {value_of(found, 'right_picture')}, right text {value_of(found, 'right_text')}"
            for label, found in figures.items()
        )
        panels.append(Panel(STYLE_TITLES[style], f"Dots with intervals beside chance. {shares}.", sight_svg(figures)))
    if panels:
        blocks.insert(1, Panels("Right picture and right text among 10", panels))
    commonest: list[list[Cell]] = [
        [label, STYLE_TITLES[style], one["text"] or "(nothing)", f"{one['pictures']:,}", f"{one['different']:,}"]
        for label, model in results["models"].items()
        for style, one in model["commonest"].items()
    ]
    header = ["Model", "Style", "Commonest text, written from nothing", "Pictures that it serves", "Different texts"]
    blocks.append(Table("One text for many pictures", header, commonest))
    wrong: list[list[Cell]] = []
    for model in models:
        for style, values in model.values.items():
            words = Counter(word for found in values.get("hallucinated_words", []) for word in found or [])
            if words:
                most = ", ".join(f"{word} ({count})" for word, count in words.most_common(8))
                wrong.append([model.label, STYLE_TITLES[style], most])
    if wrong:
        blocks.append(Table("Objects named that no caption has", ["Model", "Style", "Commonest"], wrong))
    blocks.append(Terms("What the figures of sight mean", [(one.title, one.meaning) for one in SIGHT]))
    return Section("Sight", blocks)


def measures_section(results: dict[str, Any]) -> Section:
    blocks: list[Block] = [
        Prose(
            "Measures of the texts alone, of what follows the beginnings. The last row of a table has the held-out texts' "
            "own values: how their writer, or another person's caption, does by the same measure."
        )
    ]
    for style, own in results["held_out"].items():
        for title, group in GROUPS.items():
            everyone = [own, *(model["styles"][style] for model in results["models"].values())]
            measures = [measure for measure in group if any(measure.name in figures for figures in everyone)]
            if not measures:
                continue
            rows = _rows(results, style, measures)
            rows.append(["held-out texts", *(value_of(own, measure.name) for measure in measures)])
            blocks.append(Table(f"{STYLE_TITLES[style]}: {title}", ["Model", *map(title_of, measures)], rows, apart=1))
    for title, group in GROUPS.items():
        blocks.append(Terms(f"What the figures mean: {title}", [(one.title, one.meaning) for one in group]))
    return Section("Offline measures", blocks)


def comparison_section(results: dict[str, Any]) -> Section:
    if not results["comparisons"]:
        return Section("Models compared")
    blocks: list[Block] = [
        Prose(
            "First model less second, on the same items, resampled as pairs: where an interval holds no 0, the difference "
            "is more than chance. Shares differ by percentage points. What is counted in nats per token is compared where "
            "the models have one tokenizer."
        )
    ]
    for style in results["data"]["items"]:
        found = [one for one in results["comparisons"] if one["style"] == style]
        measured = {one["measure"] for one in found if "measure" in one}
        names = [name for name in COMPARED if name in measured]
        judges = list(dict.fromkeys(one["judge"] for one in found if "judge" in one))
        rows: list[list[Cell]] = []
        for pair in dict.fromkeys((one["first"], one["second"]) for one in found):
            own = {
                one.get("measure") or one["judge"]: one["figure"]
                for one in found
                if (one["first"], one["second"]) == pair
            }
            cells: list[Cell] = [
                Value(own[name], MEASURES[name].digits, MEASURES[name].percent, signed=True) if name in own else None
                for name in names
            ]
            cells += [Value(own[judge], 2, signed=True) if judge in own else None for judge in judges]
            rows.append([f"{pair[0]} less {pair[1]}", *cells])
        header = ["Models", *(title_of(MEASURES[name]) for name in names), *(f"Total ↑, {judge}" for judge in judges)]
        blocks.append(Table(STYLE_TITLES[style], header, rows))
    return Section("Models compared", blocks)
