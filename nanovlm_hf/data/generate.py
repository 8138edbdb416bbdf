"""Has a teacher write descriptions from captions: asks what it may cost, goes on after any stop, pays for nothing twice.

    generate(Path("work"), CaptionSource("photos/"), ["short", "long"], "gpt-4o", Options(), confirm=ask, console=Console())
    for split, row in read_work(Path("work")): ...           # captions and descriptions

The work folder holds
    generation.json             captions, styles, teacher and prompts: what all runs there must agree on
    journal.jsonl               every answer (see journal.py)
    batches.json, batches/      with --batch-api (see batch_teacher.py)
    descriptions/{short,long}desc_{split}.jsonl     made from the journal at each end of a run
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nanovlm_hf.data.batch_teacher import BatchTeacher, read_batches
from nanovlm_hf.data.journal import Journal, Record, Spent
from nanovlm_hf.data.prices import CHARACTERS_A_TOKEN, Price, find_price
from nanovlm_hf.data.readers import read_captions
from nanovlm_hf.data.sources import CaptionSource, Row, Text
from nanovlm_hf.data.teacher import OFFLINE, Conversation, ask_all
from nanovlm_hf.data.work_folder import Generation, absolute, agreed, read_generation
from nanovlm_hf.files import alone_in, write_atomically
from nanovlm_hf.openai_client import Access, Server, find_access, stopping_orderly

if TYPE_CHECKING:
    from rich.console import Console

OFFLINE_BLOCK = 500  # offline texts cost nothing: they are journalled by the block


@dataclass(frozen=True)
class Options:
    """What may differ from run to run in one work folder; the command's flags of the same names.

    `limit`: pictures. `strict`: leave out descriptions that break a rule. `prices`: a table like prices.yaml.
    """

    base_url: str | None = None
    key_variable: str | None = None
    batch_api: bool = False
    strict: bool = False
    limit: int | None = None
    concurrency: int = 8
    timeout: float = 120.0
    prices: Path | None = None


@dataclass
class Summary:
    """How the work stands: by style, how many descriptions are "described", "flagged", "dropped", "failed", "waiting".

    `failures`: how often each reason. `spent`: by this run. `stopped`: on the user's wish.
    """

    counts: dict[str, Counter[str]]
    failures: Counter[str] = field(default_factory=Counter)
    spent: Spent = field(default_factory=Spent)
    stopped: bool = False

    def total(self, outcome: str) -> int:
        return sum(counts[outcome] for counts in self.counts.values())


def generate(
    work: Path,
    captions: CaptionSource,
    styles: list[str],
    teacher: str,
    options: Options,
    confirm: Callable[[str], bool],
    console: "Console",
) -> Summary:
    """Describes every picture of a source in every style, as far as it isn't done yet.

    Args:
        work: the work folder.
        styles: "short", "long" or both.
        teacher: a model's name, or "offline".
        confirm: is asked before anything is sent that may cost, unless it is the offline teacher's.

    Raises:
        ValueError, FileNotFoundError, OSError: what keeps the run from going on, and what to do. All answers are kept.
    """
    if options.batch_api and teacher == OFFLINE:
        raise ValueError("--batch-api is for models of OpenAI; --teacher offline needs none. Leave one of them out.")
    access = None if teacher == OFFLINE else find_access(options.base_url, options.key_variable, options.timeout)
    own_server = access is not None and access.base_url is not None and options.prices is None
    price = None if access is None or own_server else find_price(teacher, options.prices)
    work.mkdir(parents=True, exist_ok=True)
    with alone_in(work), Journal(work / "journal.jsonl", console_line(console)) as journal:
        is_begun = journal.size > 0 or (work / "batches.json").exists()
        generation = agreed(work, Generation(absolute(captions), tuple(styles), teacher), is_begun)
        run = _Run(work, generation, styles, options, price, journal, console)
        try:
            if access is None:
                run.offline()
            elif options.batch_api:
                run.by_batches(access, confirm)
            else:
                run.directly(access, confirm)
        except KeyboardInterrupt:
            run.stopped = True
        except ValueError:
            run.finish()
            raise
        return run.finish()


def read_work(work: Path) -> Iterator[tuple[str | None, Row]]:
    """The pictures of a work folder with their captions and descriptions, in the source's order and splits.

    Raises:
        FileNotFoundError, ValueError: it isn't one, or its captions are gone.
    """
    generation = read_generation(work)
    if generation is None:
        raise FileNotFoundError(f"{work} has no generation.json. Pass a folder that `nanovlm data generate` wrote.")
    described: dict[str, list[Text]] = {}
    for style in generation.styles:
        for path in sorted(work.glob(f"descriptions/{style}desc_*.jsonl")):
            with path.open(encoding="utf-8") as file:
                for record in map(json.loads, file):
                    text = Text(style, record["text"], teacher=record["teacher"], flags=tuple(record["flags"]))
                    described.setdefault(record["image_id"], []).append(text)
    for split, row in read_captions(generation.captions):
        captions = [text for text in row.texts if text.style == "caption"]
        yield split, replace(row, texts=captions + described.get(row.image_id, []))


class _Run:
    """One run of a teacher in a work folder."""

    def __init__(
        self,
        work: Path,
        generation: Generation,
        styles: list[str],
        options: Options,
        price: Price | None,
        journal: Journal,
        console: "Console",
    ):
        self.work, self.generation, self.styles, self.options = work, generation, styles, options
        self.price, self.journal, self.console = price, journal, console
        self.tell = console_line(console)
        found = read_captions(generation.captions)
        self.rows = [(split or "train", row) for split, row in found if row.captions()]
        self.stopped = False
        self.spent_before = replace(journal.spent)

    def conversation(self, row: Row, style: str) -> Conversation:
        conversation = Conversation(self.generation.teacher, row.image_id, style, row.captions())
        conversation.replay(self.journal.answers)
        return conversation

    def unfinished(self) -> Iterator[Conversation]:
        """What this run is to bring to an end, one after another."""
        for _, row in self.rows[: self.options.limit]:
            for style in self.styles:
                conversation = self.conversation(row, style)
                if not conversation.finished:
                    yield conversation

    def offline(self) -> None:
        from nanovlm_hf.data.offline_teacher import write_description

        number = sum(1 for _ in self.unfinished())
        if not number:
            self.tell("Nothing is left to write.")
            return
        self._begin()
        with self._progress(number) as show:
            block: list[Record] = []
            for conversation in self.unfinished():
                try:
                    kind = "text"
                    text = write_description(conversation.captions, conversation.style, conversation.image_id)
                except ValueError as error:
                    kind, text = "rejected", str(error)
                record = conversation.record(kind, text)
                record.teacher = OFFLINE
                block.append(record)
                if len(block) == OFFLINE_BLOCK:
                    self.journal.append(*block)
                    block = []
                show(kind != "text")
            if block:
                self.journal.append(*block)

    def directly(self, access: Access, confirm: Callable[[str], bool]) -> None:
        if waiting := sum(batch.requests for batch in read_batches(self.work) if batch.status != "collected"):
            raise ValueError(
                f"{waiting:,} requests were submitted in batches; to ask them again would be to pay twice. Run with "
                "--batch-api until they are collected."
            )
        number = self._show_plan(self.unfinished(), access)
        if not number or not confirm("Go on?"):
            return
        self._begin()
        with self._progress(number) as show:
            asyncio.run(self._ask(access, show))

    async def _ask(self, access: Access, show: Callable[[bool], None]) -> None:
        async with Server(access, self.generation.teacher, self.tell) as server:
            with stopping_orderly(server, self.tell):
                await ask_all(
                    self.unfinished(),
                    server,
                    self.journal,
                    self.options.concurrency,
                    done=lambda conversation: show(not conversation.finished or bool(conversation.outcome().reason)),
                )
            self.stopped = server.stopping.is_set()

    def by_batches(self, access: Access, confirm: Callable[[str], bool]) -> None:
        with BatchTeacher(self.work, access, self.generation.teacher, self.journal, self.tell) as teacher:
            may_submit = teacher.look()
            if teacher.answers:
                for _, row in self.rows:  # all of them, whatever this run is limited to: they are paid for
                    for style in self.generation.styles:
                        teacher.take(self.conversation(row, style))
            teacher.mark_collected()
            if not may_submit:
                return
            unsent = (
                conversation for conversation in self.unfinished() if conversation.request not in teacher.waiting
            )
            if self._show_plan(unsent, access):
                if not confirm("Go on?"):
                    return
                self._begin()
                teacher.submit(self.unfinished())
            if teacher.waiting:
                self.tell(
                    f"{len(teacher.waiting):,} requests wait in batches, for a day at most. Run the same command again to "
                    "see how they are and to collect them."
                )

    def _begin(self) -> None:
        """Only now that something is sent do the settings bind later runs."""
        write_atomically(self.work / "generation.json", json.dumps(asdict(self.generation), indent=2) + "\n")

    def _show_plan(self, conversations: Iterator[Conversation], access: Access) -> int:
        number = read = write = most_read = most_write = 0
        for conversation in conversations:
            number += 1
            tokens = conversation.estimate(self.price)
            read, write = read + tokens[0], write + tokens[1]
            most_read, most_write = most_read + tokens[2], most_write + tokens[3]
        if not number:
            self.tell("Nothing is left to ask.")
            return 0
        self.tell(
            f"{number:,} descriptions are to be written: {number:,} requests, about {read:,} tokens to read and "
            f"{write:,} to write ({CHARACTERS_A_TOKEN} characters a token). Texts that break a rule go back, twice at most."
        )
        if self.price is None:
            self.tell(
                f"No price is known for {self.generation.teacher} at {access.name}: it may cost something or nothing. "
                "With --prices FILE you see what."
            )
            return number
        batch = self.options.batch_api
        about = self.price.cost(read, write, batch)
        most = self.price.cost(most_read, most_write, batch)
        self.tell(
            f"About ${about:,.2f}, at most ${most:,.2f} if all went back twice (prices of {self.price.as_of}"
            f"{', batch' if batch else ''}; check yours)."
        )
        return number

    @contextmanager
    def _progress(self, number: int) -> Iterator[Callable[[bool], None]]:
        """A bar; call what it gives for each description that is done, with whether it failed."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        note = TextColumn("{task.fields[note]}", markup=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), note, TimeRemainingColumn())
        failed = 0
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task("describing", total=number, note="")

            def show(has_failed: bool) -> None:
                nonlocal failed
                failed += has_failed
                cost = f", ${self._cost(self._spent()):.2f}" if self.price else ""
                progress.update(task, advance=1, note=f"{failed} failed{cost}")

            yield show

    def finish(self) -> Summary:
        """Writes the descriptions and says how the work stands."""
        summary = self._write_descriptions()
        summary.spent, summary.stopped = self._spent(), self.stopped
        self._report(summary)
        return summary

    def _spent(self) -> Spent:
        before, now = asdict(self.spent_before), asdict(self.journal.spent)
        return Spent(**{name: now[name] - before[name] for name in now})

    def _write_descriptions(self) -> Summary:
        """Makes `descriptions/` from the journal, in the source's order."""
        lines: dict[tuple[str, str], list[str]] = {}
        summary = Summary({style: Counter() for style in self.generation.styles})
        for split, row in self.rows:
            for style in self.generation.styles:
                file = lines.setdefault((style, split), [])
                conversation = self.conversation(row, style)
                if not conversation.finished:
                    reason = self.journal.errors.get(conversation.request)
                    summary.counts[style]["failed" if reason else "waiting"] += 1
                    summary.failures.update([reason] if reason else [])
                    continue
                outcome = conversation.outcome()
                if outcome.reason:
                    summary.counts[style]["failed"] += 1
                    summary.failures[outcome.reason] += 1
                elif outcome.flags and self.options.strict:
                    summary.counts[style]["dropped"] += 1
                else:
                    summary.counts[style]["flagged" if outcome.flags else "described"] += 1
                    description = {
                        "image_id": row.image_id,
                        "file_name": row.file_name,
                        "source": row.source,
                        "text": outcome.text,
                        "teacher": outcome.teacher,
                        "flags": outcome.flags,
                        "written_from": "captions",
                    }
                    file.append(json.dumps(description, ensure_ascii=False) + "\n")
        if self.journal.answers:
            for (style, split), file in lines.items():
                path = self.work / "descriptions" / f"{style}desc_{split}.jsonl"
                try:
                    write_atomically(path, "".join(file))
                except OSError as error:
                    raise OSError(
                        f"{path} cannot be written: {error.strerror}. All answers are in the journal. Make room, then run "
                        "the same command again."
                    ) from None
        return summary

    def _report(self, summary: Summary) -> None:
        for style, counts in summary.counts.items():
            parts = [
                f"{counts[name]:,} {name}"
                for name in ("described", "flagged", "dropped", "failed", "waiting")
                if counts[name]
            ]
            self.tell(f"{style}: {', '.join(parts) or 'nothing'}.")
        for reason, number in summary.failures.most_common(5):
            self.tell(f"  {number:,} failed: {reason}")
        spent, total = summary.spent, self.journal.spent
        if self.generation.teacher != OFFLINE:
            self.tell(f"Tokens read and written: {_tokens(spent)} by this run, {_tokens(total)} in all.")
            if total.uncounted:
                self.tell(f"For {total.uncounted:,} answers the server named no tokens.")
        if self.price is not None:
            self.tell(f"Cost: ${self._cost(spent):,.2f} by this run, ${self._cost(total):,.2f} in all.")
        if summary.total("described") + summary.total("flagged"):
            self.tell(
                f"The descriptions lie in {self.work / 'descriptions'}; see how good they are: nanovlm data check {self.work}"
            )
        if summary.stopped:
            self.tell("Stopped. The same command goes on from here.")

    def _cost(self, spent: Spent) -> float:
        assert self.price is not None
        direct = self.price.cost(spent.tokens_in, spent.tokens_out)
        return direct + self.price.cost(spent.batch_tokens_in, spent.batch_tokens_out, batch=True)


def console_line(console: "Console") -> Callable[[str], None]:
    """Prints a line as it is: what a server said is no markup."""
    return lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)


def _tokens(spent: Spent) -> str:
    return f"{spent.tokens_in + spent.batch_tokens_in:,} and {spent.tokens_out + spent.batch_tokens_out:,}"
