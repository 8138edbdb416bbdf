"""`nanovlm data generate --batch-api`: submitted once, collected whenever it is done, found again after a crash."""

import json
import signal
from collections import Counter

import pytest
from generating import KEY, child, description, good, journal_of, run
from stub_openai import Reply, StubOpenAI, messages_of

from nanovlm_hf.data import batch_teacher

pytest_plugins = ["generating"]
pytestmark = pytest.mark.usefixtures("quick")


def batch(photos, work, stub, *arguments, **kwargs):
    key = ["--key-variable", "MY_KEY"]
    return run(photos, work, stub, "--batch-api", *key, *arguments, env={"MY_KEY": KEY}, **kwargs)


def test_batches_are_submitted_waited_for_and_collected(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_teacher, "MAX_REQUESTS", 5)
    (tmp_path / "prices.yaml").write_text("batch_share: 0.5\nmodels: {stub: {input: 1000, output: 1000}}")
    prices = ("--prices", tmp_path / "prices.yaml")

    def answer(body, _):
        asked = messages_of(body)
        if "number 3 " in asked:
            return Reply(status=400, error={"message": "too long", "code": "context_length_exceeded"})
        if "number 4 " in asked and len(body["messages"]) == 2:
            return description(body, broken=True)
        return description(body)

    with StubOpenAI(answer, key=KEY) as stub:
        result = batch(photos, tmp_path / "work", stub, *prices)
        assert result.exit_code == 0, result.output
        assert len(stub.batches) == 3 and "12 requests wait" in result.output and "12 waiting" in result.output
        assert "in_progress, 5 requests" in batch(photos, tmp_path / "work", stub, *prices).output
        assert len(stub.batches) == 3
        stub.run_batches(leave_out=0.3)
        expired = sum("batch_expired" in text.decode() for text in stub.files.values())
        assert expired
        result = batch(photos, tmp_path / "work", stub, *prices, "--limit", 1)  # what came is collected all the same
        collected = len(journal_of(tmp_path / "work"))
        assert 4 < collected < 12
        for _ in range(4):
            stub.run_batches()
            result = batch(photos, tmp_path / "work", stub, *prices)
    assert result.exit_code == 1 and "11 described, 1 failed" in result.output and not stub.requests
    assert "Nothing is left to ask" in result.output
    records = journal_of(tmp_path / "work")
    assert max(Counter(record["request"] for record in records).values()) == 1
    assert [record["kind"] for record in records if record["image_id"] == "4"] == ["text", "text"]
    asked = [
        json.loads(line)["custom_id"]
        for text in stub.files.values()
        for line in text.splitlines()
        if b'"body": {"model"' in line
    ]
    assert set(asked) == {record["request"] for record in records}
    tokens = sum(record.get("tokens_in", 0) + record.get("tokens_out", 0) for record in records)
    assert f"${tokens / 2000:,.2f} in all" in result.output
    assert not list((tmp_path / "work" / "batches").iterdir())


def test_a_batch_lost_between_submitting_and_noting_it_is_found_again(photos, tmp_path, processes):
    with StubOpenAI(good) as stub:
        stub.on_batch = lambda: "cut"
        result = batch(photos, tmp_path / "work", stub, "--limit", 3)
        assert result.exit_code == 2 and "run the same command again" in result.stderr and len(stub.batches) == 1
        for _ in range(3):  # it is on a later page of the list by now
            stub.batches.insert(0, {**stub.batches[0], "id": f"other_{len(stub.batches)}", "metadata": None})
        stub.on_batch = lambda: None
        result = batch(photos, tmp_path / "work", stub, "--limit", 3)
        assert "Batch batch_0: found" in result.output and len(stub.batches) == 4

        arguments = (photos, tmp_path / "work", stub.url)
        process = processes.Process(target=child, args=arguments, kwargs={"batch_api": True})
        stub.on_batch = process.kill
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL and len(stub.batches) == 5
        stub.on_batch = lambda: None
        assert "Batch batch_4: found" in batch(photos, tmp_path / "work", stub).output and len(stub.batches) == 5
        stub.run_batches()
        assert "12 described" in batch(photos, tmp_path / "work", stub).output and len(stub.batches) == 5


def test_what_waits_in_a_batch_is_not_asked_directly(photos, tmp_path):
    with StubOpenAI(good) as stub:
        batch(photos, tmp_path / "work", stub)
        result = run(photos, tmp_path / "work", stub)
    assert result.exit_code == 2 and "12 requests were submitted in batches" in result.stderr and not stub.requests


def test_a_batch_that_was_never_created_is_submitted_anew(photos, tmp_path):
    with StubOpenAI(good) as stub:
        process_files = tmp_path / "work" / "batches.json"
        batch(photos, tmp_path / "work", stub)
        entries = json.loads(process_files.read_text())
        entries[0] |= {"batch_id": "", "status": "submitting"}
        process_files.write_text(json.dumps(entries))
        stub.batches.clear()
        assert "submitted, 12 requests" in batch(photos, tmp_path / "work", stub).output
        stub.run_batches()
        assert "12 described" in batch(photos, tmp_path / "work", stub).output


def test_a_batch_that_fails_as_a_whole_is_said_before_it_is_submitted_anew(photos, tmp_path):
    with StubOpenAI(good) as stub:
        batch(photos, tmp_path / "work", stub)
        error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}
        stub.batches[0] |= {"status": "failed", "errors": {"object": "list", "data": [error]}}
        result = batch(photos, tmp_path / "work", stub)
        assert "failed. Enqueued token limit reached." in result.output and len(stub.batches) == 1
        assert "submitted, 12 requests" in batch(photos, tmp_path / "work", stub).output


def test_a_batch_whose_every_request_is_rejected_stops_with_the_reason(photos, tmp_path):
    with StubOpenAI(lambda *_: Reply(status=400, error={"message": "No such parameter."})) as stub:
        batch(photos, tmp_path / "work", stub)
        stub.run_batches()
        result = batch(photos, tmp_path / "work", stub)
    assert result.exit_code == 2 and "No such parameter." in result.stderr and not journal_of(tmp_path / "work")
