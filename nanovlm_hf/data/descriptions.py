"""Descriptions with their pictures' captions, from any folder that holds some: what `check` and `build` work on.

descriptions = read_descriptions(Path("work/"))     # [Description(split, row, text, written_from), ...]
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nanovlm_hf.data.readers import read_captions
from nanovlm_hf.data.records import read_records
from nanovlm_hf.data.sources import CaptionSource, Row, Text
from nanovlm_hf.data.text_rules import LENGTHS

NAMES = {"short": "ShortDesc", "long": "LongDesc"}  # the paper's, for datasets of a style


class Description(NamedTuple):
    """One description. `split` is None where none is given; `row` has the captions, whatever else is said of it.

    `written_from`: "captions", or "picture" where the writer looked at it; empty where that is not known.
    """

    split: str | None
    row: Row
    text: Text
    written_from: str = ""


def read_descriptions(folder: Path) -> list[Description]:
    """Reads what `nanovlm data generate` wrote, a COCO-form folder with `descriptions/`, or a dataset that was built.

    Raises:
        FileNotFoundError, ValueError: nothing there; no descriptions among it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Pass one that `nanovlm data generate` or `build` wrote.")
    if (folder / "generation.json").exists():
        from nanovlm_hf.data.generate import read_work

        found = [one._replace(written_from="captions") for one in _of_rows(read_work(folder), {})]
    elif any(folder.glob("data/*.parquet")):
        found = list(_of_dataset(folder))
    elif any(folder.glob("descriptions/*.jsonl")):
        found = list(_of_rows(read_captions(CaptionSource(str(folder))), _written_from(folder)))
    else:
        raise ValueError(
            f"{folder} holds no descriptions: expected what `nanovlm data generate` or `nanovlm data build` wrote, or "
            "a folder in COCO's form with descriptions/shortdesc_*.jsonl or longdesc_*.jsonl."
        )
    if not found:
        raise ValueError(f"{folder}: no description in it yet. Run `nanovlm data generate` until it is through.")
    return found


def _of_rows(rows: Iterator[tuple[str | None, Row]], origins: dict[tuple[str, str], str]) -> Iterator[Description]:
    for split, row in rows:
        for text in row.texts:
            if text.style in LENGTHS:
                yield Description(split, row, text, origins.get((row.image_id, text.style), ""))


def _written_from(folder: Path) -> dict[tuple[str, str], str]:
    """By image_id and style, what the descriptions of a COCO-form folder say they were written from."""
    return {
        (str(record["image_id"]), path.name.split("desc_")[0]): record.get("written_from") or ""
        for path in folder.glob("descriptions/*desc_*.jsonl")
        for _, record in read_records(path)
    }


def _of_dataset(folder: Path) -> Iterator[Description]:
    """A built dataset's rows without their pictures, which `find_pictures` can bring."""
    from pyarrow.parquet import ParquetFile

    for path in sorted(folder.glob("data/*.parquet")):
        with ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name != "image"]
            for batch in file.iter_batches(columns=columns):
                for record in batch.to_pylist():
                    try:
                        description = _of_record(path.name.split("-")[0], record)
                    except KeyError as column:
                        raise ValueError(
                            f"{path} has no column {column}: expected a dataset that `nanovlm data build` wrote."
                        ) from None
                    yield description


def _of_record(split: str, record: dict[str, Any]) -> Description:
    captions_by = record.get("captions_by") or ""
    captions = [Text("caption", caption, teacher=captions_by) for caption in record["captions"]]
    text = Text(record["style"], record["text"], "", record["teacher"], tuple(record["flags"]))
    row = Row(
        record["image_id"],
        name=f"picture {record['image_id']}",
        picture=None,
        source=record["source"],
        texts=[*captions, text],
        file_name=record["file_name"],
        image_url=record["image_url"] or "",
    )
    return Description(split, row, text, record["written_from"])
