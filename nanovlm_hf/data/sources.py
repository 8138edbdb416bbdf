"""Captioned pictures of any origin as rows: a COCO-form folder, a `datasets` name or path, the picture book.

    splits = read_datasets(["photos/", "org/longdesc"])          # {"train": [Row, ...], "validation": [...], ...}

Rows of several datasets with the same image_id become one row with all their texts.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SPLITS = ("train", "validation", "test")
VALIDATION_SHARE = 0.1  # of pictures that come without splits (the paper: 90% train, 10% validation)


@dataclass
class Text:
    """What to write about a picture: `continuation`, after `beginning` (a question, in the style "answer").

    `teacher` wrote it ("people", "offline", a model's name; empty where unknown); `flags` name the rules it breaks.
    """

    style: str
    continuation: str
    beginning: str = ""
    teacher: str = ""
    flags: tuple[str, ...] = ()


@dataclass
class Row:
    """One picture and its texts. `picture` is a file, or a function that fetches what `load_picture` takes.

    `name` is for messages; `version` tells two states of a dataset apart (a file's are told by its size and time).
    `file_name` and `image_url` are as the source gives them, empty where it gives none.
    """

    image_id: str
    name: str
    picture: Path | Callable[[], Any]
    source: str
    version: str = ""
    texts: list[Text] = field(default_factory=list)
    file_name: str = ""
    image_url: str = ""

    def captions(self) -> list[str]:
        return [text.continuation for text in self.texts if text.style == "caption"]

    def open_picture(self) -> Any:
        return self.picture if isinstance(self.picture, Path) else self.picture()

    def picture_version(self) -> str:
        if not isinstance(self.picture, Path) or not self.picture.exists():
            return self.version
        stat = self.picture.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"


@dataclass(frozen=True)
class CaptionSource:
    """Where captioned pictures come from, as a user says it; `read_captions` reads it.

    `captions`: COCO's JSON or a folder in its form, Flickr8k's token file or CSV, a folder with metadata.{jsonl,csv,parquet}
    (`imagefolder`), or a name or path for `datasets.load_dataset`. `images`: their folder or zip, where it is not found
    beside them. The columns count where the source is a table.
    """

    captions: str
    images: str | None = None
    split: str | None = None
    image_column: str | None = None
    caption_column: str | None = None
    id_column: str | None = None


def read_datasets(names: list[str]) -> dict[str, list[Row]]:
    """Reads datasets and merges their rows by image_id.

    Args:
        names: folders in COCO's captions form (`annotations/captions_*.json`, pictures beside them, our
            `descriptions/*.jsonl` where there are some), or names and paths that `datasets.load_dataset` takes.

    Returns:
        Rows by split, in the order read. Without a validation split, a tenth of the training pictures becomes one, by a
        hash of their ids.

    Raises:
        FileNotFoundError, ValueError: nothing there, no usable columns, no training rows, one picture in two splits.
    """
    merged: dict[str, tuple[str, Row]] = {}
    for name in names:
        is_coco = any(Path(name).glob("annotations/captions_*.json"))
        for split, row in _read_coco(Path(name)) if is_coco else _read_hub_dataset(name):
            split = split or "train"
            first_split, first = merged.setdefault(row.image_id, (split, row))
            if first_split != split:
                raise ValueError(f"Picture {row.image_id} stands in two splits, {first_split} and {split} ({name}).")
            if first is not row:
                first.texts.extend(row.texts)
    splits: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for split, row in merged.values():
        if row.texts:
            splits[split].append(row)
    if not splits["validation"]:
        held_back = {row.image_id for row in splits["train"] if _hash_share(row.image_id) < VALIDATION_SHARE}
        splits["validation"] = [row for row in splits["train"] if row.image_id in held_back]
        splits["train"] = [row for row in splits["train"] if row.image_id not in held_back]
    if not splits["train"]:
        raise ValueError(f"No picture with a text for training in {', '.join(names)}.")
    return splits


def data_fingerprint(splits: dict[str, list[Row]]) -> str:
    """A short hash of ids, splits and texts: equal on every machine for equal data."""
    digest = hashlib.sha256()
    for split, rows in splits.items():
        for row in sorted(rows, key=lambda row: row.image_id):
            texts = [(text.style, text.beginning, text.continuation) for text in row.texts]
            digest.update(json.dumps([split, row.image_id, texts]).encode())
    return digest.hexdigest()[:16]


def _hash_share(image_id: str) -> float:
    """A number in [0, 1) from the id alone, so that a picture keeps its split when others are added."""
    return int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:4], "big") / 2**32


def _split_of(name: str) -> str | None:
    return next((split for split in SPLITS if split[:3] in name.lower()), None)


def _clean(text: str, where: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise ValueError(f"{where}: an empty text. Remove it, or write one.")
    return text


def _read_coco(folder: Path) -> Iterator[tuple[str | None, Row]]:
    for path in sorted(folder.glob("annotations/captions_*.json")):
        split = _split_of(path.stem)
        data = json.loads(path.read_text(encoding="utf-8"))
        rows: dict[int, Row] = {}
        for image in data["images"]:
            picture = _coco_picture(folder, path.stem.removeprefix("captions_"), image["file_name"])
            rows[image["id"]] = Row(str(image["id"]), str(picture), picture, image.get("source", folder.name))
        for note in data["annotations"]:
            if note["image_id"] not in rows:
                raise ValueError(f"{path}: annotation {note['id']} names the unknown image {note['image_id']}.")
            caption = _clean(note["caption"], f"{path}, annotation {note['id']}")
            rows[note["image_id"]].texts.append(Text("caption", caption))
        part = path.stem.removeprefix("captions_").rstrip("0123456789")  # "train2017" has "shortdesc_train.jsonl"
        for style in ("short", "long"):
            _add_descriptions(folder / "descriptions" / f"{style}desc_{part}.jsonl", style, rows)
        for row in rows.values():
            yield split, row


def _coco_picture(folder: Path, split: str, file_name: str) -> Path:
    places = [folder / "images" / file_name, folder / split / file_name, folder / file_name]
    return next((place for place in places if place.exists()), places[0])


def _add_descriptions(path: Path, style: str, rows: dict[int, Row]) -> None:
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        record = json.loads(line)
        if record["image_id"] in rows:
            rows[record["image_id"]].texts.append(Text(style, _clean(record["text"], f"{path}, line {number}")))


def _read_hub_dataset(name: str) -> Iterator[tuple[str | None, Row]]:
    from datasets import Image, load_dataset

    if Path(name).exists() and not any(Path(name).rglob("*.*")):
        raise FileNotFoundError(f"{name}: an empty folder. Pass a folder in COCO's captions form or a dataset.")
    for split, dataset in load_dataset(name).items():
        column = next((column for column in ("image", "images") if column in dataset.column_names), None)
        if column is None:
            raise ValueError(f"{name} has no `image` column, but {', '.join(dataset.column_names)}.")
        if column == "image":
            dataset = dataset.cast_column("image", Image(decode=False))
        texts = dataset.remove_columns(column)
        for index in range(len(dataset)):
            record = texts[index]
            image_id = str(record.get("image_id", f"{split}-{index}"))

            def open_picture(dataset=dataset, index=index, column=column):
                picture = dataset[index][column]
                picture = picture[0] if isinstance(picture, list) else picture
                return (picture["bytes"] or picture["path"]) if isinstance(picture, dict) else picture

            where = f"{name}, {split} row {index}"
            version = f"{dataset._fingerprint} {index}"
            source = str(record.get("source", name))
            yield _split_of(str(split)), Row(image_id, where, open_picture, source, version, _texts(record, where))


def _texts(record: dict[str, Any], where: str) -> list[Text]:
    """A record's texts: `captions` or `caption`, `text` in its `style`, and `texts` with questions and answers."""
    captions = record.get("captions") or record.get("caption") or []
    captions = [captions] if isinstance(captions, str) else captions
    texts = [Text("caption", _clean(caption, where)) for caption in captions]
    if record.get("text") is not None:
        texts.append(Text(record.get("style", "short"), _clean(record["text"], where)))
    for turn in record.get("texts") or []:
        question, answer = _clean(turn["user"], where), _clean(turn["assistant"], where)
        texts.append(Text("answer", answer, beginning=question))
    if not texts:
        raise ValueError(f"{where}: no text. Expected `captions`, `caption`, `text` or `texts` (user, assistant).")
    return texts
