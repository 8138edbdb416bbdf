"""The judges' part of a report: whether each can tell at all, Table 3's layout, the paper's own beside it, agreement.

Source: NanoVLMs, Table 3. The paper says nothing of its judge's validity, and prints no intervals.
"""

from typing import Any

from nanovlm_hf.evaluation import paper
from nanovlm_hf.evaluation.judge_prompts import AXES, GROUNDING
from nanovlm_hf.evaluation.measures import STYLE_TITLES
from nanovlm_hf.evaluation.report_blocks import Block, Cell, Prose, Section, Table, Value
from nanovlm_hf.evaluation.settings import JUDGED


def judges_section(results: dict[str, Any]) -> Section:
    """Of results.json; where no judge scored, the paper's table and how to have one."""
    described = [style for style in results["data"]["items"] if style in JUDGED]
    blocks: list[Block] = []
    if not results["judges"] and described:
        blocks.append(
            Prose("No judge scored these texts: `--judge MODEL` has a language model do it, `--human-page` a person.")
        )
    for judge, about in results["judges"].items():
        if about["unscored"] < about["texts"]:
            blocks += _validity(judge, about)
        else:
            blocks.append(Prose(f"{judge} scored nothing: {'; '.join(about['reasons'])}."))
    for style in described:
        for judge, about in results["judges"].items():
            blocks.append(_table_3(results, judge, about, style))
        blocks.append(_paper_table(style))
    if results["agreement"]:
        blocks += _agreement(results["agreement"])
    return Section("Scores by judges", blocks)


def _validity(judge: str, about: dict[str, Any]) -> list[Block]:
    validity = about["validity"]
    if not validity:
        return []
    failed = [told["damage"] for told in validity["told"] if not told["passed"]]
    verdict = (
        f"{judge} tells right endings from all kinds of damaged ones."
        if validity["passed"]
        else f"{judge} does not tell right endings from these: {'; '.join(failed)}. Its scores below mean little there."
    )
    rows: list[list[Cell]] = [
        [
            told["damage"],
            told["on_total"] and Value(told["on_total"], 1, percent=True),
            told["on_axis"] and Value(told["on_axis"], 1, percent=True),
            told["axis"],
            "yes" if told["passed"] else "no",
        ]
        for told in validity["told"]
    ]
    header = ["Damaged ending", "Right one scored higher: total", "on its axis", "Axis", "Told apart"]
    note = (
        "A tie counts half, chance is 50%; told apart: the interval of the total lies above it. "
        f"{validity['unscored']} of {validity['texts']} texts unscored."
    )
    if validity["judge"] != judge:
        note += " The pictures of these texts were not at hand: the judge was tried without."
    title = f"Can it tell? {validity['judge']} on texts whose order is known"
    return [Prose(verdict), Table(title, header, rows, note)]


def _table_3(results: dict[str, Any], judge: str, about: dict[str, Any], style: str) -> Table:
    items = results["data"]["items"][style]
    axes = [*AXES, "total"]
    with_grounding = any("grounding" in model["judges"][judge].get(style, {}) for model in results["models"].values())
    axes += list(GROUNDING) if with_grounding else []
    rows: list[list[Cell]] = []
    for label, model in results["models"].items():
        scores = model["judges"][judge].get(style, {})
        scored = scores["total"]["n"] if scores else 0
        cells = [scores.get(axis) and Value(scores[axis], 2) for axis in axes]
        rows.append([label, f"{model['parameters']:,}", *cells, f"{scored} of {items}"])
    titles = {"total": "Total of 50", "grounding": "Grounding (not in the total)"}
    header = ["Model", "Parameters", *(titles.get(axis, axis.capitalize()) for axis in axes), "Scored"]
    note = f"Prompt version {about['prompt_version']}, {about['votes']} vote{'s' * (about['votes'] > 1)} a text"
    if about["judge_models"]:
        temperatures = ", ".join(map(str, about["temperatures"])) or "the server's own"
        note += f", served as {', '.join(about['judge_models'])}, temperature {temperatures}"
    if about["unscored"]:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in about["reasons"].items())
        note += f". Unscored: {about['unscored']} of {about['texts']}: {reasons}"
    return Table(f"{STYLE_TITLES[style]}, scored by {judge}", header, rows, note + ".")


def _paper_table(style: str) -> Table:
    rows: list[list[Cell]] = []
    notes = []
    for row in paper.TABLE_3[style]:
        cells = row[2:7]
        rows.append([row.model, row.parameters, *(f"{score:.2f}" for score in cells), f"{row.total:.2f}"])
        if abs(sum(cells) - row.total) > 0.005:
            notes.append(f"{row.model}'s cells sum to {sum(cells):.2f}.")
    header = ["Model", "Parameters", *(axis.capitalize() for axis in AXES), "Total of 50"]
    note = " ".join(
        [f"{paper.PROVENANCE} Scores of another judge on other texts are not comparable with ours.", *notes]
    )
    return Table(f"Not ours: Table 3 of the NanoVLMs paper, {paper.NAMES[style]}", header, rows, note, foreign=True)


def _agreement(found: list[dict[str, Any]]) -> list[Block]:
    pairs = {
        (
            one["first"],
            one["second"],
        ): f"{one['first']}, {'its own votes' if one['first'] == one['second'] else one['second']}"
        for one in found
    }
    axes = [*AXES, "total", *GROUNDING]
    axes = [axis for axis in axes if any(one["axis"] == axis for one in found)]
    blocks: list[Block] = []
    for name, title in (
        ("spearman", "Agreement between judges: the order of the texts (Spearman's rank correlation)"),
        ("kappa", "Agreement between judges: the scores themselves (kappa with quadratic weights)"),
    ):
        rows: list[list[Cell]] = []
        for pair, shown in pairs.items():
            own = {one["axis"]: one[name] for one in found if (one["first"], one["second"]) == pair}
            rows.append([shown, *(Value(own[axis], 2) if own.get(axis) else None for axis in axes)])
        header = ["Judges", *(axis.capitalize() for axis in axes)]
        blocks.append(Table(title, header, rows, "1 is full agreement, 0 that of chance; n is the number of texts."))
    return blocks
