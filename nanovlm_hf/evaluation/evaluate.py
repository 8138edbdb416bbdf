"""`nanovlm evaluate`: models complete held-out beginnings, are measured and judged, and a report says how it went.

    results = evaluate(EvaluationSettings(models=["checkpoints/nanovlm-base"], datasets=["photos/"], out=Path("results")))
    results["models"]["nanovlm-base"]["styles"]["short"]["gap"]             # {"mean": 0.21, "low": ..., "high": ..., "n": 568}

What costs time or money (completions, likelihoods, a judge's answers) is kept in journals in the folder of the results: an
interrupted run goes on with the same command, and a run with one more model computes that model's part only.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nanovlm_hf.data.sources import data_fingerprint, read_datasets
from nanovlm_hf.evaluation.completions import complete_items
from nanovlm_hf.evaluation.decoding import Decoding
from nanovlm_hf.evaluation.grounding import measure_grounding
from nanovlm_hf.evaluation.human_judging import read_human_judgements, write_judging_page
from nanovlm_hf.evaluation.item_values import TextMeasures, caption_values, grounding_values, repeat_values
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.judge import JudgeSettings, judge_completions
from nanovlm_hf.evaluation.judge_validity import check_validity
from nanovlm_hf.evaluation.measures import figures_of
from nanovlm_hf.evaluation.models import load_model
from nanovlm_hf.evaluation.report import write_report
from nanovlm_hf.evaluation.results import Data, Evaluated, Judged, about_model, results_of, write_results
from nanovlm_hf.evaluation.settings import JUDGED, EvaluationSettings, choose_items
from nanovlm_hf.files import alone_in

if TYPE_CHECKING:
    from rich.console import Console


def evaluate(
    settings: EvaluationSettings,
    confirm: Callable[[str], bool] = lambda question: True,
    console: "Console | None" = None,
) -> dict[str, Any]:
    """Runs the whole evaluation, or what of it earlier runs in the folder have not done.

    Writes to `settings.out`: report.html, report.md with figures/, results.json, items.parquet, judgements.parquet.

    Args:
        confirm: is asked before a judge may cost something.

    Returns:
        What results.json holds, see `results`.

    Raises:
        ValueError, FileNotFoundError: a model, dataset, picture or judge that cannot be used; it says what to do.
    """
    from rich.console import Console

    console = console or Console()
    splits = read_datasets(list(settings.datasets))
    items, left_out = choose_items(splits, settings)
    measures = {
        style: TextMeasures(
            [text.continuation for row in splits["train"] for text in row.texts if text.style == style]
        )
        for style in items
    }
    data = Data(items, measures, data_fingerprint(splits), left_out)
    settings.out.mkdir(parents=True, exist_ok=True)
    with alone_in(settings.out):
        with console.status("Measuring the held-out texts"):
            held_out = _measure_held_out(data)
        models = [_evaluate_model(name, data, held_out, settings, console) for name in settings.models]
        judged = _judge(models, items, settings, confirm, console)
        with console.status("Writing the report"):
            results = results_of(settings, data, held_out, models, judged)
            write_results(results, [held_out, *models], judged, settings.out)
            write_report(results, data, held_out, models, judged, settings)
    return results


def _measure_held_out(data: Data) -> Evaluated:
    """The held-out texts under the same measures, as a model that goes on as their writer did."""
    held_out = Evaluated("held-out texts")
    for style, items in data.items.items():
        texts = [f" {item.continuation}" if item.beginning else item.continuation for item in items]
        values = data.measures[style].values(texts, [True] * len(texts), items)
        values |= caption_values(texts, items, are_theirs=True) | repeat_values([item.text for item in items])
        rows = [
            {
                "model": held_out.label,
                "style": style,
                "image_id": item.image_id,
                "source": item.source,
                "beginning": item.beginning,
                "completion": text,
                "from_nothing": item.text,
            }
            for item, text in zip(items, texts, strict=True)
        ]
        held_out.add(style, rows, values)
        held_out.figures[style] = figures_of(values)
    return held_out


def _evaluate_model(
    name: str, data: Data, held_out: Evaluated, settings: EvaluationSettings, console: "Console"
) -> Evaluated:
    model = load_model(name)
    decoding = settings.decoding or Decoding.own(model.model.generation_config)
    every = [item for items in data.items.values() for item in items]
    dataset = "+".join(settings.data_names)
    # Captions are written from nothing as it is: these are not computed twice.
    completed, written = (
        complete_items(model, items, settings.out, dataset, decoding, settings.batch_size)
        for items in (every, [item.from_nothing() for item in every])
    )
    has_wrong_pictures = any(len({item.source for item in items}) < len(items) for items in data.items.values())
    likelihoods = measure_grounding(model, every, settings.out) if has_wrong_pictures else []
    result = Evaluated(settings.labels[name], *about_model(name, model))
    result.about["decoding"] = {style: decoding.settings(style) for style in data.items}
    with console.status(f"Measuring the texts of {result.label}"):
        for style, items in data.items.items():
            rows = [
                {**row, "model": result.label, "from_nothing": nothing["completion"]}
                for row, nothing in zip(completed, written, strict=True)
                if row["style"] == style
            ]
            texts = [row["completion"] for row in rows]
            values = data.measures[style].values(texts, [row["ended"] for row in rows], items)
            values |= caption_values(texts, items) | repeat_values([row["from_nothing"] for row in rows])
            values |= grounding_values(likelihoods, items)
            result.add(style, rows, values)
            result.figures[style] = figures_of(values, held_out.values[style])
    return result


def _judge(
    models: list[Evaluated],
    items: dict[str, list[Item]],
    settings: EvaluationSettings,
    confirm: Callable[[str], bool],
    console: "Console",
) -> list[Judged]:
    rows = [row for model in models for style in JUDGED for row in model.rows.get(style, [])]
    pictured = [item for style in JUDGED for item in items.get(style, [])]
    if settings.human_page:
        shown = pictured if "image" in settings.judge_sees else None
        count = write_judging_page(rows, settings.human_page, shown)
        console.print(f"{settings.human_page}: {count:,} texts to score by hand.", markup=False, highlight=False)
    judged: list[Judged] = []
    refused = False

    def ask(question: str) -> bool:
        nonlocal refused
        refused = refused or not confirm(question)
        return not refused

    for name in dict.fromkeys(settings.judges):
        for sees in dict.fromkeys(settings.judge_sees):
            judge = JudgeSettings(
                name,
                sees_image=sees == "image",
                votes=settings.votes,
                base_url=settings.base_url,
                key_variable=settings.key_variable,
                prices=settings.prices,
            )
            validity = check_validity(settings.out, replace(judge, votes=1), pictured, ask, console)
            judgements = judge_completions(rows, settings.out, judge, pictured, ask, console)
            judged.append(Judged(judge.judge, judgements, validity))
    for path in settings.human:
        judgements = read_human_judgements(path, rows)
        judged.append(Judged(judgements[0].judge, judgements, None))
    names = [one.judge for one in judged]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Two judges of one name ({', '.join(doubled)}): give one of their files another rater.")
    return judged
