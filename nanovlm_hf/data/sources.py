"""Captioned pictures of any origin as rows: a COCO-form folder, a `datasets` name or path, the picture book.

    splits = read_datasets(["photos/", "org/longdesc"])          # {"train": [Row, ...], "validation": [...], ...}

Rows of several datasets with the same image_id become one row with all their texts.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
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
    `file_name` and `image_url` are as the source gives them, empty where it gives none. `picture` is None where the
    source comes without pictures: `find_pictures` joins it with a user's own.
    """

    image_id: str
    name: str
    picture: Path | Callable[[], Any] | None
    source: str
    version: str = ""
    texts: list[Text] = field(default_factory=list)
    file_name: str = ""
    image_url: str = ""

    def captions(self) -> list[str]:
        return [text.continuation for text in self.texts if text.style == "caption"]

    def open_picture(self) -> Any:
        if self.picture is None:
            raise ValueError(
                f"{self.name}: the source comes without pictures. Name a folder or zip that has "
                f"{self.file_name or f'{self.source} {self.image_id}'}: --images DIR"
            )
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
    beside them. `split`: the one to read; pictures that come without splits count as its own. The columns count where
    the source is a table.
    """

    captions: str
    images: str | None = None
    split: str | None = None
    image_column: str | None = None
    caption_column: str | None = None
    id_column: str | None = None


def read_datasets(names: list[str]) -> dict[str, list[Row]]:
    """Reads datasets and merges their rows by image_id; a text that a picture has already is not added again.

    Args:
        names: what `CaptionSource.captions` may be: folders in COCO's captions form, names for `datasets.load_dataset`
            and the like.

    Returns:
        Rows by split, in the order read. Without a validation split, a tenth of the training pictures becomes one, by a
        hash of their ids.

    Raises:
        FileNotFoundError, ValueError: nothing there, no usable columns, no training rows, one picture in two splits.
    """
    from nanovlm_hf.data.readers import read_captions  # the readers make this module's rows

    merged: dict[str, tuple[str | None, Row]] = {}
    for name in names:
        merge_rows(merged, read_captions(CaptionSource(name)), name)
    splits: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for split, row in merged.values():
        splits[split or "train"].append(row)
    if not splits["validation"]:
        held_back = {row.image_id for row in splits["train"] if hash_share(row.image_id) < VALIDATION_SHARE}
        splits["validation"] = [row for row in splits["train"] if row.image_id in held_back]
        splits["train"] = [row for row in splits["train"] if row.image_id not in held_back]
    if not splits["train"]:
        raise ValueError(f"No picture with a text for training in {', '.join(names)}.")
    return splits


def merge_rows(merged: dict[str, tuple[str | None, Row]], found: Iterable[tuple[str | None, Row]], name: str) -> None:
    """Adds rows, with their splits, to `merged` by image_id: what the row there lacks, its texts, picture or split.

    Raises:
        ValueError: one picture in two splits; `name` says in what.
    """
    for split, row in found:
        known_split, known = merged.setdefault(row.image_id, (split, row))
        if known is row:
            continue
        if split and known_split and split != known_split:
            raise ValueError(f"Picture {row.image_id} stands in two splits, {known_split} and {split} ({name}).")
        merged[row.image_id] = (known_split or split, known)
        said = {(text.style, text.beginning, text.continuation) for text in known.texts}
        known.texts += [text for text in row.texts if (text.style, text.beginning, text.continuation) not in said]
        if known.picture is None:
            known.picture, known.name, known.version = row.picture, row.name, row.version
        known.file_name = known.file_name or row.file_name
        known.image_url = known.image_url or row.image_url


def join_pictures(
    splits: dict[str, list[Row]], places: Sequence[Path]
) -> tuple[dict[str, list[Row]], dict[str, list[str]]]:
    """Joins rows that come without pictures, such as ShortDesc's, with a user's own.

    Args:
        splits: rows by split, as `read_datasets` gives them.
        places: folders with pictures, with all that is beneath, or zips of them.

    Returns:
        By split, the rows that have a picture: the one found, else their own. And by source, the names of those without.

    Raises:
        FileNotFoundError, ValueError: see `PictureIndex.find`; or no row for training has a picture.
    """
    from nanovlm_hf.data.picture_files import find_pictures  # it finds them for this module's rows

    found, _ = find_pictures([row for rows in splits.values() for row in rows], places)
    pictured = {row.image_id: row for row in found}
    joined = {
        split: [pictured[row.image_id] for row in rows if row.image_id in pictured] for split, rows in splits.items()
    }
    missing: dict[str, list[str]] = {}
    for row in (row for rows in splits.values() for row in rows if row.image_id not in pictured):
        missing.setdefault(row.source, []).append(row.file_name or row.image_id)
    if not joined["train"]:
        first = next(iter(missing.values()), ["none"])[0]
        raise ValueError(
            f"{', '.join(map(str, places))} has none of the pictures for training; the first to be looked for is {first}."
        )
    return joined, missing


def data_fingerprint(splits: dict[str, list[Row]]) -> str:
    """A short hash of ids, splits and texts: equal on every machine for equal data."""
    digest = hashlib.sha256()
    for split, rows in splits.items():
        for row in sorted(rows, key=lambda row: row.image_id):
            texts = [(text.style, text.beginning, text.continuation) for text in row.texts]
            digest.update(json.dumps([split, row.image_id, texts]).encode())
    return digest.hexdigest()[:16]


def hash_share(image_id: str) -> float:
    """A number in [0, 1) from the id alone, so that a picture keeps its split when others are added."""
    return int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:4], "big") / 2**32
