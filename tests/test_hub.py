"""Pushing to and loading from a Hub on 127.0.0.1, by the unmodified clients in processes of their own."""

import copy
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Queue

import pytest
import torch
import yaml
from hub_folders import MODEL_CARD, ROWS, another_model, contents, write_checkpoint, write_dataset
from huggingface_hub import HfApi, ModelCard, parse_eval_result_entries
from loopback_hub import READER, STRANGER, WRITER, Blob, LoopbackHub
from pyarrow import parquet
from test_remote_code import PROLOGUE

from nanovlm_hf import __version__
from nanovlm_hf.hub.push import Settings, Upload, mirror
from nanovlm_hf.hub.push import push as push_uploads
from nanovlm_hf.hub.verify import problems_of

ROOT = Path(__file__).resolve().parent.parent
MODEL, DATASET = "models/org/nanovlm-tiny", "datasets/org/tinydesc"


@pytest.fixture(scope="module")
def original(tmp_path_factory, model, processor, pictures):
    """A checkpoint and a dataset as they lie in a checkout; tests change copies."""
    folder = tmp_path_factory.mktemp("original")
    checkpoint = folder / "checkpoints" / "nanovlm-tiny"
    write_checkpoint(checkpoint, model, processor)
    write_dataset(folder / "datasets" / "tinydesc")
    pictures[0].save(folder / "picture.png")
    inputs = processor(images=pictures[0], text="A little", return_tensors="pt")
    torch.save(model(**inputs).logits, folder / "logits.pt")
    (folder / "rows.json").write_text(json.dumps(ROWS))
    return folder


@pytest.fixture
def work(original, tmp_path):
    for name in ("checkpoints", "datasets"):
        shutil.copytree(original / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def server():
    with LoopbackHub() as hub:
        yield hub


@pytest.fixture
def hub(server):
    server.reset()
    return server


# Runs scripts in forks of one process that has imported what they need, as a start from nothing takes a second. The
# check that loads a folder in yet another process has its own tests, below; plots have theirs elsewhere.
FORKS = """
import json, os, runpy, sys, traceback
import pyarrow.parquet, rich.console, rich.progress, rich.table, safetensors, yaml
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, hf_hub_download, lfs
import nanovlm_hf.hub.options, nanovlm_hf.hub.push, nanovlm_hf.hub.uploads, nanovlm_hf.data.check_plots
nanovlm_hf.hub.push.loading_problems = lambda folders, kind: []
nanovlm_hf.data.check_plots.write_plots = lambda report, folder: None
nanovlm_hf.hub.push.PAUSE = 0.1
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1), os.dup2(output, 2)
        os.environ.update(job["environment"])
        sys.argv, status = job["command"], 99
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """`push("checkpoints", folder, "--namespace", "org")` runs a push script and returns its status and output."""

    def __init__(self, hub, folder):
        environment = {**os.environ, **hub.environment(folder / "hf"), "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS], stdin=-1, stdout=-1, text=True, env=environment, cwd=folder
        )
        self.output = folder / "output.txt"
        self.child: Queue[int] = Queue()

    def __call__(self, script, *arguments, **environment):
        command = [str(ROOT / "push_scripts" / f"push_{script}.py"), *map(str, arguments)]
        job = {"command": command, "output": str(self.output), "environment": environment}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        self.child.put(int(self.process.stdout.readline()))
        status = int(self.process.stdout.readline())
        while not self.child.empty():
            self.child.get()
        output = self.output.read_text()
        assert "writing-token" not in output
        return status, output

    def kill(self):
        """For a fault: ends the running script as `kill -9` does."""
        os.kill(self.child.get(), signal.SIGKILL)


@pytest.fixture(scope="module")
def forks(server, tmp_path_factory):
    forks = Forks(server, tmp_path_factory.mktemp("forks"))
    yield forks
    forks.process.stdin.close()
    forks.process.wait()


@pytest.fixture
def push(hub, forks, work):
    """Pushes the working copy of a kind ("checkpoints", "datasets") to `org`, and expects it to go well."""

    def push(kind, *arguments, status=0, **environment):
        ended, output = forks(kind, work / kind, "--namespace", "org", *arguments, **environment)
        assert ended == status, output
        return output

    return push


def writes(hub):
    return [request for request in hub.requests if not request.startswith(("GET", "HEAD"))]


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
pipe = pipeline("image-text-to-text", name, **kwargs)
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


# A push is all or nothing, and the next one completes it


@pytest.mark.parametrize("kind", ["checkpoints", "datasets"])
def test_a_second_push_sends_nothing(hub, push, work, kind):
    push(kind)
    before = {key: dict(repo.refs) for key, repo in hub.repos.items()}
    hub.requests.clear()
    output = push(kind)
    assert not writes(hub)
    assert before == {key: repo.refs for key, repo in hub.repos.items()}
    assert "nothing to change" in output and "holds all of it" not in output.split("same")[0]


def test_killed_at_any_request_a_first_push_leaves_nothing_or_all_of_it(hub, forks, push, work):
    interrupt_everywhere(hub, forks, push, work, before={})


def test_killed_at_any_request_an_update_leaves_the_old_or_the_new_files(hub, forks, push, work):
    push("checkpoints")
    before = hub.repos[MODEL].files()
    another_model(work)
    (work / "checkpoints" / "nanovlm-tiny" / "README.md").write_text(MODEL_CARD + "\nNew.\n")
    (work / "checkpoints" / "nanovlm-tiny" / "chat_template.jinja").unlink()
    interrupt_everywhere(hub, forks, push, work, before)


def interrupt_everywhere(hub, forks, push, work, before):
    """Kills a push at each of its requests, before and after the request had its effect, and each time runs it again."""
    start = copy.deepcopy((hub.repos, hub.collections))
    after = contents(work / "checkpoints" / "nanovlm-tiny")
    hub.requests.clear()
    push("checkpoints")
    requests = list(hub.requests)
    moments = [(number, "before") for number in range(1, len(requests) + 1)]
    moments += [(number, "after") for number, _ in moments if not requests[number - 1].startswith("GET")]
    assert len(moments) > 15
    for number, cut in moments:
        where = f"killed {cut} request {number}, {requests[number - 1]}"
        hub.reset()
        repos, collections = copy.deepcopy(start)
        hub.repos.update(repos)
        hub.collections.extend(collections)
        hub.fail(number=number, cut=cut, then=forks.kill)
        assert forks("checkpoints", work / "checkpoints", "--namespace", "org")[0] == -signal.SIGKILL, where
        assert MODEL not in hub.repos or hub.repos[MODEL].files() in (before, after), where
        push("checkpoints")
        repo = hub.repos[MODEL]
        assert repo.files() == after, where
        assert all(repo.files(commit.oid) in ({}, before, after) for commit in repo.history()), where
        assert repo.files(f"v{__version__}") in ((before,) if before else (after,)), where
        assert [[item["id"] for item in found["items"]] for found in hub.collections] == [["org/nanovlm-tiny"]], where


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_connection_at_the_commit_is_made_good_in_the_same_run(hub, push, cut):
    hub.fail("POST .*/commit/", cut=cut)
    push("checkpoints")
    assert len(hub.repos[MODEL].history()) == 2


@pytest.mark.parametrize(
    "request_, status",
    [("GET /api/models/org/nanovlm-tiny$", 503), ("POST /api/repos/create", 500), ("POST .*/preupload/", 429),
     ("POST .*/commit/", 409), ("POST .*/tag/", 502), ("POST /api/collections", 500)],
)  # fmt: skip
def test_a_passing_trouble_is_waited_out(hub, push, request_, status):
    hub.fail(request_, status=status)
    push("checkpoints")
    assert not hub.faults
    assert [len(hub.repos[MODEL].history()), len(hub.repos[MODEL].refs)] == [2, 2]
    assert len(hub.collections[0]["items"]) == 1


def test_the_hub_says_how_long_to_wait(hub, push):
    hub.fail("POST .*/commit/", status=429, headers={"Retry-After": "2"})
    start = time.monotonic()
    push("checkpoints")
    assert time.monotonic() - start > 2


@pytest.mark.parametrize(
    "status, said",
    [
        (401, "Log in with `hf auth login`"),
        (403, "needs write access to contents and settings of repositories"),
        (409, "Somebody else changed it"),
        (429, "asks for fewer requests"),
        (500, "The Hub has trouble (500, POST /api/models/org/nanovlm-tiny/commit/main)"),
    ],
)
def test_a_trouble_that_stays_is_said_and_leaves_the_old_state(hub, push, status, said):
    hub.fail("POST .*/commit/", status=status, times=2)
    assert said in push("checkpoints", status=1)
    assert hub.repos[MODEL].files() == {}
    hub.faults.clear()
    push("checkpoints")
    assert len(hub.repos[MODEL].history()) == 2


@pytest.mark.parametrize(
    "token, status, said",
    [
        (READER, 1, "It needs write access to contents and settings of repositories"),
        (STRANGER, 1, "You don't have the rights to write to org"),
        ("no-such-token", 1, "The Hub does not know this token (401"),
        ("", 2, "There is no token for the Hub. Log in with `hf auth login`"),
    ],
)
def test_who_may_not_write_is_told_so(hub, push, token, status, said):
    output = push("checkpoints", status=status, HF_TOKEN=token)
    assert said in output
    assert not hub.repos
    assert not token or token not in output


def test_a_main_that_moved_on_elsewhere_is_built_upon(hub, push, work):
    push("checkpoints")
    another_model(work)
    hub.fail("POST .*/commit/", then=lambda: hub.write(MODEL, {"onnx/model.onnx": b"somebody's"}))
    push("checkpoints")
    assert hub.repos[MODEL].files() == contents(work / "checkpoints" / "nanovlm-tiny") | {
        "onnx/model.onnx": b"somebody's"
    }
    assert len(hub.repos[MODEL].history()) == 4


def test_a_main_that_moved_on_in_the_same_files_is_not_overwritten_unseen(hub, push, work):
    push("checkpoints")
    (work / "checkpoints" / "nanovlm-tiny" / "README.md").write_text(MODEL_CARD + "\nOurs.\n")
    hub.fail("POST .*/commit/", then=lambda: hub.write(MODEL, {"README.md": MODEL_CARD.encode() + b"\nTheirs.\n"}))
    assert "changed by somebody else during the push: README.md" in push("checkpoints", status=2)
    assert b"Theirs" in hub.repos[MODEL].files()["README.md"]
    push("checkpoints")
    assert b"Ours" in hub.repos[MODEL].files()["README.md"]


def test_a_file_that_arrives_changed_is_refused(hub, push):
    hub.fail("PUT ", spoil=True)
    output = push("checkpoints", status=1)
    assert "model.safetensors" in output and "SHA-256 is not the one announced" in output
    assert hub.repos[MODEL].files() == {}
    push("checkpoints")
    assert len(hub.repos[MODEL].history()) == 2


def test_a_commit_that_holds_other_content_than_was_sent_is_noticed(hub, push):
    def spoil():
        hub.repos[MODEL].find("main").tree["config.json"] = Blob(b"{}")

    hub.fail("GET .*/tree/", then=lambda: None)  # of the new repository
    hub.fail("GET .*/tree/", then=spoil)  # of the commit
    assert "holds other content than was sent: config.json" in push("checkpoints", status=2)
    assert f"refs/tags/v{__version__}" not in hub.repos[MODEL].refs
    push("checkpoints")
    assert hub.repos[MODEL].files()["config.json"] != b"{}"


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


def test_private_is_private_before_anything_is_sent(hub, push, work):
    push("checkpoints", "--private")
    assert hub.repos[MODEL].private and hub.collections[0]["private"]
    push("datasets")
    assert not hub.repos[DATASET].private
    write_dataset(work / "datasets" / "tinydesc", shards=1)
    hub.requests.clear()
    push("datasets", "--private")
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


# Evaluation results


@pytest.fixture
def results(work):
    """Writes results as evaluation does, for the weights that lie in the checkpoint's folder."""

    def write(value=0.41, **changes):
        weights = (work / "checkpoints" / "nanovlm-tiny" / "model.safetensors").read_bytes()
        row = {"split": "test", "value": value, "low": 0.39, "high": 0.43, "n": 568}
        rows = [
            {"dataset": "tinydesc", "metric": "cider", "name": "CIDEr", **row},
            {"dataset": "tinydesc", "metric": "gap", "name": "Grounding gap", **row, "notes": "five derangements"},
            {"dataset": "otherdesc", "metric": "cider", "name": "CIDEr", **row},
        ]
        data = {"model": "nanovlm-tiny", "weights_sha256": hashlib.sha256(weights).hexdigest(), "date": "2026-01-01"}
        (work / "results").mkdir(exist_ok=True)
        (work / "results" / "nanovlm-tiny.json").write_text(json.dumps({**data, "results": rows, **changes}))

    return write


def test_results_go_into_card_and_files_and_are_read_back(hub, push, results):
    push("checkpoints")
    results()
    push("results")
    files = hub.repos[MODEL].files()
    data = ModelCard(files["README.md"].decode()).data
    assert data.library_name == "transformers" and data.model_name == "nanovlm-tiny"
    assert [(r.dataset_type, r.metric_type, r.metric_value) for r in data.eval_results] == [
        ("org/tinydesc", "cider", 0.41),
        ("org/tinydesc", "gap", 0.41),
        ("org/otherdesc", "cider", 0.41),
    ]
    assert data.eval_results[0].metric_name == "CIDEr (95% interval 0.39 to 0.43, n = 568)"
    assert files["README.md"].decode().endswith(MODEL_CARD.split("---\n")[-1])
    first, second = parse_eval_result_entries(yaml.safe_load(files[".eval_results/tinydesc.yaml"]))
    assert (first.dataset_id, first.task_id, first.value, first.date) == ("org/tinydesc", "cider", 0.41, "2026-01-01")
    assert second.notes == "Grounding gap; 95% interval 0.39 to 0.43, n = 568; five derangements"
    assert ".eval_results/otherdesc.yaml" in files
    hub.requests.clear()
    push("results")
    assert not writes(hub)


def test_a_card_that_says_the_results_itself_is_left_as_it_is(hub, push, work, results):
    push("checkpoints")
    results()
    push("results")
    metadata = ModelCard(hub.repos[MODEL].files()["README.md"].decode()).data.to_dict()
    metadata["model-index"][0]["results"].reverse()
    card = f"---\n{yaml.safe_dump(metadata)}---\n# Another card\n"
    (work / "checkpoints" / "nanovlm-tiny" / "README.md").write_text(card)
    push("checkpoints")
    hub.requests.clear()
    push("results")
    push("checkpoints")
    assert not writes(hub)
    assert hub.repos[MODEL].files()["README.md"].decode() == card


def test_results_stay_with_the_weights_and_go_with_them(hub, push, work, results):
    push("checkpoints")
    results()
    push("results")
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


def test_results_that_cannot_be_this_models_are_refused(hub, push, work, results):
    results()
    assert "push the checkpoint first" in push("results", status=2)
    push("checkpoints")
    results(weights_sha256="0" * 64)
    assert "are of weights 000000000000" in push("results", status=2)
    results(value=0.5)
    assert "lies outside of its interval, 0.39 to 0.43" in push("results", status=2)
    results(results=[])
    assert "must not be empty" in push("results", status=2)
    assert "--only big" in (results(), push("results", "--only", "big", status=2))[1]
    assert hub.repos[MODEL].files() == contents(work / "checkpoints" / "nanovlm-tiny")


def test_nothing_is_sent_when_one_folder_must_not_be_published(hub, push, work):
    shutil.copytree(work / "checkpoints" / "nanovlm-tiny", work / "checkpoints" / "another")
    (work / "checkpoints" / "nanovlm-tiny" / "weights.pt").write_bytes(b"x")
    assert "nanovlm-tiny/weights.pt: a pickle" in push("checkpoints", status=2)
    assert not hub.requests


@pytest.mark.parametrize("script", ["checkpoints", "datasets", "results"])
def test_help_teaches(forks, script):
    status, output = forks(script, "--help")
    assert status == 0
    for option in ("--dry-run", "--namespace", "--only", "--private", "--revision", "--create-pr"):
        assert option in output
