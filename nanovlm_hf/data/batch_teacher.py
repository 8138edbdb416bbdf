"""The teacher through OpenAI's Batch API: half the price, answers within a day. Submit, come back, collect.

    work/batches.json           the batches that were submitted, and their ids
    work/batches/<name>.jsonl   the requests of one, until it is collected

A batch carries a name of ours in its metadata, noted before it is submitted: where a crash came between submitting and
noting its id, the next start finds it by that name instead of paying for it again.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from nanovlm_hf.data.journal import Journal
from nanovlm_hf.data.prompts import ANSWER_SCHEMA
from nanovlm_hf.data.teacher import Conversation, keep, record_of
from nanovlm_hf.files import write_atomically
from nanovlm_hf.openai_client import (
    RETRIED,
    Access,
    final_problem,
    is_content_filter,
    read_completion,
    reason_of,
    request_of,
)

MAX_REQUESTS = 50_000  # of a batch, as OpenAI allows
MAX_BYTES = 195_000_000  # it allows 200 MB
METADATA = "nanovlm_batch"
_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_ENDED = ("completed", "expired", "cancelled", "failed")


@dataclass
class Batch:
    """One batch. `status` is OpenAI's, before that "submitting", and "collected" once its answers are in the journal."""

    name: str
    requests: int
    started: float  # seconds since 1970
    batch_id: str = ""
    status: str = "submitting"


def read_batches(work: Path) -> list[Batch]:
    """The batches of a work folder, in the order submitted."""
    path = work / "batches.json"
    return [Batch(**entry) for entry in json.loads(path.read_text())] if path.exists() else []


class BatchTeacher:
    """The batches of a work folder; use it as a context. `tell` gets a line for each thing to be known.

    Raises:
        ValueError: in all its methods, what OpenAI says that no waiting helps.
    """

    def __init__(self, work: Path, access: Access, teacher: str, journal: Journal, tell: Callable[[str], None]):
        self.work, self.access, self.teacher, self.journal, self.tell = work, access, teacher, journal, tell
        self.batches = read_batches(work)
        self.answers: dict[
            str, tuple[str, dict[str, Any]]
        ] = {}  # by request: the batch's id, and a line of its output
        self.waiting: set[str] = set()  # requests in batches that have not ended

    def __enter__(self) -> "BatchTeacher":
        from openai import OpenAI

        # A batch must not be created twice: that call is not repeated by the client (see `submit`).
        self.client = OpenAI(
            api_key=self.access.key,
            base_url=self.access.base_url,
            timeout=max(600.0, self.access.timeout),
            max_retries=5,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @contextmanager
    def _clear_errors(self, doing: str) -> Iterator[None]:
        from openai import APIError

        try:
            yield
        except APIError as error:
            problem = final_problem(error, self.access, self.teacher)
            raise ValueError(
                problem
                or f"{doing}: {self.access.name} does not do it ({reason_of(error, self.access)}). "
                "Nothing is lost; run the same command again later."
            ) from None

    def look(self) -> bool:
        """Asks how the batches are, and fetches the answers of those that ended.

        Returns:
            Whether new ones may be submitted: not where one failed as a whole, which the user should know first.
        """
        may_submit = True
        self._find_lost()
        for batch in self.batches:
            if batch.status == "collected":
                continue
            with self._clear_errors(f"Asking for batch {batch.batch_id}"):
                state = self.client.batches.retrieve(batch.batch_id)
                batch.status = state.status
                if state.status not in _ENDED:
                    counts = state.request_counts
                    so_far = f", {counts.completed:,} done" if counts else ""
                    self.tell(f"Batch {batch.batch_id}: {state.status}, {batch.requests:,} requests{so_far}.")
                    self.waiting |= set(self._requests_of(batch))
                    continue
                for file_id in filter(None, (state.output_file_id, state.error_file_id)):
                    self._read_output(batch, self.client.files.content(file_id).text)
            if state.status != "completed":
                errors = (state.errors.data if state.errors else None) or []
                why = "; ".join(self.access.clean(error.message or error.code, 300) for error in errors)
                self.tell(f"Batch {batch.batch_id}: {state.status}. {why}".rstrip())
            if state.status == "failed":
                may_submit = False
                self.tell(
                    "It was not begun and costs nothing; run the same command again to submit its requests anew. Where "
                    "too many tokens were enqueued, take fewer pictures at a time with --limit."
                )
        self._save()
        return may_submit

    def take(self, conversation: Conversation) -> None:
        """Journals the fetched answers to a conversation. Those that broke a rule go into a next batch."""
        while not conversation.finished and conversation.request in self.answers:
            batch_id, line = self.answers.pop(conversation.request)
            response = line.get("response") or {}
            status = response.get("status_code")
            if status == 200:
                try:
                    record = record_of(conversation, read_completion(response.get("body"), self.access))
                except ValueError as problem:
                    record = conversation.record("malformed", str(problem))
            else:
                error = _error_in(line)
                kind = "refusal" if is_content_filter(error.get("code")) else "rejected"
                record = conversation.record(kind, self.access.clean(f"{status}: {error.get('message')}", 300))
            record.batch = batch_id
            keep(self.journal, conversation, record)

    def mark_collected(self) -> None:
        """Notes that all fetched answers are in the journal; call it after `take` of every conversation there is."""
        if self.answers:
            self.tell(f"{len(self.answers):,} answers are left out: their captions have changed since.")
        for batch in self.batches:
            if batch.status in _ENDED:
                batch.status = "collected"
                self._path(batch).unlink(missing_ok=True)
        self._save()

    def submit(self, conversations: Iterable[Conversation]) -> None:
        """Submits what is open and not waiting, in as many batches as it takes."""
        lines: list[bytes] = []
        size = 0
        for conversation in conversations:
            if conversation.finished or conversation.request in self.waiting:
                continue
            body = request_of(self.teacher, conversation.messages, ANSWER_SCHEMA)
            request = {"custom_id": conversation.request, "method": "POST", "url": _ENDPOINT, "body": body}
            line = json.dumps(request, ensure_ascii=False).encode() + b"\n"
            if len(lines) == MAX_REQUESTS or size + len(line) > MAX_BYTES:
                self._submit(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        if lines:
            self._submit(lines)

    def _submit(self, lines: list[bytes]) -> None:
        batch = Batch(uuid.uuid4().hex, len(lines), time.time())
        path = self._path(batch)
        write_atomically(path, b"".join(lines))
        with self._clear_errors("Uploading a batch"), path.open("rb") as file:
            uploaded = self.client.files.create(file=file, purpose="batch")
        self.batches.append(batch)
        self._save()  # from here on, a crash leaves a name to look for
        with self._clear_errors("Submitting a batch"):
            created = self.client.with_options(max_retries=0).batches.create(
                input_file_id=uploaded.id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={METADATA: batch.name},
            )
        batch.batch_id, batch.status = created.id, created.status
        self._save()
        self.waiting |= set(self._requests_of(batch))
        self.tell(f"Batch {batch.batch_id}: submitted, {batch.requests:,} requests.")

    def _find_lost(self) -> None:
        """Finds the batches whose ids we don't know; those that never arrived are forgotten, and submitted anew."""
        lost = {batch.name: batch for batch in self.batches if not batch.batch_id}
        if not lost:
            return
        oldest = min(batch.started for batch in lost.values()) - 86_400  # clocks differ
        with self._clear_errors("Looking for a batch"):
            for state in self.client.batches.list(limit=100):  # newest first, further pages as needed
                if batch := lost.pop((state.metadata or {}).get(METADATA, ""), None):
                    batch.batch_id = state.id
                    self.tell(f"Batch {batch.batch_id}: found; it had been submitted just before a stop.")
                if not lost or state.created_at < oldest:
                    break
        for batch in lost.values():
            self.batches.remove(batch)
            self._path(batch).unlink(missing_ok=True)
        self._save()

    def _read_output(self, batch: Batch, text: str) -> None:
        lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        rejections = [line for line in lines if _is_rejection(line)]
        if len(rejections) == batch.requests and not self.journal.answers:
            batch.status = "collected"
            self._save()
            error = _error_in(rejections[0])
            raise ValueError(
                f"Batch {batch.batch_id}: every request was rejected ({self.access.clean(error.get('message'), 300)}). "
                "None is billed. Try another --teacher."
            )
        for line in lines:
            # The others (expired, cancelled, the server's own errors) were not billed: they are asked anew.
            if (line.get("response") or {}).get("status_code") == 200 or _is_rejection(line):
                self.answers[line["custom_id"]] = (batch.batch_id, line)

    def _requests_of(self, batch: Batch) -> Iterator[str]:
        with self._path(batch).open("rb") as file:
            for line in file:
                yield json.loads(line)["custom_id"]

    def _path(self, batch: Batch) -> Path:
        return self.work / "batches" / f"{batch.name}.jsonl"

    def _save(self) -> None:
        if not self.batches and not (self.work / "batches.json").exists():
            return
        entries = [asdict(batch) for batch in self.batches]
        write_atomically(self.work / "batches.json", json.dumps(entries, indent=2) + "\n")


def _is_rejection(line: dict[str, Any]) -> bool:
    status = (line.get("response") or {}).get("status_code") or 0
    return 400 <= status < 500 and status not in RETRIED


def _error_in(line: dict[str, Any]) -> dict[str, Any]:
    error = (line["response"].get("body") or {}).get("error")
    return error if isinstance(error, dict) else {"message": error}
