"""Exported models under `nanovlm evaluate`: their own tokens and likelihoods, and a card with both scores."""

import json
import shutil

import numpy as np
import pytest
import yaml
from conftest import draw
from evaluating import write_checkpoint, write_photos
from typer.testing import CliRunner

from nanovlm_hf.cli import app
from nanovlm_hf.data.sources import Text
from nanovlm_hf.edge import card
from nanovlm_hf.edge.card import write_card
from nanovlm_hf.edge.export import export
from nanovlm_hf.evaluation import statistics
from nanovlm_hf.evaluation.decoding import Decoding
from nanovlm_hf.evaluation.models import load_model
from nanovlm_hf.fingerprint import folder_fingerprint

BEGINNINGS = ["A red ball", "A yellow", "", "The little dog"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory, make_model, make_processor):
    """Data, a checkpoint and its two exports."""
    model, desk = make_model(text={"max_position_embeddings": 256}), tmp_path_factory.mktemp("desk")
    model.generation_config.update(max_new_tokens=20, do_sample=False, repetition_penalty=1.3)
    write_photos(desk / "photos")
    write_checkpoint(desk / "tiny", model, make_processor(model))
    export(str(desk / "tiny"), desk / "tiny-onnx")
    export(str(desk / "tiny"), desk / "tiny-onnx-int8", int8=True)
    return desk


@pytest.fixture(scope="module")
def models(desk):
    return {name: load_model(str(desk / name), "cpu") for name in ("tiny", "tiny-onnx", "tiny-onnx-int8")}


@pytest.fixture(scope="module")
def evaluated(desk):
    """results.json of the checkpoint beside its exports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        patch.setattr(statistics, "RESAMPLES", 200)
        names = [word for name in ("tiny-onnx-int8", "tiny", "tiny-onnx") for word in ("--model", name)]
        command = ["evaluate", "--dataset", "photos", "--out", "results", *names, "--style", "short"]
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return desk / "results" / "results.json"


@pytest.mark.parametrize("style", ["caption", "short", "long"])
@pytest.mark.parametrize("decoding", [None, Decoding(repetition_penalty=1.4, no_repeat_ngram_size=3)])
def test_completions_are_the_checkpoints(models, style, decoding):
    pictures = [draw(seed) for seed in range(4)]
    completions = [models[name].complete(pictures, BEGINNINGS, style, decoding) for name in ("tiny", "tiny-onnx")]
    assert completions[0] == completions[1]


def test_likelihoods_are_the_checkpoints_and_nearly_those_of_int8(models):
    texts = [
        Text("short", "rolls over the grass.", "A red ball"),
        Text("caption", "A cat."),
        Text("long", "Blue " * 40),
    ]
    exact, ours, small = (model.log_likelihood(draw(3), texts) for model in models.values())
    for one, other, coarse in zip(exact, ours, small, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4)
        np.testing.assert_allclose(coarse, one, rtol=0.1)
    assert not np.array_equal(small.whole, ours.whole)


def test_beams_are_refused(models):
    with pytest.raises(ValueError, match="writes greedily; evaluate it with --num-beams 1"):
        models["tiny-onnx"].complete([draw(0)], ["A"], "short", Decoding(num_beams=2))


def test_its_own_decoding_is_the_checkpoints(models):
    own = [Decoding.own(model.model.generation_config) for model in models.values()]
    assert own[0] == own[1] == own[2] == Decoding(repetition_penalty=1.3)


def test_results_say_what_an_export_was_made_of(evaluated):
    found = json.loads(evaluated.read_text())["models"]
    source = found["tiny"]["weights_sha256"]
    for name, precision in (("tiny-onnx", "fp32"), ("tiny-onnx-int8", "int8 decoder, fp32 encoder")):
        about = found[name]
        assert (about["exported_from"], about["precision"], about["weights_sha256"]) == (source, precision, None)
        assert about["parameters"] == found["tiny"]["parameters"]
    short = {name: about["styles"]["short"] for name, about in found.items()}
    assert short["tiny-onnx"]["gap"] == pytest.approx(short["tiny"]["gap"], rel=1e-3)
    assert short["tiny-onnx"]["repeated_4grams"] == short["tiny"]["repeated_4grams"]


def test_the_card_shows_the_exports_beside_the_checkpoint(desk, evaluated):
    before = (desk / "tiny-onnx-int8" / "README.md").read_text()
    revision = folder_fingerprint(desk / "tiny-onnx-int8")
    result = CliRunner().invoke(typer_app(), [str(desk / "tiny-onnx-int8"), "--results", str(evaluated)])
    assert result.exit_code == 0, result.output
    text = (desk / "tiny-onnx-int8" / "README.md").read_text()
    assert text.startswith(before) and "## Beside the checkpoint" in text
    assert "| checkpoint, torch | int8 decoder, fp32 encoder, ONNX | fp32, ONNX |" in text
    figures = json.loads(evaluated.read_text())["models"]
    row = next(line for line in text.splitlines() if line.startswith("| Shuffled gap (short)"))
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    for cell, name in zip(cells, ("tiny", "tiny-onnx-int8", "tiny-onnx"), strict=True):
        assert cell.startswith(f"{figures[name]['styles']['short']['gap']['mean']:.3f} [")
    assert yaml.safe_load(text.split("---")[1])["library_name"] == "onnxruntime"
    assert folder_fingerprint(desk / "tiny-onnx-int8") == revision  # a card is no part of the model


def typer_app():
    import typer

    app = typer.Typer()
    app.command()(card.main)
    return app


def test_a_card_shows_no_other_models_scores(desk, evaluated, tmp_path):
    shutil.copytree(desk / "tiny-onnx", tmp_path / "other")
    settings = json.loads((tmp_path / "other" / "nanovlm.json").read_text())
    (tmp_path / "other" / "nanovlm.json").write_text(json.dumps({**settings, "style": "long"}))
    with pytest.raises(ValueError, match="evaluate this folder and the checkpoint that it was made of together"):
        write_card(tmp_path / "other", evaluated)
