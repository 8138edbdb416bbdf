"""Held-out beginnings, the curated ones among them, and their completions, kept from run to run."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import TEXTS, draw

from nanovlm_hf.data.sources import Row, Text
from nanovlm_hf.data.text_rules import words_in
from nanovlm_hf.describe import describe
from nanovlm_hf.evaluation.completions import complete_items
from nanovlm_hf.evaluation.decoding import Decoding, Draw
from nanovlm_hf.evaluation.items import BEGINNING_WORDS, curated_items, held_out_items
from nanovlm_hf.evaluation.models import load_model

CURATED = Path(__file__).parent.parent / "nanovlm_hf" / "evaluation" / "curated"
SHORT = Decoding(max_new_tokens={"caption": 6, "short": 6, "long": 6})


def long_text(seed):
    """Words with every kind of mark between them."""
    rng = random.Random(seed)
    words = [
        "A",
        "red",
        "ball,",
        "blue-and-green",
        "don't",
        "boat.",
        "dog;",
        '"kite"',
        "stars'",
        "-",
        "house!",
        "(cat)",
    ]
    return " ".join(rng.choice(words) for _ in range(40)) + " end."


@pytest.fixture
def rows(tmp_path):
    """Twelve pictures on disk, with two captions, a short and a long text each."""
    rows = []
    for i in range(12):
        draw(i).save(tmp_path / f"{i}.png")
        texts = [Text("caption", TEXTS[(i + k) % 5]) for k in range(2)]
        texts += [Text("short", f"{TEXTS[i % 5]} {TEXTS[(i + 1) % 5]}"), Text("long", long_text(i))]
        rows.append(Row(str(i), f"{i}.png", tmp_path / f"{i}.png", "drawn", texts=texts))
    return rows


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, model, processor):
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def completer(checkpoint):
    return load_model(str(checkpoint), device="cpu")


def test_a_beginning_has_the_right_number_of_words_and_the_rest_follows_after_a_blank(rows):
    rows = [
        Row(str(i), "", None, "drawn", texts=[Text("short", long_text(i)), Text("long", long_text(i))])
        for i in range(300)
    ]
    items = held_out_items(rows, ("short", "long"))
    for style in ("short", "long"):
        counts = [len(words_in(item.beginning)) for item in items if item.style == style]
        assert set(counts) == set(BEGINNING_WORDS[style])
        assert min(counts.count(count) for count in set(counts)) > 60
    for item in items:
        assert f"{item.beginning} {item.continuation}" == item.text == long_text(int(item.image_id))
        assert item.from_nothing().text == item.text and item.from_nothing().beginning == ""


def test_items_do_not_depend_on_what_else_is_there(rows):
    items = held_out_items(rows)
    assert len(items) == 36
    alone = [item for row in reversed(rows) for item in held_out_items([row])]
    key = lambda item: (item.style, int(item.image_id))  # noqa: E731
    assert sorted(alone, key=key) == sorted(items, key=key)
    captions = [item for item in items if item.style == "caption"]
    assert all(item.beginning == "" and item.text in item.captions and len(item.captions) == 2 for item in captions)
    assert {item.captions.index(item.text) for item in captions} == {0, 1}


def test_a_cut_text_has_the_tokens_of_the_whole(rows, processor):
    items = held_out_items(rows, ("short", "long"))
    for item in items:
        cut, given = processor.encode(item.beginning, item.continuation, item.style)
        assert cut == processor.encode("", item.text, item.style)[0]
        assert cut[:given] == processor.encode(item.beginning, None, item.style)[0]


def test_texts_too_short_to_be_cut_are_named(rows):
    short = [Row("1", "1.png", None, "drawn", texts=[Text("long", "A red ball.")])]
    with pytest.raises(
        ValueError, match="None of the 1 pictures has a text of the style 'long' with more than 18 words"
    ):
        held_out_items(short, ("long",))
    assert len(held_out_items(rows + short, ("long",))) == 12
    with pytest.raises(ValueError, match="style must be one of caption, short, long; got 'answer'"):
        held_out_items(rows, ("answer",))


def test_the_curated_items_are_25_each_and_cut_by_the_rule():
    lists = {style: json.loads((CURATED / f"{style}.json").read_text())["items"] for style in ("short", "long")}
    ids = {style: [entry["image_id"] for entry in entries] for style, entries in lists.items()}
    assert all(len(set(chosen)) == 25 for chosen in ids.values()) and not set(ids["short"]) & set(ids["long"])
    for style, entries in lists.items():
        assert {entry["source"] for entry in entries} == {"coco", "flickr8k"}
        assert len({entry["subject"] for entry in entries}) >= 20
        ending = " one two three four five six seven eight nine ten."
        rows = [
            Row(e["image_id"], "", None, e["source"], texts=[Text(style, e["beginning"] + ending)]) for e in entries
        ]
        items = held_out_items(rows, (style,))
        found = curated_items(items[::-1], style)
        assert [(item.image_id, item.beginning) for item in found] == [
            (e["image_id"], e["beginning"]) for e in entries
        ]
        with pytest.raises(ValueError, match="1 of the 25 curated items are not in this dataset, or begin otherwise"):
            curated_items(items[1:], style)
    with pytest.raises(ValueError, match="curated items of the styles short and long; got 'caption'"):
        curated_items([], "caption")


def test_our_models_complete_as_describe_does(rows, completer, model, processor, tmp_path):
    items = held_out_items(rows)
    completed = complete_items(
        completer, items, tmp_path / "results", "drawn", SHORT, batch_size=5, show_progress=False
    )
    for item, row in zip(items, completed, strict=True):
        expected = describe(model, processor, [item.open_picture()], item.beginning, item.style, max_new_tokens=6)
        assert [(row["beginning"] + row["completion"]).strip()] == expected
        assert (row["image_id"], row["style"], row["beginning"]) == (item.image_id, item.style, item.beginning)
    assert len({row["completion"] for row in completed}) > 12
    assert completed[0]["decoding"]["num_beams"] == 1 and completed[0]["decoding"]["max_new_tokens"] == 6
    assert completed[0]["dataset"] == "drawn" and completed[0]["revision"] == completer.fingerprint


def test_a_checkpoints_own_settings_come_through_only_where_asked_for(rows, completer, tmp_path):
    items = held_out_items(rows, ("short",))
    plain = complete_items(completer, items, tmp_path / "plain", "", SHORT, show_progress=False)
    own = {
        "num_beams": 3,
        "repetition_penalty": 5.0,
        "max_new_tokens": 2,
        "no_repeat_ngram_size": 2,
        "do_sample": True,
    }
    assert Decoding.own(completer.model.generation_config) == Decoding()
    completer.model.generation_config.update(**own)
    assert complete_items(completer, items, tmp_path / "own", "", SHORT, show_progress=False) == plain
    # Asked for: but not cut short.
    completer.model.generation_config.update(do_sample=False)
    assert Decoding.own(completer.model.generation_config) == Decoding(3, 1.0, 5.0, 2)
    completer.model.generation_config.update(do_sample=True, num_beams=1, temperature=0.8, top_p=0.9)
    drawn = Decoding.own(completer.model.generation_config)
    assert (drawn.temperature, drawn.top_k, drawn.top_p) == (0.8, 50, 0.9)  # 50 is transformers' own default


def test_drawn_texts_are_the_same_in_any_batch_and_like_the_model(rows, completer, tmp_path):
    items = held_out_items(rows)
    drawn = replace(SHORT, temperature=1.0)
    texts = {
        size: complete_items(completer, items, tmp_path / str(size), "", drawn, batch_size=size, show_progress=False)
        for size in (3, 64)
    }
    assert texts[3] == texts[64]
    greedy = complete_items(completer, items, tmp_path / "greedy", "", SHORT, show_progress=False)
    assert sum(one != other for one, other in zip(texts[3], greedy, strict=True)) > len(items) // 2
    for cold in (replace(SHORT, temperature=1e-4), replace(SHORT, temperature=1.0, top_k=1)):
        same = complete_items(completer, items, tmp_path / "cold", "", cold, show_progress=False)
        assert [row["completion"] for row in same] == [row["completion"] for row in greedy]
    with pytest.raises(ValueError, match="2 beams, and drawn at temperature 1.0: choose one"):
        Decoding(num_beams=2, temperature=1.0)


def test_tokens_are_drawn_by_the_models_own_shares():
    shares = torch.tensor([0.6, 0.3, 0.1])
    tokens = Draw(range(4000))(torch.empty(0), shares.log().repeat(4000, 1)).argmax(-1)
    assert (tokens.bincount() / 4000 - shares).abs().max() < 0.03


def test_what_is_completed_is_never_computed_again(rows, completer, checkpoint, tmp_path, monkeypatch):
    items, results = held_out_items(rows), tmp_path / "results"
    whole = complete_items(completer, items, tmp_path / "whole", "drawn", SHORT, batch_size=4, show_progress=False)
    complete, batches = completer.complete, []

    def interrupted(pictures, beginnings, style, decoding, seeds):
        if len(batches) == 3:
            raise KeyboardInterrupt
        batches.append(beginnings)
        return complete(pictures, beginnings, style, decoding, seeds)

    monkeypatch.setattr(completer, "complete", interrupted)
    with pytest.raises(KeyboardInterrupt):
        complete_items(completer, items, results, "drawn", SHORT, batch_size=4, show_progress=False)
    journal = results / "completions.jsonl"
    assert len(journal.read_text().splitlines()) == 12
    journal.write_bytes(journal.read_bytes()[:-7])  # killed in the middle of a line
    batches.clear()
    monkeypatch.setattr(completer, "complete", lambda *a: (batches.append(a[1]), complete(*a))[1])
    assert complete_items(completer, items, results, "drawn", SHORT, batch_size=4, show_progress=False) == whole
    assert sum(map(len, batches)) == 36 - 11

    batches.clear()
    assert complete_items(completer, items[:5], results, "drawn", SHORT, show_progress=False) == whole[:5]
    assert not batches
    draw(99).save(tmp_path / "0.png")
    complete_items(completer, items, results, "drawn", SHORT, show_progress=False)
    assert sum(map(len, batches)) == 3  # the three styles of the changed picture
    batches.clear()
    complete_items(completer, items[:5], results, "drawn", Decoding(num_beams=2), show_progress=False)
    assert sum(map(len, batches)) == 5
    (checkpoint / "results.json").write_text("{}")
    assert load_model(str(checkpoint)).fingerprint == completer.fingerprint
    with torch.no_grad():
        completer.model.lm_head.weight[0] += 1
    completer.model.save_pretrained(tmp_path / "other")
    completer.processor.save_pretrained(tmp_path / "other")
    assert load_model(str(tmp_path / "other")).fingerprint != completer.fingerprint


def test_a_broken_journal_is_named_not_lost(rows, completer, tmp_path):
    items = held_out_items(rows, ("caption",))[:2]
    complete_items(completer, items, tmp_path, "", SHORT, show_progress=False)
    journal = tmp_path / "completions.jsonl"
    first, second = journal.read_text().splitlines()
    journal.write_text(f"{first[:30]}\n{second}\n")
    with pytest.raises(ValueError, match=r"completions.jsonl, line 1: broken"):
        complete_items(completer, items, tmp_path, "", SHORT, show_progress=False)


def test_a_picture_that_cannot_be_read_stops_the_run_and_is_named(rows, completer, tmp_path):
    (tmp_path / "3.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"3.png: not a readable picture"):
        complete_items(completer, held_out_items(rows), tmp_path, "", SHORT, show_progress=False)
    (tmp_path / "3.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"3.png: no such picture"):
        complete_items(completer, held_out_items(rows), tmp_path, "", SHORT, show_progress=False)
