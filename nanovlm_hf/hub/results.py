"""Evaluation results as the Hub reads them: `.eval_results/*.yaml` and the card's `model-index`.

    results = read_results(Path("results/nanovlm-base.json"))
    eval_files(results, "org")                  # {".eval_results/longdesc.yaml": ...}

A file of results is JSON: `model` (the repository's name), `weights_sha256` (of the evaluated model.safetensors), `date`
(ISO 8601) and `results`, a list of objects with `dataset` (a repository's name), `split`, `metric` (an identifier), `name`
(for people), `value`, its 95% interval `low` and `high`, `n` (items) and, if need be, `notes`.

Source of the format: https://huggingface.co/docs/hub/eval-results and huggingface_hub's EvalResultEntry and EvalResult.
"""

import json
import math
import re
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

TASK = "image-text-to-text"


@dataclass(frozen=True)
class Result:
    """One figure: never without its interval and the number of items behind it."""

    dataset: str
    split: str
    metric: str
    name: str
    value: float
    low: float
    high: float
    n: int
    notes: str = ""

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)) or self.n < 1:
            raise ValueError(
                f"{self.name} on {self.dataset}: value, low and high must be numbers, and n at least 1: {self}."
            )
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"{self.name} on {self.dataset}: {self.value} lies outside of its interval, {self.interval}."
            )

    @property
    def interval(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    @property
    def backing(self) -> str:
        return f"95% interval {self.interval}, n = {self.n}"


@dataclass(frozen=True)
class ModelResults:
    """A model's figures, and the weights and the day they belong to."""

    model: str
    weights_sha256: str
    date: str
    results: tuple[Result, ...]

    def for_model_index(self, namespace: str) -> list[Any]:
        """As `huggingface_hub.EvalResult`, which a card's `model-index` is made of."""
        from huggingface_hub import EvalResult

        return [
            EvalResult(
                task_type=TASK,
                dataset_type=f"{namespace}/{result.dataset}",
                dataset_name=result.dataset,
                dataset_split=result.split,
                metric_type=result.metric,
                metric_name=f"{result.name} ({result.backing})",
                metric_value=result.value,
            )
            for result in self.results
        ]


def read_results(path: Path) -> ModelResults:
    """Reads a file of results.

    Raises:
        ValueError: it is not of the form that this module's beginning describes.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        names = {field.name for field in fields(Result)}
        results = [{name: value for name, value in row.items() if name in names} for row in data["results"]]
        read = ModelResults(
            data["model"], data["weights_sha256"], data["date"], tuple(Result(**row) for row in results)
        )
        datetime.fromisoformat(read.date)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a file of results: {type(error).__name__}: {error}") from None
    if not read.results or not re.fullmatch(r"[0-9a-f]{64}", read.weights_sha256):
        raise ValueError(
            f"{path}: `results` must not be empty, and `weights_sha256` must be of 64 hexadecimal digits."
        )
    keys = [(result.dataset, result.metric) for result in read.results]
    if doubled := {f"{metric} on {dataset}" for dataset, metric in keys if keys.count((dataset, metric)) > 1}:
        raise ValueError(f"{path}: more than one value of {', '.join(sorted(doubled))}; the Hub shows one.")
    return read


def eval_files(results: ModelResults, namespace: str) -> dict[str, str]:
    """A YAML file for each dataset, named by it, by huggingface_hub's writer."""
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    files = {}
    for dataset in dict.fromkeys(result.dataset for result in results.results):
        entries = [
            EvalResultEntry(
                dataset_id=f"{namespace}/{dataset}",
                task_id=result.metric,
                value=result.value,
                date=results.date,
                notes="; ".join(part for part in (result.name, result.backing, result.notes) if part),
            )
            for result in results.results
            if result.dataset == dataset
        ]
        text = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True, width=1000)
        files[f".eval_results/{dataset}.yaml"] = text
    return files


def with_results(card: str, model_name: str, results: list[Any]) -> str:
    """A card with these results in its `model-index`, beside those on other datasets."""
    from huggingface_hub import ModelCard

    read: Any = ModelCard(card)
    datasets = {result.dataset_type for result in results}
    others = [result for result in read.data.eval_results or [] if result.dataset_type not in datasets]
    read.data.model_name = model_name
    read.data.eval_results = others + results
    return str(read)


def same_results(card: str, results: ModelResults, namespace: str) -> bool:
    """Whether a card says these results already, in whatever order or style of YAML."""
    from huggingface_hub import ModelCard

    wanted = results.for_model_index(namespace)
    datasets = {result.dataset_type for result in wanted}
    data: Any = ModelCard(card).data
    there = [result for result in data.eval_results or [] if result.dataset_type in datasets]
    return sorted(map(repr, there)) == sorted(map(repr, wanted))
