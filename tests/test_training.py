"""What a training run promises: it learns, repeats, resumes, and leaves a checkpoint that answers every question."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from nanovlm_hf.data.sources import Row, Text
from nanovlm_hf.describe import describe, load
from nanovlm_hf.training import loop
from nanovlm_hf.training.optimizer import equal_singular_values
from nanovlm_hf.training.settings import TrainingSettings, parse_settings
from nanovlm_hf.training.word_loss import WordShares

TINY = {
    "vision_config": '{"image_size": 32, "hidden_size": 16, "num_attention_heads": 2}',
    "text_config": '{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 96}',
    "image_tokens": "pooled",
    "vocab_size": 300,
    "batch_size": 4,
    "mixed_precision": "no",
    "num_threads": 1,
    "sample_texts": 1,
    "log_steps": 1,
}


@pytest.fixture
def settings(coco_folder, tmp_path):
    def make(**changes):
        defaults = {
            "dataset": [str(coco_folder)],
            "output_dir": str(tmp_path / "run"),
            "cache_dir": str(tmp_path / "cache"),
        }
        return TrainingSettings(**{**defaults, **TINY, "epochs": 3.0, **changes})

    return make


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def train_losses(folder):
    lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
    return [entry["train_loss"] for entry in map(json.loads, lines) if "train_loss" in entry]


def assert_same_weights(one, other, **tolerance):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], msg=name, **(tolerance or {"rtol": 0, "atol": 0}))


def test_four_pairs_are_learned_by_heart(settings, coco_folder):
    path = coco_folder / "annotations" / "captions_train.json"
    data = json.loads(path.read_text())
    data["images"] = data["images"][:4]
    data["annotations"] = [note for note in data["annotations"] if note["image_id"] < 4 and note["id"] % 10 == 0]
    path.write_text(json.dumps(data))
    wide = {"vision_config": '{"image_size": 32, "hidden_size": 48, "num_attention_heads": 2}'}
    wide["text_config"] = TINY["text_config"].replace('"hidden_size": 16', '"hidden_size": 48')
    folder = loop.train(
        settings(
            styles="caption", epochs=150.0, dropout=0.0, learning_rate=5e-3, eval_epochs=150.0, warmup_steps=10, **wide
        )
    )
    model, processor = load(str(folder))
    pictures = [str(coco_folder / "images" / f"{i}.png") for i in range(4)]
    captions = [note["caption"] for note in data["annotations"]]
    assert describe(model, processor, pictures, style="caption") == captions


def test_a_checkpoint_answers_every_question(settings, coco_folder):
    folder = loop.train(settings())
    record = json.loads((folder / "training_run.json").read_text())
    assert record["steps"] == 6 and record["training_pictures"] == 8 and record["training_texts"] == 24
    assert record["data_fingerprint"] and record["versions"]["torch"] and record["best"]["shuffled_loss"] > 0
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert not [path.name for path in folder.iterdir() if path.suffix in (".part", ".bin", ".pkl") or path.is_dir()]
    again = parse_settings(["--config", str(folder / "recipe.yaml"), "--output_dir", str(folder / "again")])
    assert again.dataset == [str(coco_folder)]
    assert_same_weights(folder, loop.train(again))


def test_an_interrupted_run_resumes_to_the_same_weights(settings, tmp_path, monkeypatch):
    changes = {"flip": True, "min_crop": 0.7, "recolour": 0.3, "word_dropout": 0.2, "word_loss": 0.1}
    whole = loop.train(settings(**changes))
    broken = settings(**changes, output_dir=str(tmp_path / "broken"))
    step = loop.Trainer.step

    def interrupt(trainer, *arguments):
        if trainer.progress.step == 4:
            raise KeyboardInterrupt
        return step(trainer, *arguments)

    monkeypatch.setattr(loop.Trainer, "step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.train(broken)
    monkeypatch.setattr(loop.Trainer, "step", step)
    resumed = loop.train(broken)
    assert train_losses(resumed) == train_losses(whole)
    assert_same_weights(resumed, whole)


def test_a_killed_run_loses_nothing_saved(settings, tmp_path):
    """SIGKILL in the middle: the checkpoint and the state are whole, and the next start goes on."""
    run = settings(epochs=400.0, save_minutes=0.0, eval_epochs=5.0)
    code = "import sys, json; from nanovlm_hf.training import loop; from nanovlm_hf.training.settings import *; "
    code += "loop.train(TrainingSettings(**json.loads(sys.argv[1])))"
    process = subprocess.Popen([sys.executable, "-c", code, json.dumps(vars(run))], stdout=subprocess.DEVNULL)
    state = Path(run.output_dir) / loop.STATE_FILE
    try:
        for _ in range(600):
            if state.exists() and (Path(run.output_dir) / "model.safetensors").exists():
                break
            process.poll()
            assert process.returncode is None
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    load(run.output_dir)
    saved = loop.read_progress(Path(run.output_dir))
    assert 0 < saved["progress"]["step"] < 800


def test_accumulated_parts_give_the_whole_batch(settings, tmp_path):
    changes = {"dropout": 0.0, "flip": True, "min_crop": 0.7}
    whole = loop.train(settings(**changes))
    parts = loop.train(settings(**changes, gradient_accumulation_steps=4, output_dir=str(tmp_path / "parts")))
    assert train_losses(parts) == pytest.approx(train_losses(whole), abs=2e-4)


def test_two_processes_give_the_curve_of_one(settings, tmp_path):
    changes = {"dropout": 0.0, "word_loss": 0.1}
    one = loop.train(settings(**changes))
    two = settings(**changes, output_dir=str(tmp_path / "two"))
    script = tmp_path / "two.py"
    script.write_text(
        "import sys, json\nfrom nanovlm_hf.training import loop\nfrom nanovlm_hf.training.settings import TrainingSettings\n"
        "loop.train(TrainingSettings(**json.loads(sys.argv[1])))\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, str(script), json.dumps(vars(two))],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((Path(two.output_dir) / "training_run.json").read_text())["processes"] == 2
    assert train_losses(two.output_dir) == pytest.approx(train_losses(one), abs=2e-4)


def test_bad_pictures_are_left_out_and_counted_or_stop_a_strict_run(settings, coco_folder, tmp_path, caplog):
    (coco_folder / "images" / "2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1 of the train pictures cannot be read, the first: .*2.png"):
        loop.train(settings(strict=True))
    folder = loop.train(settings(output_dir=str(tmp_path / "lenient")))
    assert "2.png: not a readable picture" in caplog.text
    record = json.loads((folder / "training_run.json").read_text())
    assert record["training_pictures"] == 7 and "2.png" in record["pictures_left_out"][0]


def test_another_run_is_not_resumed_nor_overwritten(settings, monkeypatch):
    step = loop.Trainer.step
    monkeypatch.setattr(loop.Trainer, "step", lambda trainer, *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        loop.train(settings())
    monkeypatch.setattr(loop.Trainer, "step", step)
    with pytest.raises(ValueError, match=r"unfinished run with other settings \(learning_rate: 0.001 -> 0.5\)"):
        loop.train(settings(learning_rate=0.5))
    loop.train(settings(resume=False))
    with pytest.raises(ValueError, match="holds a finished run: name another --output_dir"):
        loop.train(settings())


def test_a_loss_that_explodes_stops_the_run(settings):
    with pytest.raises(ValueError, match="lower --learning_rate"):
        loop.train(settings(learning_rate=1e6, max_grad_norm=1e9, warmup_steps=0, epochs=30.0))


def test_questions_are_trained_too(settings, coco_folder, tmp_path):
    from test_data import draw, save_dataset

    turns = [{"user": "What is it?", "assistant": "A ball."}]
    records = [{"image_id": f"q{i}", "image": draw(i), "texts": turns} for i in range(30)]
    folder = loop.train(settings(dataset=[save_dataset(tmp_path / "vqa", records)], epochs=30.0, learning_rate=5e-3))
    model, processor = load(str(folder))
    assert describe(model, processor, [draw(1)], prompt="What is it?", style="answer") == ["What is it? A ball."]


def test_flags_override_the_recipe_and_errors_name_the_setting(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("size: base\nlearning_rate: 1e-4\nvision_config: {hidden_size: 64}\ndataset: [a]\n")
    settings = parse_settings(["--config", str(recipe), "--size", "large", "--dataset", "b", "--dataset", "c"])
    assert (settings.size, settings.learning_rate, settings.dataset) == ("large", 1e-4, ["a", "b", "c"])
    assert json.loads(settings.vision_config) == {"hidden_size": 64}
    with pytest.raises(FileNotFoundError, match=r"nothing.yaml: no such recipe"):
        parse_settings(["--config", "nothing.yaml"])
    for flags, message in (
        (["--batch_size", "0"], "--batch_size must be above 0"),
        (["--mixed_precision", "fp8"], "--mixed_precision must be auto, bf16 or no"),
        (["--text_config", "{"], "--text_config must be JSON"),
        (["--word_targets", "all"], "--word_targets must be agreed or shares"),
        (["--recolour", "1.5"], r"--recolour must lie in \[0, 1\)"),
        (["--freeze", "encoder"], "the parts are vision_model, connector, language_model"),
        (["--freeze", "vision_model", "--word_loss", "0.1"], "set one of them to 0"),
    ):
        with pytest.raises(ValueError, match=message):
            parse_settings(["--dataset", "x", *flags])
    with pytest.raises(SystemExit):
        recipe.write_text("learning_rat: 1\n")
        parse_settings(["--config", str(recipe)])


def test_without_arguments_the_picture_book_is_trained():
    settings = parse_settings([])
    assert settings.dataset is None and settings.output_dir == "runs/picture-book"


@pytest.mark.parametrize("image_tokens", ["cls", "pooled"])
def test_the_encoder_learns_alone_first_and_all_from_smaller_pictures_and_resumes(
    settings, tmp_path, monkeypatch, image_tokens
):
    """The order of things under Muon too: an interrupted run goes on to the same weights."""
    changes = {
        "image_tokens": image_tokens,
        "word_loss": 0.1,
        "encoder_steps": 4,
        "small_side": 16,
        "encoder_rate": 0.2,
    }
    changes |= {"muon_learning_rate": 1e-2, "flip": True, "min_crop": 0.7}
    whole = loop.train(settings(**changes))
    broken = settings(**changes, output_dir=str(tmp_path / "broken"))
    step = loop.Trainer.step
    sides = []

    def interrupt(trainer, *arguments):
        if trainer.progress.step == 3:
            raise KeyboardInterrupt
        return step(trainer, *arguments)

    monkeypatch.setattr(loop.Trainer, "step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.train(broken)
    monkeypatch.setattr(loop.Trainer, "step", step)
    losses = loop.Trainer.losses

    def record(trainer, part, num_targets):
        hook = trainer.model.vision_model.embeddings.register_forward_pre_hook(
            lambda _, a: sides.append(a[0].shape[-1])
        )
        found = losses(trainer, part, num_targets)
        hook.remove()
        return found

    monkeypatch.setattr(loop.Trainer, "losses", record)
    resumed = loop.train(broken)
    assert sides == [16] * 5 + [32] * 2  # the last of three epochs is of whole size
    assert_same_weights(resumed, whole)


def test_muon_moves_a_matrix_by_equal_singular_values():
    torch.manual_seed(0)
    for shape in ((24, 8), (8, 24), (16, 16)):
        matrix = torch.randn(shape) @ torch.diag(torch.logspace(0, -2, shape[1]))
        moved = equal_singular_values(matrix, steps=9)
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        aligned = left.T @ moved @ right.T
        torch.testing.assert_close(aligned, torch.eye(len(aligned)), atol=0.35, rtol=0)


def test_words_are_asked_for_by_the_share_of_texts_that_use_them():
    captions = [["a red dog", "a dog"], ["a ball", "a ball"], ["a cat"]]
    rows = [Row(str(i), "", Path(), "x", texts=[Text("caption", c) for c in cs]) for i, cs in enumerate(captions)]
    words = WordShares(rows)
    assert set(words.vocabulary) == {"red", "dog", "ball", "cat"}  # "a" stands everywhere
    asked = dict(zip(words.vocabulary, words.targets([0, 2]).T.tolist(), strict=True))
    assert asked == {"red": [0.5, 0], "dog": [1, 0], "ball": [0, 0], "cat": [0, 1]}


def test_fine_tuning_starts_from_a_checkpoint_and_leaves_frozen_parts_alone(settings, tmp_path):
    first = loop.train(settings())
    tuned = loop.train(
        settings(
            start_from=str(first), freeze="vision_model", epochs=2.0, output_dir=str(tmp_path / "tuned"), size="large"
        )
    )
    before, after = weights(first), weights(tuned)
    assert before.keys() == after.keys()
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"connector", "language_model", "weight"}  # the last is lm_head's
    assert (first / "tokenizer.json").read_text() == (tuned / "tokenizer.json").read_text()
    assert train_losses(tuned)[0] < train_losses(first)[0]


def test_a_blind_run_sees_the_same_in_every_picture(settings, pictures):
    folder = loop.train(settings(blind=True))
    _, processor = load(str(folder))
    pixels = processor.image_processor(pictures[:2], return_tensors="pt")["pixel_values"]
    assert torch.equal(pixels[0], pixels[1])
    best = json.loads((folder / "training_run.json").read_text())["best"]
    assert best["gap"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("word_targets", ["agreed", "shares"])
def test_one_picture_stands_for_all_that_a_blind_run_sees(settings, word_targets):
    blind = settings(blind=True, dropout=0.0, word_loss=1.0, word_targets=word_targets)
    trainer = loop.Trainer(blind, Accelerator(mixed_precision="no"), loop.prepare(blind, False))
    items, parts = next(trainer.batches())
    once = trainer.losses(parts[0], len(items))
    trainer.settings = replace(blind, blind=False)
    for one, each in zip(once, trainer.losses(parts[0], len(items)), strict=True):
        assert one > 0
        torch.testing.assert_close(one, each)


@pytest.mark.parametrize("word_targets", ["agreed", "shares"])
def test_the_encoder_learns_words(settings, word_targets):
    folder = loop.train(
        settings(word_targets=word_targets, word_loss=1.0, encoder_steps=60, epochs=0.5, muon_learning_rate=5e-3)
    )
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    losses = [entry["word_loss"] for entry in lines if "word_loss" in entry]
    assert len(losses) == 60 and sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_every_process_orders_words_alike():
    """A resumed run, or another process of the same, reads the head's rows by the same words."""
    code = "from nanovlm_hf.data.sources import Row, Text; from nanovlm_hf.training.word_loss import *\n"
    code += (
        "rows = [Row(str(i), '', None, 'x', texts=[Text('caption', f'ball{i} dog{i} cat{i}')]) for i in range(9)]\n"
    )
    code += "print(PictureWords(rows).vocabulary, WordShares(rows).vocabulary)"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(found) == 1
