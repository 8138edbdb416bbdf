"""What `nanovlm evaluate` wrote goes into the models' repositories, and stays there as long as its weights do."""

import hashlib
import json

import pyarrow
import pytest
import yaml
from hub_folders import MODEL, MODEL_CARD, another_model, contents, interrupt_everywhere, write_dataset, writes
from huggingface_hub import ModelCard, parse_eval_result_entries
from pyarrow import parquet

pytest_plugins = ["hub_pushing"]


@pytest.fixture
def evaluate(work):
    """Writes results as evaluation does, of the weights in the checkpoint's folder; on texts that two datasets hold."""

    def write(value=0.41, text="A blue boat.", **changes):
        write_dataset(work / "datasets" / "otherdesc")
        weights = (work / "checkpoints" / "nanovlm-tiny" / "model.safetensors").read_bytes()
        figure = {"mean": value, "low": 0.39, "high": 0.43, "n": 568}
        model = {"weights_sha256": hashlib.sha256(weights).hexdigest(), "trained_on_this_data": False}
        model["styles"] = {"caption": {"cider_x100": figure}, "short": {"gap": figure, "ended_in_length": None}}
        baseline = {**model, "weights_sha256": "1" * 64, "trained_on_this_data": None}
        content = {
            "created": "2026-01-01T12:00:00+00:00",
            "data": {"split": "validation"},
            "measures": {name: {"title": name.title()} for name in ("cider_x100", "gap")},
            "models": {"tiny/nanovlm-tiny": {**model, **changes}, "blip": baseline},
        }
        rows = [
            {"model": "held-out texts", "style": style, "image_id": "8", "from_nothing": words}
            for style, words in (("caption", "boat"), ("short", text))
        ]
        (work / "results").mkdir(exist_ok=True)
        (work / "results" / "results.json").write_text(json.dumps(content))
        parquet.write_table(pyarrow.Table.from_pylist(rows), work / "results" / "items.parquet")

    return write


@pytest.fixture
def push_results(push, work):
    return lambda *arguments, **expected: push("results", "--datasets", work / "datasets", *arguments, **expected)


def test_results_go_into_card_and_files_and_are_read_back(hub, push, push_results, evaluate):
    push("checkpoints")
    evaluate()
    push_results()
    files = hub.repos[MODEL].files()
    data = ModelCard(files["README.md"].decode()).data
    assert data.library_name == "transformers" and data.model_name == "nanovlm-tiny"
    assert [(r.dataset_type, r.dataset_split, r.metric_type, r.metric_value) for r in data.eval_results] == [
        (f"org/{dataset}", "validation", metric, 0.41)
        for dataset in ("otherdesc", "tinydesc")
        for metric in ("cider_x100", "gap")
    ]
    assert data.eval_results[1].metric_name == "Gap, short (95% interval 0.39 to 0.43, n = 568)"
    assert files["README.md"].decode().endswith(MODEL_CARD.split("---\n")[-1])
    first, second = parse_eval_result_entries(yaml.safe_load(files[".eval_results/tinydesc.yaml"]))
    assert (first.dataset_id, first.task_id, first.value) == ("org/tinydesc", "cider_x100", 0.41)
    assert first.date == "2026-01-01T12:00:00+00:00"
    assert second.notes == "Gap, short; 95% interval 0.39 to 0.43, n = 568"
    assert ".eval_results/otherdesc.yaml" in files
    hub.requests.clear()
    push_results()
    assert not writes(hub)


def test_killed_at_any_request_the_card_and_the_files_come_together_or_not_at_all(
    hub, forks, push, push_results, work, evaluate
):
    push("checkpoints")
    evaluate()
    interrupt_everywhere(
        hub, forks, push_results, ("results", work / "results", "--datasets", work / "datasets"), MODEL
    )


def test_a_dry_run_lists_and_sends_nothing(hub, push, push_results, evaluate):
    push("checkpoints")
    evaluate()
    hub.requests.clear()
    output = push_results("--dry-run")
    assert not writes(hub)
    assert ".eval_results/tinydesc.yaml" in output and "README.md" in output and "changed" in output


def test_a_card_that_says_the_results_itself_is_left_as_it_is(hub, push, push_results, work, evaluate):
    push("checkpoints")
    evaluate()
    push_results()
    metadata = ModelCard(hub.repos[MODEL].files()["README.md"].decode()).data.to_dict()
    metadata["model-index"][0]["results"].reverse()
    card = f"---\n{yaml.safe_dump(metadata)}---\n# Another card\n"
    (work / "checkpoints" / "nanovlm-tiny" / "README.md").write_text(card)
    push("checkpoints")
    hub.requests.clear()
    push_results()
    push("checkpoints")
    assert not writes(hub)
    assert hub.repos[MODEL].files()["README.md"].decode() == card


def test_results_stay_with_the_weights_and_go_with_them(hub, push, push_results, work, evaluate):
    push("checkpoints")
    evaluate()
    push_results()
    with_results = hub.repos[MODEL].files()
    hub.requests.clear()
    push("checkpoints")
    assert not writes(hub)
    (work / "checkpoints" / "nanovlm-tiny" / "README.md").write_text(MODEL_CARD + "\nNew words.\n")
    push("checkpoints")
    changed = hub.repos[MODEL].files()
    assert changed.pop("README.md") == with_results.pop("README.md") + b"\nNew words.\n"
    assert changed == with_results
    another_model(work)
    push("checkpoints")
    assert hub.repos[MODEL].files() == contents(work / "checkpoints" / "nanovlm-tiny")


def test_results_that_cannot_be_this_models_are_refused(hub, push, push_results, work, evaluate):
    evaluate()
    assert "push the checkpoint first" in push_results(status=2)
    push("checkpoints")
    evaluate(weights_sha256="0" * 64)
    assert "are of weights 000000000000" in push_results(status=2)
    evaluate(trained_on_this_data=None)
    assert "no results of a checkpoint that lies in a folder" in push_results(status=2)
    evaluate(text="A red boat.")
    push_results()  # the captions are the dataset's all the same
    assert hub.repos[MODEL].files()[".eval_results/tinydesc.yaml"].count(b"task_id") == 1
    evaluate(styles={"short": {"gap": {"mean": 0.4, "low": 0.3, "high": 0.5, "n": 9}}}, text="A red boat.")
    assert "are not those of" in push_results(status=2)
    evaluate()
    assert "--only big: there is nanovlm-tiny." in push_results("--only", "big", status=2)
    (work / "results" / "results.json").unlink()
    assert "no such results. `nanovlm evaluate --out` writes them" in push_results(status=2)
