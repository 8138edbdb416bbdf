"""A language model as judge of completions: up to 10 on each axis, blind to who wrote, paid for once.

    judgements = judge_completions(rows, Path("results"), JudgeSettings("gpt-4o"))         # rows of completions
    judgements[0].scores, judgements[0].rationale               # {"grammar": 7, ...}; None where `reason` says why

The paper's judge reads the text alone. `sees_image` sends the picture too and asks for a sixth score, grounding: that is
another judge, and the two are never put together. Every answer is on disk (`judge.jsonl`) before it counts, under what
it depends on, so an interrupted run goes on, and equal texts of two models are judged once.
Source: NanoVLMs, section "Evaluation" and Prompt 3; the wording is in `judge_prompts`.
"""

import asyncio
import base64
import io
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanovlm_hf.data.prices import CHARACTERS_A_TOKEN, estimated_tokens, find_price
from nanovlm_hf.evaluation import judge_prompts as prompts
from nanovlm_hf.evaluation.judgements import ROW_FIELDS, Judgement, judge_name
from nanovlm_hf.evaluation.row_journal import RowJournal, key_of
from nanovlm_hf.openai_client import (
    Completion,
    Rejected,
    Server,
    Stopped,
    Unanswered,
    find_access,
    stopping_orderly,
)

if TYPE_CHECKING:
    from rich.console import Console

    from nanovlm_hf.evaluation.items import Item

JOURNAL = "judge.jsonl"
MAX_ANSWERS = 3  # the first, and two more where it cannot be used
MAX_ERRORS_IN_A_ROW = 3  # then none will be answered
PICTURE_SIDE = 512  # pixels, at most, of what is sent
TEMPERATURE = 0.0  # left out where a server takes none
WRITTEN_TOKENS = 110  # of an answer: three sentences and the scores


@dataclass(frozen=True)
class JudgeSettings:
    """Which model judges, and how.

    `model`: as its server knows it; its answers are kept under this name, wherever it is served. `votes`: how often each
    text is judged; each vote asks for the axes in another order, for at temperature 0 many servers would say the same
    again letter by letter. `base_url`, `key_variable`, `timeout`: see `find_access`. `prices`: a table like
    nanovlm_hf/data/prices.yaml. `seed`: of the order in which texts are sent.
    """

    model: str
    sees_image: bool = False
    votes: int = 1
    base_url: str | None = None
    key_variable: str | None = None
    timeout: float = 120.0
    concurrency: int = 8
    prices: Path | None = None
    seed: int = 0

    @property
    def judge(self) -> str:
        """The judge's name: with and without the picture it is not the same judge."""
        return judge_name(self.model, self.sees_image)

    @property
    def axes(self) -> list[str]:
        return list(prompts.axes_for(self.sees_image))


def judge_completions(
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    settings: JudgeSettings,
    items: Iterable["Item"] = (),
    confirm: Callable[[str], bool] = lambda question: True,
    console: "Console | None" = None,
) -> list[Judgement]:
    """Has every completion scored, or finds its scores among those that earlier runs kept in `folder`.

    Args:
        rows: of completions (`complete_items`): their key, model, dataset, style, image_id, beginning, completion.
        folder: of the results; answers are kept in its `judge.jsonl`.
        items: have the rows' pictures, for a judge that sees them.
        confirm: is asked before anything is sent, after what it may cost is shown.

    Returns:
        A judgement for each row and vote, in their order. Those without scores say why; a next run asks for them again
        where no answer came.

    Raises:
        ValueError, FileNotFoundError: going on is of no use; it says what to do. OSError: the journal cannot be written.
        KeyboardInterrupt: the user stopped it. In all cases every answer that came is kept.
    """
    from rich.console import Console

    if settings.votes < 1 or settings.concurrency < 1:
        raise ValueError(f"votes and concurrency are 1 or more; got {settings.votes} and {settings.concurrency}.")
    pictures = _pictures(rows, settings, items)
    with RowJournal(folder / JOURNAL) as journal:
        questions: dict[str, _Question] = {}  # by what was asked first: equal texts are one question
        asked = []
        for row in rows:
            for vote in range(settings.votes):
                question = _Question(settings, row, vote, pictures.get(row["image_id"]))
                question = questions.setdefault(question.key, question)
                asked.append((row, question))
        for question in questions.values():
            question.replay(journal.rows)
        todo = [question for question in questions.values() if not question.finished]
        random.Random(settings.seed).shuffle(todo)  # so that no model has the server's good hours
        if todo:
            _Run(todo, settings, journal, console or Console()).go(confirm)
        return [question.judgement(row, journal.rows) for row, question in asked]


@dataclass(frozen=True)
class _Picture:
    hash: str
    open: Callable[[], Any]


def _pictures(
    rows: Sequence[Mapping[str, Any]], settings: JudgeSettings, items: Iterable["Item"]
) -> dict[str, _Picture]:
    if not settings.sees_image:
        return {}
    from nanovlm_hf.evaluation.completions import picture_hashes

    wanted = {row["image_id"] for row in rows}
    found = {item.image_id: item for item in items if item.image_id in wanted}
    if missing := sorted(wanted - found.keys()):
        raise ValueError(
            f"{settings.judge} needs the pictures, and {len(missing)} of {len(wanted)} are not among the items (the "
            f"first: {missing[0]}). Pass the items that were completed, or let it judge blind."
        )
    hashes = picture_hashes(found.values())
    return {image_id: _Picture(hashes[image_id], item.open_picture) for image_id, item in found.items()}


def picture_data_url(picture: Any) -> str:
    """A picture of any kind that `load_picture` takes as a JPEG data URL, 512 pixels a side at most."""
    from nanovlm_hf.processing.image_processing_nanovlm import load_picture

    image = load_picture(picture)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


class _Question:
    """One text before the judge: what was answered so far, and what to send next. A function of these alone."""

    def __init__(self, settings: JudgeSettings, row: Mapping[str, Any], vote: int, picture: _Picture | None):
        self.settings, self.vote, self.picture = settings, vote, picture
        self.beginning, self.completion = row["beginning"], row["completion"]
        turn = vote % len(settings.axes)
        self.axes = settings.axes[turn:] + settings.axes[:turn]
        self.answers: list[dict[str, Any]] = []

    @property
    def key(self) -> str:
        """Of the next answer, in the journal."""
        picture = self.picture.hash if self.picture else None
        about = [self.settings.model, self.beginning, self.completion, picture, self.vote, len(self.answers)]
        return key_of("judge", prompts.PROMPT_VERSION, *about)

    @property
    def finished(self) -> bool:
        if not self.answers:
            return False
        return self.answers[-1]["kind"] in ("scores", "rejected") or len(self.answers) == MAX_ANSWERS

    def replay(self, journalled: Mapping[str, dict[str, Any]]) -> None:
        while not self.finished and (answer := journalled.get(self.key)) and answer["kind"] != "error":
            self.answers.append(answer)

    def messages(self) -> list[dict[str, Any]]:
        url = picture_data_url(self.picture.open()) if self.picture else None
        messages = prompts.first_messages(self.beginning, self.completion, self.axes, url)
        for answer in self.answers:
            if answer["kind"] == "refusal":
                messages += prompts.after_refusal(answer["text"], self.axes)
            else:
                messages += prompts.after_malformed(answer["text"], answer["problem"], self.axes)
        return messages

    def answer(self, kind: str, text: str, **fields: Any) -> dict[str, Any]:
        """The next answer, as the journal keeps it."""
        return {
            "key": self.key,
            "kind": kind,
            "judge": self.settings.judge,
            "prompt_version": prompts.PROMPT_VERSION,
            "vote": self.vote,
            "attempt": len(self.answers) + 1,
            "text": text,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            **fields,
        }

    def judgement(self, row: Mapping[str, Any], journalled: Mapping[str, dict[str, Any]]) -> Judgement:
        last = self.answers[-1] if self.finished else journalled.get(self.key, {"kind": "waiting", "text": ""})
        scores = last.get("scores") if last["kind"] == "scores" else None
        reasons = {"scores": "", "waiting": "not judged yet", "malformed": f"malformed: {last.get('problem')}"}
        return Judgement(
            **{name: row[name] for name in ROW_FIELDS},
            judge=self.settings.judge,
            prompt_version=prompts.PROMPT_VERSION,
            vote=self.vote,
            scores={axis: scores[axis] for axis in self.settings.axes} if scores else None,
            reason=reasons.get(last["kind"], f"{last['kind']}: {last['text'][:200]}"),
            rationale=last.get("rationale", ""),
            judge_model=last.get("judge_model", ""),
            temperature=last.get("temperature"),
        )


def read_scores(completion: Completion, axes: Sequence[str]) -> dict[str, Any]:
    """An answer's kind ("scores", "refusal" or "malformed") and what goes with it, for the journal.

    A refusal has its `text`; a malformed answer its `text` and the `problem`; scores have `scores` and `rationale`.
    """
    if completion.refusal or completion.finish == "content_filter":
        return {"kind": "refusal", "text": completion.refusal or completion.content}
    said = re.sub(r"<think>.*?</think>", "", completion.content, flags=re.DOTALL).strip()
    try:
        # Without a schema some add words or a fence.
        found = json.loads(said[said.find("{") : said.rfind("}") + 1])
    except (ValueError, RecursionError):
        cut = ", it was cut off" if completion.finish == "length" else ""
        return {"kind": "malformed", "text": said[:1000], "problem": f"it is no JSON object{cut}"}
    if missing := [name for name in ("rationale", *axes) if name not in found]:
        return {"kind": "malformed", "text": said[:1000], "problem": f"{', '.join(missing)} missing"}
    for axis in axes:
        score = found[axis]
        if isinstance(score, bool) or not isinstance(score, (int, float)) or score not in range(prompts.HIGHEST + 1):
            problem = f"{axis} is {json.dumps(score)[:40]}, not a whole number from 0 to {prompts.HIGHEST}"
            return {"kind": "malformed", "text": said[:1000], "problem": problem}
    scores = {axis: int(found[axis]) for axis in axes}
    # JSON may escape what no file can hold.
    rationale = str(found["rationale"]).encode("utf-8", "replace").decode("utf-8")
    return {"kind": "scores", "text": "", "scores": scores, "rationale": rationale}


class _Run:
    """One run of a judge over what is left to ask."""

    def __init__(self, todo: list[_Question], settings: JudgeSettings, journal: RowJournal, console: "Console"):
        self.todo, self.settings, self.journal, self.console = todo, settings, journal, console
        self.access = find_access(settings.base_url, settings.key_variable, settings.timeout)
        own_server = self.access.base_url is not None and settings.prices is None
        self.price = None if own_server else find_price(settings.model, settings.prices)
        self.tokens_in = self.tokens_out = self.uncounted = 0
        self.in_a_row = 0  # errors

    def tell(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def go(self, confirm: Callable[[str], bool]) -> None:
        self._show_plan()
        if not confirm("Go on?"):
            return
        try:
            stopped = asyncio.run(self._ask())
        finally:
            self._report()
        if stopped:
            self.tell("Stopped. The same command goes on from here.")
            raise KeyboardInterrupt

    def _show_plan(self) -> None:
        read = write = 0
        for question in self.todo:
            texts = prompts.first_messages(question.beginning, question.completion, question.axes)
            # Four tokens frame a message; the schema is read with each request.
            read += sum(estimated_tokens(message["content"]) + 4 for message in texts)
            read += estimated_tokens(json.dumps(prompts.answer_schema(question.axes)["schema"]))
            read += _picture_tokens(self.settings.model) if question.picture else 0
            write += WRITTEN_TOKENS + (self.price.thinking if self.price else 0)
        self.tell(
            f"{self.settings.judge} is to judge {len(self.todo):,} texts: {len(self.todo):,} requests, about {read:,} "
            f"tokens to read and {write:,} to write ({CHARACTERS_A_TOKEN} characters a token). Answers that cannot be "
            f"used are asked for again, {MAX_ANSWERS - 1} times at most."
        )
        if self.price is None:
            self.tell(
                f"No price is known for {self.settings.model} at {self.access.name}: it may cost something or nothing. "
                "With a price table (`prices`) you see what."
            )
        else:
            self.tell(f"About ${self.price.cost(read, write):,.2f} (prices of {self.price.as_of}; check yours).")

    async def _ask(self) -> bool:
        """Asks everything; whether the user stopped it."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        note = TextColumn("{task.fields[note]}", markup=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), note, TimeRemainingColumn())
        async with Server(self.access, self.settings.model, self.tell) as server:
            with stopping_orderly(server, self.tell), Progress(*columns, console=self.console) as progress:
                task = progress.add_task("judging", total=len(self.todo), note="")
                questions = iter(self.todo)

                async def work() -> None:
                    for question in questions:
                        try:
                            await self._finish(question, server)
                        except Stopped:
                            return
                        cost = f"${self.price.cost(self.tokens_in, self.tokens_out):.2f}" if self.price else ""
                        progress.update(task, advance=1, note=cost)

                await server.work_off(work, self.settings.concurrency)
            return server.stopping.is_set()

    async def _finish(self, question: _Question, server: Server) -> None:
        """Asks until there are scores, or none are to be had.

        Raises:
            ValueError: going on is of no use. Stopped: see `Server`.
        """
        while not question.finished:
            schema = prompts.answer_schema(question.axes)
            try:
                completion = await server.complete(question.messages(), schema, TEMPERATURE)
                answer = self._counted(question, completion, server)
            except Rejected as error:
                # This request, or all of them? Only after an answer to another it is this one, and final.
                kind = "rejected" if server.answered and not self.in_a_row else "error"
                answer = question.answer("refusal" if error.content_filter else kind, str(error))
            except Unanswered as error:
                answer = question.answer("error", str(error))
            self.in_a_row = self.in_a_row + 1 if answer["kind"] in ("error", "rejected") else 0
            self.journal.add([answer])
            if self.in_a_row == MAX_ERRORS_IN_A_ROW:
                raise ValueError(
                    f"{server.access.name} answers no request ({answer['text']}). Everything so far is kept: run again "
                    "when it does, or with another judge."
                )
            if answer["kind"] == "error":
                return
            question.answers.append(answer)

    def _counted(self, question: _Question, completion: Completion, server: Server) -> dict[str, Any]:
        if completion.tokens_in is None or completion.tokens_out is None:
            self.uncounted += 1
        self.tokens_in += completion.tokens_in or 0
        self.tokens_out += completion.tokens_out or 0
        return question.answer(
            **read_scores(completion, question.axes),
            judge_model=completion.model or self.settings.model,
            temperature=None if "temperature" in server.left_out else TEMPERATURE,
            structured=completion.structured,
            tokens_in=completion.tokens_in,
            tokens_out=completion.tokens_out,
            seconds=completion.seconds,
        )

    def _report(self) -> None:
        found = [question.answers[-1]["kind"] if question.finished else "unanswered" for question in self.todo]
        kinds = Counter("scored" if kind == "scores" else f"unscored ({kind})" for kind in found)
        self.tell(f"{self.settings.judge}: {', '.join(f'{number:,} {kind}' for kind, number in kinds.most_common())}.")
        unnamed = f" (for {self.uncounted:,} answers the server named none)" if self.uncounted else ""
        cost = f"; ${self.price.cost(self.tokens_in, self.tokens_out):,.2f}" if self.price else ""
        self.tell(f"Tokens read and written: {self.tokens_in:,} and {self.tokens_out:,}{unnamed}{cost}.")


def _picture_tokens(model: str) -> int:
    """At most what providers count for one of 512 pixels in low detail: from 85 (gpt-4o) to 630, and one by its own rule."""
    return 2833 if model.startswith("gpt-4o-mini") else 630
