"""Whatever stops a push: the repository holds the old files or the new ones, and the next run does the rest."""

import time

import pytest
from hub_folders import DATASET, MODEL, MODEL_CARD, another_model, contents, interrupt_everywhere, writes
from loopback_hub import READER, STRANGER, Blob

from nanovlm_hf import __version__

pytest_plugins = ["hub_pushing"]


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
    command = ("checkpoints", work / "checkpoints")
    after = interrupt_everywhere(hub, forks, lambda: push("checkpoints"), command, MODEL)
    assert after == contents(work / "checkpoints" / "nanovlm-tiny")


def test_killed_at_any_request_an_update_leaves_the_old_or_the_new_files(hub, forks, push, work):
    push("checkpoints")
    another_model(work)
    (work / "checkpoints" / "nanovlm-tiny" / "README.md").write_text(MODEL_CARD + "\nNew.\n")
    (work / "checkpoints" / "nanovlm-tiny" / "chat_template.jinja").unlink()
    command = ("checkpoints", work / "checkpoints")
    after = interrupt_everywhere(hub, forks, lambda: push("checkpoints"), command, MODEL)
    assert after == contents(work / "checkpoints" / "nanovlm-tiny")


def test_killed_at_any_request_a_dataset_is_not_there_or_whole(hub, forks, push, work):
    command = ("datasets", work / "datasets")
    after = interrupt_everywhere(hub, forks, lambda: push("datasets"), command, DATASET)
    assert after == contents(work / "datasets" / "tinydesc")


def test_killed_at_any_request_a_space_is_not_there_or_whole(hub, forks):
    def push():
        assert forks("space", "--namespace", "org")[0] == 0

    hub.add("models/org/nanovlm-mini", {})
    assert "app.py" in interrupt_everywhere(hub, forks, push, ("space",), "spaces/org/nanovlm")


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
