"""The measures of sight, on models of which it is known whether they look."""

from collections import Counter

import numpy as np
import pytest
import torch
from conftest import TEXTS, draw

from nanovlm_hf.data.sources import Row, Text
from nanovlm_hf.evaluation.grounding import measure_grounding
from nanovlm_hf.evaluation.item_values import grounding_values, repeat_values
from nanovlm_hf.evaluation.items import held_out_items
from nanovlm_hf.evaluation.measures import figures_of
from nanovlm_hf.evaluation.models import Likelihoods, NanoVLMCompleter
from nanovlm_hf.training.validation import wrong_pictures


def make_items(counts, styles=("caption", "short")):
    """Items of several sources; a picture's bytes say which it is, and so do its texts."""
    rows = []
    for source, count in counts.items():
        for number in range(count):
            name = f"{source}{number}"
            texts = [Text("caption", name + " x" * (number % 7)), Text("short", name + " a b c d e f g h i")]
            rows.append(Row(name, name, lambda name=name: name.encode(), source, texts=texts))
    return held_out_items(rows, styles)


class Reader:
    """Finds a text likelier by `gain` nats under its own picture, and rare texts less likely under any."""

    name, revision = "reader", "1"

    def __init__(self, gain, rarity=0.0, fingerprint="reader"):
        self.gain, self.rarity, self.fingerprint = gain, rarity, fingerprint
        self.pairs, self.calls = [], []

    def log_likelihood(self, picture, texts):
        name = picture.decode()
        self.calls.append(name)
        scores = []
        for text in texts:
            whole = f"{text.beginning} {text.continuation}".split()
            self.pairs.append((text.style, whole[0], name))
            score = -self.rarity * len(whole) + (self.gain if whole[0] == name else 0.0)
            scores.append((score, score / 2, len(whole), len(text.continuation.split())))
        columns = np.array(scores).T
        return Likelihoods(columns[0], columns[1], columns[2].astype(int), columns[3].astype(int))


def measure(model, items, folder):
    return measure_grounding(model, items, folder, show_progress=False)


def figures(model, items, folder, style="short"):
    """What the report says of a style."""
    rows = measure(model, items, folder)
    found = figures_of(grounding_values(rows, [item for item in items if item.style == style]))
    return {name: figure.estimate for name, figure in found.items()}


def test_a_model_that_looks_finds_pictures_and_texts(tmp_path):
    items = make_items({"coco": 45, "flickr": 50})
    found = figures(Reader(gain=2.0), items, tmp_path)
    assert found["right_picture"].mean == found["right_text"].mean == 1.0
    assert found["gap"].mean == pytest.approx(2.0 / 10) and found["gap"].n == 95
    continuation = len(items[-1].continuation.split())
    assert found["gap_after_beginning"].mean == pytest.approx(1.0 / continuation, rel=0.2)
    assert found["shuffled_loss"].mean - found["loss"].mean == pytest.approx(found["gap"].mean)
    assert found["chance"].mean == pytest.approx(0.1)


def test_a_blind_model_stays_at_chance(tmp_path):
    for style in ("caption", "short"):
        found = figures(Reader(gain=0.0, rarity=3.0), make_items({"coco": 60}), tmp_path, style)
        assert (found["gap"].mean, found["gap"].high) == (0.0, 0.0)
        assert found["right_picture"].mean == pytest.approx(0.1)
        assert found["right_text"].mean == pytest.approx(0.1, abs=1e-9)


def test_a_text_is_not_found_for_being_short_or_common(tmp_path):
    """Captions differ by up to 18 nats in any picture; what the picture adds is 2. Raw likelihood would take the short."""
    found = figures(Reader(gain=2.0, rarity=3.0), make_items({"coco": 60}), tmp_path, "caption")
    assert found["right_text"].mean == 1.0


def test_wrong_pictures_are_of_the_same_source_and_serve_equally(tmp_path):
    reader = Reader(gain=1.0)
    measure(reader, make_items({"coco": 45, "flickr": 50}), tmp_path)
    assert len(set(reader.pairs)) == len(reader.pairs) == 2 * 95 * 40
    assert all(text.rstrip("0123456789") == picture.rstrip("0123456789") for _, text, picture in reader.pairs)
    assert set(Counter((style, text) for style, text, _ in reader.pairs).values()) == {40}
    assert set(Counter((style, picture) for style, _, picture in reader.pairs).values()) == {40}
    assert Counter(reader.calls).most_common(1)[0][1] == 1  # each picture is encoded once


def test_wrong_pictures_are_derangements():
    sources = ["a"] * 8 + ["b"] * 5 + ["c"]
    wrong = wrong_pictures(sources, list(range(14)), seed=3, count=5)
    for k in range(4):
        assert sorted(others[k] for picture, others in wrong.items() if picture < 13) == list(range(13))
    assert all(sources[picture] == sources[other] for picture, others in wrong.items() for other in others)
    assert all(picture not in others and len(set(others)) == len(others) for picture, others in wrong.items())
    assert [len(wrong[picture]) for picture in (0, 8, 13)] == [5, 4, 0]
    assert wrong != wrong_pictures(sources, list(range(14)), seed=4, count=5)
    first = wrong_pictures(sources, list(range(14)), seed=3)
    assert all(first[picture] == wrong[picture][:1] for picture in wrong)


def test_few_pictures_make_an_easier_choice_and_say_so(tmp_path):
    found = figures(Reader(gain=0.0), make_items({"coco": 3, "alone": 1}, ("short",)), tmp_path)
    assert found["chance"].mean == found["right_picture"].mean == pytest.approx(1 / 3) and found["chance"].n == 3
    with pytest.raises(ValueError, match="no two pictures of one source"):
        measure(Reader(gain=0.0), make_items({"a": 1, "b": 1}), tmp_path)
    items = make_items({"a": 3})
    with pytest.raises(ValueError, match="Picture a0 has 2 items of the style 'caption'"):
        measure(Reader(gain=0.0), items + items[:1], tmp_path)


def test_an_interrupted_measurement_goes_on(tmp_path):
    items = make_items({"coco": 20})
    whole = measure(Reader(gain=1.0), items, tmp_path / "whole")
    broken = Reader(gain=1.0)
    score = broken.log_likelihood

    def interrupted(picture, texts):
        if len(broken.calls) == 8:
            raise KeyboardInterrupt
        return score(picture, texts)

    broken.log_likelihood = interrupted
    with pytest.raises(KeyboardInterrupt):
        measure(broken, items, tmp_path)
    again = Reader(gain=1.0)
    assert measure(again, items, tmp_path) == whole and len(again.calls) == 12
    other = Reader(gain=0.0, fingerprint="other")
    measure(other, items, tmp_path)
    assert len(other.calls) == 20


def test_our_models_are_scored_as_text_by_text(model, processor, tmp_path):
    """Texts of several lengths under one encoded picture give what each gives alone, in the model's own loss."""
    completer = NanoVLMCompleter("tiny", "", "tiny", model=model, processor=processor)
    for number in range(6):
        draw(number).save(tmp_path / f"{number}.png")
    rows = [
        Row(
            str(i),
            "",
            tmp_path / f"{i}.png",
            "drawn",
            texts=[Text("caption", TEXTS[i]), Text("short", f"{TEXTS[i]} {TEXTS[i - 1]}")],
        )
        for i in range(6)
    ]
    items = held_out_items(rows, ("caption", "short"))
    measured = measure(completer, items, tmp_path)
    order = wrong_pictures(["drawn"] * 6, list(range(6)), 0, 39)

    def loss(item, picture):
        ids, _ = processor.encode("", item.text, item.style)
        lead = processor.encode("", None, item.style)[1]
        ids = torch.tensor([ids])
        labels = torch.where(torch.arange(ids.shape[1]) < lead, -100, ids)
        pixels = processor.image_processor(tmp_path / f"{picture}.png", return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            return model(input_ids=ids, pixel_values=pixels, labels=labels).loss.item()

    for index, (item, row) in enumerate(zip(items[:6], measured[:6], strict=True)):
        right = loss(item, index)
        wrong = [loss(item, other) for other in order[index]]
        assert row["right_nats"] / row["tokens"] == pytest.approx(right, rel=1e-5)
        assert row["wrong_nats"] / row["tokens"] == pytest.approx(np.mean(wrong), rel=1e-5)
        assert row["right_picture"] == float(right < min(wrong))
    assert np.std([(row["wrong_nats"] - row["right_nats"]) / row["tokens"] for row in measured]) > 1e-3


def test_one_phrase_for_many_pictures_shows():
    texts = ["A man in a red shirt.", "a man in a red shirt", "A dog runs.", "A cat sleeps."]
    assert repeat_values(texts) == {"is_commonest": [1, 1, 0, 0]}
