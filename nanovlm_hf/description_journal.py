"""Descriptions on disk as soon as they are written, so that a killed run goes on and does nothing twice.

    with DescriptionJournal(Path("descriptions.parquet.journal"), {"model": "9b1d2e0c", "prompt": ""}) as journal:
        journal.add([{"image": "photos/1.jpg", "version": "48213-17320", "text": "A dog runs."}])

A line of JSON a batch, only ever appended to, behind one that says by what means.
"""

import json
import os
from pathlib import Path
from typing import Any

from nanovlm_hf.files import append_durably
from nanovlm_hf.picture_list import Picture


class DescriptionJournal:
    """A journal, opened to go on. Memory holds where each picture's line begins, and not the texts.

    Args:
        path: where it lies.
        about: what the texts depend on, besides the pictures.

    Raises:
        ValueError: it was begun by other means, or a line is broken. A last line that was cut off is dropped.
    """

    def __init__(self, path: Path, about: dict[str, Any]):
        self.path = path
        self.lines: dict[tuple[str, str], int] = {}  # (name, version) -> where its line begins
        self.failed: set[tuple[str, str]] = set()
        self.last: tuple[int, dict[str, Any]] = (-1, {})  # the line that was read last: where it begins, rows by name
        self.file = path.open("ab+", buffering=0)
        try:
            self._read(json.loads(json.dumps(about, default=str)))
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> "DescriptionJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def _read(self, about: dict[str, Any]) -> None:
        size = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                changes: list[str] = []
                try:
                    value = json.loads(line)
                    if number > 1:
                        self._count(value["pictures"], size)
                    else:
                        changes = [
                            f"{name}: {value.get(name)!r} -> {wanted!r}"
                            for name, wanted in about.items()
                            if value.get(name) != wanted
                        ]
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise ValueError(
                        f"{self.path}, line {number}: broken ({error}). Remove the line and run again: its pictures are "
                        "then described anew."
                    ) from None
                if changes:
                    raise ValueError(
                        f"{self.path} was begun by other means ({'; '.join(changes)}). Go on with the first ones, choose "
                        "another --out, or remove that file to describe all pictures anew."
                    )
                size += len(line)
        self.file.truncate(size)
        if not size:
            self._append(about)

    def _count(self, rows: list[dict[str, Any]], place: int) -> None:
        for row in rows:
            key = (row["image"], row["version"])
            self.lines[key] = place
            (self.failed.add if "error" in row else self.failed.discard)(key)

    def _append(self, value: dict[str, Any]) -> None:
        try:
            append_durably(self.file, (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8"))
        except OSError as error:
            raise OSError(
                f"{self.path} cannot be written: {error.strerror}. All descriptions before are kept. Make room, then run "
                "the same command again."
            ) from None

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Appends a batch; when it returns, it is on disk.

        Args:
            rows: image and version (of a `Picture`), and text or error.

        Raises:
            OSError: it could not be written (a full disk); none of it counts, and the journal is as before.
        """
        place = self.file.seek(0, os.SEEK_END)
        self._append({"pictures": rows})
        self._count(rows, place)

    def state(self, picture: Picture) -> str:
        """What is known of this version of a picture: "described", "failed", or "new" where it was not tried."""
        key = (picture.name, picture.version)
        return "new" if key not in self.lines else "failed" if key in self.failed else "described"

    def row(self, picture: Picture) -> dict[str, Any]:
        """What was added of a picture."""
        place = self.lines[picture.name, picture.version]
        if self.last[0] != place:
            with self.path.open("rb") as file:
                file.seek(place)
                self.last = place, {row["image"]: row for row in json.loads(file.readline())["pictures"]}
        return self.last[1][picture.name]
