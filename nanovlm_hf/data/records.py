"""Records of JSONL, CSV, Parquet and Flickr8k's files, one at a time, and the texts in one; errors name the place.

for where, record in read_records(Path("metadata.csv")):        # "metadata.csv, line 2", {"file_name": ...}
    texts = texts_in_record(record, where)
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nanovlm_hf.data.sources import Text

TEXT_COLUMNS = ("captions", "caption", "text", "texts")
_FLICKR8K_LINE = re.compile(r"([^\t]+)#\d+\t(.*)")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, ends and a byte-order mark taken off.

    Raises:
        ValueError: a line that is not UTF-8; says which.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}, line {number}: not UTF-8 ({error}). Save the file as UTF-8.") from error
            yield number, text.rstrip("\r\n")


def read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, record) of each line of a .jsonl file, row of a .parquet one or of a CSV, or line of Flickr8k's token file.

    Raises:
        ValueError: what is broken, and where; none of these.
    """
    if path.suffix == ".jsonl":
        yield from _jsonl_records(path)
        return
    if path.suffix == ".parquet":
        yield from _parquet_records(path)
        return
    _, first_line = next(numbered_lines(path), (1, ""))
    if _FLICKR8K_LINE.fullmatch(first_line):
        yield from _flickr8k_records(path)
    elif "," in first_line:
        yield from _csv_records(path)
    else:
        raise ValueError(
            f"{path} begins with {first_line[:60]!r}. Looked for COCO's captions (.json), Flickr8k's lines "
            "name.jpg#0<tab>caption, a CSV whose first line names its columns (file_name,caption), .jsonl, .parquet."
        )


def _jsonl_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{where}: broken JSON (column {error.colno}: {error.msg}). Is the file cut off?"
            ) from error
        if not isinstance(record, dict):
            raise ValueError(f"{where}: expected an object with names and values, found {line[:40]}")
        yield where, record


def _flickr8k_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        match = _FLICKR8K_LINE.fullmatch(line)
        if not match:
            raise ValueError(f"{path}, line {number}: expected name.jpg#0<tab>caption, found {line[:60]!r}")
        yield f"{path}, line {number}", {"file_name": match[1], "caption": match[2]}


def _csv_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader((line + "\n" for _, line in numbered_lines(path)), strict=True)
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.reader.line_num}: broken CSV ({error}).") from error
        if record is None:
            return
        if None in record or None in record.values():
            raise ValueError(
                f"{path}, line {reader.line_num}: not as many values as the header has names "
                f"({', '.join(reader.fieldnames or [])}). A text with a comma stands in double quotes."
            )
        yield f"{path}, line {reader.line_num}", record


def _parquet_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        number = 0
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                for record in batch.to_pylist():
                    yield f"{path}, row {number}", record
                    number += 1
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path}: broken Parquet ({error}). Is the file cut off?") from error


def clean(text: Any, where: str) -> str:
    """A text with single blanks. Raises ValueError, with the place, where it is none or empty."""
    if not isinstance(text, str):
        raise ValueError(f"{where}: expected a text, found {str(text)[:60]}")
    text = " ".join(text.split())
    if not text:
        raise ValueError(f"{where}: an empty text. Remove it, or write one.")
    return text


def texts_in_record(record: dict[str, Any], where: str, caption_column: str | None = None) -> list[Text]:
    """A record's texts: `captions` or `caption`, `text` in its `style`, and `texts` with questions and answers.

    Args:
        record: with `teacher` and `flags` of its `text`, and `captions_by` of its captions, where they are known.
        where: the record's place, for errors.
        caption_column: holds the captions, a text or a list of them, under another name.

    Raises:
        ValueError: no such column, or none with texts; an empty text.
    """
    if caption_column and caption_column not in record:
        raise ValueError(f"{where}: no column `{caption_column}`, but {', '.join(record)}.")
    if not caption_column and not any(column in record for column in TEXT_COLUMNS):
        raise ValueError(
            f"{where}: no text. Expected `captions`, `caption`, `text` or `texts` (user, assistant), found "
            f"{', '.join(record)}."
        )
    captions = record[caption_column] if caption_column else record.get("captions") or record.get("caption")
    captions = captions if isinstance(captions, list) else [] if captions is None else [captions]
    captions_by = record.get("captions_by") or ""
    texts = [Text("caption", clean(caption, where), teacher=captions_by) for caption in captions]
    if record.get("text") is not None and caption_column != "text":
        flags = record.get("flags") or []
        flags = (flags,) if isinstance(flags, str) else tuple(flags)
        text, teacher = clean(record["text"], where), record.get("teacher") or ""
        texts.append(Text(record.get("style") or "short", text, teacher=teacher, flags=flags))
    for turn in record.get("texts") or [] if caption_column != "texts" else []:
        if not isinstance(turn, dict) or not {"user", "assistant"} <= turn.keys():
            raise ValueError(f"{where}: expected {{user, assistant}} in `texts`, found {str(turn)[:60]}")
        question, answer = clean(turn["user"], where), clean(turn["assistant"], where)
        texts.append(Text("answer", answer, beginning=question))
    return texts
