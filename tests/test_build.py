"""Descriptions become a dataset folder: what is written is what `datasets` reads, nothing is lost in silence."""

import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import draw
from PIL import Image
from typer.testing import CliRunner

from nanovlm_hf.data import build as build_module
from nanovlm_hf.data import check_plots
from nanovlm_hf.data.build import build_dataset, build_from_folder, split_by_hash
from nanovlm_hf.data.cli import app
from nanovlm_hf.data.descriptions import Description, read_descriptions
from nanovlm_hf.data.sources import Row, Text
from nanovlm_hf.data.text_rules import words_in
from nanovlm_hf.hub.verify import problems_of

GOOD = "A brown dog runs on the green grass with a red ball. It is a warm day, and the dog is very happy to play."
GOOD_LONG = (
    "A brown dog runs on the green grass with a red ball. It is a warm day, and the dog is very happy to play. "
    "A boy in a blue shirt waits for the ball. He has a big smile on his face. The dog may be hungry soon. "
    "Then they both go home, and the dog gets a bowl of food and water."
)
SHORT_OF_WORDS = "A dog runs."
UNSUITABLE = (
    "A naked man stands on the green grass with a red ball. It is a warm day, and the man is very happy to play."
)


def describe(folder, i, split="train", text=GOOD, picture=True):
    folder.mkdir(exist_ok=True)
    path = folder / f"{i}.png"
    if picture and not path.exists():
        draw(i).save(path)
    captions = [
        Text("caption", "A dog runs with a ball.", teacher="people"),
        Text("caption", f"Dog {i}.", teacher="people"),
    ]
    row = Row(str(i), str(path), path, "drawn", texts=captions, file_name=path.name)
    return Description(split, row, Text("short", text, teacher="gpt-4o"), "captions")


@pytest.fixture(autouse=True)
def without_plots(monkeypatch):
    """They take half of a small build's time; a test that looks at them undoes this."""
    monkeypatch.setattr(check_plots, "write_plots", lambda report, folder: None)


@pytest.fixture
def descriptions(tmp_path):
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    return [describe(tmp_path / "pictures", i, split) for i, split in enumerate(splits)]


@pytest.fixture
def photos(tmp_path):
    """A COCO-form folder with texts of both styles."""
    folder = tmp_path / "photos"
    for name in ("images", "annotations", "descriptions"):
        (folder / name).mkdir(parents=True)
    for split, ids in (("train", range(6)), ("val", range(6, 8)), ("test", range(8, 10))):
        images = [{"id": i, "file_name": f"coco_{i:012d}.jpg", "source": "coco", "captions_by": "people"} for i in ids]
        notes = [{"id": i, "image_id": i, "caption": "A dog runs with a ball."} for i in ids]
        data = {"images": images, "annotations": notes}
        (folder / "annotations" / f"captions_{split}.json").write_text(json.dumps(data))
        for image in images:
            draw(image["id"]).save(folder / "images" / image["file_name"])
        for style, text in (("short", GOOD), ("long", GOOD_LONG)):
            records = [{"image_id": i, "text": text, "written_from": "captions"} for i in ids]
            path = folder / "descriptions" / f"{style}desc_{split}.jsonl"
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def rows_of(folder, tmp_path, streaming):
    import datasets

    splits = datasets.load_dataset(str(folder), streaming=streaming, cache_dir=str(tmp_path / "cache"))
    rows = {}
    for name, split in splits.items():
        rows[name] = list(
            split.cast_column("image", datasets.Image(decode=False)) if "image" in split.features else split
        )
    return rows


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("with_images", [False, True])
def test_load_dataset_reads_what_was_written_row_by_row(descriptions, tmp_path, with_images, streaming):
    build_dataset(descriptions, tmp_path / "shortdesc", with_images=with_images, show_progress=False)
    rows = rows_of(tmp_path / "shortdesc", tmp_path, streaming)
    assert {split: [row["image_id"] for row in found] for split, found in rows.items()} == {
        "train": ["0", "1", "2", "3", "4", "5"],
        "validation": ["6", "7"],
        "test": ["8", "9"],
    }
    for split, row, text, written_from in descriptions:
        loaded = next(found for found in rows[split] if found["image_id"] == row.image_id)
        image = {"image": {"bytes": row.picture.read_bytes(), "path": row.file_name}} if with_images else {}
        assert loaded == image | {
            "image_id": row.image_id,
            "image_url": None,
            "file_name": row.file_name,
            "captions": row.captions(),
            "captions_by": "people",
            "text": text.continuation,
            "style": "short",
            "words": 25,
            "sentences": 2,
            "source": "drawn",
            "teacher": "gpt-4o",
            "written_from": written_from,
            "flags": [],
            "attribution": "",
        }


def test_embedded_pictures_come_out_of_datasets_as_pictures(descriptions, tmp_path):
    from datasets import load_dataset

    build_dataset(descriptions, tmp_path / "out", show_progress=False)
    row = load_dataset(str(tmp_path / "out"), split="test", cache_dir=str(tmp_path / "cache"))[0]
    assert row["image"].tobytes() == draw(8).tobytes()


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_input_in_any_order_gives_the_same_bytes(descriptions, tmp_path, monkeypatch):
    monkeypatch.undo()
    for folder, given in (("a", descriptions), ("b", descriptions[::-1])):
        build_dataset(given, tmp_path / folder / "shortdesc", show_progress=False)
    first = files_of(tmp_path / "a" / "shortdesc")
    assert first == files_of(tmp_path / "b" / "shortdesc")
    assert {"README.md", "build.json", "data/train-00000-of-00001.parquet", "check/words.png"} <= set(first)


def test_the_fingerprint_tells_texts_and_pictures_apart(descriptions, tmp_path):
    def fingerprint():
        return build_dataset(descriptions, tmp_path / "out", show_progress=False)["fingerprint"]

    first = fingerprint()
    assert fingerprint() == first
    draw(99).save(descriptions[0].row.picture)
    second = fingerprint()
    descriptions[1].text.continuation = GOOD.replace("brown", "black")
    assert len({first, second, fingerprint()}) == 3


def test_pictures_without_a_split_get_one_by_their_id(tmp_path):
    splits = [split_by_hash(str(i)) for i in range(10_000)]
    assert 0.78 < splits.count("train") / 10_000 < 0.82
    assert 0.09 < splits.count("validation") / 10_000 < 0.11 and 0.09 < splits.count("test") / 10_000 < 0.11
    few = [describe(tmp_path / "pictures", i, split=None) for i in range(40)]
    more = few + [describe(tmp_path / "pictures", i, split=None) for i in range(100, 130)]
    homes = []
    for given in (few, more):
        build_dataset(given, tmp_path / "out", show_progress=False)
        rows = rows_of(tmp_path / "out", tmp_path, streaming=True)
        homes.append({row["image_id"]: split for split, found in rows.items() for row in found})
    assert homes[0] == {i: split for i, split in homes[1].items() if int(i) < 100} and len(homes[1]) == 70


def test_no_picture_is_in_two_splits(descriptions, tmp_path):
    twin = describe(tmp_path / "pictures", 50, "train")
    shutil.copy(descriptions[9].row.picture, twin.row.picture)
    record = build_dataset([*descriptions, twin], tmp_path / "out", show_progress=False)
    assert [(one["image_id"], one["kind"]) for one in record["left_out"]] == [("50", "in two splits")]
    assert "picture 9 in the split test" in record["left_out"][0]["why"]
    assert {split: size["rows"] for split, size in record["splits"].items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
    }

    again = descriptions[0]._replace(split="test")
    with pytest.raises(ValueError, match=r"Picture 0 is there twice \(train and test\)"):
        build_dataset([*descriptions, again], tmp_path / "out", show_progress=False)


def test_files_are_cut_by_size_and_read_as_one(descriptions, tmp_path):
    record = build_dataset(descriptions, tmp_path / "out", shard_bytes=1_000, show_progress=False)
    names = sorted(path.name for path in (tmp_path / "out" / "data").glob("train-*"))
    assert len(names) >= 3 and names[-1] == f"train-{len(names) - 1:05d}-of-{len(names):05d}.parquet"
    assert [row["image_id"] for row in rows_of(tmp_path / "out", tmp_path, False)["train"]] == list("012345")
    whole = build_dataset(descriptions, tmp_path / "whole", show_progress=False)
    assert record["fingerprint"] == whole["fingerprint"] and record["splits"] == whole["splits"]


def test_pictures_that_are_missing_or_damaged_are_left_out_and_named(descriptions, tmp_path):
    descriptions[0].row.picture.unlink()
    whole = descriptions[1].row.picture.read_bytes()
    descriptions[1].row.picture.write_bytes(whole[: len(whole) // 2])
    descriptions[2].row.picture.write_text("<html>404</html>")
    record = build_dataset(descriptions, tmp_path / "out", show_progress=False)
    found = {one["image_id"]: one["kind"] for one in record["left_out"]}
    assert found == {"0": "no picture", "1": "unreadable picture", "2": "unreadable picture"}
    assert record["splits"]["train"]["rows"] == 3
    assert str(tmp_path) not in (tmp_path / "out" / "build.json").read_text()

    named = build_dataset(descriptions, tmp_path / "texts", with_images=False, show_progress=False)
    assert named["left_out"] == [] and named["splits"]["train"]["rows"] == 6


def test_pictures_of_other_forms_are_embedded_too(tmp_path):
    content = io.BytesIO()
    draw(1).save(content, "JPEG")
    forms = [content.getvalue(), draw(2), tmp_path / "3.png"]
    draw(3).save(forms[2])
    given = []
    for i, form in enumerate(forms):
        description = describe(tmp_path, i, picture=False)
        given.append(description._replace(row=replace(description.row, picture=lambda form=form: form)))
    build_dataset(given, tmp_path / "out", show_progress=False)
    rows = rows_of(tmp_path / "out", tmp_path, streaming=False)["train"]
    assert rows[0]["image"]["bytes"] == forms[0] and rows[2]["image"]["bytes"] == forms[2].read_bytes()
    assert Image.open(io.BytesIO(rows[1]["image"]["bytes"])).tobytes() == draw(2).tobytes()


def test_texts_that_break_rules_are_flagged_or_left_out_and_unsuitable_ones_never_stay(descriptions, tmp_path):
    descriptions[0].text.continuation = SHORT_OF_WORDS
    descriptions[1].text.continuation = UNSUITABLE
    record = build_dataset(descriptions, tmp_path / "out", show_progress=False)
    assert [(one["image_id"], one["kind"]) for one in record["left_out"]] == [("1", "unsuitable")]
    assert record["left_out"][0]["why"] == "nudity"
    rows = {row["image_id"]: row for row in rows_of(tmp_path / "out", tmp_path, True)["train"]}
    assert set(rows["0"]["flags"]) >= {"length", "sentences"} and rows["0"]["words"] == 3 and rows["2"]["flags"] == []

    strict = build_dataset(descriptions, tmp_path / "out", strict=True, show_progress=False)
    assert {one["image_id"]: one["kind"] for one in strict["left_out"]} == {"0": "flagged", "1": "unsuitable"}
    assert "It has 3 words" in next(one["why"] for one in strict["left_out"] if one["image_id"] == "0")


def test_a_folder_that_is_something_else_is_not_touched(descriptions, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"mine is there and no dataset .* Name another folder"):
        build_dataset(descriptions, mine, show_progress=False)
    assert files_of(mine) == {"thesis.txt": b"years of work"}


def test_a_failed_build_leaves_the_old_dataset_and_nothing_else(descriptions, tmp_path, monkeypatch):
    out = tmp_path / "out"
    build_dataset(descriptions, out, show_progress=False)
    before, beside = files_of(out), sorted(tmp_path.iterdir())

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / ".out.part").mkdir()  # of a build that was killed
    (tmp_path / ".out.part" / "half").write_text("")
    monkeypatch.setattr(build_module, "write_card", full_disk)
    with pytest.raises(OSError, match="No space left"):
        build_dataset(descriptions[:4], out, show_progress=False)
    assert files_of(out) == before and sorted(tmp_path.iterdir()) == beside


def test_the_name_of_the_folder_tells_the_style(photos, tmp_path):
    build_from_folder(photos, tmp_path / "longdesc")
    assert json.loads((tmp_path / "longdesc" / "build.json").read_text())["style"] == "long"
    with pytest.raises(ValueError, match=r"long and short style: say which with --style"):
        build_from_folder(photos, tmp_path / "mine")
    build_from_folder(photos, tmp_path / "mine", style="short")
    assert {one.text.style for one in read_descriptions(tmp_path / "mine")} == {"short"}


def test_texts_shipped_without_pictures_are_joined_with_a_users_own(photos, tmp_path):
    annotations = photos / "annotations" / "captions_train.json"
    annotations.write_text(annotations.read_text().replace('"captions_by": "people"', '"captions_by": "model"', 1))
    flaw = "The sun never shines in it."
    descriptions = [one for one in read_descriptions(photos) if one.text.style == "short"]
    build_dataset(descriptions, tmp_path / "shortdesc", with_images=False, notes=[flaw], show_progress=False)
    coco = tmp_path / "coco" / "train2017"
    coco.mkdir(parents=True)
    for i in range(9):  # under COCO's own names, and one of ten is not there
        (photos / "images" / f"coco_{i:012d}.jpg").rename(coco / f"{i:012d}.jpg")
    out = tmp_path / "shortdesc-with-pictures"
    texts, places = ["--descriptions", str(tmp_path / "shortdesc")], ["--images", str(tmp_path / "coco")]
    answer = CliRunner().invoke(app, ["build", *texts, *places, "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    assert "no picture: 1 left out" in answer.output and "picture 9 (test)" in answer.output
    assert flaw in (out / "README.md").read_text()
    before, after = (rows_of(folder, tmp_path, streaming=True) for folder in (tmp_path / "shortdesc", out))
    assert [row["captions_by"] for row in before["train"]] == ["model"] + ["people"] * 5
    joined = [row for split in ("train", "validation", "test") for row in after[split]]
    assert len(joined) == 9
    for row, text in zip(
        joined, [row for split in ("train", "validation", "test") for row in before[split]], strict=False
    ):
        image = row.pop("image")
        assert row == text and image["bytes"] == (coco / row["file_name"].removeprefix("coco_")).read_bytes()


def test_what_was_generated_is_checked_and_built(photos, tmp_path):
    def run(*arguments):
        answer = CliRunner().invoke(app, list(map(str, arguments)))
        assert answer.exit_code == 0, answer.output
        return answer.output

    work, out = tmp_path / "work", tmp_path / "longdesc"
    styles = ("--style", "short", "--style", "long")
    run("generate", "--captions", photos, *styles, "--teacher", "offline", "--out", work, "--yes")
    assert "short" in run("check", work) and (work / "check" / "report.json").exists()
    assert "train 6, validation 2, test 2 rows" in run("build", work, "--out", out)
    rows = [row for found in rows_of(out, tmp_path, streaming=True).values() for row in found]
    assert {(row["style"], row["teacher"], row["written_from"]) for row in rows} == {("long", "offline", "captions")}
    assert "which is no language model" in (out / "README.md").read_text()


def test_the_command_names_what_is_wrong(photos, tmp_path):
    def refusal(*arguments):
        answer = CliRunner().invoke(app, ["build", *map(str, arguments)])
        assert answer.exit_code == 2, answer.output
        return " ".join(answer.output.replace("│", " ").split())

    out = ("--out", tmp_path / "shortdesc")
    assert "Pass a folder, or --descriptions" in refusal(*out)
    assert "pass their folders or zips with --images" in refusal("--descriptions", photos, *out)
    assert "no such folder" in refusal(tmp_path / "nothing", *out)
    assert "holds no descriptions" in refusal(photos / "images", *out)
    assert "such as 500MB" in refusal(photos, *out, "--shard-size", "big")
    shutil.rmtree(photos / "images")
    assert "no picture: 10 left out" in refusal(photos, *out)
    assert not (tmp_path / "shortdesc").exists()


def test_the_card_is_valid_and_its_figures_are_the_datas(photos, tmp_path, monkeypatch):
    monkeypatch.undo()
    from huggingface_hub import DatasetCard

    build_from_folder(photos, tmp_path / "shortdesc", with_images=False)
    assert problems_of(tmp_path / "shortdesc", "dataset") == []
    card = DatasetCard.load(tmp_path / "shortdesc" / "README.md")
    splits = {split["name"]: split["num_examples"] for split in card.data.dataset_info["splits"]}
    assert splits == {"train": 6, "validation": 2, "test": 2} and card.data.pretty_name == "ShortDesc"
    assert card.data.license == "cc-by-4.0" and card.data.size_categories == ["n<1K"]
    record = json.loads((tmp_path / "shortdesc" / "build.json").read_text())
    assert record["fingerprint"] in card.text and "10 were written from the picture's captions" in card.text
    assert "COCO Consortium" in card.text and "Flickr8k: " not in card.text and GOOD in card.text
    assert "{{" not in card.text and "{%" not in card.text
    shown = re.findall(r"!\[.*?\]\((.*?)\)", card.text)
    assert shown and all((tmp_path / "shortdesc" / path).is_file() for path in shown)


def test_a_picture_of_unknown_origin_gets_no_licence_from_us(descriptions, tmp_path):
    from huggingface_hub import DatasetCard

    build_dataset(descriptions, tmp_path / "out", show_progress=False)
    card = DatasetCard.load(tmp_path / "out" / "README.md")
    assert card.data.license == "unknown" and "drawn: terms not known" in card.text


OURS = Path(__file__).parents[1] / "dataset_cards"
BARS = {"shortdesc": ((20, 25), (2, 3)), "longdesc": ((60, 70), (5, 7))}


@pytest.fixture(scope="module")
def our_rows():
    from pyarrow.parquet import read_table

    return {name: read_table(OURS / name / "data").to_pylist() for name in BARS}


@pytest.mark.parametrize("name", BARS)
def test_our_datasets_keep_their_bars(our_rows, name):
    rows, (words, sentences) = our_rows[name], BARS[name]
    assert len(rows) >= 12_000 and len({row["image_id"] for row in rows}) == len(rows)
    assert all("image" not in row for row in rows)
    in_range = [
        words[0] <= row["words"] <= words[1] and sentences[0] <= row["sentences"] <= sentences[1] for row in rows
    ]
    assert sum(in_range) >= 0.95 * len(rows)
    assert all(words[0] - 5 <= row["words"] <= words[1] + 5 for row in rows)
    assert all(row["flags"] for row, inside in zip(rows, in_range, strict=True) if not inside)
    assert all(row["words"] == len(words_in(row["text"])) for row in rows)


def test_our_datasets_are_fit_for_the_hub():
    assert problems_of(OURS / "shortdesc", "dataset") == []  # pushing looks at both


@pytest.mark.parametrize("name", BARS)
def test_our_datasets_load(our_rows, name):
    from datasets import load_dataset

    splits = load_dataset(str(OURS / name), streaming=True)
    assert set(splits) == {"train", "validation", "test"}
    by_id = {row["image_id"]: row for row in our_rows[name]}
    tests = list(splits["test"])
    assert len(tests) > 500 and all(by_id[row["image_id"]] == row for row in tests)


def test_our_addresses_are_cocos(our_rows):
    val2017 = set((OURS / "coco_val2017_ids.txt").read_text().split())
    assert len(val2017) == 5_000
    for row in our_rows["shortdesc"]:
        if row["source"] == "coco":
            folder = "val2017" if row["image_id"] in val2017 else "train2017"
            assert row["file_name"] == f"{int(row['image_id']):012d}.jpg"
            assert row["image_url"] == f"http://images.cocodataset.org/{folder}/{row['file_name']}"
        else:
            assert row["file_name"].startswith(f"{row['image_id']}_") and row["image_url"] is None
    first = next(row for row in our_rows["shortdesc"] if row["image_id"] == "9")
    assert "/train2017/" in first["image_url"]
