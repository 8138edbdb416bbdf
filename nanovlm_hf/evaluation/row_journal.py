"""Rows of results on disk as soon as they exist, each under a key that says what it was computed from.

    with RowJournal(Path("results/completions.jsonl")) as journal:
        journal.add([{"key": "4f0c...", "completion": " runs on the grass."}])

One JSON object a line, only ever appended to: an interrupted run goes on, a later one computes what is new.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nanovlm_hf.files import append_durably


def key_of(*parts: Any) -> str:
    """A hash of what a row depends on; parts are what JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


class RowJournal:
    """`rows` by key. A last line that was cut off is dropped.

    Raises:
        ValueError: another line is broken.
    """

    def __init__(self, path: Path):
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("ab+", buffering=0)
        try:
            self._read()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> "RowJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def _read(self) -> None:
        self.file.seek(0)
        lines = self.file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            self.file.truncate(self.file.tell() - len(lines.pop()))
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                self.rows[row["key"]] = row
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"{self.path}, line {number}: broken ({error}). Remove the line and run again: what it held is "
                    "then computed anew."
                ) from None

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Appends rows, each with its `key`; when it returns they are on disk.

        Raises:
            OSError: they could not be written (a full disk); none of them counts, and the file is as before.
        """
        rows = list(rows)
        append_durably(self.file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8"))
        self.rows.update((row["key"], row) for row in rows)
