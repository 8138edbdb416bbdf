"""Evaluation results as the Hub reads them: `.eval_results/*.yaml` and the card's `model-index`.

    (results,) = read_results(Path("results"), [Path("dataset_cards/shortdesc"), Path("dataset_cards/longdesc")])
    eval_files(results, "org")                  # {".eval_results/longdesc.yaml": ...}

They are the headline figures of what `nanovlm evaluate` wrote. A figure is published for a dataset only where that holds
the very texts that it was measured on. The Hub shows the `model-index` on the model's page, and `.eval_results` once the
dataset is registered there as a benchmark.

Source of the format: https://huggingface.co/docs/hub/eval-results and huggingface_hub's EvalResultEntry and EvalResult.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASK = "image-text-to-text"
_DESCRIPTION = ("gap", "right_picture", "right_text", "chair_i", "perplexity_ratio", "ended_in_length")
HEADLINES = {"caption": ("cider_x100", "bleu4"), "short": _DESCRIPTION, "long": _DESCRIPTION}
HELD_OUT = "held-out texts"  # as items.parquet names them
LEAST_SHARE = 0.99  # of the texts must be in a dataset: one that was built later may have left out a few


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

    @property
    def backing(self) -> str:
        return f"95% interval {self.low:g} to {self.high:g}, n = {self.n}"


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


def read_evaluation_file(path: Path) -> dict[str, Any]:
    """What `nanovlm evaluate` wrote; its form is described in `nanovlm_hf.evaluation.results`.

    Args:
        path: results.json, or the folder that has it.

    Raises:
        FileNotFoundError: no such results.
        ValueError: something else.
    """
    path = path / "results.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such results. `nanovlm evaluate --out` writes them as results.json.")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a whole JSON file ({error}). Run `nanovlm evaluate` again.") from None
    if not isinstance(results, dict) or not {"models", "measures", "data", "created"} <= results.keys():
        raise ValueError(f"{path} is not what `nanovlm evaluate` writes: it lacks `models`, `measures` or `data`.")
    return results


def read_results(path: Path, datasets: list[Path]) -> list[ModelResults]:
    """The headline figures of the models that this package trained, for the datasets that hold the evaluated texts.

    Args:
        path: results.json of `nanovlm evaluate`, or the folder that has it, with items.parquet beside.
        datasets: folders of datasets as the Hub holds them.

    Returns:
        One for each of these models; without figures where none of the datasets holds the texts.

    Raises:
        FileNotFoundError, ValueError: no results.
    """
    results = read_evaluation_file(path)
    items = (path if path.is_dir() else path.parent) / "items.parquet"
    holders = datasets_with(items, results["data"]["split"], datasets)
    found = []
    for label, model in results["models"].items():
        # Baselines have no record of a training run; from the Hub, one has no file to hash.
        if model.get("weights_sha256") and model.get("trained_on_this_data") is not None:
            name, when = label.split("/")[-1], results["created"]
            rows = tuple(_results_of(model, results, holders))
            found.append(ModelResults(name, model["weights_sha256"], when, rows))
    return found


def _results_of(
    model: dict[str, Any], results: dict[str, Any], holders: dict[str, dict[str, str]]
) -> Iterator[Result]:
    data, measures = results["data"], results["measures"]
    for style, datasets in holders.items():
        for dataset, note in datasets.items():
            for name in HEADLINES.get(style, ()):
                figure = model["styles"].get(style, {}).get(name)
                if figure and figure["low"] is not None:
                    numbers = (figure["mean"], figure["low"], figure["high"], figure["n"])
                    yield Result(dataset, data["split"], name, f"{measures[name]['title']}, {style}", *numbers, note)


def datasets_with(items: Path, split: str, datasets: list[Path]) -> dict[str, dict[str, str]]:
    """Which datasets hold the texts that an evaluation completed.

    Args:
        items: items.parquet of `nanovlm evaluate`.
        split: the datasets' split to look in.
        datasets: folders that `nanovlm data build` wrote, or others of that form.

    Returns:
        style -> name of a dataset -> what is to be noted where a few of the texts are not in it.

    Raises:
        FileNotFoundError: no such items.
    """
    import pyarrow.parquet as parquet

    if not items.is_file():
        raise FileNotFoundError(
            f"{items}: not there. It lies beside results.json, and says which texts were completed."
        )
    asked: dict[str, set[tuple[str, str]]] = {}
    rows = parquet.read_table(items, columns=["model", "style", "image_id", "from_nothing"]).to_pylist()
    for row in rows:
        if row["model"] == HELD_OUT:
            asked.setdefault(row["style"], set()).add((row["image_id"], _normal(row["from_nothing"])))
    found: dict[str, dict[str, str]] = {}
    for folder in datasets:
        held = _texts_in(folder, split)
        for style, texts in asked.items():
            there = len(texts & held)
            if there >= LEAST_SHARE * len(texts):
                note = f"{there} of the {len(texts)} texts are in the dataset" if there < len(texts) else ""
                found.setdefault(style, {})[folder.resolve().name] = note
    return found


def _texts_in(folder: Path, split: str) -> set[tuple[str, str]]:
    """(image_id, text) of a dataset's descriptions and captions."""
    import pyarrow.parquet as parquet

    held = set()
    for path in sorted(folder.glob(f"data/{split}-*.parquet")):
        columns = [name for name in parquet.read_schema(path).names if name in ("image_id", "text", "captions")]
        for row in parquet.read_table(path, columns=columns).to_pylist():
            texts = [row.get("text"), *(row.get("captions") or [])]
            held |= {(str(row.get("image_id")), _normal(text)) for text in texts if text}
    return held


def _normal(text: str) -> str:
    return " ".join(text.split())


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
