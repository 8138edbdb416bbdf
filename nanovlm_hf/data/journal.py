"""Every answer of a teacher, on disk before it counts, so that no kill and no full disk makes anyone pay twice.

    with Journal(work / "journal.jsonl", tell=print) as journal:
        journal.append(Record(request="4f0c...", image_id="34", style="short", attempt=1, kind="text", text="..."))

A line a record, only ever appended to. A request is known by its fingerprint: what was asked about which picture.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from nanovlm_hf.files import append_durably

ANSWERS = (
    "text",
    "refusal",
    "malformed",
    "rejected",
)  # "error" is no answer: the request is sent again at a next start


@dataclass
class Record:
    """One line: a request's answer (a `kind` of `ANSWERS`), or "error" where none came. `text` holds what was said.

    `teacher`: the model as the server names it. `batch`: the id of the batch it came in, where there was one.
    `structured`: whether the server was held to the answer's JSON schema.
    """

    request: str
    image_id: str
    style: str
    attempt: int
    kind: str
    text: str
    teacher: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    structured: bool = True
    batch: str = ""
    time: str = ""


class Answer(NamedTuple):
    """What of a record is kept in memory."""

    kind: str
    text: str
    teacher: str


@dataclass
class Spent:
    """Tokens that the server named, and answers for which it named none."""

    tokens_in: int = 0
    tokens_out: int = 0
    batch_tokens_in: int = 0
    batch_tokens_out: int = 0
    uncounted: int = 0


class Journal:
    """The journal of a work folder, opened to go on.

    `answers`: by request, the first counts. `errors`: why a request of this run got no answer. `spent`: over all runs.

    Raises:
        ValueError: a line that is not the last is broken. A last line that was cut off is removed, and `tell` says so.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]):
        self.path = path
        self.answers: dict[str, Answer] = {}
        self.errors: dict[str, str] = {}
        self.spent = Spent()
        self.file = path.open("ab", buffering=0)
        self.size = 0  # bytes of whole lines
        try:
            self._read(tell)
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def _read(self, tell: Callable[[str], None]) -> None:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    self._count(Record(**json.loads(line)))
                except (ValueError, TypeError) as error:
                    if file.peek(1):
                        raise ValueError(
                            f"{self.path}, line {number}: broken ({error}). Something else than a crash wrote there. "
                            "Remove the line and run again: what it answered is then asked anew."
                        ) from None
                    tell(f"{self.path}, line {number}: cut off ({len(line)} bytes); removed. It had not counted yet.")
                    self.file.truncate(self.size)
                    return
                self.size += len(line)
        if number_of_bytes := self.size:
            with self.path.open("rb") as file:
                file.seek(number_of_bytes - 1)
                if file.read(1) != b"\n":  # whole but for its end
                    self._write(b"\n")

    def _count(self, record: Record) -> None:
        if record.kind not in (*ANSWERS, "error") or not isinstance(record.text, str):
            raise ValueError(f"unknown kind {record.kind!r}")
        if record.kind != "error":
            answer = Answer(sys.intern(record.kind), record.text, sys.intern(record.teacher))
            self.answers.setdefault(record.request, answer)
        if record.tokens_in is None or record.tokens_out is None:
            self.spent.uncounted += record.kind in ("text", "refusal", "malformed")
        elif record.batch:
            self.spent.batch_tokens_in += record.tokens_in
            self.spent.batch_tokens_out += record.tokens_out
        else:
            self.spent.tokens_in += record.tokens_in
            self.spent.tokens_out += record.tokens_out

    def append(self, *records: Record) -> None:
        """Writes records; when it returns they are on disk, and count.

        Raises:
            OSError: they could not be written (a full disk); none of them counts, and the journal is as before.
        """
        lines = []
        for record in records:
            record.time = datetime.now(timezone.utc).isoformat(timespec="seconds")
            fields: dict[str, Any] = {name: value for name, value in asdict(record).items() if value not in (None, "")}
            lines.append(json.dumps({"text": "", **fields}, ensure_ascii=False) + "\n")
        self._write("".join(lines).encode("utf-8"))
        for record in records:
            self._count(record)
            if record.kind == "error":
                self.errors[record.request] = record.text
            else:
                self.errors.pop(record.request, None)

    def _write(self, data: bytes) -> None:
        try:
            append_durably(self.file, data)
        except OSError as error:
            raise OSError(
                f"{self.path} cannot be written: {error.strerror}. All answers before are kept. Make room, then run the "
                "same command again."
            ) from None
        self.size += len(data)
