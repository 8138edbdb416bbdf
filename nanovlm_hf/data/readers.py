"""The one place where captioned pictures of any origin are read: a reader for each form, told apart by what the path is.

    source = CaptionSource("coco/annotations/captions_train2017.json", images="train2017.zip")
    for split, row in read_captions(source):
        print(split, row.image_id, row.captions())

Only texts and places are held; pictures stay where they are until a row's is opened.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from nanovlm_hf.data.picture_files import PictureIndex, origin_of, with_picture
from nanovlm_hf.data.records import TEXT_COLUMNS, clean, numbered_lines, read_records, texts_in_record
from nanovlm_hf.data.sources import CaptionSource, Row, Text, merge_rows

Found = Iterator[tuple[str | None, Row]]

# What is kept of COCO's JSON while it is parsed: the rest would double the memory that 590,000 captions take.
_COCO_KEYS = {"images", "id", "file_name", "source", "captions_by", "coco_url", "flickr_url"}
_COCO_KEYS |= {"annotations", "image_id", "caption"}
_DATASET_COLUMNS = {*TEXT_COLUMNS, "style", "teacher", "flags", "captions_by"}
_DATASET_COLUMNS |= {"image_id", "source", "file_name", "image_url"}
_SUFFIXES = {".json", ".jsonl", ".csv", ".txt", ".parquet", ".zip"}  # of what is a file's name, not a dataset's
_FLICKR8K_SLIP = re.compile(r"(?<=\.jpg)\.\d+$")  # it lists "2258277193_586949ec62.jpg.1"
_FLICKR8K_TEXTS = ("Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt", "captions.txt")
_FLICKR8K_IMAGES = ("Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "Flickr8k_Dataset.zip")  # the second is no slip


def read_captions(source: CaptionSource) -> Found:
    """Reads captioned pictures; one without a text is passed over.

    Yields:
        (split, row): "train", "validation", "test", or None where the source has no splits. Each image_id comes once,
        with all that the source says of it. A picture that is not where it should be fails when it is opened.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: of no known form; broken, with file and place; one id for two pictures or a picture in two splits;
            none in the split that was asked for, or no picture in the folder of images that was named.
    """
    wanted = _split_of(source.split or "")
    if source.split and not wanted:
        raise ValueError(f"No split is called {source.split}: expected train, validation or test.")
    merged: dict[str, tuple[str | None, Row]] = {}
    merge_rows(merged, _one_picture_an_id(_read(source)), source.captions)
    captioned = [(split, row) for split, row in merged.values() if row.texts]
    found = [(split or wanted, row) for split, row in captioned if not wanted or split in (wanted, None)]
    if not found:
        others = ", ".join(sorted({split for split, _ in captioned if split}))
        where = f" in {wanted}, but in {others}" if others else ""
        raise ValueError(f"{source.captions}: no picture with a text{where}.")
    if source.images and not any(_is_there(row) for _, row in found):
        name = found[0][1].file_name or found[0][1].image_id
        raise ValueError(f"{source.images} has none of the pictures of {source.captions}; the first is {name}.")
    yield from found


def _read(source: CaptionSource) -> Found:
    path = Path(source.captions)
    if path.is_file() and path.suffix == ".json":
        yield from _read_coco(path, path.parent.parent if path.parent.name == "annotations" else path.parent, source)
    elif path.is_file():
        yield from _read_table(path, path.parent, source)
    elif annotations := sorted(path.glob("annotations/captions_*.json")):
        for annotation in annotations:
            yield from _read_coco(annotation, path, source)
    elif tables := [file for kind in ("jsonl", "csv", "parquet") for file in _metadata_in(path, kind)]:
        for table in tables:
            yield from _read_table(table, path, source)
    elif texts := [path / name for name in _FLICKR8K_TEXTS if (path / name).is_file()]:
        yield from _read_table(texts[0], texts[0].parent, source)
    else:
        yield from _read_dataset(source)


def _metadata_in(folder: Path, kind: str) -> list[Path]:
    return [*folder.glob(f"metadata.{kind}"), *sorted(folder.glob(f"*/metadata.{kind}"))]


def _one_picture_an_id(found: Found) -> Found:
    names: dict[str, str] = {}
    for split, row in found:
        collection, number = origin_of(row.file_name) or ("", "")
        # COCO's pictures have one name in 2014 and another in 2017.
        name = f"COCO's {number}" if collection == "coco" else row.file_name
        if (first := names.setdefault(row.image_id, name)) != name:
            raise ValueError(
                f"{row.name}: the image_id {row.image_id} is that of {first} too. Give each picture its own."
            )
        yield split, row


def _is_there(row: Row) -> bool:
    return row.picture.exists() if isinstance(row.picture, Path) else row.picture is not None


def _split_of(name: str) -> str | None:
    match = re.search(r"(?<![a-z])(train|val|dev|test)", name.lower())
    return {"train": "train", "val": "validation", "dev": "validation", "test": "test"}[match[1]] if match else None


def _pictures(source: CaptionSource, beside: Iterable[Path]) -> PictureIndex:
    """Those that the user named, else those that lie `beside` the captions."""
    return PictureIndex([Path(source.images)] if source.images else [place for place in beside if place.exists()])


# --- COCO's captions form


def _read_coco(path: Path, folder: Path, source: CaptionSource) -> Found:
    """`folder` is the one that has `annotations/`."""
    part = path.stem.removeprefix("captions_")  # train, or train2017
    pictures = _pictures(source, (folder / "images", folder / part, folder / "images.zip", folder / f"{part}.zip"))
    data = _load_coco(path)
    rows: dict[Any, Row] = {}
    captions_by: dict[Any, str] = {}
    for number, image in enumerate(data.pop("images")):
        image_id, name = image.get("id"), image.get("file_name")
        if image_id is None or not name:
            raise ValueError(f"{path}, image {number} (from 0): no `id` or no `file_name`.")
        if image_id in rows:
            raise ValueError(f"{path}, image {number} (from 0): the id {image_id} is there twice.")
        collection = image.get("source") or (origin_of(name) or (folder.resolve().name,))[0]
        url = image.get("coco_url") or image.get("flickr_url") or ""
        picture = pictures.find([f"images/{name}", f"{part}/{name}", name])
        if picture is None and not source.images and (folder / name).exists():
            picture = folder / name
        row = Row(str(image_id), name, None, collection, file_name=name, image_url=url)
        rows[image_id] = with_picture(row, picture or Path(source.images or folder / "images") / name)
        captions_by[image_id] = image.get("captions_by") or ""
    for number, note in enumerate(data.pop("annotations")):
        where, image_id = f"{path}, annotation {note.get('id', f'{number} (from 0)')}", note.get("image_id")
        if image_id not in rows:
            raise ValueError(f"{where} names the unknown image {image_id}.")
        if "caption" not in note:
            raise ValueError(f"{where} has no `caption`. COCO's captions are in captions_*.json.")
        rows[image_id].texts.append(Text("caption", clean(note["caption"], where), teacher=captions_by[image_id]))
    for style in ("short", "long"):  # "train2017" has "shortdesc_train.jsonl"
        _add_descriptions(folder / "descriptions" / f"{style}desc_{part.rstrip('0123456789')}.jsonl", style, rows)
    for row in rows.values():
        yield _split_of(path.stem), row


def _load_coco(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text, object_hook=lambda entry: {key: entry[key] for key in entry if key in _COCO_KEYS})
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error}). Save the file as UTF-8.") from error
    except json.JSONDecodeError as error:
        place = f"character {error.pos:,} of {len(text):,} (line {error.lineno})"
        raise ValueError(f"{path}: broken JSON at {place}: {error.msg}. Is the file cut off? Get it again.") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
        raise ValueError(f"{path}: not COCO's captions form: an object with the lists `images` and `annotations`.")
    return data


def _add_descriptions(path: Path, style: str, rows: dict[Any, Row]) -> None:
    for where, record in read_records(path) if path.exists() else ():
        if not {"image_id", "text"} <= record.keys():
            raise ValueError(f"{where}: expected `image_id` and `text`, found {', '.join(record)}.")
        if record["image_id"] in rows:
            told = {key: record.get(key) for key in ("text", "teacher", "flags")}
            rows[record["image_id"]].texts += texts_in_record({**told, "style": style}, where)


# --- Tables that name pictures: `imagefolder`'s metadata, Flickr8k's token file and CSV


def _read_table(path: Path, root: Path, source: CaptionSource) -> Found:
    """`root` is the folder that splits lie in: the table's own or one above it. A picture may have several records."""
    near = [folder / name for folder in (path.parent, path.parent.parent) for name in _FLICKR8K_IMAGES]
    pictures, splits = _pictures(source, near), _flickr8k_splits(path.parent)
    rows: dict[str, Row] = {}
    for where, record in read_records(path):
        column = source.image_column or ("file_name" if "file_name" in record else "image")
        name = record.get(column)
        if not isinstance(name, str) or not name:
            raise ValueError(f"{where}: no picture's name in the column `{column}`; the columns: {', '.join(record)}.")
        name = _FLICKR8K_SLIP.sub("", name)
        caption_column = source.caption_column
        if caption_column is None and not {"captions", "caption", "texts", "style"} & record.keys():
            caption_column = "text" if "text" in record else None  # there it is imagefolder's name for a caption
        texts = texts_in_record(record, where, caption_column)
        if name in rows:
            rows[name].texts += [text for text in texts if text not in rows[name].texts]
            continue
        file_name = (path.parent.relative_to(root) / name).as_posix()
        collection, number = origin_of(name) or (root.resolve().name, file_name)
        row = Row(_id_in(record, where, source, number), where, None, record.get("source") or collection)
        row.texts, row.file_name, row.image_url = texts, file_name, record.get("image_url") or ""
        folder = Path(source.images) if source.images else path.parent
        here = not source.images and (folder / name).exists()
        rows[name] = with_picture(row, (None if here else pictures.find([file_name, name])) or folder / name)
    for name, row in rows.items():
        yield splits.get(name) or _split_of(row.file_name.rpartition("/")[0].partition("/")[0]), row


def _flickr8k_splits(folder: Path) -> dict[str, str]:
    """The split of each picture name, where the lists lie beside the captions."""
    splits: dict[str, str] = {}
    for part, split in (("train", "train"), ("dev", "validation"), ("test", "test")):
        path = folder / f"Flickr_8k.{part}Images.txt"
        if path.exists():
            splits |= {line.strip(): split for _, line in numbered_lines(path)}
    return splits


def _id_in(record: dict[str, Any], where: str, source: CaptionSource, default: str) -> str:
    column = source.id_column or "image_id"
    if source.id_column and column not in record:
        raise ValueError(f"{where}: no column `{column}`, but {', '.join(record)}.")
    image_id = record.get(column, default)
    if image_id is None or image_id == "":
        raise ValueError(f"{where}: no id in the column `{column}`.")
    return str(image_id)


# --- `datasets`


def _read_dataset(source: CaptionSource) -> Found:
    from datasets import Image, List

    name = source.captions
    pictures = _pictures(source, ())
    for split, dataset in _load_dataset(name).items():
        columns = dataset.column_names
        for asked in (source.image_column, source.caption_column, source.id_column):
            if asked and asked not in columns:
                raise ValueError(f"{name} has no column `{asked}`, but {', '.join(columns)}.")
        picture_column = source.image_column or next(
            (column for column in ("image", "images") if column in columns), None
        )
        if picture_column is None and not {"image_url", "file_name"} & set(columns):
            raise ValueError(f"{name} has no `image` column, but {', '.join(columns)}.")
        if picture_column and not isinstance(kind := dataset.features[picture_column], List):
            try:
                dataset = dataset.cast_column(picture_column, Image(decode=False))
            except (TypeError, ValueError, RuntimeError) as error:
                raise ValueError(f"{name}: the column `{picture_column}` holds {kind}, no pictures.") from error
        wanted = {*_DATASET_COLUMNS, source.caption_column, source.id_column} - {picture_column}
        texts = dataset.select_columns([column for column in columns if column in wanted] or columns[:1])
        batches = texts.with_format("arrow").iter(batch_size=1000)
        for index, record in enumerate(record for batch in batches for record in batch.to_pylist()):
            where = f"{name}, {split} row {index}"
            image_id = _id_in(record, where, source, default=f"{split}-{index}")
            row = Row(image_id, where, None, str(record.get("source") or name))
            row.version = f"{dataset._fingerprint} {index}"
            row.file_name, row.image_url = record.get("file_name") or "", record.get("image_url") or ""
            row.texts = texts_in_record(record, where, source.caption_column)
            if picture := pictures.of(row):
                row = with_picture(row, picture)
            elif picture_column:
                row.picture = partial(_picture_in, dataset, picture_column, index, where)
            yield _split_of(str(split)), row


def _load_dataset(name: str) -> Any:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    looked_for = (
        "Looked for a folder in COCO's captions form (annotations/captions_*.json), with metadata.jsonl, .csv or "
        ".parquet, or with Flickr8k's captions, and for a dataset of that name."
    )
    path = Path(name)
    if path.exists() and not any(path.rglob("*.*")):
        raise FileNotFoundError(f"{name}: an empty folder. {looked_for}")
    is_path = path.is_absolute() or name.count("/") > 1 or name.endswith("/") or path.suffix in _SUFFIXES
    if not path.exists() and is_path:
        raise FileNotFoundError(f"{name}: no such file or folder. Check the path.")
    try:
        return load_dataset(name)
    except (FileNotFoundError, ConnectionError) as error:
        raise FileNotFoundError(f"{name}: nothing to read ({error}). {looked_for}") from error
    except (DatasetsError, ValueError) as error:
        raise ValueError(f"{name}: not a readable dataset ({error.__cause__ or error}).") from error


def _picture_in(dataset: Any, column: str, index: int, where: str) -> Any:
    picture = dataset[index][column]
    picture = picture[0] if isinstance(picture, list) and picture else picture
    if isinstance(picture, dict):
        picture = picture["bytes"] or picture["path"]
    if picture is None or picture == []:
        raise ValueError(f"{where}: no picture in the column `{column}`.")
    return picture
