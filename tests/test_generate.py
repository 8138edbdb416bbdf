"""`nanovlm data generate` as a user meets it: what it writes, asks, costs, sends back, refuses; and the key stays secret."""

import hashlib
import json
import re
import traceback
from collections import Counter

import pytest
from generating import (
    KEY,
    STYLES,
    captions_folder,
    described_ids,
    description,
    descriptions,
    good,
    journal_of,
    run,
)
from stub_openai import Reply, StubOpenAI, messages_of

from nanovlm_hf import openai_client
from nanovlm_hf.data import generate, prompts
from nanovlm_hf.data.generate import Options, read_work
from nanovlm_hf.data.journal import Answer
from nanovlm_hf.data.prices import find_price
from nanovlm_hf.data.sources import CaptionSource
from nanovlm_hf.data.teacher import Conversation
from nanovlm_hf.data.text_rules import LENGTHS, broken_rules, words_in

pytest_plugins = ["generating"]
pytestmark = pytest.mark.usefixtures("quick")


# --- Fair weather


def test_every_picture_is_described_in_every_style_and_split(tmp_path):
    photos = captions_folder(tmp_path / "photos", 5, splits=("train", "val"))
    with StubOpenAI(good) as stub:
        result = run(photos, tmp_path / "work", stub, styles=STYLES)
    assert result.exit_code == 0, result.output
    assert len(stub.requests) == 20
    names = [f"{style}desc_{split}.jsonl" for style in ("long", "short") for split in ("train", "validation")]
    assert sorted(descriptions(tmp_path / "work")) == names
    rows = list(read_work(tmp_path / "work"))
    assert [(split, row.image_id) for split, row in rows] == [
        *(("train", str(i)) for i in range(5)),
        *(("validation", str(i)) for i in range(5, 10)),
    ]
    for _, row in rows:
        captions, short, long = row.captions(), row.texts[2], row.texts[3]
        assert len(captions) == 2 and short.style == "short" and long.style == "long"
        assert short.teacher == "stub-2024-08-06" and short.flags == ()
        assert not broken_rules(short.continuation, "short") and not broken_rules(long.continuation, "long")
    request = stub.requests[0]
    assert request["response_format"]["json_schema"]["strict"] is True
    record = json.loads(descriptions(tmp_path / "work")["shortdesc_train.jsonl"].splitlines()[0])
    assert set(record) == {"image_id", "file_name", "source", "text", "teacher", "flags", "written_from"}


def test_a_second_start_asks_nothing_and_a_new_style_only_that(photos, tmp_path):
    with StubOpenAI(good) as stub:
        run(photos, tmp_path / "work", stub)
        before = descriptions(tmp_path / "work")
        result = run(photos, tmp_path / "work", stub)
        assert result.exit_code == 0 and "Nothing is left to ask" in result.output
        assert len(stub.requests) == 12 and descriptions(tmp_path / "work") == before
        assert run(photos, tmp_path / "work", stub, styles=["long"]).exit_code == 0
    assert len(stub.requests) == 24
    assert descriptions(tmp_path / "work")["shortdesc_train.jsonl"] == before["shortdesc_train.jsonl"]
    assert json.loads((tmp_path / "work" / "generation.json").read_text())["styles"] == ["short", "long"]


def test_other_settings_are_refused_with_what_differs(photos, tmp_path):
    other = captions_folder(tmp_path / "other", 3)
    with StubOpenAI(good) as stub:
        run(photos, tmp_path / "work", stub, "--limit", 1)
        for arguments, said in (
            ((other,), "captions:"),
            ((photos, "--teacher", "gpt-9"), "teacher: 'stub' -> 'gpt-9'"),
        ):
            result = run(arguments[0], tmp_path / "work", stub, *arguments[1:])
            assert result.exit_code == 2 and said in result.stderr and "another --out" in result.stderr
    assert len(stub.requests) == 1


def test_the_limit_tries_a_few_and_the_rest_follows(photos, tmp_path):
    with StubOpenAI(good) as stub:
        result = run(photos, tmp_path / "work", stub, "--limit", 3)
        assert result.exit_code == 0 and "3 described, 9 waiting" in result.output
        assert described_ids(tmp_path / "work") == ["0", "1", "2"]
        assert "12 described" in run(photos, tmp_path / "work", stub).output
    assert len(stub.requests) == 12


def test_it_shows_the_cost_and_sends_nothing_when_told_not_to(photos, tmp_path, monkeypatch):
    with StubOpenAI(good, key=KEY) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        table = tmp_path / "prices.yaml"
        table.write_text("as_of: today\nmodels: {gpt-4o: {input: 1000, output: 2000}}")
        arguments = ("--teacher", "gpt-4o", "--prices", table)
        result = run(photos, tmp_path / "work", None, *arguments, yes=False, input="n\n")
        asked = re.search(
            r"12 requests, about ([\d,]+) tokens to read and ([\d,]+) to write.*\n?About \$([\d.,]+), at most \$([\d.,]+)",
            result.output,
        )
        assert asked and result.exit_code == 0 and not stub.requests
        read, write, about, most = (float(number.replace(",", "")) for number in asked.groups())
        assert about == pytest.approx(read / 1000 + write / 500, abs=0.01) and most > 3 * about
        result = run(photos, tmp_path / "work", None, *arguments, yes=False, input="y\n")
    assert result.exit_code == 0 and len(stub.requests) == 12 and stub.keys == {KEY}
    records = journal_of(tmp_path / "work")
    cost = sum(record["tokens_in"] / 1000 + record["tokens_out"] / 500 for record in records)
    assert f"Cost: ${cost:,.2f} by this run" in result.output
    assert 0.6 < about / cost < 1.6  # the estimate, without having asked


def test_prices_are_found_for_dated_models_and_a_broken_table_is_named(tmp_path):
    assert find_price("gpt-4o-2024-08-06") == find_price("gpt-4o")
    assert find_price("gpt-4o-mini").input < find_price("gpt-4o").input and find_price("llama3") is None
    assert find_price("gpt-4o").cost(10**6, 10**6, batch=True) == find_price("gpt-4o").cost(10**6, 10**6) / 2
    (tmp_path / "prices.yaml").write_text("models: [gpt-4o]")
    with pytest.raises(ValueError, match=r"prices\.yaml: not a price table"):
        find_price("gpt-4o", tmp_path / "prices.yaml")


def test_the_wording_and_its_version_change_together():
    """Texts of two wordings must not meet in one work folder. Changed a prompt? Raise PROMPT_VERSION, then this."""
    said = [prompts.SYSTEM, prompts.ANSWER_SCHEMA, prompts.first_messages(["A dog."], "short")]
    said += [prompts.after_broken_rules("A dog.", []), prompts.after_malformed(""), prompts.after_refusal("")]
    assert (prompts.PROMPT_VERSION, hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]) == ("1", "eafba551")
    for style, lengths in LENGTHS.items():
        assert f"{lengths.min_words} to {lengths.max_words} words" in prompts.SYSTEM[style]


def test_the_offline_teacher_needs_no_network_and_no_question(photos, tmp_path):
    result = run(photos, tmp_path / "work", None, "--teacher", "offline", yes=False)
    assert result.exit_code == 0, result.output
    rows = [row for _, row in read_work(tmp_path / "work")]
    assert len(rows) == 12 and all(row.texts[2].teacher == "offline" for row in rows)
    before = descriptions(tmp_path / "work")
    assert run(photos, tmp_path / "work", None, "--teacher", "offline").exit_code == 0
    assert descriptions(tmp_path / "work") == before and len(journal_of(tmp_path / "work")) == 12


# --- Texts that are not right


def test_a_text_that_breaks_a_rule_goes_back_with_what_is_wrong(photos, tmp_path):
    with StubOpenAI(lambda body, _: description(body, broken=len(body["messages"]) == 2)) as stub:
        assert run(photos, tmp_path / "work", stub, "--limit", 1).exit_code == 0
    first, second = stub.requests
    assert second["messages"][:2] == first["messages"] and second["messages"][2]["role"] == "assistant"
    assert "It has 44 words; write 20 to 25." in second["messages"][3]["content"]
    records = journal_of(tmp_path / "work")
    assert [(record["attempt"], len(words_in(record["text"]))) for record in records] == [(1, 44), (2, 22)]
    assert [row.texts[2].flags for _, row in read_work(tmp_path / "work") if len(row.texts) == 3] == [()]


def test_a_text_that_stays_wrong_is_flagged_and_strict_drops_it(photos, tmp_path):
    with StubOpenAI(lambda body, _: description(body, broken="number 3 " in messages_of(body))) as stub:
        result = run(photos, tmp_path / "work", stub)
        assert result.exit_code == 0 and "11 described, 1 flagged" in result.output
        assert len(stub.requests) == 14
        flags = {row.image_id: row.texts[2].flags for _, row in read_work(tmp_path / "work")}
        assert flags.pop("3") == ("length",) and set(flags.values()) == {()}
        assert "11 described, 1 dropped" in run(photos, tmp_path / "work", stub, "--strict").output
        assert "3" not in described_ids(tmp_path / "work") and len(stub.requests) == 14


def test_of_texts_that_stay_wrong_the_nearest_is_kept():
    conversation = Conversation("stub", "1", "short", ["A dog."])
    with_words = {number: " ".join(["dog"] * (number - 1)) + ". Dog." for number in (40, 27, 30)}
    for text in with_words.values():
        conversation.add(Answer("text", text, "stub"))
    assert conversation.finished and conversation.outcome().text == with_words[27]


def test_refusals_and_unreadable_answers_are_recorded_and_asked_again_until_enough(photos, tmp_path):
    def answer(body, _):
        asked = messages_of(body)
        if "number 1 " in asked:
            return Reply(refusal="I can't help with that.")
        if "number 2 " in asked:
            return Reply(status=400, error={"message": "filtered", "code": "content_filter"})
        if "number 3 " in asked:
            return '{"description": "A dog'
        if "number 4 " in asked and len(body["messages"]) == 2:
            return Reply('{"description": "A dog', finish="length")
        if "number 5 " in asked:
            return Reply(status=400, error={"message": "too long", "code": "context_length_exceeded"})
        return description(body)

    with StubOpenAI(answer) as stub:
        result = run(photos, tmp_path / "work", stub, "--concurrency", 1)
        assert result.exit_code == 1 and "8 described, 4 failed" in result.output
        assert "1 failed: refusal: I can't help with that." in result.output
        assert "1 failed: rejected: 400: too long" in result.output
        kinds = Counter((record["image_id"], record["kind"]) for record in journal_of(tmp_path / "work"))
        assert [kinds[key] for key in (("1", "refusal"), ("2", "refusal"), ("3", "malformed"))] == [3, 3, 3]
        assert kinds["4", "malformed"] == kinds["4", "text"] == kinds["5", "rejected"] == 1
        sent = len(stub.requests)
        assert run(photos, tmp_path / "work", stub).exit_code == 1 and len(stub.requests) == sent


def test_a_server_without_structured_output_is_asked_without_once(photos, tmp_path):
    def answer(body, _):
        if "response_format" in body:
            return Reply(status=400, error={"message": "response_format of type json_schema is not supported"})
        text = json.loads(description(body))["description"]
        return [f"<think>Hm, a dog.</think>\n{text}", f"```json\n{description(body)}\n```"][len(messages_of(body)) % 2]

    with StubOpenAI(answer) as stub:
        result = run(photos, tmp_path / "work", stub, "--concurrency", 1)
    assert result.exit_code == 0 and "12 described" in result.output
    assert result.output.count("does not know `response_format`") == 1 and len(stub.requests) == 13
    assert all(record["structured"] is False for record in journal_of(tmp_path / "work"))


# --- What cannot get better


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, {"message": "Incorrect API key."}, "does not accept the key"),
        (403, {"message": "No access."}, "does not let this key use stub"),
        (404, {"message": "The model `stub` does not exist."}, "has no model stub"),
        (429, {"message": "You exceeded your quota.", "code": "insufficient_quota"}, "no credit left"),
        (400, {"message": "Unknown parameter: messages."}, "answers no request (400: Unknown parameter"),
    ],
)
def test_what_no_retry_helps_stops_at_once_and_keeps_all(photos, tmp_path, status, error, said):
    with StubOpenAI(good) as stub:
        run(photos, tmp_path / "work", stub, "--limit", 4)
    with StubOpenAI(lambda *_: Reply(status=status, error=error)) as stub:
        result = run(photos, tmp_path / "work", stub, "--concurrency", 3)
    assert result.exit_code == 2 and said in result.stderr and len(stub.requests) <= 5
    assert len(described_ids(tmp_path / "work")) == 4 and "4 described, " in result.output
    with StubOpenAI(good) as stub:
        assert "12 described" in run(photos, tmp_path / "work", stub).output and len(stub.requests) == 8


def test_a_server_that_is_not_there_or_goes_away_is_said(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(openai_client, "TRIES", 3)
    with StubOpenAI(good) as stub:
        pass
    result = run(photos, tmp_path / "work", stub)
    assert result.exit_code == 2 and f"Nothing answers at {stub.url}" in result.stderr
    with StubOpenAI(
        lambda body, _: description(body) if "number 0 " in messages_of(body) else Reply(hang=0.01)
    ) as stub:
        result = run(photos, tmp_path / "work", stub, "--concurrency", 1)
        assert result.exit_code == 2 and "answers no request (no answer in 3 tries" in result.stderr
        assert "1 described, 3 failed, 8 waiting" in " ".join(result.output.split())
        stub.answer = good
        assert "12 described" in run(photos, tmp_path / "work", stub).output


def test_a_server_that_begins_to_reject_everything_spoils_no_more_than_one_picture(photos, tmp_path):
    def answer(body, _):
        is_paid = re.search("number [0-4] ", messages_of(body))
        return description(body) if is_paid else Reply(status=400, error={"message": "Account in arrears."})

    with StubOpenAI(answer) as stub:
        result = run(photos, tmp_path / "work", stub, "--concurrency", 1)
        assert result.exit_code == 2 and "answers no request (400: Account in arrears.)" in result.stderr
        assert len(stub.requests) == 8
        stub.answer = good
        assert "11 described, 1 failed" in run(photos, tmp_path / "work", stub).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--teacher", "gpt-4o"], "OPENAI_API_KEY with the key is not set"),
        (["--base-url", "localhost:8000"], "must be like http://localhost:8000/v1"),
        (["--base-url", "http://me:secretword@localhost:8000/v1"], "holds a password"),
        (["--teacher", "offline", "--batch-api"], "--teacher offline needs none"),
        (["--teacher", "offline", "--captions", "no/such/folder"], "no/such/folder"),
    ],
)
def test_mistakes_are_said_in_a_line(photos, tmp_path, arguments, said):
    result = run(photos, tmp_path / "work", None, *arguments)
    assert result.exit_code == 2 and said in result.stderr and "secretword" not in result.output
    assert "Traceback" not in result.output


# --- The key


def echo(status):
    return lambda body, _: Reply(status=status, error={"message": f"Bad key: Bearer {KEY}", "code": "no"})


@pytest.mark.parametrize(
    "answer",
    [
        *(echo(status) for status in (400, 401, 403, 404, 429, 500)),
        lambda body, _: Reply(refusal=f"Your key is {KEY}"),
        lambda body, _: f"Your key is {KEY}",
        lambda body, _: Reply(body=f"Your key is {KEY}".encode()),
        lambda body, _: description(body),
    ],
)
def test_the_key_is_nowhere_even_if_the_server_says_it(tmp_path, monkeypatch, capfd, answer):
    monkeypatch.setattr(openai_client, "TRIES", 2)
    photos = captions_folder(tmp_path / "photos", 4)
    with StubOpenAI(answer) as stub:
        result = run(photos, tmp_path / "work", stub, "--key-variable", "MY_KEY", env={"MY_KEY": KEY})
        assert stub.keys == {KEY}
        with pytest.raises((SystemExit, ValueError)) as raised:
            monkeypatch.setenv("MY_KEY", KEY)
            options = Options(base_url=stub.url, key_variable="MY_KEY")
            from rich.console import Console

            source = CaptionSource(str(photos))
            generate.generate(tmp_path / "again", source, ["short"], "stub", options, lambda _: True, Console())
            raise SystemExit
    said = [result.output, *capfd.readouterr(), "".join(traceback.format_exception(raised.value))]
    files = [path.read_bytes().decode() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4 and not any(KEY in text for text in [*said, *files])
    assert KEY not in repr(openai_client.Access(None, KEY))


def test_openais_key_goes_to_no_other_server(photos, tmp_path):
    with StubOpenAI(good) as stub:
        run(photos, tmp_path / "work", stub, env={"OPENAI_API_KEY": KEY})
    assert stub.keys == {openai_client.NO_KEY}


def test_half_a_character_in_an_answer_does_no_harm(photos, tmp_path):
    """A lone surrogate is valid in JSON and in no file: it stopped the run, and each start paid again."""
    with StubOpenAI(lambda body, before: description(body).replace("dog", r"d\ud83dg")) as stub:
        result = run(photos, tmp_path / "work", stub)
        assert result.exit_code == 0, result.output
        texts = [record["text"] for record in journal_of(tmp_path / "work")]
        assert any("d?g" in text for text in texts)
