"""`nanovlm data generate` in bad weather: every picture ends described or with a reason, and nothing is asked twice."""

import json
import os
import random
import re
import signal
import threading
import time
from collections import Counter

import pytest
from generating import captions_folder, child, described_ids, description, descriptions, good, journal_of, run
from stub_openai import Reply, StubOpenAI, messages_of, weather

from nanovlm_hf import openai_client
from nanovlm_hf.data import generate
from nanovlm_hf.data.journal import Journal, Record
from nanovlm_hf.data.sources import CaptionSource
from nanovlm_hf.data.teacher import Conversation
from nanovlm_hf.data.text_rules import words_in

pytest_plugins = ["generating"]
pytestmark = pytest.mark.usefixtures("quick")


# --- Bad weather

TRANSPORT = {
    "429": Reply(status=429, error={"message": "Slow down."}, headers={"Retry-After": "0.05"}),
    "500": Reply(status=500, error={"message": "Oops."}),
    "hang": Reply(hang=1.2),
    "cut": Reply("x" * 500, cut=True),
    "no JSON": Reply(body=b'{"choices": [{"mess'),
}
CONTENT = {"broken JSON": Reply('{"description": "A d'), "refusal": Reply(refusal="No."), "length": Reply("long")}


def stormy(body, times_before):
    fault = weather(body, times_before, TRANSPORT, CONTENT, share=0.05)
    if fault is CONTENT["length"]:
        return description(body, broken=True)
    return fault or description(body)


def test_in_all_weathers_each_of_500_pictures_ends_once(tmp_path):
    photos = captions_folder(tmp_path / "photos", 500)
    met = Counter()

    def answer(body, times_before):
        reply = stormy(body, times_before)
        met.update(name for name, fault in {**TRANSPORT, **CONTENT}.items() if reply is fault)
        met["length"] += isinstance(reply, str) and "flag" not in reply and len(words_in(reply)) > 30
        return reply

    with StubOpenAI(answer) as stub:
        result = run(photos, tmp_path / "work", stub, "--timeout", 1, "--concurrency", 16)
    assert result.exit_code in (0, 1), result.output
    assert set(met) == {*TRANSPORT, *CONTENT} and min(met.values()) >= 10
    ended = {
        name: int(number) for number, name in re.findall(r"(\d+) (described|flagged|failed|waiting)\b", result.output)
    }
    described = described_ids(tmp_path / "work")
    assert len(described) == len(set(described)) == ended["described"] + ended.get("flagged", 0)
    records = journal_of(tmp_path / "work")
    assert all(count == 1 for count in Counter(record["request"] for record in records).values())
    last = {record["image_id"]: record["kind"] for record in records}
    assert set(last) == {str(i) for i in range(500)}
    lost = set(last) - set(described)
    assert len(described) + len(lost) == 500 and all(last[image_id] != "text" for image_id in lost) and len(lost) < 10


def journalled_requests(work, photos):
    """What was sent for the answers in a journal."""
    with Journal(work / "journal.jsonl", tell=print) as journal:
        answers = dict(journal.answers)
    sent = set()
    for _, row in generate.read_captions(CaptionSource(str(photos))):
        conversation = Conversation("stub", row.image_id, "short", row.captions())
        while not conversation.finished and conversation.request in answers:
            sent.add(json.dumps(conversation.messages))
            conversation.add(answers[conversation.request])
    return sent


def test_kill_9_at_ten_moments_changes_nothing_and_costs_nothing_twice(tmp_path, processes):
    photos = captions_folder(tmp_path / "photos", 80)
    rng = random.Random(5)

    def slow_storm(body, times_before):
        time.sleep(0.01)
        return stormy(body, times_before)

    with StubOpenAI(slow_storm) as stub:
        child(photos, tmp_path / "undisturbed", stub.url)
        kills = 0
        while True:
            process = processes.Process(target=child, args=(photos, tmp_path / "work", stub.url))
            known = journalled_requests(tmp_path / "work", photos) if kills else set()
            stub.requests.clear()
            process.start()
            enough = rng.randint(0, 8)
            while kills < 10 and process.is_alive() and len(stub.requests) < enough:
                time.sleep(0.002)
            process.join(rng.uniform(0, 0.02) if kills < 10 else None)
            alive = process.is_alive()
            process.kill()
            process.join()
            assert not known & {messages_of(body) for body in stub.requests}
            if not alive:
                break
            kills += 1
            (tmp_path / "work").mkdir(exist_ok=True)
            (tmp_path / "work" / "journal.jsonl").touch()
    assert kills == 10
    assert descriptions(tmp_path / "work") == descriptions(tmp_path / "undisturbed")
    assert len(described_ids(tmp_path / "work")) > 70


def test_ctrl_c_takes_in_what_is_paid_for_and_the_next_start_goes_on(tmp_path, processes):
    photos = captions_folder(tmp_path / "photos", 60)

    def slow(body, _):
        time.sleep(0.1)
        return description(body)

    with StubOpenAI(slow) as stub:
        process = processes.Process(
            target=child, args=(photos, tmp_path / "work", stub.url, ("short",), tmp_path / "log")
        )
        process.start()
        while len(stub.requests) < 20:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        process.join(5)
        log = (tmp_path / "log").read_text()
        assert process.exitcode == 0 and "Stopping when the answers under way are in" in log
        assert "The same command goes on from here" in log
        sent = len(stub.requests)
        assert 20 <= sent == len(journal_of(tmp_path / "work")) == len(described_ids(tmp_path / "work")) < 60
        assert run(photos, tmp_path / "work", stub).exit_code == 0 and len(stub.requests) == 60


def test_a_full_disk_is_said_clearly_and_the_next_start_recovers(tmp_path, processes):
    photos = captions_folder(tmp_path / "photos", 60)
    with StubOpenAI(good) as stub:
        arguments = (photos, tmp_path / "work", stub.url, ("short",), tmp_path / "log", 5000)
        process = processes.Process(target=child, args=arguments)
        process.start()
        process.join()
        log = (tmp_path / "log").read_text()
        assert "journal.jsonl cannot be written: " in log and "run the same command again" in log.replace("\n", " ")
        kept = {record["image_id"] for record in journal_of(tmp_path / "work")}
        assert 5 < len(kept) < 60
        stub.requests.clear()
        assert "60 described" in run(photos, tmp_path / "work", stub).output
        assert len(stub.requests) == 60 - len(kept)


def test_a_half_written_last_line_is_dropped_and_a_broken_one_before_is_named(photos, tmp_path):
    journal = tmp_path / "work" / "journal.jsonl"
    with StubOpenAI(good) as stub:
        run(photos, tmp_path / "work", stub)
        whole, before = journal.read_bytes(), descriptions(tmp_path / "work")
        journal.write_bytes(whole[:-40])
        result = run(photos, tmp_path / "work", stub)
        assert "line 12: cut off" in result.output and len(stub.requests) == 13
        assert len(journal_of(tmp_path / "work")) == 12 and descriptions(tmp_path / "work") == before
        journal.write_bytes(whole[:-1])  # whole but for its end: it counts
        assert run(photos, tmp_path / "work", stub).exit_code == 0 and len(stub.requests) == 13
        assert journal.read_bytes() == whole
        lines = whole.splitlines(keepends=True)
        journal.write_bytes(b"".join([*lines[:4], lines[4][:30] + b"\n", *lines[5:]]))
        result = run(photos, tmp_path / "work", stub)
        assert result.exit_code == 2 and "journal.jsonl, line 5: broken" in result.stderr and len(stub.requests) == 13


def test_two_runs_do_not_meet_in_one_folder(photos, tmp_path):
    with StubOpenAI(good) as stub, generate.alone_in(_made(tmp_path / "work")):
        result = run(photos, tmp_path / "work", stub)
    assert result.exit_code == 2 and "Another run is at work" in result.stderr and not stub.requests


def _made(folder):
    folder.mkdir()
    return folder


def test_answers_to_other_captions_do_not_count(photos, tmp_path):
    annotations = photos / "annotations" / "captions_train.json"
    with StubOpenAI(good) as stub:
        run(photos, tmp_path / "work", stub)
        annotations.write_text(annotations.read_text().replace("dog number 3 ", "cat number 3 "))
        run(photos, tmp_path / "work", stub)
    assert len(stub.requests) == 13 and "cat number 3 " in messages_of(stub.requests[-1])


# --- The server's limits


def allowance(kind, limit, window):
    """A server that allows `limit` requests in `window` seconds, all anew at its end or refilling bit by bit."""
    state = {"left": limit, "since": time.monotonic()}
    refused = []
    lock = threading.Lock()

    def answer(body, _):
        with lock:
            return count(body, time.monotonic())

    def count(body, now):
        if kind == "refilling":
            state["left"] = min(limit, state["left"] + limit * (now - state["since"]) / window)
            state["since"] = now
        elif now - state["since"] > window:
            state["left"], state["since"] = limit, now
        is_refused = state["left"] < 1
        state["left"] -= not is_refused
        until_full = window * (limit - state["left"]) / limit
        reset = until_full if kind == "refilling" else state["since"] + window - now
        headers = {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-reset-requests": f"{1 + int(1000 * reset)}ms",
        }
        headers["x-ratelimit-remaining-requests"] = str(int(state["left"]))
        if is_refused:
            refused.append(now)
            return Reply(status=429, error={"message": "Slow down."}, headers=headers)
        return Reply(description(body), headers=headers)

    return answer, refused


# Requests that are under way together may overtake each other. Without regard for the headers about 20 are refused.
@pytest.mark.parametrize(("concurrency", "most_refused"), [(1, 0), (4, 6)])
@pytest.mark.parametrize("kind", ["refilling", "at once"])
def test_the_rate_limit_is_kept_before_the_server_says_so(tmp_path, kind, concurrency, most_refused):
    photos = captions_folder(tmp_path / "photos", 40)
    answer, refused = allowance(kind, limit=8, window=0.25)
    with StubOpenAI(answer) as stub:
        start = time.monotonic()
        result = run(photos, tmp_path / "work", stub, "--concurrency", concurrency)
        seconds = time.monotonic() - start
    assert result.exit_code == 0 and "40 described" in result.output
    assert len(refused) <= most_refused and seconds > 0.9  # 40 requests in portions of 8


def test_retry_after_holds_all_requests_back(photos, tmp_path):
    times = []

    def answer(body, times_before):
        times.append(time.monotonic())
        if len(times) == 1:
            return Reply(status=429, error={"message": "Slow down."}, headers={"Retry-After": "0.5"})
        return description(body)

    with StubOpenAI(answer) as stub:
        assert run(photos, tmp_path / "work", stub, "--concurrency", 2).exit_code == 0
    # The one other that was on its way passes, nothing else for half a second.
    assert sum(then < times[0] + 0.45 for then in times) <= 3 and len(times) == 13


@pytest.mark.parametrize(
    ("text", "seconds"), [("6m0s", 360), ("1.5s", 1.5), ("120ms", 0.12), ("1h2m", 3720), ("7", 7), ("soon", None)]
)
def test_durations_of_headers(text, seconds):
    assert openai_client._seconds(text) == pytest.approx(seconds)


def test_a_journal_appends_all_or_nothing(tmp_path, monkeypatch):
    with Journal(tmp_path / "journal.jsonl", tell=print) as journal:
        journal.append(Record("a", "1", "short", 1, "text", "A dog."))
        before = (tmp_path / "journal.jsonl").read_bytes()

        def full(fd):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"journal\.jsonl cannot be written: No space left on device"):
            journal.append(Record("b", "2", "short", 1, "text", "A cat."))
        assert set(journal.answers) == {"a"} and (tmp_path / "journal.jsonl").read_bytes() == before
