"""Captioned pictures of every form are read alike; what is wrong with them is named, with file and place."""

import csv
import json
from pathlib import Path

import pytest
from caption_files import (
    FLICKR8K,
    IDS,
    NAMES,
    built_records,
    jpeg,
    opened,
    read,
    rewrite,
    save_dataset,
    write_coco,
    write_pictures,
)

from nanovlm_hf.data.sources import Text, read_datasets


@pytest.mark.parametrize("annotated", ["2017", "2014"])
@pytest.mark.parametrize("named", ["2017", "2014"])
@pytest.mark.parametrize("place", ["pictures", "train2017.zip"])
def test_cocos_json_with_pictures_under_either_years_names(tmp_path, annotated, named, place):
    captions = write_coco(tmp_path / "captions_train2017.json", annotated, captions_by="people")
    images = write_pictures(tmp_path / place, [NAMES[named].format(i) for i in IDS])
    rows = read(captions, images=str(images))
    assert [(split, row.image_id, row.source) for split, row in rows] == [("train", str(i), "coco") for i in IDS]
    row = rows[1][1]
    assert row.texts == [Text("caption", f"Caption {k} of 25.", teacher="people") for k in range(2)]
    assert row.file_name == NAMES[annotated].format(25) and row.image_url == "http://images.cocodataset.org/25.jpg"
    assert [opened(row) for _, row in rows] == [jpeg(seed) for seed in range(3)]


@pytest.mark.parametrize("place", ["images", "val2017", "val2017.zip", "images.zip"])
def test_cocos_pictures_are_found_beside_its_json(tmp_path, place):
    captions = write_coco(tmp_path / "annotations" / "captions_val2017.json")
    write_pictures(tmp_path / place, [NAMES["2017"].format(i) for i in IDS])
    for source in (captions, tmp_path):
        rows = read(source)
        assert [split for split, _ in rows] == ["validation"] * 3
        assert [opened(row) for _, row in rows] == [jpeg(seed) for seed in range(3)]


def test_captions_are_read_without_their_pictures(tmp_path):
    (_, row), *_ = read(write_coco(tmp_path / "captions_train2017.json"))
    assert row.captions() == ["Caption 0 of 9.", "Caption 1 of 9."]
    assert not row.picture.exists() and row.picture.name == "000000000009.jpg"


def flickr8k_captions():
    """Two captions of each picture; the last picture has the name that Flickr8k gets wrong."""
    return [
        (f"{name}{'.1' * (name == FLICKR8K[2])}", k, f'A "dog" , number {k} , of {name[:4]} .')
        for name in FLICKR8K
        for k in range(2)
    ]


@pytest.fixture(params=["token file", "folder", "kaggle's csv"])
def flickr8k(request, tmp_path):
    """Flickr8k as its authors or Kaggle give it; the picture of the wrong name is not there, as with them."""
    if request.param == "kaggle's csv":
        with (tmp_path / "captions.txt").open("w", newline="") as file:
            csv.writer(file).writerows(
                [("image", "caption"), *((name, text) for name, _, text in flickr8k_captions())]
            )
        images, texts = tmp_path / "Images", tmp_path
    else:
        images, texts = tmp_path / "Flicker8k_Dataset", tmp_path / "Flickr8k_text"
        texts.mkdir()
        lines = [f"{name}#{k}\t{text}\n" for name, k, text in flickr8k_captions()]
        (texts / "Flickr8k.token.txt").write_text("".join(lines))
    write_pictures(images, FLICKR8K[:2])
    for part, names in (("train", FLICKR8K[:1]), ("dev", ()), ("test", FLICKR8K[1:2])):
        (texts / f"Flickr_8k.{part}Images.txt").write_text("".join(f"{name}\n" for name in names))
    if request.param == "folder":
        return tmp_path
    return next(path for path in texts.iterdir() if "captions" in path.name or "token" in path.name)


def test_flickr8k_in_each_of_its_forms(flickr8k):
    rows = read(flickr8k)
    assert [(split, row.image_id, row.file_name) for split, row in rows] == [
        ("train", "1000268201", FLICKR8K[0]),
        ("test", "1001773457", FLICKR8K[1]),
        (None, "2258277193", FLICKR8K[2]),
    ]
    assert {row.source for _, row in rows} == {"flickr8k"}
    assert rows[0][1].captions() == [f'A "dog" , number {k} , of 1000 .' for k in range(2)]
    assert [opened(row) for _, row in rows[:2]] == [jpeg(0), jpeg(1)]
    assert not rows[2][1].picture.exists() and rows[2][1].picture.name == FLICKR8K[2]


def test_flickr8ks_pictures_in_a_zip(flickr8k, tmp_path):
    images = write_pictures(tmp_path / "elsewhere" / "Flickr8k_Dataset.zip", FLICKR8K)
    assert [opened(row) for _, row in read(flickr8k, images=str(images))] == [jpeg(seed) for seed in range(3)]


def write_table(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:  # as spreadsheets save it
            writer = csv.DictWriter(file, records[0])
            writer.writeheader()
            writer.writerows(records)
    else:
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(records), path)


@pytest.mark.parametrize("column", ["caption", "text"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_an_image_folder_with_metadata(tmp_path, kind, column):
    for split, seeds in (("train", (0, 1)), ("validation", (2,)), ("test", (3,))):
        write_pictures(tmp_path / split, [f"{seed}.jpg" for seed in range(4)])
        records = [{"file_name": f"{i}.jpg", column: f"A café, {k} of {i}."} for i in seeds for k in range(2)]
        write_table(tmp_path / split / f"metadata.{kind}", records)
    rows = read(tmp_path)
    assert sorted((split, row.image_id) for split, row in rows) == [
        ("test", "test/3.jpg"), ("train", "train/0.jpg"), ("train", "train/1.jpg"), ("validation", "validation/2.jpg"),
    ]  # fmt: skip
    for _, row in rows:
        seed = int(Path(row.file_name).stem)
        assert row.captions() == [f"A café, 0 of {seed}.", f"A café, 1 of {seed}."] and opened(row) == jpeg(seed)
    assert {split: len(rows) for split, rows in read_datasets([str(tmp_path)]).items()} == {
        "train": 2, "validation": 1, "test": 1,
    }  # fmt: skip


def test_one_table_over_split_folders_with_named_columns(tmp_path):
    records = [
        {"key": i, "photo": f"{split}/{i}.jpg", "said": [f"A {i}.", "B."]} for i, split in enumerate(["train", "test"])
    ]
    write_table(tmp_path / "metadata.jsonl", records)
    named = {"id_column": "key", "image_column": "photo", "caption_column": "said"}
    rows = read(tmp_path, **named)
    assert [(split, row.image_id, row.captions()) for split, row in rows] == [
        ("train", "0", ["A 0.", "B."]),
        ("test", "1", ["A 1.", "B."]),
    ]
    assert [row.image_id for _, row in read(tmp_path, split="test", **named)] == ["1"]
    with pytest.raises(ValueError, match="no picture with a text in validation, but in test, train"):
        read(tmp_path, split="validation", **named)


def test_a_dataset_with_named_columns_is_read_without_decoding_its_pictures(tmp_path):
    pictures = [jpeg(0), b"no picture at all"]
    records = [
        {"key": f"k{i}", "photo": {"bytes": content, "path": None}, "sentences": [f"A {i}.", "B."]}
        for i, content in enumerate(pictures)
    ]
    folder = save_dataset(tmp_path / "data", records)
    rows = read(folder, image_column="photo", caption_column="sentences", id_column="key")
    assert [(split, row.image_id, row.captions()) for split, row in rows] == [
        ("train", f"k{i}", [f"A {i}.", "B."]) for i in range(2)
    ]
    assert [row.open_picture() for _, row in rows] == pictures
    with pytest.raises(ValueError, match="has no column `sentence`, but key, photo, sentences"):
        read(folder, image_column="photo", caption_column="sentence")
    with pytest.raises(ValueError, match="no text. Expected `captions`, `caption`, `text` or `texts`.* found key"):
        read(folder, image_column="photo")
    with pytest.raises(ValueError, match="the column `key` holds .*, no pictures"):
        read(
            save_dataset(tmp_path / "other", [{**records[0], "key": 1}]),
            image_column="key",
            caption_column="sentences",
        )
    (folder / "train-00000-of-00001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="data: not a readable dataset"):
        read(folder)


def test_teacher_and_flags_come_with_the_text(tmp_path):
    (_, row), *_ = read(save_dataset(tmp_path / "longdesc", built_records()))
    assert row.texts[-1] == Text("long", "Text of 9.", teacher="gpt-4o", flags=("length",))
    assert row.image_url == "http://example.org/9.jpg" and row.file_name == "coco_000000000009.jpg"


def test_captions_that_come_with_both_datasets_are_there_once(tmp_path):
    many = range(1, 60)
    short = save_dataset(tmp_path / "shortdesc", built_records(many, style="short"))
    long = save_dataset(tmp_path / "longdesc", built_records(many))
    row = read_datasets([str(short), str(long)])["train"][0]
    assert [text.style for text in row.texts] == ["caption", "caption", "short", "long"]


def test_given_splits_win_over_none(tmp_path):
    captions = write_coco(tmp_path / "some_captions.json", ids=range(1, 30))
    test = save_dataset(tmp_path / "longdesc", built_records([3]), split="test")
    splits = read_datasets([str(captions), str(test)])
    assert [row.image_id for row in splits["test"]] == ["3"]
    assert len(splits["train"]) + len(splits["validation"]) == 28 and splits["validation"]


def test_images_without_captions_are_passed_over(tmp_path):
    captions = write_coco(tmp_path / "captions_train2017.json")
    rewrite(captions, lambda data: data["annotations"].pop())
    rewrite(captions, lambda data: data["annotations"].pop(2))
    assert [row.image_id for _, row in read(captions)] == ["9", "25"]


COCO_MISTAKES = {
    "is there twice": lambda data: data["images"].append(data["images"][1]),
    r"image 1 \(from 0\): no `id` or no `file_name`": lambda data: data["images"][1].pop("file_name"),
    "annotation 251 names the unknown image 7": lambda data: data["annotations"][4].update(image_id=7),
    "annotation 251 has no `caption`": lambda data: data["annotations"][4].pop("caption"),
    "annotation 251: an empty text": lambda data: data["annotations"][4].update(caption=" \n"),
    "annotation 251: expected a text, found 7": lambda data: data["annotations"][4].update(caption=7),
    "not COCO's captions form": lambda data: data.pop("images"),
}


@pytest.mark.parametrize("message", COCO_MISTAKES)
def test_mistakes_in_cocos_json_are_named(tmp_path, message):
    captions = write_coco(tmp_path / "captions_train2017.json")
    rewrite(captions, COCO_MISTAKES[message])
    with pytest.raises(ValueError, match=rf"captions_train2017.json.*{message}"):
        read(captions)


def test_a_json_file_cut_off_or_in_another_encoding_is_named(tmp_path):
    captions = write_coco(tmp_path / "captions_train2017.json")
    content = captions.read_bytes()
    captions.write_bytes(content[:-200])
    with pytest.raises(ValueError, match=r"captions_train2017.json: broken JSON at character \d+ of \d+ .*cut off"):
        read(captions)
    captions.write_bytes(content.replace(b"Caption 1", b"Caf\xe9"))
    with pytest.raises(ValueError, match=r"captions_train2017.json: not UTF-8 .*position \d+"):
        read(captions)


TABLE_MISTAKES = {
    "captions.jsonl, line 2: broken JSON": b'{"file_name": "1.jpg", "caption": "A."}\n{"file_name": "2.jpg", "capt',
    "captions.jsonl, line 1: no picture's name in the column `image`; the columns: name": b'{"name": "1.jpg"}\n',
    "a/captions.jsonl, line 2: an empty text": b'{"file_name": "1.jpg", "caption": "A."}\n{"file_name": "2.jpg", "caption": ""}\n',
    "b/captions.jsonl, line 1: not UTF-8": b'{"file_name": "1.jpg", "caption": "Caf\xe9."}\n',
    "captions.jsonl, line 1: expected an object": b"[1, 2]\n",
    "a/captions.csv, line 3: not as many values": b"image,caption\n1.jpg,A dog.\n2.jpg,A dog, a cat.\n",
    "b/captions.csv, line 2: not as many values": b"image,caption\n1.jpg\n",
    "c/captions.csv, line 3: broken CSV": b'image,caption\n1.jpg,A dog.\n2.jpg,"A dog',
    "d/captions.csv, line 2: no text. Expected `captions`.*found image, comment": b"image,comment\n1.jpg,A dog.\n",
    "e/captions.csv, line 3: not UTF-8": b"image,caption\n1.jpg,A dog.\n2.jpg,Caf\xe9\n",
    "captions.parquet: broken Parquet": b"PAR1 and no more",
    "a/captions.txt, line 2: expected name.jpg#0<tab>caption, found 'A cat.'": b"1_0123456789.jpg#0\tA dog.\nA cat.\n",
    "b/captions.txt, line 1: an empty text": b"1_0123456789.jpg#0\t \n",
    "c/captions.txt begins with 'A dog.'. Looked for COCO's captions": b"A dog.\n",
    "captions.json: broken JSON": b"",
    "d/captions.txt begins with ''": b"",
}


@pytest.mark.parametrize("message", TABLE_MISTAKES)
def test_mistakes_in_other_files_are_named(tmp_path, message):
    path = tmp_path / message.split(" ")[0].strip(",:")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(TABLE_MISTAKES[message])
    with pytest.raises(ValueError, match=message):
        read(path)


def test_an_id_of_two_pictures_is_refused(tmp_path):
    write_table(tmp_path / "own.jsonl", [{"image_id": 7, "file_name": f"{i}.jpg", "caption": "A."} for i in range(2)])
    with pytest.raises(ValueError, match="1.jpg: the image_id 7 is that of 0.jpg too"):
        read(tmp_path / "own.jsonl")
    names = ["1000268201_693b08cb0e.jpg", "1000268201_0123456789.jpg"]
    write_table(tmp_path / "flickr8k.csv", [{"image": name, "caption": "A."} for name in names])
    with pytest.raises(
        ValueError, match="0123456789.jpg: the image_id 1000268201 is that of 1000268201_693b08cb0e.jpg too"
    ):
        read(tmp_path / "flickr8k.csv")
    for year in ("2014", "2017"):
        write_coco(tmp_path / "annotations" / f"captions_train{year}.json", year)
    assert [len(row.texts) for _, row in read(tmp_path)] == [2, 2, 2]  # the same captions in both years' files


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    captions = write_coco(tmp_path / "captions_train2017.json")
    for missing in ("captions.json", "photos/", "a/b/c"):
        with pytest.raises(FileNotFoundError, match=f"{missing}: no such file or folder"):
            read(f"{tmp_path}/{missing}")

    def unreachable(name):
        raise ConnectionError(f"Couldn't reach '{name}' on the Hub")

    monkeypatch.setattr("datasets.load_dataset", unreachable)
    with pytest.raises(
        FileNotFoundError, match="org/data-v1.0: nothing to read .*reach.*Looked for a folder in COCO's"
    ):
        read("org/data-v1.0")
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match="pictures: no such folder or zip of pictures"):
        read(captions, images=str(tmp_path / "pictures"))
    write_pictures(tmp_path / "pictures", ["other.jpg"])
    with pytest.raises(ValueError, match="has none of the pictures of .*; the first is 000000000009.jpg"):
        read(captions, images=str(tmp_path / "pictures"))
    with pytest.raises(ValueError, match="No split is called everything"):
        read(captions, split="everything")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="an empty folder. Looked for a folder in COCO's captions form"):
        read(tmp_path / "empty")
