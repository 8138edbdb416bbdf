"""Pushing to and loading from a Hub on 127.0.0.1, by the unmodified clients in processes of their own."""

import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from hub_folders import DATASET, MODEL, MODEL_CARD, ROOT, another_model, contents, write_dataset, writes
from huggingface_hub import HfApi
from loopback_hub import WRITER, LoopbackHub
from pyarrow import parquet
from test_remote_code import PROLOGUE

from nanovlm_hf import __version__
from nanovlm_hf.hub.push import Settings, Upload, mirror
from nanovlm_hf.hub.push import push as push_uploads
from nanovlm_hf.hub.verify import problems_of

pytest_plugins = ["hub_pushing"]

# What is published loads everywhere

LOAD = (
    PROLOGUE
    + """
from pathlib import Path
from datasets import load_dataset
from safetensors.torch import load_file
from transformers import AutoModel, AutoProcessor, pipeline
name, kwargs = "org/nanovlm-tiny", {"trust_remote_code": True}
model, processor = AutoModel.from_pretrained(name, **kwargs), AutoProcessor.from_pretrained(name, **kwargs)
assert "transformers_modules" in type(model).__module__
weights = load_file(Path(folder) / "checkpoints" / "nanovlm-tiny" / "model.safetensors")
state = model.state_dict()
inputs = processor(images=picture, text="A little", return_tensors="pt")
described = processor.batch_decode(model.generate(**inputs), skip_special_tokens=True)[0]
pipe = pipeline("image-text-to-text", name, max_new_tokens=8, **kwargs)
rows = json.loads((Path(folder) / "rows.json").read_text())
loaded, streamed = load_dataset("org/tinydesc"), None
if not huggingface_hub.constants.HF_HUB_OFFLINE:
    streamed = {split: list(data) for split, data in load_dataset("org/tinydesc", streaming=True).items()} == rows
print(json.dumps({
    "weights": all(torch.equal(state[key], weights[key]) for key in weights) and set(weights) <= set(state),
    "logits": torch.equal(model(**inputs).logits, torch.load(expected)),
    "pipeline": pipe(picture, text="A little")[0]["generated_text"] == described,
    "rows": {split: data.to_list() for split, data in loaded.items()} == rows,
    "streamed": streamed,
}))
"""
).replace("import json, torch", "import json, torch, huggingface_hub")


def test_pushed_by_the_scripts_it_loads_elsewhere_and_then_offline(original, tmp_path):
    with LoopbackHub() as hub:
        here = {**os.environ, **hub.environment(tmp_path / "here")}
        for kind in ("checkpoints", "datasets"):
            script = ROOT / "push_scripts" / f"push_{kind}.py"
            done = subprocess.run(
                [sys.executable, script, original / kind, "--namespace", "org"],
                cwd=tmp_path,
                env=here,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert "loads in a fresh process" in done.stdout
        files = contents(original / "checkpoints" / "nanovlm-tiny")
        assert hub.repos[MODEL].files() == files
        assert hub.repos[DATASET].files(f"v{__version__}") == contents(original / "datasets" / "tinydesc")
        assert [len(hub.repos[key].history()) for key in (MODEL, DATASET)] == [2, 2]  # empty, and then all of it

        elsewhere = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", **hub.environment(tmp_path / "elsewhere", None)}
        for environment in (elsewhere, elsewhere | {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}):
            done = subprocess.run(
                [sys.executable, "-c", LOAD, original, original / "picture.png", original / "logits.pt"],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr[-3000:]
            equal = json.loads(done.stdout.rstrip("\n").rsplit("\n", 1)[-1])
            streamed = None if "HF_HUB_OFFLINE" in environment else True
            assert equal == {"weights": True, "logits": True, "pipeline": True, "rows": True, "streamed": streamed}


# What a push does


def test_a_dry_run_lists_all_and_sends_nothing(hub, push, work):
    for token in ("", WRITER):
        output = push("checkpoints", "--dry-run", HF_TOKEN=token)
        assert all(f"{name} " in output for name in contents(work / "checkpoints" / "nanovlm-tiny"))
        assert "kB" in output and "a new repository" in output and "lacks org/nanovlm-tiny" in output
    push("checkpoints")
    another_model(work)
    (work / "checkpoints" / "nanovlm-tiny" / "new.txt").write_text("new")
    (work / "checkpoints" / "nanovlm-tiny" / "chat_template.jinja").unlink()
    hub.requests.clear()
    rows = {
        line.split()[0]: line.split()[-1] for line in push("checkpoints", "--dry-run").splitlines() if line[:1] == " "
    }
    assert not writes(hub)
    assert [rows[name] for name in ("model.safetensors", "new.txt", "chat_template.jinja", "config.json")] == [
        "changed",
        "new",
        "deleted",
        "same",
    ]


def test_cards_name_their_neighbours_in_the_namespace_they_are_pushed_to(hub, forks, work):
    status, output = forks("checkpoints", work / "checkpoints")
    assert status == 0, output
    card = hub.repos["models/writer/nanovlm-tiny"].files()["README.md"].decode()
    assert card == MODEL_CARD.replace("org/", "writer/")


def test_a_dataset_of_fewer_files_leaves_no_old_ones_behind(hub, push, work):
    push("datasets")
    hub.write(DATASET, {"extra/theirs.txt": b"stays"})
    write_dataset(work / "datasets" / "tinydesc", shards=1)
    push("datasets")
    assert hub.repos[DATASET].files() == contents(work / "datasets" / "tinydesc") | {"extra/theirs.txt": b"stays"}
    assert len(hub.repos[DATASET].history()) == 4


def test_pictures_are_embedded_for_those_who_may_pass_them_on(hub, push, work, pictures, monkeypatch):
    from nanovlm_hf.data import check_plots
    from nanovlm_hf.data.build import build_dataset
    from nanovlm_hf.data.descriptions import Description
    from nanovlm_hf.data.sources import Row, Text

    text = "A brown dog runs on the green grass with a red ball. It is a warm day, and the dog is very happy to play."
    (work / "pictures").mkdir()
    descriptions = []
    for i, split in enumerate(("train", "train", "validation", "test")):
        if i:  # one is not to be found
            pictures[i].save(work / "pictures" / f"{i}.png")
        captions = [Text("caption", "A dog runs with a ball.", teacher="people")]
        row = Row(str(i), f"{i}.png", None, "drawn", texts=captions, file_name=f"{i}.png")
        descriptions.append(Description(split, row, Text("short", text, teacher="offline"), "captions"))
    shutil.rmtree(work / "datasets")
    monkeypatch.setattr(check_plots, "write_plots", lambda report, folder: None)
    build_dataset(descriptions, work / "datasets" / "shortdesc", with_images=False, show_progress=False)
    output = push("datasets", "--private", "--with-images", work / "pictures")
    assert "picture 0 (train): 0.png is not there" in output
    files = hub.repos["datasets/org/shortdesc"].files()
    for i, split in ((1, "train"), (2, "validation"), (3, "test")):
        (row,) = parquet.read_table(io.BytesIO(files[f"data/{split}-00000-of-00001.parquet"])).to_pylist()
        assert row["image"]["bytes"] == (work / "pictures" / f"{i}.png").read_bytes()
        assert (row["image_id"], row["text"]) == (str(i), text)


def test_pictures_go_public_only_where_that_is_said(hub, push, work):
    output = push("datasets", "--with-images", work, status=2)
    assert "which the terms of COCO's and Flickr8k's don't allow. Add --private" in output
    assert not hub.requests
    for option in ("--private", "--public-images"):  # it goes on, to the dataset, which is of another form
        output = push("datasets", "--with-images", work, option, status=2)
        assert "has no column 'style': expected" in output


def test_a_tag_stays_where_it_was(hub, push, work):
    push("checkpoints")
    before = hub.repos[MODEL].find(f"v{__version__}")
    another_model(work)
    assert "raise the package's version" in push("checkpoints")
    assert hub.repos[MODEL].find(f"v{__version__}") == before


def test_one_collection_holds_models_and_datasets(hub, push):
    push("checkpoints")
    push("datasets")
    push("checkpoints")
    assert len(hub.collections) == 1
    items = [(item["id"], item["type"]) for item in hub.collections[0]["items"]]
    assert items == [("org/nanovlm-tiny", "model"), ("org/tinydesc", "dataset")]


def test_a_space_goes_the_same_way(hub, tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "README.md").write_text("---\ntitle: Demo\nsdk: gradio\nlicense: apache-2.0\n---\n")
    (folder / "app.py").write_text("print('hello')\n")
    upload = Upload("org/demo", "space", lambda state: mirror(folder, state), folder)
    for _ in range(2):
        push_uploads([upload], Settings(), HfApi(hub.url, token=WRITER))
    assert hub.repos["spaces/org/demo"].files() == contents(folder)
    assert len(hub.repos["spaces/org/demo"].history()) == 2
    assert hub.collections[0]["items"][0]["type"] == "space"
    (folder / "README.md").write_text("---\ntitle: Demo\n---\n")
    assert problems_of(folder, "space") == [
        "README.md: its metadata lacks `license`.",
        "README.md: its metadata lacks `sdk`.",
    ]


def test_only_names_what_is_pushed(hub, push, work):
    shutil.copytree(work / "checkpoints" / "nanovlm-tiny", work / "checkpoints" / "another")
    assert "--only big: there is another, nanovlm-tiny." in push("checkpoints", "--only", "big", status=2)
    push("checkpoints", "--only", "another")
    assert set(hub.repos) == {"models/org/another"}


def test_what_is_no_checkpoint_or_dataset_is_named(hub, forks, work):
    (work / "tiny-onnx").mkdir()
    (work / "tiny-onnx" / "nanovlm.json").write_text("{}")
    shutil.copytree(work / "checkpoints" / "nanovlm-tiny", work / "unfinished" / ".nanovlm-tiny.part")
    for script, folder, said in (
        ("checkpoints", "tiny-onnx", "no config.json in it, nor one level down. `nanovlm export` made tiny-onnx"),
        ("checkpoints", "unfinished", "unfinished is no checkpoint and holds none"),
        ("checkpoints", "nowhere", "nowhere: no such folder. Name one that is a checkpoint"),
        ("datasets", "checkpoints", "checkpoints is no dataset and holds none: there is no data in it"),
    ):
        # A good folder beside it does not hide it.
        status, output = forks(script, work / script, work / folder, "--namespace", "org")
        assert status == 2 and said in output
    assert not hub.requests


def test_private_is_private_before_anything_is_sent(hub, push, work):
    push("checkpoints", "--private")
    assert hub.repos[MODEL].private and hub.collections[0]["private"]
    push("datasets")
    assert not hub.repos[DATASET].private
    write_dataset(work / "datasets" / "tinydesc", shards=1)
    hub.requests.clear()
    assert "public, to be private" in push("datasets", "--private", "--dry-run")
    assert not writes(hub)
    assert "made private" in push("datasets", "--private")
    assert hub.repos[DATASET].private
    assert writes(hub)[0] == "PUT /api/datasets/org/tinydesc/settings"


def test_a_branch_leaves_main_alone(hub, push, work):
    push("checkpoints")
    before = dict(hub.repos[MODEL].refs)
    another_model(work)
    for _ in range(2):
        push("checkpoints", "--revision", "next")
    assert hub.repos[MODEL].files("next") == contents(work / "checkpoints" / "nanovlm-tiny")
    assert len(hub.repos[MODEL].history("next")) == 3
    assert hub.repos[MODEL].refs == before | {"refs/heads/next": hub.repos[MODEL].find("next").oid}


def test_a_pull_request_is_opened_once(hub, forks, push, work):
    push("checkpoints")
    before = dict(hub.repos[MODEL].refs)
    another_model(work)
    hub.fail("POST .*/commit/", cut="after")
    assert "proposes this already" in push("checkpoints", "--create-pr")
    assert "proposes this already" in push("checkpoints", "--create-pr")
    assert hub.repos[MODEL].files("refs/pr/1") == contents(work / "checkpoints" / "nanovlm-tiny")
    assert hub.repos[MODEL].refs == before | {"refs/pr/1": hub.repos[MODEL].find("refs/pr/1").oid}
    assert "not both" in push("checkpoints", "--create-pr", "--revision", "next", status=2)


def test_nothing_is_sent_when_one_folder_must_not_be_published(hub, push, work):
    shutil.copytree(work / "checkpoints" / "nanovlm-tiny", work / "checkpoints" / "another")
    (work / "checkpoints" / "nanovlm-tiny" / "weights.pt").write_bytes(b"x")
    assert "nanovlm-tiny/weights.pt: a pickle" in push("checkpoints", status=2)
    assert not hub.requests


@pytest.mark.parametrize("script", ["checkpoints", "datasets", "results", "space"])
def test_help_teaches(forks, script):
    status, output = forks(script, "--help")
    assert status == 0
    for option in ("--dry-run", "--namespace", "--private", "--revision", "--create-pr"):
        assert option in output
    assert "--only" in output or script == "space"  # there is one
