"""The card of a checkpoint: valid for the Hub, every figure from the files beside the weights and from the results."""

import hashlib
import json
import shutil

import evaluating
import pyarrow
import pyarrow.parquet
import pytest
import yaml
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.data.sources import data_fingerprint, read_datasets
from nanovlm_hf.evaluation import statistics
from nanovlm_hf.evaluation.measures import MEASURES
from nanovlm_hf.hub.model_card import write_model_card
from nanovlm_hf.hub.results import read_results
from nanovlm_hf.hub.verify import problems_of

BEST = {
    **{"step": 30, "seconds": 7200.0, "loss": 3.25, "shuffled_loss": 3.5, "gap": 0.25},
    **{"loss_caption": 3.5, "shuffled_loss_caption": 3.75, "gap_caption": 0.25},
    **{"loss_short": 3.0, "shuffled_loss_short": 3.125, "gap_short": 0.125},
}


@pytest.fixture
def checkpoint(tmp_path, coco_folder, model, processor):
    """As training leaves it, trained on pictures of COCO and Flickr8k."""
    for path in (coco_folder / "annotations").iterdir():
        data = json.loads(path.read_text())
        for image in data["images"]:
            image["source"] = "coco" if image["id"] % 4 else "flickr8k"
        path.write_text(json.dumps(data))
    folder = tmp_path / "nanovlm-tiny"
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    recipe = {"dataset": ["photos"], "output_dir": "runs/tiny", "size": "mini", "styles": "caption,short,long"}
    recipe |= {"epochs": 2.0, "batch_size": 4, "learning_rate": 0.001, "vision_config": "{}", "text_config": "{}"}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    run = {"steps": 40, "best": BEST, "seconds": 9000.0, "pictures_per_second": 14.6, "processes": 1, "bf16": True}
    run |= {"training_pictures": 8, "training_texts": 24, "target_tokens": 345, "threads": 1, "gpu": None}
    run |= {"versions": {"torch": "2.13.0"}, "commit": "0123456789abcdef", "processor": "x86_64"}
    run["data_fingerprint"] = data_fingerprint(read_datasets([str(coco_folder)]))
    (folder / "training_run.json").write_text(json.dumps(run))
    history = [{"step": 20, "train_loss": 3.9}, BEST, {"step": 40, "train_loss": 3.4321}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in history))
    return folder


@pytest.fixture
def card_of(checkpoint, monkeypatch, tmp_path):
    """Writes the card in the folder that the recipe's names start from, and returns it."""

    def write(results=None, datasets=()):
        monkeypatch.chdir(tmp_path)
        return ModelCard(write_model_card(checkpoint, results, datasets).read_text())

    return write


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def figure(mean, low=None, high=None):
    return {
        "mean": mean,
        "low": mean - 0.01 if low is None else low,
        "high": mean + 0.01 if high is None else high,
        "n": 568,
    }


@pytest.fixture
def results(checkpoint, tmp_path):
    """As `nanovlm evaluate` writes them: this model and another, a judge, completions beside."""
    sha256 = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    sight = {"gap": figure(0.2125), "right_picture": figure(0.5512, 0.51, 0.593), "chance": figure(0.1, 0.1, 0.1)}
    styles = {
        "caption": {**sight, "cider_x100": figure(31.25, 28.0, 34.5), "chair_i": figure(0.333, 0.3, 0.36)},
        "short": {**sight, "commonest_share": figure(0.0273, 0.01, 0.05), "ended_in_length": None},
    }
    commonest = {"short": {"text": "A dog runs | fast.", "pictures": 15, "different": 400}}
    judged = {"judge-1": {"short": {"grammar": figure(7.25), "total": figure(33.5)}}}
    validity = {"passed": False}
    decoding = {"do_sample": False, "num_beams": 1, "repetition_penalty": 1.0, "max_new_tokens": 48}
    about = {"revision": "main", "parameters": 5_670_000, "device": "cpu", "trained_on_this_data": True}
    about["decoding"] = {"caption": decoding, "short": decoding}
    content = {
        "format": 1,
        "created": "2026-11-21T16:00:00+00:00",
        "command": "nanovlm evaluate --model nanovlm-tiny --dataset photos --out results",
        "data": {"datasets": ["photos"], "split": "test", "chosen": "all", "pictures": 568},
        "measures": {
            name: {"title": one.title, "meaning": one.meaning, "better": one.better} for name, one in MEASURES.items()
        },
        "held_out": {"caption": {"cider_x100": figure(93.5, 80.0, 99.0)}, "short": {}},
        "models": {
            "blip": {**about, "parameters": 223_000_000, "weights_sha256": "0" * 64, "styles": styles, "judges": {}},
            "tiny": {**about, "weights_sha256": sha256, "styles": styles, "commonest": commonest, "judges": judged},
        },
        "judges": {
            "judge-1": {
                "kind": "model",
                "judge_models": ["judge-1-large"],
                "validity": validity,
                "texts": 50,
                "unscored": 2,
            }
        },
    }
    rows = []
    for label in ("tiny", "blip", "held-out texts"):
        for index in range(8):
            row = {"model": label, "style": "caption", "image_id": str(index), "source": "coco", "beginning": "A dog"}
            row |= {"completion": f" of {label}, number {index} | end.", "cider": index / 10}
            rows.append({**row, "from_nothing": f"A dog of {label}, number {index} | end."})
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(content))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "items.parquet")
    return folder / "results.json"


@pytest.fixture
def write_dataset(tmp_path):
    """A dataset's folder whose test split has these texts as captions of pictures 0, 1, ..."""

    def write(name, texts):
        rows = [{"image_id": str(i), "text": f"Text {i}.", "captions": [text]} for i, text in enumerate(texts)]
        path = tmp_path / "datasets" / name / "data" / "test-00000-of-00001.parquet"
        path.parent.mkdir(parents=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        return path.parent.parent

    return write


HELD_OUT = [f"A dog  of held-out texts, number {i} | end." for i in range(8)]


def test_without_results_the_card_says_so_and_is_valid(checkpoint, card_of):
    card = card_of()
    assert problems_of(checkpoint, "model") == []
    data = card.data
    assert (data.library_name, data.pipeline_tag, data.language) == ("transformers", "image-text-to-text", ["en"])
    assert data.datasets == ["org/shortdesc", "org/longdesc"] and not data.eval_results
    assert "has not been evaluated" in card.text and "There are no results for these weights yet" in card.text


def test_figures_of_the_run_stand_in_it(card_of, model):
    text = card_of().text
    assert "With Python 3.10 or later, torch, Pillow and transformers 5.0 or later, below 6;" in text
    assert "| caption | 3.500 | 3.750 | 0.250 |" in text and "| all | 3.250 | 3.500 | 0.250 |" in text
    assert "40; published: step 30" in text and "2.5 hours, 14.6 pictures per second" in text
    assert "x86_64 CPU, 1 process of 1 thread, bf16" in text and "energy | not measured" in text
    assert "3.432 at step 40" in text and "learning_rate: 0.001" in text and "runs/tiny" not in text
    assert f"{model.num_parameters():,} parameters" in text
    cells = [
        line.split("|") for line in text.splitlines() if line.startswith(("| encoder", "| connector", "| decoder"))
    ]
    assert sum(int(cell[3].replace(",", "")) for cell in cells) == model.num_parameters()  # no part is left out


def test_energy_is_told_where_it_was_measured(checkpoint, card_of):
    change(checkpoint / "training_run.json", energy_kwh=0.123, energy_method="65 W times hours")
    assert "| energy | 0.12 kWh, 65 W times hours |" in card_of().text


def test_terms_are_those_of_the_pictures_it_was_trained_on(checkpoint, card_of, coco_folder):
    card = card_of()
    assert card.data.license == "other" and card.data.license_name == "research-and-non-commercial-use"
    assert card.data.license_link == "https://huggingface.co/org/nanovlm-tiny#licences"  # a URL, or a LICENSE file
    assert "| train | 8 | 6 | 2 |" in card.text
    assert "CC BY 4.0, COCO Consortium" in card.text and "| Flickr8k | research and non-commercial use" in card.text
    # Other data now lies where the recipe says: nothing is claimed of the old.
    change(checkpoint / "training_run.json", data_fingerprint="0" * 16)
    card = card_of()
    assert card.data.license == "unknown" and not card.data.datasets
    assert "State them before you publish it" in card.text and "COCO" not in card.text
    # The picture book is nobody else's.
    recipe = yaml.safe_load((checkpoint / "recipe.yaml").read_text())
    (checkpoint / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "dataset": None}))
    card = card_of()
    assert card.data.license == "apache-2.0" and "picture book" in card.text


def test_a_bare_checkpoint_gets_a_card_too(checkpoint, card_of):
    for name in ("recipe.yaml", "training_run.json", "metrics.jsonl"):
        (checkpoint / name).unlink()
    assert "There is no record of the run" in card_of().text
    assert problems_of(checkpoint, "model") == []


def test_results_stand_in_tables_with_intervals(checkpoint, card_of, results):
    card = card_of(results)
    assert problems_of(checkpoint, "model") == []
    text = card.text
    assert "| Shuffled gap | 0.212 [0.202, 0.223] | - | higher | 568 |" in text
    assert "| CIDEr ×100 | 31.2 [28.0, 34.5] | 93.5 [80.0, 99.0] | higher | 568 |" in text
    assert "belongs to 55.1% [51.0, 59.3] of the time. Guessing would give 10.0%." in text
    assert "| Right picture of 10 (guessing: 10.0%) | 55.1% [51.0, 59.3] | 55.1% [51.0, 59.3] | higher |" in text
    assert 'one text serves 2.7% [1.0, 5.0] of the pictures in the style `short`: "A dog runs' in text
    assert "- **Shuffled gap**: loss with wrong pictures less loss" in text
    assert "| blip | 223,000,000 | 0.212 [0.202, 0.223]" in text
    assert "could **not** tell them apart" in text and "| short | 7.25 [7.24, 7.26] | 33.50 [33.49, 33.51] |" in text
    assert "has not been evaluated" not in text


def test_scores_of_its_exports_stand_beside_its_own(card_of, results):
    content = json.loads(results.read_text())
    tiny = content["models"]["tiny"]
    of_ours, of_another = {"exported_from": tiny["weights_sha256"]}, {"exported_from": "0" * 64}
    styles = {"short": {"gap": figure(0.2), "right_picture": None}}
    export = {**tiny, "weights_sha256": None, "trained_on_this_data": None, "precision": "int8", "styles": styles}
    content["models"] |= {"tiny-int8": {**export, **of_ours}, "blip-int8": {**export, **of_another}}
    results.write_text(json.dumps(content))
    text = card_of(results).text
    exported = text[text.index("### Exported") : text.index("What the measures mean")]
    assert "| the checkpoint, in torch | 0.212 [0.202, 0.223] | 55.1% [51.0, 59.3] |" in exported
    assert "| ONNX, int8 | 0.200 [0.190, 0.210] | - |" in exported and exported.count("int8") == 1
    assert "int8" not in text[text.index("### Beside others") : text.index("### Exported")]


def test_samples_are_the_models_best_and_worst(card_of, results):
    text = card_of(results).text
    best = text.index("Captions: the best")
    worst = text.index("Captions: the worst")
    row = "| [coco {0}](https://cocodataset.org/#explore?id={0}) | **A dog** of tiny, number {0} \\| end. | A dog of held-out texts, number {0} \\| end. |"
    for number, start in ((7, best), (6, best), (5, best), (2, worst), (1, worst), (0, worst)):
        assert text.find(row.format(number), start) > start
    assert row.format(3) not in text and row.format(7) not in text[worst:]
    assert "of blip" not in text


def test_the_model_index_holds_the_figures_of_datasets_that_have_the_very_texts(card_of, results, write_dataset):
    ours = write_dataset("mydesc", HELD_OUT + ["One more."])
    other = write_dataset("otherdesc", [text.replace("dog", "cat") for text in HELD_OUT])
    data = card_of(results, [ours, other]).data
    found = {(one.dataset_type, one.dataset_split, one.metric_type): one.metric_value for one in data.eval_results}
    assert found == {("org/mydesc", "test", "cider_x100"): 31.25}
    assert data.metrics == ["cider"] and data.model_name == "nanovlm-tiny"
    assert card_of(results, [other]).data.eval_results is None


def test_a_few_texts_that_a_dataset_lacks_are_noted(results, write_dataset):
    from nanovlm_hf.hub.results import datasets_with

    rows = [
        {"model": "held-out texts", "style": "short", "image_id": str(i), "from_nothing": f"Number {i}."}
        for i in range(200)
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), results.with_name("items.parquet"))
    texts = [row["from_nothing"] for row in rows]
    nearly, half = write_dataset("nearly", texts[:199]), write_dataset("half", texts[:100])
    found = datasets_with(results.with_name("items.parquet"), "test", [nearly, half])
    assert found == {"short": {"nearly": "199 of the 200 texts are in the dataset"}}
    assert datasets_with(results.with_name("items.parquet"), "train", [nearly]) == {}


def test_results_of_other_weights_are_refused(checkpoint, card_of, results):
    card_of()
    before = (checkpoint / "README.md").read_bytes()
    with (checkpoint / "model.safetensors").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ValueError, match=r"no results of the weights .* evaluate this checkpoint"):
        card_of(results)
    assert (checkpoint / "README.md").read_bytes() == before


def test_the_command_writes_the_card_with_what_lies_in_dataset_cards(
    checkpoint, results, write_dataset, tmp_path, monkeypatch
):
    import typer

    from nanovlm_hf.hub.model_card import main

    write_dataset("mydesc", HELD_OUT)
    (tmp_path / "datasets").rename(tmp_path / "dataset_cards")
    monkeypatch.chdir(tmp_path)
    command = typer.Typer()
    command.command()(main)
    run = CliRunner().invoke(command, [str(checkpoint), "--results", "results"])
    assert run.exit_code == 0, run.output
    assert ModelCard.load(checkpoint / "README.md").data.eval_results[0].dataset_type == "org/mydesc"
    shutil.rmtree(checkpoint)
    run = CliRunner().invoke(command, [str(checkpoint)])
    assert run.exit_code == 2 and "holds no checkpoint" in run.output


def test_results_are_those_of_models_that_were_trained_here(results, write_dataset):
    ours = write_dataset("mydesc", HELD_OUT)
    content = json.loads(results.read_text())
    content["models"]["blip"]["trained_on_this_data"] = None
    results.write_text(json.dumps(content))
    (read,) = read_results(results.parent, [ours])
    assert (read.model, read.date) == ("tiny", "2026-11-21T16:00:00+00:00")
    (row,) = read.results
    assert (row.dataset, row.split, row.metric, row.value, row.low, row.high) == (
        *("mydesc", "test", "cider_x100", 31.25, 28.0, 34.5),
    )
    assert row.backing == "95% interval 28 to 34.5, n = 568"


def test_files_that_are_no_results_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such results"):
        read_results(tmp_path, [])
    for text in ('{"models": {', "[]", '{"models": {}}'):
        (tmp_path / "results.json").write_text(text)
        with pytest.raises(ValueError, match="results.json"):
            read_results(tmp_path, [])


def test_a_fine_tuned_model_says_what_it_comes_from(checkpoint, card_of):
    recipe = yaml.safe_load((checkpoint / "recipe.yaml").read_text())
    (checkpoint / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "start_from": "org/nanovlm-base"}))
    card = card_of()
    assert "fine-tuned from org/nanovlm-base" in card.text and "trained from scratch" not in card.text
    assert card.data.base_model == "org/nanovlm-base" and card.data.license == "unknown"
    assert "of the training data and of the model that it started from" in card.text


def test_what_the_run_recorded_of_its_sources_counts_without_its_folders(checkpoint, card_of):
    change(checkpoint / "training_run.json", data_fingerprint="0" * 16)
    change(checkpoint / "training_run.json", pictures_by_source={"train": {"coco": 7, "mine": 1}, "test": {}})
    card = card_of()
    assert "| train | 8 | 7 | 1 |" in card.text and card.data.license == "unknown"


def test_what_evaluate_writes_goes_into_the_card_and_to_the_hub(
    tmp_path, make_model, make_processor, write_dataset, monkeypatch
):
    """The whole way, without a made-up file in between."""
    model = make_model(text={"max_position_embeddings": 256})
    folder = evaluating.write_checkpoint(tmp_path / "checkpoints" / "nanovlm-tiny", model, make_processor(model))
    (folder / "training_run.json").write_text(json.dumps({"data_fingerprint": "another"}))
    evaluating.write_photos(tmp_path / "photos")
    monkeypatch.setattr(statistics, "RESAMPLES", 100)
    command = ["evaluate", "--model", str(folder), "--dataset", str(tmp_path / "photos"), "--style", "short"]
    run = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "results")])
    assert run.exit_code == 0, run.output
    texts = [""] * 10 + [evaluating.text_of(f"short {i}", 22) for i in range(10, 15)]
    ours = write_dataset("mydesc", texts)
    (read,) = read_results(tmp_path / "results", [ours])
    assert read.model == "nanovlm-tiny" and {row.dataset for row in read.results} == {"mydesc"}
    assert {"gap", "right_picture"} <= {row.metric for row in read.results}
    (folder / "training_run.json").unlink()
    card = ModelCard(write_model_card(folder, tmp_path / "results", [ours]).read_text())
    assert [one.metric_value for one in card.data.eval_results] == [row.value for row in read.results]
    assert "## At a glance" in card.text and "Short descriptions: all measures" in card.text
    assert "Short descriptions: the worst" in card.text or "Good and bad" not in card.text
