"""From a run to a checkpoint: half the size, the same model, complete."""

import json

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModel, GenerationConfig
from typer.testing import CliRunner

from nanovlm_hf.hub import checkpoint
from nanovlm_hf.hub.verify import problems_of


@pytest.fixture
def run(tmp_path, model, processor):
    folder = tmp_path / "runs" / "tiny"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    for name in checkpoint.RECORDS:
        (folder / name).write_text("{}")
    Image.new("RGB", (4, 4)).save(folder / "curve.png")
    recipe = {"dataset": ["/data/sets/photos", "org/longdesc"], "output_dir": str(folder), "size": "mini"}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    record = {"pictures_left_out": ["/data/sets/photos/images/3.jpg: no such picture. Check the path."]}
    record["pictures_by_source"] = {"train": {"coco": 8}, "test": {}}
    (folder / "training_run.json").write_text(json.dumps(record))
    (folder / "training_state.safetensors").write_text("not for the Hub")
    return folder


def test_a_checkpoint_is_stored_in_half_the_size_and_computes_in_fp32(run, tmp_path):
    folder = tmp_path / "checkpoints" / "nanovlm-tiny"
    checkpoint.make_checkpoint(run, folder, {"repetition_penalty": 1.2})
    stored = load_file(folder / "model.safetensors")
    before = load_file(run / "model.safetensors")
    loaded = AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert loaded.dtype == torch.float32
    for name, weight in before.items():
        assert stored[name].dtype == torch.bfloat16
        assert torch.equal(loaded.state_dict()[name], weight.bfloat16().float())
    assert GenerationConfig.from_pretrained(folder).repetition_penalty == 1.2
    assert set(checkpoint.RECORDS) <= {path.name for path in folder.iterdir()}
    assert not (folder / "training_state.safetensors").exists()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_checkpoint_says_nothing_of_the_machine_it_was_made_on(run, tmp_path):
    folder = checkpoint.make_checkpoint(run, tmp_path / "nanovlm-tiny")
    assert yaml.safe_load((folder / "recipe.yaml").read_text()) == {
        "dataset": ["photos", "org/longdesc"],
        "size": "mini",
    }
    record = json.loads((folder / "training_run.json").read_text())
    assert record["pictures_left_out"] == ["3.jpg: no such picture. Check the path."]
    assert record["pictures_by_source"] == {"train": {"coco": 8}}
    assert problems_of(folder, "model") == ["README.md: there is none; a repository on the Hub needs its card."]


def test_an_unfinished_run_is_no_checkpoint(run, tmp_path):
    (run / "training_run.json").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no training_run.json: pass the folder of a run that train.py finished"
    ):
        checkpoint.make_checkpoint(run, tmp_path / "out")


def test_a_card_that_is_there_stays(run, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "README.md").write_text("the card")
    checkpoint.make_checkpoint(run, folder)
    assert (folder / "README.md").read_text() == "the card"
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"


def test_settings_of_generation_are_named_on_the_command_line(run, tmp_path):
    import typer

    app = typer.Typer()
    app.command()(checkpoint.main)
    folder = tmp_path / "out"
    arguments = [str(run), str(folder), "--generation"]
    assert CliRunner().invoke(app, [*arguments, "num_beams=4"]).exit_code == 0
    assert GenerationConfig.from_pretrained(folder).num_beams == 4
    wrong = CliRunner().invoke(app, [*arguments, "num_beams"])
    assert wrong.exit_code == 2 and "expected NAME=VALUE" in wrong.output
