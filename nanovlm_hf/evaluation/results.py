"""What an evaluation comes to as data: results.json for cards and programs, Parquet files with a row an item.

results.json, in which a figure is always `{"mean", "low", "high", "n"}` with a 95% interval (null for a single item):

    format, created, command, versions
    data          datasets, split, chosen, pictures, pictures_left_out, items and training_texts by style, fingerprint,
                  items_fingerprint (results are comparable where it is equal)
    measures      by name: title, meaning, better ("lower", "higher", or "": to be read beside the held-out texts' own)
    held_out      style -> measure -> figure: the held-out texts' own
    models        name -> revision, parameters, device, weights_sha256, decoding by style, trained_on_this_data, and
                  of exported ones precision and exported_from (the weights_sha256 of their checkpoint)
                  styles      style -> measure -> figure
                  commonest   style -> text, pictures, different: the commonest text written from nothing
                  judges      judge -> style -> axis or "total" -> figure
    judges        name -> kind, prompt_version, judge_models, temperatures, votes, validity, texts, unscored, reasons
    agreement     list of first, second, axis, n, spearman and kappa (figures, or null where undefined)
    comparisons   list of first, second, style, measure (or judge), figure of first - second, reversed_share
"""

import hashlib
import io
import json
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

from nanovlm_hf import __version__
from nanovlm_hf.evaluation.agreement import Agreement, agreement, vote_agreement
from nanovlm_hf.evaluation.item_values import TextMeasures, plain_text
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.judge_prompts import axes_for
from nanovlm_hf.evaluation.judge_validity import Validity
from nanovlm_hf.evaluation.judgements import Judgement, mean_scores
from nanovlm_hf.evaluation.measures import COMPARED, MEASURES, Figure, difference
from nanovlm_hf.evaluation.models import Completer
from nanovlm_hf.evaluation.settings import EvaluationSettings
from nanovlm_hf.evaluation.statistics import Estimate, bootstrap, compare
from nanovlm_hf.files import write_atomically

FORMAT = 1
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "evaluate", "sacrebleu")
Figures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Data:
    """By style: items, and measures, which know the training texts. `left_out` pictures could not be found."""

    items: dict[str, list[Item]]
    measures: dict[str, TextMeasures]
    fingerprint: str
    left_out: int


@dataclass
class Evaluated:
    """A model, or the held-out texts; by style, in the order of the items: rows, their values by column, figures."""

    label: str
    about: dict[str, Any] = field(default_factory=dict)
    data_fingerprint: str | None = None  # of what it was trained on
    curve: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    values: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    figures: dict[str, dict[str, Figure]] = field(default_factory=dict)

    def add(self, style: str, rows: list[dict[str, Any]], values: dict[str, list[Any]]) -> None:
        columns = zip(*values.values(), strict=True)
        self.rows[style] = [row | dict(zip(values, own, strict=True)) for row, own in zip(rows, columns, strict=True)]
        self.values[style] = values


@dataclass(frozen=True)
class Judged:
    """One judge's scores of all models' completions; people have no `validity`."""

    judge: str
    judgements: list[Judgement]
    validity: Validity | None


def about_model(name: str, model: Completer) -> tuple[dict[str, Any], str | None, list[dict[str, Any]]]:
    """What the results say of a model; and from its folder the fingerprint of its training data, and its curve."""
    folder, fingerprint, curve = Path(name), None, []
    weights = folder / "model.safetensors"
    digest = hashlib.sha256()
    if weights.is_file():
        with weights.open("rb") as file:
            while part := file.read(2**20):
                digest.update(part)
    if (folder / "training_run.json").is_file():
        fingerprint = json.loads((folder / "training_run.json").read_text(encoding="utf-8")).get("data_fingerprint")
    if (folder / "metrics.jsonl").is_file():
        curve = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    about = {
        "revision": model.revision,
        "parameters": model.parameters,
        "device": model.model.device.type,
        "weights_sha256": digest.hexdigest() if weights.is_file() else None,
        **model.about,
    }
    return about, fingerprint, curve


def results_of(
    settings: EvaluationSettings, data: Data, held_out: Evaluated, models: list[Evaluated], judged: list[Judged]
) -> dict[str, Any]:
    """What results.json holds."""
    every = [item for items in data.items.values() for item in items]
    chosen = "curated" if settings.curated else "all"
    cut = [[item.style, item.image_id, item.beginning, item.continuation] for item in every]
    return {
        "format": FORMAT,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": settings.command,
        "versions": {
            "nanovlm_hf": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "data": {
            "datasets": settings.data_names,
            "split": settings.split,
            "chosen": f"{chosen}, {settings.limit} by a hash of their ids" if settings.limit else chosen,
            "pictures": len({item.image_id for item in every}),
            "pictures_left_out": data.left_out,
            "items": {style: len(items) for style, items in data.items.items()},
            "training_texts": {style: len(one.training_texts) for style, one in data.measures.items()},
            "fingerprint": data.fingerprint,
            "items_fingerprint": hashlib.sha256(json.dumps(cut).encode()).hexdigest()[:16],
        },
        "measures": {
            name: {"title": measure.title, "meaning": measure.meaning, "better": measure.better}
            for name, measure in MEASURES.items()
        },
        "held_out": _figures(held_out),
        "models": {
            model.label: {
                **model.about,
                "trained_on_this_data": model.data_fingerprint and model.data_fingerprint == data.fingerprint,
                "styles": _figures(model),
                "commonest": {style: _commonest(rows) for style, rows in model.rows.items()},
                "judges": {one.judge: _judge_figures(one, model) for one in judged},
            }
            for model in models
        },
        "judges": {one.judge: _about_judge(one) for one in judged},
        "agreement": _agreement(judged),
        "comparisons": _comparisons(models, judged),
    }


def _figure(estimate: Estimate | None) -> Any:
    """Seven digits, so that the file reads and compares well."""
    if estimate is None:
        return None
    numbers = {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
    rounded = {name: None if value is None else float(f"{value:.7g}") for name, value in numbers.items()}
    return {**rounded, "n": estimate.n}


def _figures(evaluated: Evaluated) -> dict[str, Figures]:
    return {
        style: {name: _figure(found.estimate) for name, found in figures.items()}
        for style, figures in evaluated.figures.items()
    }


def _commonest(rows: list[dict[str, Any]]) -> dict[str, Any]:
    texts = Counter(row["from_nothing"] for row in rows if row["is_commonest"])
    return {
        "text": texts.most_common(1)[0][0],
        "pictures": texts.total(),
        "different": len({plain_text(row["from_nothing"]) for row in rows}),
    }


def _judge_figures(judged: Judged, model: Evaluated) -> dict[str, Figures]:
    scores = mean_scores(judged.judgements)
    figures: dict[str, Figures] = {}
    for style, rows in model.rows.items():
        scored = [scores[row["key"]] for row in rows if row["key"] in scores]
        if scored:
            figures[style] = {axis: _figure(bootstrap([one[axis] for one in scored])) for axis in scored[0]}
    return figures


def _about_judge(judged: Judged) -> dict[str, Any]:
    unscored = [one for one in judged.judgements if one.scores is None]
    validity: dict[str, Any] | None = None
    if judged.validity:
        validity = {**asdict(judged.validity), "passed": judged.validity.passed}
        told = [
            {**asdict(one), "on_total": _figure(one.on_total), "on_axis": _figure(one.on_axis)}
            for one in judged.validity.told
        ]
        validity["told"] = told
    return {
        "kind": "model" if judged.validity else "person",
        "prompt_version": judged.judgements[0].prompt_version,
        "judge_models": sorted({one.judge_model for one in judged.judgements if one.judge_model}),
        "temperatures": sorted({one.temperature for one in judged.judgements if one.temperature is not None}),
        "votes": len({one.vote for one in judged.judgements}),
        "validity": validity,
        "texts": len(judged.judgements),
        "unscored": len(unscored),
        "reasons": dict(Counter(one.reason for one in unscored).most_common(10)),
    }


def _agreement(judged: list[Judged]) -> list[dict[str, Any]]:
    found: list[Agreement] = []
    for first, second in combinations(judged, 2):
        if mean_scores(first.judgements).keys() & mean_scores(second.judgements).keys():
            found += agreement(first.judgements, second.judgements)
    for one in judged:
        votes = len({judgement.vote for judgement in one.judgements})
        cast = Counter(judgement.key for judgement in one.judgements if judgement.scores)
        if votes > 1 and votes in cast.values():
            found += vote_agreement(one.judgements)
    return [asdict(one) | {"spearman": _figure(one.spearman), "kappa": _figure(one.kappa)} for one in found]


def _comparisons(models: list[Evaluated], judged: list[Judged]) -> list[dict[str, Any]]:
    rows = []
    scores = {one.judge: mean_scores(one.judgements) for one in judged}
    for first, second in combinations(models, 2):
        for style in first.rows:
            compared: list[tuple[dict[str, str], Any]] = []
            for name in COMPARED:
                one, other = (model.figures[style].get(name) for model in (first, second))
                # Nats per token say the same of two models where their tokens are the same.
                same = first.values[style].get("tokens") == second.values[style].get("tokens")
                if one and other and (same or name != "gap"):
                    compared.append(({"measure": name}, difference(one, other)))
            for judge, of_texts in scores.items():
                ours, theirs = (
                    {row["image_id"]: of_texts[row["key"]]["total"] for row in of_style if row["key"] in of_texts}
                    for of_style in (first.rows[style], second.rows[style])
                )
                if ours.keys() & theirs.keys():
                    compared.append(({"judge": judge}, compare(ours, theirs)))
            rows += [
                {
                    **{"first": first.label, "second": second.label, "style": style},
                    **what,
                    "figure": _figure(found.difference),
                    "reversed_share": found.reversed_share,
                }
                for what, found in compared
                if found
            ]
    return rows


def write_results(results: dict[str, Any], evaluated: list[Evaluated], judged: list[Judged], folder: Path) -> None:
    """Writes results.json, items.parquet (a row a model and item) and, where there are judges, judgements.parquet."""
    rows = [row for one in evaluated for of_style in one.rows.values() for row in of_style]
    names = list(dict.fromkeys(name for row in rows for name in row))
    _write_parquet([{name: row.get(name) for name in names} for row in rows], folder / "items.parquet")
    axes = list(axes_for(sees_image=True))
    scores = [
        {
            **{name: value for name, value in asdict(one).items() if name != "scores"},
            **{axis: (one.scores or {}).get(axis) for axis in axes},
        }
        for single in judged
        for one in single.judgements
    ]
    if scores:
        _write_parquet(scores, folder / "judgements.parquet")
    else:
        (folder / "judgements.parquet").unlink(missing_ok=True)  # an earlier run's
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / "results.json", text + "\n")


def _write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    write_atomically(path, buffer.getvalue())
