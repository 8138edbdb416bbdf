"""Scoring by hand: the page is blind and whole in itself, a browser keeps what is typed, and its file is read."""

import json
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from types import SimpleNamespace

import pytest
from PIL import Image

from nanovlm_hf.evaluation.agreement import agreement
from nanovlm_hf.evaluation.human_judging import read_human_judgements, write_judging_page
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.judge_prompts import AXES
from nanovlm_hf.evaluation.judgements import mean_scores

MODELS = ("nanovlm-mini", "org/blip")
SIX = [*AXES, "grounding"]


@pytest.fixture
def rows():
    """Four completions of each model; the last ones are alike, and one tries to be HTML."""
    endings = {
        "nanovlm-mini": [" runs.", " </script><b>sleeps.", "", " eats."],
        "org/blip": [" is.", " was.", " sits.", " eats."],
    }
    return [
        {
            "key": f"{model} {i}", "model": model, "dataset": "drawn", "style": "short", "image_id": str(i),
            "beginning": f"A dog number {i}", "completion": endings[model][i],
        }
        for model in MODELS
        for i in range(4)
    ]  # fmt: skip


@pytest.fixture
def items():
    pictures = [Image.new("RGB", (80, 60), tuple(random.Random(i).randrange(256) for _ in range(3))) for i in range(4)]
    return [
        Item(str(i), "short", "", "", (), "drawn", lambda picture=picture: picture)
        for i, picture in enumerate(pictures)
    ]


def data_of(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text())[1])


def saved(path, scores, sees_image=False, rater="Anna"):
    path.write_text(
        json.dumps({"page": "x", "sees_image": sees_image, "prompt_version": "1", "rater": rater, "scores": scores})
    )
    return path


def test_the_page_is_blind_shuffled_and_asks_nothing_of_the_network(rows, items, tmp_path):
    page = tmp_path / "judging.html"
    assert write_judging_page(rows, page) == 7  # two wrote the same
    html, data = page.read_text(), data_of(page)
    assert not any(word in html for word in (*MODELS, "nanovlm", "http://", "https://", "drawn", "data:image"))
    assert "default-src 'none'" in html and "{{" not in html
    assert {(one["beginning"], one["completion"]) for one in data["items"]} == {
        (row["beginning"], row["completion"]) for row in rows
    }
    assert all(set(one) == {"id", "beginning", "completion"} for one in data["items"])
    assert [axis["name"] for axis in data["axes"]] == list(AXES) and data["pictures"] == {}
    written = [(row["beginning"], row["completion"]) for row in rows]
    order = [written.index((one["beginning"], one["completion"])) for one in data["items"]]
    assert order != sorted(order)
    write_judging_page(rows[::-1], tmp_path / "again.html")
    assert data_of(tmp_path / "again.html") == data  # whatever the order of the rows
    write_judging_page(rows, tmp_path / "other.html", seed=1)
    assert data_of(tmp_path / "other.html")["items"] != data["items"]
    assert write_judging_page(rows, page, items) == 7
    data = data_of(page)
    assert [axis["name"] for axis in data["axes"]] == SIX and len(data["pictures"]) == 4
    assert all(data["pictures"][one["picture"]].startswith("data:image/jpeg;base64,") for one in data["items"])
    with pytest.raises(ValueError, match=r"1 of 4 pictures are not among the items \(the first: 3\)"):
        write_judging_page(rows, page, items[:3])
    with pytest.raises(ValueError, match="no completions to be scored"):
        write_judging_page([], page)


def test_scores_by_hand_are_judgements_like_others(rows, items, tmp_path):
    write_judging_page(rows, tmp_path / "page.html")
    ids = {(one["beginning"], one["completion"]): one["id"] for one in data_of(tmp_path / "page.html")["items"]}
    scored = {ids[row["beginning"], row["completion"]]: dict.fromkeys(AXES, number) for number, row in enumerate(rows)}
    half, gone = ids["A dog number 0", " runs."], ids["A dog number 1", " was."]
    del scored[half]["plot"], scored[half]["grammar"], scored[gone]
    judgements = read_human_judgements(saved(tmp_path / "a.json", scored), rows)
    assert [one.key for one in judgements] == [row["key"] for row in rows]
    assert {one.judge for one in judgements} == {"Anna (blind)"}
    assert [one.scores and one.scores["plot"] for one in judgements] == [None, 1, 2, 7, 4, None, 6, 7]
    assert judgements[0].reason == "not scored by hand: grammar, plot" and judgements[1].reason == ""
    assert mean_scores(judgements)["org/blip 2"]["total"] == 30
    other = read_human_judgements(saved(tmp_path / "b.json", scored, rater="Ben"), rows)
    assert agreement(judgements, other)[0].n == 5  # six scored rows, two of them one text
    later = [{**rows[0], "key": "new", "completion": " is new."}]
    assert read_human_judgements(tmp_path / "a.json", [*rows, *later])[-1].scores is None
    with pytest.raises(ValueError, match=r"a\.json: it has none of these 1 completions"):
        read_human_judgements(tmp_path / "a.json", later)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a file of the judging page"),
        ("[]", "not a file of the judging page"),
        ('{"rater": "A"}', "not a file of the judging page"),
        ({"grammar": 11}, "grammar of text x is 11; scores go from 0 to 10"),
        ({"grammar": True}, "grammar of text x is True"),
        ({"grounding": 3}, "grounding of text x is 3"),
    ],
)
def test_files_that_are_not_the_pages_are_refused(rows, tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text) if isinstance(text, str) else saved(path, {"x": text})
    with pytest.raises(ValueError, match=message):
        read_human_judgements(path, rows)
    with pytest.raises(FileNotFoundError, match="b.json: no such file"):
        read_human_judgements(tmp_path / "b.json", rows)


# --- In a browser

KEYS = {"right": "\ue014", "left": "\ue012", "up": "\ue013", "down": "\ue015", "enter": "\ue007", "delete": "\ue017"}


@pytest.fixture
def browser(tmp_path):
    """Chromium by its driver's protocol: `visit`, `press`, `run` (JavaScript), `log`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)

    def call(path, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def press(*keys):
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        call(f"{session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    options = {
        "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        "prefs": {"download.default_directory": str(tmp_path / "downloads")},
    }
    wanted = {"goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": options}
    try:
        for _ in range(300):
            try:
                call("/status", method="GET")
                break
            except OSError:
                time.sleep(0.1)
        session = f"/session/{call('/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"
        yield SimpleNamespace(
            visit=lambda path: call(f"{session}/url", {"url": path.as_uri()}),
            reload=lambda: call(f"{session}/refresh", {}),
            press=press,
            run=lambda code: call(f"{session}/execute/sync", {"script": f"return {code}", "args": []}),
            log=lambda: call(f"{session}/se/log", {"type": "browser"}),
            phone=lambda width: call(
                f"{session}/goog/cdp/execute",
                {
                    "cmd": "Emulation.setDeviceMetricsOverride",
                    "params": {"width": width, "height": 740, "deviceScaleFactor": 1, "mobile": True},
                },
            ),
        )
        call(session, method="DELETE")
    finally:
        driver.terminate()
        driver.wait()


@pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs Chromium and its driver")
def test_in_a_browser_keys_score_a_reload_loses_nothing_and_the_file_is_read(rows, items, tmp_path, browser):
    page = tmp_path / "page.html"
    write_judging_page(rows, page, items)
    chosen = "[...document.querySelectorAll(':checked')].map(radio => radio.id)"
    where = "document.getElementById('where').textContent"
    browser.visit(page)
    assert browser.run(where) == "Text 1 of 7; 0 scored"
    assert browser.run("[...document.images].every(one => one.complete && one.naturalWidth === 80)")
    first = data_of(page)["items"][0]
    shown = browser.run("document.getElementById('text').textContent")
    assert shown == first["beginning"] + (first["completion"] or " (nothing was added)")
    browser.press(*"78t0", "left", "right", "right", "9")  # the fifth axis: from nothing to 10, 10 again, then 9
    browser.press("3")
    assert browser.run("document.activeElement.id") == "next"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"  # the focus is seen
    browser.press("5")  # one too many changes nothing
    expected = [f"{axis}-{score}" for axis, score in zip(SIX, (7, 8, 10, 0, 9, 3), strict=True)]
    assert browser.run(chosen) == expected
    browser.press("enter", "4", "down", "6", "up", "5", "up", "up", "right", "delete")
    assert browser.run(where) == "Text 2 of 7; 1 scored" and browser.run(chosen) == ["grammar-4", "consistency-5"]
    browser.reload()
    assert browser.run(where) == "Text 2 of 7; 1 scored" and browser.run(chosen) == ["grammar-4", "consistency-5"]
    browser.press("p")
    assert browser.run(chosen) == expected
    browser.run("document.getElementById('download').click()")
    assert "needs a name" in browser.run("document.getElementById('notice').textContent")
    browser.press(*"Anna T")
    browser.run("document.getElementById('download').click()")
    for _ in range(100):
        if files := list((tmp_path / "downloads").glob("scores-Anna-T-*.json")):
            break
        time.sleep(0.1)
    judgements = read_human_judgements(files[0], rows)
    (one,) = {json.dumps(judgement.scores) for judgement in judgements if judgement.scores}
    assert json.loads(one) == dict(zip(SIX, (7, 8, 10, 0, 9, 3), strict=True))
    assert judgements[0].judge == "Anna T (sees image)"
    browser.phone(360)
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert (
        browser.run("Math.min(...[...document.querySelectorAll('.scores label')].map(one => one.offsetWidth))") >= 36
    )
    assert browser.log() == []
