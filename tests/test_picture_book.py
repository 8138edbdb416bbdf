"""The picture book: true and well-formed texts, distinct pictures, a writer that is deterministic and safe to stop."""

import dataclasses
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from nanovlm_hf.data import picture_book
from nanovlm_hf.data.picture_book import (
    COLOURS,
    NEW_PAIRS,
    PLACES,
    SEEN_PAIRS,
    THINGS,
    Scene,
    draw_picture_book,
    names_main_thing,
)

ALL_PAIRS = [(colour, thing) for colour in COLOURS for thing in THINGS]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    rng = random.Random(7)
    return [Scene.random(rng, [pair]) for pair in ALL_PAIRS * 5]


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("books") / "book"
    return draw_picture_book(folder, num_train=160, num_validation=20, num_test=32, show_progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def split_of(folder: Path, split: str) -> dict:
    return json.loads((folder / "annotations" / f"captions_{split}.json").read_text(encoding="utf-8"))


def sentences_and_words(text: str) -> tuple[int, int]:
    return len(re.findall(r"[.?!]( |$)", text)), len(re.findall(r"[A-Za-z0-9'-]+", text))


def test_new_pairs_leave_every_colour_and_thing_well_shown():
    assert len(NEW_PAIRS) == 16 and len(SEEN_PAIRS) == 80 and not NEW_PAIRS & set(SEEN_PAIRS)
    for index, names, least in ((0, COLOURS, 10), (1, THINGS, 6)):
        for name in names:
            assert any(pair[index] == name for pair in NEW_PAIRS)
            assert sum(pair[index] == name for pair in SEEN_PAIRS) >= least


def test_texts_have_the_lengths_asked_for(scenes):
    for scene in scenes:
        sentences, words = sentences_and_words(scene.short())
        assert 2 <= sentences <= 3 and 20 <= words <= 25, scene.short()
        sentences, words = sentences_and_words(scene.long())
        assert 5 <= sentences <= 6 and 60 <= words <= 70, scene.long()
        captions = scene.captions()
        assert len(set(captions)) == 5
        assert all(sentences_and_words(caption)[0] == 1 for caption in captions)


def test_texts_name_the_pair_and_are_well_formed(scenes):
    other_place = {"beach": "sand|beach", "snow": "in the snow|on the snow", "street": "street|road", "room": "room"}
    for scene in scenes:
        for text in (*scene.captions(), scene.short(), scene.long()):
            assert names_main_thing(text, scene.thing, scene.colour), text
            assert not names_main_thing(text, scene.thing, "red" if scene.colour != "red" else "blue")
            assert not names_main_thing(text, "ball" if scene.thing != "ball" else "cup", scene.colour)
            assert text[0].isupper() and text[-1] in ".?" and "  " not in text and "{" not in text
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text, re.I), text
            assert not re.search(r"\b(oh|wow|look|picture|image)\b", text, re.I), text
            for place, words in other_place.items():  # said of the main thing, so only where it is
                if place != scene.place:
                    assert not re.search(f"{scene.colour} {scene.thing} [a-z]+ ([a-z]+ )?the ({words})", text), text
            for side in {"left", "right"} - {scene.where}:
                assert not re.search(rf"\b{side}\b", text, re.I), text
            size = re.search(rf"(big|small|little) {scene.colour} {scene.thing}", text, re.I)
            assert size is None or (size[1].lower() == "big") == (scene.size == "big"), text


def test_texts_tell_only_of_extras_that_are_drawn(scenes):
    extras = {extra for place in PLACES.values() for extra in place.extras}
    for scene in scenes:
        for text in (*scene.captions(), scene.short(), scene.long()):
            for extra in extras - set(scene.extras):
                assert not re.search(rf"\b{extra}\b", text, re.I), (scene, text)


def test_texts_vary(scenes):
    assert len({scene.long() for scene in scenes}) == len(scenes)
    assert len({" ".join(scene.short().split()[:2]) for scene in scenes}) > 20
    words = {word for scene in scenes for word in re.findall(r"[a-z']+", f"{scene.short()} {scene.long()}".lower())}
    assert 300 < len(words) < 700


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("A big red ball lies in the grass.", True),
        ("Why is there a RED BALL here?", True),
        ("The ball is here. It is a red ball.", True),
        ("A red and big ball.", False),  # not neighbours
        ("It is red. Ball games are fun.", False),
        ("A blue ball.", False),
        ("A red ball and a blue ball.", False),
        ("A blue red ball.", False),
        ("A blue and red ball.", False),
        ("A red ball and a cat.", False),
        ("A red ball and two butterflies.", False),
        ("A red ball under the blue sky.", True),
        ("A red balloon.", False),
        ("", False),
    ],
)
def test_names_main_thing_is_strict(text, named):
    assert names_main_thing(text, "ball", "red") is named


def test_pictures_show_the_colour_most_and_are_all_different(scenes):
    palette = np.array(list(COLOURS.values()))
    seen = set()
    for scene in scenes[:144]:
        image = scene.draw()
        assert image.size == (224, 224) and image.mode == "RGB"
        seen.add(image.tobytes())
        pixels = np.asarray(image)[::2, ::2].reshape(-1, 1, 3).astype(int)
        near = (np.abs(pixels - palette).max(axis=-1) < 34).sum(axis=0)  # (8,): pixels close to each colour
        if scene.colour != "black":
            near[list(COLOURS).index("black")] = 0  # outlines and wheels are nearly black in every colour
        assert list(COLOURS)[near.argmax()] == scene.colour and near.max() > 100, (scene, near)
    assert len(seen) == 144
    again = dataclasses.replace(scenes[0], seed=scenes[0].seed + 1)
    assert again.draw().tobytes() != scenes[0].draw().tobytes()
    assert dataclasses.replace(scenes[0]).draw().tobytes() == scenes[0].draw().tobytes()


def test_book_has_the_layout_and_splits_of_the_photographs(book):
    ids = []
    for split, count in (("train", 160), ("val", 20), ("test", 32)):
        content = split_of(book, split)
        images, captions = content["images"], content["annotations"]
        assert len(images) == count and len(captions) == 5 * count
        assert {row["image_id"] for row in captions} == {row["id"] for row in images}
        ids += [row["id"] for row in images]
        for row in images:
            assert (book / "images" / row["file_name"]).is_file()
            assert row["new_pair"] is ((row["colour"], row["thing"]) in NEW_PAIRS)
        assert sum(row["new_pair"] for row in images) == (16 if split == "test" else 0)
        for kind in ("short", "long"):
            lines = (book / "descriptions" / f"{kind}desc_{split}.jsonl").read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines]
            assert [row["image_id"] for row in rows] == [row["id"] for row in images]
            assert set(rows[0]) == {"image_id", "file_name", "source", "text", "written_from"}
    assert len(set(ids)) == len(ids) == len(list((book / "images").iterdir()))
    train = split_of(book, "train")["images"]
    assert {(row["colour"], row["thing"]) for row in train} == set(SEEN_PAIRS)
    test = split_of(book, "test")["images"]
    assert {(row["colour"], row["thing"]) for row in test if row["new_pair"]} == NEW_PAIRS


def test_no_text_of_train_or_validation_names_a_new_pair(book):
    new = re.compile("|".join(f"{colour} {thing}" for colour, thing in NEW_PAIRS), re.I)
    for split in ("train", "val"):
        for path in (book / "annotations" / f"captions_{split}.json", *book.glob(f"descriptions/*_{split}.jsonl")):
            content = path.read_text(encoding="utf-8")
            assert len(content) > 1000 and not new.search(content)


def test_equal_arguments_give_equal_bytes_and_another_seed_does_not(book, tmp_path):
    arguments = {"num_train": 160, "num_validation": 20, "num_test": 32, "show_progress": False}
    (tmp_path / "again").mkdir()  # an empty folder is as good as none
    assert contents(draw_picture_book(tmp_path / "again", **arguments)) == contents(book)
    small = {"num_train": 4, "num_validation": 1, "num_test": 2, "show_progress": False}
    one, two = (draw_picture_book(tmp_path / f"seed{seed}", **small, seed=seed) for seed in (1, 2))
    assert contents(one).keys() == contents(two).keys() and contents(one) != contents(two)


def test_an_interruption_leaves_nothing_and_a_finished_book_is_not_drawn_again(tmp_path, monkeypatch):
    arguments = {"num_train": 6, "num_validation": 2, "num_test": 2, "show_progress": False}
    folder = tmp_path / "deep" / "book"
    draw, calls = Scene.draw, []

    def interrupted(scene):
        calls.append(scene)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return draw(scene)

    monkeypatch.setattr(Scene, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_picture_book(folder, **arguments)
    assert list(folder.parent.iterdir()) == []
    assert draw_picture_book(folder, **arguments) == folder
    assert list(folder.parent.iterdir()) == [folder] and len(calls) == 15
    before = contents(folder)
    assert draw_picture_book(folder, **arguments) == folder
    assert len(calls) == 15 and contents(folder) == before


def test_a_folder_with_something_else_is_left_alone(book, tmp_path):
    before = contents(book)
    with pytest.raises(ValueError, match=r"already holds something else.*num_train.*160.*Give another folder"):
        draw_picture_book(book, num_train=10, show_progress=False)
    assert contents(book) == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="no picture book"):
        draw_picture_book(tmp_path, show_progress=False)
    with pytest.raises(ValueError, match="not a folder"):
        draw_picture_book(tmp_path / "notes.txt", show_progress=False)


def test_the_progress_bar_and_a_light_import(tmp_path, capsys):
    draw_picture_book(tmp_path / "book", num_train=2, num_validation=1, num_test=1)
    assert "picture book" in capsys.readouterr().out
    source = Path(picture_book.__file__).read_text(encoding="utf-8")
    assert not re.search(r"^(import|from) (torch|transformers|rich)", source, re.M)
