"""The judge: in all weather every text ends scored or with a reason, blind, and is paid for once; and who judges it."""

import base64
import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import signal
import time
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from stub_openai import Reply, StubOpenAI, weather

from nanovlm_hf import openai_client
from nanovlm_hf.evaluation import judge_prompts as prompts
from nanovlm_hf.evaluation.agreement import agreement, spearman, vote_agreement, weighted_kappa
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.judge import JudgeSettings, judge_completions, read_scores
from nanovlm_hf.evaluation.judge_validity import DAMAGED, check_validity, validity_of, validity_rows
from nanovlm_hf.evaluation.judgements import Judgement, mean_scores, total
from nanovlm_hf.openai_client import Completion

KEY = "sk-test-0123456789abcdefghij"
AXES = list(prompts.AXES)
MODELS = ("nanovlm-mini", "Salesforce/blip-image-captioning-base")


def draw(seed, size=(80, 60)):
    """A picture that differs from those of other seeds."""
    return Image.new("RGB", size, tuple(random.Random(seed).randrange(256) for _ in range(3)))


def rows_of(number, models=MODELS):
    """Completions of `number` pictures by each model, all different."""
    return [
        {
            "key": f"{model} {i}",
            "model": model,
            "dataset": "drawn",
            "style": "short",
            "image_id": str(i),
            "beginning": f"A dog number {i} runs over",
            "completion": f" the grass {'and barks ' * (place + 1)}.",
        }
        for place, model in enumerate(models)
        for i in range(number)
    ]


def text_of(body):
    """What the judge is to score."""
    content = body["messages"][1]["content"]
    return content if isinstance(content, str) else content[0]["text"]


def scores(body, **changed):
    """An answer in the schema's order, by the text alone."""
    fields = list(body["response_format"]["json_schema"]["schema"]["properties"])
    rng = random.Random(text_of(body))
    return json.dumps({"rationale": "It is fine."} | {axis: rng.randint(3, 9) for axis in fields[1:]} | changed)


def good(body, times_before):
    return scores(body)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(openai_client, "FIRST_WAIT", 0.02)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def judge(rows, folder, stub, items=(), console=None, confirm=lambda _: True, **settings):
    settings = JudgeSettings(settings.pop("model", "stub"), base_url=stub.url if stub else None, **settings)
    console = console or Console(file=io.StringIO())
    return judge_completions(rows, folder, settings, items, confirm, console)


def journal_of(folder):
    return [json.loads(line) for line in (folder / "judge.jsonl").read_text().splitlines()]


@pytest.fixture
def items(tmp_path):
    """Items with pictures for `rows_of(4)`."""
    items = []
    for i in range(4):
        draw(i, (900, 60)).save(tmp_path / f"{i}.png")
        picture = tmp_path / f"{i}.png"
        items.append(Item(str(i), "short", "A dog", "runs.", (), "drawn", lambda picture=picture: picture))
    return items


# --- Fair weather


def test_every_completion_is_scored_blind_strictly_and_in_shuffled_order(tmp_path):
    rows = rows_of(10)
    with StubOpenAI(good) as stub:
        judgements = judge(rows, tmp_path, stub, concurrency=1)
    assert [one.key for one in judgements] == [row["key"] for row in rows] and len(stub.requests) == 20
    for row, one in zip(rows, judgements, strict=True):
        assert (one.model, one.dataset, one.beginning, one.completion) == (
            row["model"], row["dataset"], row["beginning"], row["completion"],
        )  # fmt: skip
        assert list(one.scores) == AXES and one.reason == "" and one.rationale == "It is fine."
        assert (one.judge, one.judge_model, one.prompt_version) == ("stub (blind)", "stub-2024-08-06", "1")
        assert one.temperature == 0 and total(one.scores) == sum(one.scores.values())
    for body in stub.requests:
        assert not any(model in json.dumps(body) for model in (*MODELS, "nanovlm", "drawn"))
        assert body["temperature"] == 0 and body["response_format"]["json_schema"]["strict"] is True
        schema = body["response_format"]["json_schema"]["schema"]
        assert list(schema["properties"]) == schema["required"] == ["rationale", *AXES]
        assert schema["additionalProperties"] is False and schema["properties"]["plot"]["enum"] == list(range(11))
    asked = [text_of(body) for body in stub.requests]
    wanted = [f"{row['beginning']}{row['completion']}" for row in rows]
    places = [next(place for place, text in enumerate(wanted) if one.endswith(text)) for one in asked]
    assert sorted(places) == list(range(20)) and places != list(range(20))
    first_half = sum(place < 10 for place in places[:10])
    assert 2 < first_half < 8  # of both models among the first


def test_what_was_judged_is_not_asked_again_nor_for_another_model_that_says_the_same(tmp_path):
    rows = rows_of(6)
    with StubOpenAI(good) as stub:
        before = judge(rows[:6], tmp_path, stub)
        assert judge(rows[:6], tmp_path, stub, confirm=lambda _: pytest.fail("nothing is to be asked")) == before
        assert len(stub.requests) == 6
        same = [{**row, "key": f"same {row['key']}", "model": "same"} for row in rows[:6]]
        judgements = judge([*rows, *same], tmp_path, stub)
        assert len(stub.requests) == 12 and judgements[:6] == before
        assert [one.scores for one in judgements[12:]] == [one.scores for one in before]
        assert {one.model for one in judgements[12:]} == {"same"}
        judge(rows[:6], tmp_path, stub, model="another")
    assert len(stub.requests) == 18


def test_a_judge_that_sees_the_picture_is_another_judge_with_a_sixth_score(tmp_path, items):
    rows = rows_of(4)
    with StubOpenAI(good) as stub:
        blind = judge(rows, tmp_path, stub)
        assert all(isinstance(body["messages"][1]["content"], str) for body in stub.requests)
        stub.requests.clear()
        seeing = judge(rows, tmp_path, stub, items, sees_image=True)
        assert len(stub.requests) == 8
        for body in stub.requests:
            text, picture = body["messages"][1]["content"]
            head, data = picture["image_url"]["url"].split(",")
            image = Image.open(io.BytesIO(base64.b64decode(data)))
            assert head == "data:image/jpeg;base64" and image.format == "JPEG" and image.size == (512, 34)
            number = re.search(r"number (\d)", text["text"])[1]
            colour = np.asarray(draw(int(number), (900, 60)).resize((512, 34))).mean((0, 1))
            assert abs(np.asarray(image).mean((0, 1)) - colour).max() < 6  # the picture of this text
        assert {one.judge for one in seeing} == {"stub (sees image)"}
        assert all(list(one.scores) == [*AXES, "grounding"] for one in seeing)
        assert all(total(one.scores) == sum(one.scores[axis] for axis in AXES) for one in seeing)
        assert judge(rows, tmp_path, stub) == blind and len(stub.requests) == 8
        draw(77).save(tmp_path / "2.png")
        judge(rows, tmp_path, stub, items, sees_image=True)
        assert len(stub.requests) == 10  # both models' texts about the picture that changed
        with pytest.raises(ValueError, match=r"needs the pictures, and 1 of 4 are not among the items \(the first: 3"):
            judge(rows, tmp_path, stub, items[:3], sees_image=True)
    with pytest.raises(ValueError, match=r"not put together: stub \(blind\) with prompt 1, stub \(sees image\)"):
        mean_scores([*blind, *seeing])


def test_votes_ask_for_the_axes_in_other_orders_and_count_as_their_mean(tmp_path):
    rows = rows_of(3, MODELS[:1])
    with StubOpenAI(lambda body, _: scores(body, plot=AXES.index(orders(body)[0]))) as stub:
        judge(rows, tmp_path, stub)
        judgements = judge(rows, tmp_path, stub, votes=3)
    assert len(stub.requests) == 9  # the first vote was there
    assert {tuple(orders(body)) for body in stub.requests} == {
        tuple(AXES), (*AXES[1:], AXES[0]), (*AXES[2:], *AXES[:2]),
    }  # fmt: skip
    for body in stub.requests:
        listed = re.findall(r"^- (\w+): ", body["messages"][0]["content"], re.MULTILINE)
        assert listed[:5] == orders(body)
    assert [(one.key, one.vote) for one in judgements] == [(row["key"], vote) for row in rows for vote in range(3)]
    assert [one.scores["plot"] for one in judgements] == [0, 1, 2] * 3
    assert all(scored["plot"] == 1 for scored in mean_scores(judgements).values())


def orders(body):
    return list(body["response_format"]["json_schema"]["schema"]["properties"])[1:]


def test_it_shows_the_cost_and_sends_nothing_when_told_not_to(tmp_path, monkeypatch, items):
    rows, table = rows_of(4), tmp_path / "prices.yaml"
    table.write_text("as_of: today\nmodels: {gpt-4o: {input: 1000, output: 2000}}")
    with StubOpenAI(lambda body, _: scores(body, rationale="It is fine. " * 25), key=KEY) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        console = Console(file=io.StringIO(), width=300)
        settings = {"model": "gpt-4o", "prices": table, "console": console}
        judgements = judge(rows, tmp_path, None, confirm=lambda _: False, **settings)
        said = console.file.getvalue()
        asked = re.search(
            r"8 requests, about ([\d,]+) tokens to read and ([\d,]+) to write.*\nAbout \$([\d.,]+)", said
        )
        read, write, about = (float(number.replace(",", "")) for number in asked.groups())
        assert not stub.requests and {one.reason for one in judgements} == {"not judged yet"}
        assert about == pytest.approx(read / 1000 + write / 500, abs=0.01)
        judgements = judge(rows, tmp_path, None, **settings)
        assert all(one.scores for one in judgements) and stub.keys == {KEY}
        answers = journal_of(tmp_path)
        cost = sum(answer["tokens_in"] / 1000 + answer["tokens_out"] / 500 for answer in answers)
        assert f"${cost:,.2f}" in console.file.getvalue() and 0.6 < about / cost < 1.6
        judge(rows, tmp_path, None, items, sees_image=True, confirm=lambda _: False, **settings)
        with_pictures = float(console.file.getvalue().rsplit("About $", 1)[1].split(" ")[0])
        assert with_pictures - about == pytest.approx(8 * 0.63, rel=0.3)


def test_the_wording_and_its_version_change_together():
    """Scores of two wordings are not compared. Changed a prompt? Raise PROMPT_VERSION, then this."""
    said = [
        prompts.first_messages("A dog", " runs.", list(prompts.axes_for(bool(url))), url) for url in (None, "data:")
    ]
    said += [prompts.answer_schema(AXES), prompts.after_malformed("", "no", AXES), prompts.after_refusal("", AXES)]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]
    assert (prompts.PROMPT_VERSION, digest) == ("1", "06e7352a")


# --- Answers that cannot be used


def said(content, **fields):
    return Completion(
        **{"content": content, "refusal": "", "finish": "stop", "model": "stub", **fields}, tokens_in=1, tokens_out=1
    )


FINE = {"rationale": "Fine.", **dict.fromkeys(AXES, 7)}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (json.dumps(FINE), None),
        (f"<think>Is it {{good}}?</think>\n```json\n{json.dumps(FINE)}\n```", None),
        (f"Here you are: {json.dumps({**FINE, 'plot': 7.0})}. Anything else?", None),
        (json.dumps({**FINE, "plot": 11}), "plot is 11, not a whole number from 0 to 10"),
        (json.dumps({**FINE, "plot": -1}), "plot is -1, not"),
        (json.dumps({**FINE, "plot": 6.5}), "plot is 6.5, not"),
        (json.dumps({**FINE, "plot": "8"}), 'plot is "8", not'),
        (json.dumps({**FINE, "plot": True}), "plot is true, not"),
        (json.dumps({**FINE, "plot": None}), "plot is null, not"),
        ('{"rationale": "", "grammar": NaN, "creativity": 1, "consistency": 1, "meaningfulness": 1, "plot": 1}', "NaN"),
        (json.dumps(dict.fromkeys(AXES[:4], 7)), "rationale, plot missing"),
        (json.dumps({"rationale": "Fine.", "scores": dict.fromkeys(AXES, 7)}), "grammar, creativity"),
        (json.dumps(FINE)[:-8], "it is no JSON object"),
        ("7 out of 10", "it is no JSON object"),
        ('{"rationale": ' + "[" * 3000 + "}", "it is no JSON object"),
        ("", "it is no JSON object"),
        ("[7, 7, 7, 7, 7]", "it is no JSON object"),
    ],
)  # fmt: skip
def test_an_answer_is_scores_or_says_what_is_wrong_with_it(content, problem):
    answer = read_scores(said(content), AXES)
    if problem is None:
        assert (answer["kind"], answer["scores"]) == ("scores", dict.fromkeys(AXES, 7))
        assert all(type(score) is int for score in answer["scores"].values())
    else:
        assert answer["kind"] == "malformed" and problem in answer["problem"]


def test_a_rationale_that_no_file_can_hold_loses_only_that(tmp_path):
    with StubOpenAI(lambda body, _: scores(body).replace("fine", "\\ud83d fine")) as stub:
        (one,) = judge(rows_of(1, MODELS[:1]), tmp_path, stub)
    assert one.scores and one.rationale == "It is ? fine."


def test_an_answer_out_of_range_goes_back_with_what_is_wrong(tmp_path):
    with StubOpenAI(lambda body, _: scores(body, **({"plot": 12} if len(body["messages"]) == 2 else {}))) as stub:
        (one,) = judge(rows_of(1, MODELS[:1]), tmp_path, stub)
    first, second = stub.requests
    assert second["messages"][:2] == first["messages"] and '"plot": 12' in second["messages"][2]["content"]
    assert "plot is 12, not a whole number from 0 to 10" in second["messages"][3]["content"]
    assert one.scores and [answer["kind"] for answer in journal_of(tmp_path)] == ["malformed", "scores"]


def test_refusals_and_unusable_answers_end_unscored_with_a_reason_and_are_not_asked_for_ever(tmp_path):
    def answer(body, _):
        asked = text_of(body)
        if "number 1 " in asked:
            return Reply(refusal="I can't judge that.")
        if "number 2 " in asked:
            return Reply(status=400, error={"message": "filtered", "code": "content_filter"})
        if "number 3 " in asked:
            return Reply(scores(body)[:60], finish="length")
        if "number 4 " in asked:
            return Reply(status=400, error={"message": "too long", "code": "context_length_exceeded"})
        return scores(body)

    rows, console = rows_of(8, MODELS[:1]), Console(file=io.StringIO(), width=300)
    with StubOpenAI(answer) as stub:
        judgements = judge(rows, tmp_path, stub, concurrency=1, console=console, seed=3)
        reasons = [one.reason for one in judgements]
        assert [bool(one.scores) for one in judgements] == [not reason for reason in reasons]
        assert reasons[1:5] == [
            "refusal: I can't judge that.",
            "refusal: 400: filtered",
            "malformed: it is no JSON object, it was cut off",
            "rejected: 400: too long",
        ]
        assert reasons[:1] + reasons[5:] == [""] * 4
        assert Counter(answer["kind"] for answer in journal_of(tmp_path)) == {
            "scores": 4, "refusal": 6, "malformed": 3, "rejected": 1,
        }  # fmt: skip
        assert "stub (blind): 4 scored, 2 unscored (refusal)" in console.file.getvalue()
        sent = len(stub.requests)
        assert judge(rows, tmp_path, stub) == judgements and len(stub.requests) == sent
    assert set(mean_scores(judgements)) == {rows[i]["key"] for i in (0, 5, 6, 7)}


def test_a_server_that_takes_no_temperature_and_no_schema_is_asked_without_once(tmp_path):
    def answer(body, _):
        for name in ("temperature", "response_format"):
            if name in body:
                return Reply(status=400, error={"message": f"Unsupported value: '{name}' is not supported."})
        listed = re.findall(r"^- (\w+): ", body["messages"][0]["content"], re.MULTILINE)[:5]
        return f"I think:\n```json\n{json.dumps({'rationale': 'Well.', **dict.fromkeys(listed, 6)})}\n```"

    with StubOpenAI(answer) as stub:
        judgements = judge(rows_of(5), tmp_path, stub, concurrency=1)
    assert all(one.scores == dict.fromkeys(AXES, 6) and one.temperature is None for one in judgements)
    assert len(stub.requests) == 12 and not any(answer["structured"] for answer in journal_of(tmp_path))


# --- Bad weather

TRANSPORT = {
    "429": Reply(status=429, error={"message": "Slow down."}, headers={"Retry-After": "0.02"}),
    "500": Reply(status=500, error={"message": "Oops."}),
    "hang": Reply(hang=0.7),
    "cut": Reply("x" * 500, cut=True),
    "no JSON": Reply(body=b'{"choices": [{"mess'),
}
CONTENT = {"broken JSON": Reply('{"rationale": "A d'), "refusal": Reply(refusal="No."), "range": Reply("range")}


def stormy(body, times_before):
    fault = weather(body, times_before, TRANSPORT, CONTENT, share=0.05)
    return scores(body, grammar=99) if fault is CONTENT["range"] else fault or scores(body)


def test_in_all_weathers_each_of_200_texts_ends_once(tmp_path):
    rows, met = rows_of(100), Counter()

    def answer(body, times_before):
        reply = stormy(body, times_before)
        met.update(name for name, fault in {**TRANSPORT, **CONTENT}.items() if reply is fault)
        met["range"] += '"grammar": 99' in str(reply)
        return reply

    with StubOpenAI(answer) as stub:
        judgements = judge(rows, tmp_path, stub, timeout=0.5, concurrency=16)
        assert set(met) == {*TRANSPORT, *CONTENT} and min(met.values()) >= 4
        assert [one.key for one in judgements] == [row["key"] for row in rows]
        assert all((one.scores is None) == bool(one.reason) for one in judgements)
        assert sum(one.scores is not None for one in judgements) > 190
        answers = journal_of(tmp_path)
        assert len({answer["key"] for answer in answers}) == len(answers)  # no answer twice
        scored = [answer for answer in answers if answer["kind"] == "scores"]
        assert len(scored) == sum(one.scores is not None for one in judgements)
        sent = len(stub.requests)
        assert judge(rows, tmp_path, stub) == judgements and len(stub.requests) == sent


def child(rows, folder, url):
    """In a process of its own: a run that may be killed."""
    openai_client.FIRST_WAIT = 0.02
    with open(os.devnull, "w") as file:
        settings = JudgeSettings("stub", base_url=url, timeout=0.5)
        judge_completions(rows, folder, settings, console=Console(file=file))


@pytest.fixture(scope="module")
def processes():
    """Processes that start at once, from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    asking = ["openai.resources.chat", "httpcore2", "anyio._backends._asyncio"]  # what openai loads when first used
    ours = ["nanovlm_hf.evaluation.judge_validity", "pytest", "PIL.Image"]
    context.set_forkserver_preload([*ours, "rich.progress", *asking])
    return context


def test_kill_9_at_six_moments_changes_nothing_and_costs_nothing_twice(tmp_path, processes):
    rows, folder, rng = rows_of(20), tmp_path / "results", random.Random(5)

    def slow_storm(body, times_before):
        time.sleep(0.01)
        reply = stormy(body, times_before)
        return reply.replace("It is fine.", text_of(body)) if isinstance(reply, str) else reply

    with StubOpenAI(slow_storm) as stub:
        undisturbed = judge(rows, tmp_path / "undisturbed", stub, timeout=0.5)
        kills = 0
        while True:
            lines = (folder / "judge.jsonl").read_text().splitlines(keepends=True) if kills else []
            answers = [json.loads(line) for line in lines if line.endswith("\n")]
            paid = {json.dumps(answer["rationale"]) for answer in answers if answer["kind"] == "scores"}
            stub.requests.clear()
            process = processes.Process(target=child, args=(rows, folder, stub.url))
            process.start()
            enough = rng.randint(1, 8)
            while kills < 6 and process.is_alive() and len(stub.requests) < enough:
                time.sleep(0.002)
            process.join(rng.uniform(0, 0.02) if kills < 6 else None)
            alive = process.is_alive()
            process.kill()
            process.join()
            assert not paid & {json.dumps(text_of(body)) for body in stub.requests}
            if not alive:
                break
            kills += 1
        assert kills == 6
        stub.requests.clear()
        assert judge(rows, folder, stub, timeout=0.5) == undisturbed and not stub.requests


def test_ctrl_c_takes_in_what_is_paid_for_and_the_next_start_goes_on(tmp_path):
    rows, console = rows_of(20), Console(file=io.StringIO(), width=200)

    def answer(body, _):
        if len(stub.requests) == 12:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        return scores(body)

    with StubOpenAI(answer) as stub:
        with pytest.raises(KeyboardInterrupt):
            judge(rows, tmp_path, stub, concurrency=4, console=console)
        assert "Stopping when the answers under way are in" in console.file.getvalue()
        sent = len(stub.requests)
        assert 12 <= sent == len(journal_of(tmp_path)) < 30
        assert all(one.scores for one in judge(rows, tmp_path, stub)) and len(stub.requests) == 40


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, {"message": f"Incorrect API key provided: {KEY}."}, "does not accept the key"),
        (404, {"message": "The model `stub` does not exist."}, "has no model stub"),
        (429, {"message": "You exceeded your quota.", "code": "insufficient_quota"}, "no credit left"),
        (400, {"message": "Image input is not supported."}, "answers no request (400: Image input"),
    ],
)
def test_what_no_retry_helps_stops_at_once_keeps_all_and_never_shows_the_key(
    tmp_path, monkeypatch, status, error, message
):
    rows, console = rows_of(6), Console(file=io.StringIO(), width=300)
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with StubOpenAI(lambda body, _: scores(body, rationale=f"My key is {KEY}."), key=KEY) as stub:
        judge(rows[:3], tmp_path, stub, key_variable="JUDGE_KEY")
    with StubOpenAI(lambda *_: Reply(status=status, error=error)) as stub, pytest.raises(ValueError) as raised:
        judge(rows, tmp_path, stub, key_variable="JUDGE_KEY", concurrency=2, console=console)
    assert message in str(raised.value) and len(stub.requests) <= 5
    files = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in str(raised.value) + console.file.getvalue() + files and "My key is [key]." in files
    with StubOpenAI(good) as stub:
        assert all(one.scores for one in judge(rows, tmp_path, stub)) and len(stub.requests) == 9


def test_a_text_without_an_answer_says_so_and_is_asked_again_at_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr(openai_client, "TRIES", 2)
    rows = rows_of(5, MODELS[:1])
    with StubOpenAI(
        lambda body, _: Reply(status=500, error="x") if "number 2 " in text_of(body) else scores(body)
    ) as stub:
        judgements = judge(rows, tmp_path, stub)
        assert [bool(one.scores) for one in judgements] == [True, True, False, True, True]
        assert judgements[2].reason.startswith("error: no answer in 2 tries; the last: 500")
        stub.answer, sent = good, len(stub.requests)
        assert all(one.scores for one in judge(rows, tmp_path, stub)) and len(stub.requests) == sent + 1


# --- Is the judge any good?


def test_the_fixed_texts_are_damaged_as_they_say():
    rows = validity_rows()
    assert len(rows) == 60 and len({row["key"] for row in rows}) == 60
    texts = {(row["image_id"], row["model"]): row["completion"] for row in rows}
    for image_id in {row["image_id"] for row in rows}:
        own, swapped, shuffled, repeats, cut = (texts[image_id, name] for name in ("own", *DAMAGED))
        assert sorted(shuffled.split()) == sorted(own.split()) and shuffled != own
        assert own.startswith(cut) and cut[-1].isalpha() and len(cut) < len(own) / 2
        sentences = [sentence.strip() for sentence in repeats.split(".") if sentence.strip()]
        assert len(sentences) >= 5 and len(set(sentences)) == 2
        shared = set(own.lower().split()) & set(swapped.lower().split())
        assert own.count(".") == swapped.count(".") and 0.2 < len(shared) / len(set(own.lower().split())) < 0.8


def able(body):
    """A judge that knows the right endings."""
    text = text_of(body)
    variant = next(row["model"] for row in validity_rows() if text.endswith(row["beginning"] + row["completion"]))
    return scores(body, **dict.fromkeys(orders(body), 8 if variant == "own" else 4))


def test_an_able_judge_passes(tmp_path):
    with StubOpenAI(lambda body, _: able(body)) as stub:
        validity = check_validity(
            tmp_path, JudgeSettings("stub", base_url=stub.url), console=Console(file=io.StringIO())
        )
    assert validity.passed and (validity.judge, validity.texts, validity.unscored) == ("stub (blind)", 60, 0)
    assert [told.variant for told in validity.told] == list(DAMAGED)
    assert all(told.on_total.mean == told.on_axis.mean == 1 and told.on_total.n == 12 for told in validity.told)
    assert len(stub.requests) == 60


def test_a_judge_that_cannot_tell_fails_where_it_cannot():
    def check(score):
        """`score` gives a level for a row of the fixed texts, or None."""
        judgements = []
        for row in validity_rows():
            level = score(row)
            scores = None if level is None else dict.fromkeys(AXES, level)
            judgements.append(Judgement(**row, judge="a", prompt_version="1", vote=0, scores=scores))
        return validity_of(judgements, saw_pictures=False)

    weak = check(lambda row: 8 if row["model"] in ("own", "shuffled") else 4)
    assert [told.variant for told in weak.told if not told.passed] == ["shuffled"] and not weak.passed
    assert weak.told[1].on_total.mean == 0.5  # ties count half
    assert not any(told.passed for told in check(lambda row: 7).told)
    rng = random.Random(0)
    assert sum(check(lambda row: rng.randint(0, 10)).passed for _ in range(5)) == 0
    refusing = check(lambda row: None)
    assert refusing.unscored == 60 and not refusing.passed and refusing.told[0].on_total is None
    few = check(
        lambda row: (8 if row["model"] == "own" else 4) if row["image_id"] in ("711", "2157", "3711") else None
    )
    assert few.told[0].on_total.mean == 1 and few.told[0].on_total.n == 3 and not few.passed  # too few to say
    assert check(lambda row: 8 if row["model"] == "own" else 4).passed


def test_the_judge_that_sees_is_tried_with_the_pictures_where_they_are_at_hand(tmp_path):
    ids = sorted({row["image_id"] for row in validity_rows()})
    items = [Item(i, "short", "", "", (), "drawn", lambda i=i: draw(int(i))) for i in ids]
    with StubOpenAI(lambda body, _: able(body)) as stub:
        settings = JudgeSettings("stub", sees_image=True, base_url=stub.url)
        with_pictures = check_validity(tmp_path, settings, items, console=Console(file=io.StringIO()))
        assert all(len(body["messages"][1]["content"]) == 2 for body in stub.requests)
        without = check_validity(tmp_path, settings, items[1:], console=Console(file=io.StringIO()))
    assert (with_pictures.judge, with_pictures.saw_pictures) == ("stub (sees image)", True)
    assert (without.judge, without.saw_pictures) == ("stub (blind)", False) and len(stub.requests) == 120


# --- Do judges agree?


def judgement(number, judge="a", vote=0, **scored):
    scores = {**dict.fromkeys(AXES, 5), **scored} if scored is not None else None
    return Judgement(
        str(number), "m", "d", "short", str(number), "A", f" text {number}.", judge, "1", vote, scores or None
    )


def test_coefficients_are_those_of_their_definitions():
    first, second = np.array([1, 2, 3, 4, 5.0]), np.array([2, 1, 4, 3, 5.0])
    assert spearman(first, second) == pytest.approx(1 - 6 * 4 / (5 * 24))  # by the formula for no ties
    # With ties: ranks (1, 2.5, 2.5, 4) and (1, 3, 2, 4).
    assert spearman(np.array([1, 2, 2, 3.0]), np.array([1, 3, 2, 4.0])) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))
    assert np.isnan(weighted_kappa(np.ones(4), np.ones(4))) and weighted_kappa(np.ones(4), np.zeros(4)) == 0
    rng = np.random.default_rng(0)
    for _ in range(20):
        a = rng.integers(0, 11, 40)
        b = np.clip(a + rng.integers(-3, 4, 40), 0, 10)
        table = np.zeros((11, 11))
        np.add.at(table, (a, b), 1)
        weights = (np.arange(11)[:, None] - np.arange(11)) ** 2 / 100
        by_chance = np.outer(table.sum(1), table.sum(0)) / 40
        expected = 1 - (weights * table).sum() / (weights * by_chance).sum()
        assert weighted_kappa(a.astype(float), b.astype(float)) == pytest.approx(expected, abs=1e-12)


def test_agreement_counts_the_texts_that_both_scored_with_intervals():
    rng = np.random.default_rng(1)
    plots = rng.integers(0, 11, 60)
    first = [judgement(i, plot=int(plot)) for i, plot in enumerate(plots)]
    second = [
        judgement(i, "b", plot=int(np.clip(plot + rng.integers(-1, 2), 0, 10)), grounding=3)
        for i, plot in enumerate(plots)
    ]
    second[5] = Judgement(**{**asdict(second[5]), "scores": None, "reason": "refusal"})
    rows = {row.axis: row for row in agreement(first, second)}
    assert list(rows) == [*AXES, "total"] and rows["plot"].n == 59
    for row in (rows["plot"], rows["total"]):
        assert (row.first, row.second) == ("a", "b")
        for value in (row.spearman, row.kappa):
            assert 0.9 < value.low < value.mean < value.high <= 1 and value.n == 59
    assert rows["grammar"].spearman is None and rows["grammar"].kappa is None  # all 5: nothing to agree on
    opposite = [judgement(i, "c", plot=10 - int(plot)) for i, plot in enumerate(plots)]
    against = next(row for row in agreement(first, opposite) if row.axis == "plot")
    assert against.spearman.mean == pytest.approx(-1) and against.kappa.high < 0
    # A text that several models wrote alike is one text.
    again = [Judgement(**{**asdict(one), "key": f"again {one.key}", "model": "n"}) for one in first]
    assert agreement(first + again, second)[0].n == 59
    with pytest.raises(ValueError, match="none of them in common"):
        agreement(first[:3], second[5:9])
    with pytest.raises(ValueError, match="needs judgements of two judges; got 60 and 0"):
        agreement(first, [])


def test_votes_agree_as_the_mean_of_their_pairs():
    plots = [1, 5, 9, 3, 7, 2]
    votes = [
        judgement(i, vote=vote, plot=plot if vote < 2 else 10 - plot)
        for i, plot in enumerate(plots)
        for vote in range(3)
    ]
    plot = next(row for row in vote_agreement(votes) if row.axis == "plot")
    assert plot.spearman.mean == pytest.approx((1 - 1 - 1) / 3) and plot.n == 6
    assert (plot.first, plot.second) == ("a", "a")
    with pytest.raises(ValueError, match="needs two or more; got 1"):
        vote_agreement(votes[::3])
