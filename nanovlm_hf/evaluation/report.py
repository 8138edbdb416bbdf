"""The report of an evaluation: report.html, one file with all its figures and pictures, and report.md.

    write_report(results, data, held_out, models, judged, settings)         # as `evaluate` does

What stands in it is in results.json too, except the completions themselves (items.parquet) and the figures. Sources:
NanoVLMs, Table 3 and Figures 6, 7 and 8; the sections on sight and on the judge's validity are not in the paper.
"""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nanovlm_hf.evaluation import paper
from nanovlm_hf.evaluation.items import Item, curated_items
from nanovlm_hf.evaluation.judge_prompts import AXES, GROUNDING
from nanovlm_hf.evaluation.judgements import mean_scores
from nanovlm_hf.evaluation.measures import (
    COMPARED,
    LANGUAGE,
    LENGTH,
    MEASURES,
    ORIGINALITY,
    SIGHT,
    TRUTH,
    Measure,
)
from nanovlm_hf.evaluation.report_blocks import (
    Block,
    Cell,
    Panel,
    Panels,
    Prose,
    Sample,
    Samples,
    Section,
    Table,
    Terms,
    Value,
    as_html,
    as_markdown,
)
from nanovlm_hf.evaluation.report_figures import curve_svg, originality_svg, sight_svg
from nanovlm_hf.evaluation.results import Data, Evaluated, Judged
from nanovlm_hf.evaluation.settings import JUDGED, EvaluationSettings, in_hash_order
from nanovlm_hf.files import write_atomically

SAMPLES = 25  # of a style, as many as the paper's
PICTURE_SIDE = 224  # pixels, at most, of a picture in the report
STYLES = {"caption": "Captions", "short": "Short texts", "long": "Long texts"}
GROUPS: dict[str, Sequence[Measure]] = {
    "true to the picture": TRUTH,
    "language": LANGUAGE,
    "copies and repeats": ORIGINALITY,
    "length": LENGTH,
}


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
    sections = [
        _glance(results),
        _judges(results),
        _sight(results, models),
        _measures(results),
        _originality(held_out, models),
        _side_by_side(data, held_out, models, judged, settings.with_pictures),
        _curves(models),
        _comparison(results),
        _method(results, settings),
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


def _value(figures: dict[str, Any], name: str) -> Value | None:
    measure = MEASURES[name]
    return Value(figures[name], measure.digits, measure.percent) if name in figures else None


def _title(measure: Measure) -> str:
    return measure.title + {"lower": " ↓", "higher": " ↑", "": ""}[measure.better]


def _rows(results: dict[str, Any], style: str, measures: Sequence[Measure]) -> list[list[Cell]]:
    return [
        [label, *(_value(model["styles"][style], measure.name) for measure in measures)]
        for label, model in results["models"].items()
    ]


def _glance(results: dict[str, Any]) -> Section:
    styles = results["data"]["items"]
    main = next(style for style in ("short", "long", "caption") if style in styles)
    names = ["right_picture", "gap", "perplexity_ratio", "ended_in_length", "rouge1_max_above_held_out"]
    columns = [(main, MEASURES[name]) for name in names]
    if "caption" in styles:
        columns.insert(2, ("caption", MEASURES["cider_x100"]))
    judges = list(results["judges"]) if main in JUDGED else []
    rows: list[list[Cell]] = []
    for label, model in results["models"].items():
        scores = [model["judges"][judge].get(main, {}).get("total") for judge in judges]
        rows.append(
            [
                label,
                f"{model['parameters']:,}",
                *(_value(model["styles"][style], measure.name) for style, measure in columns),
                *(score and Value(score, 2) for score in scores),
            ]
        )
    header = ["Model", "Parameters", *(f"{_title(measure)} ({STYLES[style].lower()})" for style, measure in columns)]
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


def _judges(results: dict[str, Any]) -> Section:
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
    note = f"Prompt version {about['prompt_version']}, {about['votes']} vote(s) a text"
    if about["judge_models"]:
        temperatures = ", ".join(map(str, about["temperatures"])) or "the server's own"
        note += f", served as {', '.join(about['judge_models'])}, temperature {temperatures}"
    if about["unscored"]:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in about["reasons"].items())
        note += f". Unscored: {about['unscored']} of {about['texts']}: {reasons}"
    return Table(f"{STYLES[style]}, scored by {judge}", header, rows, note + ".")


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


def _sight(results: dict[str, Any], models: list[Evaluated]) -> Section:
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
            blocks.append(Prose(f"{STYLES[style]}: no two pictures of one source, so there is no wrong one to try."))
            continue
        blocks.append(Table(STYLES[style], ["Model", *map(_title, SIGHT)], _rows(results, style, SIGHT)))
        shares = "; ".join(
            f"{label}: right picture {_value(found, 'right_picture')}, right text {_value(found, 'right_text')}"
            for label, found in figures.items()
        )
        panels.append(Panel(STYLES[style], f"Dots with intervals beside chance. {shares}.", sight_svg(figures)))
    if panels:
        blocks.insert(1, Panels("Right picture and right text among 10", panels))
    commonest: list[list[Cell]] = [
        [label, STYLES[style], one["text"] or "(nothing)", f"{one['pictures']:,}", f"{one['different']:,}"]
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
                wrong.append([model.label, STYLES[style], most])
    if wrong:
        blocks.append(Table("Objects named that no caption has", ["Model", "Style", "Commonest"], wrong))
    blocks.append(Terms("What the figures of sight mean", [(one.title, one.meaning) for one in SIGHT]))
    return Section("Sight", blocks)


def _measures(results: dict[str, Any]) -> Section:
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
            rows.append(["held-out texts", *(_value(own, measure.name) for measure in measures)])
            blocks.append(Table(f"{STYLES[style]}: {title}", ["Model", *map(_title, measures)], rows, apart=1))
    for title, group in GROUPS.items():
        blocks.append(Terms(f"What the figures mean: {title}", [(one.title, one.meaning) for one in group]))
    return Section("Offline measures", blocks)


def _originality(held_out: Evaluated, models: list[Evaluated]) -> Section:
    blocks: list[Block] = []
    for style, own in held_out.values.items():
        panels = []
        for model in models:
            values = model.values[style]["rouge1_max"]
            alt = (
                f"Histogram for {model.label}: mean {sum(values) / len(values):.3f}, largest {max(values):.3f}; held-out "
                f"texts: mean {sum(own['rouge1_max']) / len(values):.3f}, largest {max(own['rouge1_max']):.3f}."
            )
            panels.append(Panel(model.label, alt, originality_svg(values, own["rouge1_max"])))
        blocks.append(Panels(STYLES[style], panels))
    text = (
        "How near each text comes to the nearest of all training texts of its style (the paper's Figure 8): ROUGE-1 F of "
        "the words written. 1 is a copy. The held-out texts show how alike the writer's own texts are."
    )
    return Section("Originality", [Prose(text), *blocks])


def _side_by_side(
    data: Data, held_out: Evaluated, models: list[Evaluated], judged: list[Judged], with_pictures: bool
) -> Section:
    scores = {one.judge: mean_scores(one.judgements) for one in judged}
    blocks: list[Block] = [
        Prose(
            "The same beginnings and what each model made of them (the paper's Figure 7). The items are the curated ones "
            "where the data has them, else the first by a hash of their ids: none was chosen for what a model wrote."
        )
    ]
    if with_pictures:
        blocks.append(
            Prose(
                "The HTML file holds pictures, whose terms may not let you give it on: with `--without-pictures` it has "
                "none."
            )
        )
    for style, items in data.items.items():
        samples = []
        for item in _shown(items, style):
            place = items.index(item)
            texts = []
            for model in models:
                row = model.rows[style][place]
                texts.append((model.label, _goes_on(row), _sample_note(row, scores)))
            texts.append((held_out.label, _goes_on(held_out.rows[style][place]), ""))
            alt = item.captions[0] if item.captions else f"Picture {item.image_id}"
            picture = _data_url(item) if with_pictures else ""
            samples.append(Sample(f"Picture {item.image_id} ({item.source})", picture, alt, item.beginning, texts))
        blocks.append(
            Samples(f"{STYLES[style]}: {len(samples)} items", samples, is_open=style == next(iter(data.items)))
        )
    return Section("Side by side", blocks)


def _shown(items: list[Item], style: str) -> list[Item]:
    try:
        return curated_items(items, style)
    except ValueError:  # of another dataset than the list, or of a style that has none
        return in_hash_order(items)[:SAMPLES]


def _goes_on(row: dict[str, Any]) -> str:
    return f"…{row['completion']}" if row["beginning"] else row["completion"]


def _sample_note(row: dict[str, Any], scores: dict[str, dict[str, dict[str, float]]]) -> str:
    notes = [
        f"{of_texts[row['key']]['total']:.1f} of 50 by {judge}"
        for judge, of_texts in scores.items()
        if row["key"] in of_texts
    ]
    if words := row.get("hallucinated_words"):
        notes.append(f"in no caption: {', '.join(dict.fromkeys(words))}")
    if not row["ended"]:
        notes.append("cut off at the limit")
    return "; ".join(notes)


def _data_url(item: Item) -> str:
    from nanovlm_hf.processing.image_processing_nanovlm import load_picture

    image = load_picture(item.open_picture())
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _curves(models: list[Evaluated]) -> Section:
    panels = []
    for model in models:
        validated = [entry for entry in model.curve if "loss" in entry]
        if validated:
            best = min(validated, key=lambda entry: entry["loss"])
            alt = (
                f"Loss of {model.label} over {validated[-1]['step']:,} steps; validation loss is lowest at step "
                f"{best['step']:,}: {best['loss']:.3f}, with wrong pictures {best['shuffled_loss']:.3f}."
            )
            panels.append(Panel(model.label, alt, curve_svg(model.curve)))
    if not panels:
        return Section("Training curves")
    text = (
        "From each model's folder (the paper's Figure 6). The distance between the two validation curves is what the model "
        "gets from looking; training loss is measured with dropout and augmentation."
    )
    return Section("Training curves", [Panels("Loss, nats per token", panels, text)])


def _comparison(results: dict[str, Any]) -> Section:
    if not results["comparisons"]:
        return Section("Models compared")
    blocks: list[Block] = [
        Prose(
            "First model less second, on the same items, resampled as pairs: where an interval holds no 0, the difference "
            "is more than chance."
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
        header = ["Models", *(_title(MEASURES[name]) for name in names), *(f"Total ↑, {judge}" for judge in judges)]
        blocks.append(Table(STYLES[style], header, rows))
    return Section("Models compared", blocks)


def _method(results: dict[str, Any], settings: EvaluationSettings) -> Section:
    data, decoding = results["data"], results["decoding"]
    given = {"caption": "nothing", "short": "6 or 7 words", "long": "18 to 20 words"}
    blocks: list[Block] = [
        Prose(f"`{results['command']}`"),
        Prose(
            "Every model goes on from the same beginnings of held-out texts ("
            + "; ".join(f"{STYLES[style].lower()}: {given[style]}" for style in data["items"])
            + "), cut at a place that a hash of the picture's id chooses, by the same settings, in float32."
        ),
    ]
    names = list(next(iter(decoding.values())))
    rows: list[list[Cell]] = [
        [name.replace("_", " "), *(str(decoding[style][name]) for style in decoding)] for name in names
    ]
    blocks.append(Table("Decoding", ["Setting", *(STYLES[style] for style in decoding)], rows))
    counted: list[list[Cell]] = [
        [STYLES[style], f"{count:,}", f"{data['training_texts'][style]:,}"] for style, count in data["items"].items()
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
        for label, model in results["models"].items()
    ]
    header = ["Model", "Parameters", "Revision", "SHA-256 of weights", "Trained on this data's training split", "On"]
    blocks.append(Table("Models", header, about))
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    blocks.append(Prose(f"Versions: {versions}."))
    return Section("How it was done", blocks)
