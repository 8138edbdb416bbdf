"""A teacher's conversations: what is asked about a picture, when a text is good, and what is said of one that isn't.

    conversation = Conversation("gpt-4o", "34", "short", ["A zebra eats grass.", ...])
    conversation.replay(journal.answers)         # what was answered before
    await ask_all(iter([conversation]), server, journal, concurrency=8, done=print)

A conversation is a function of captions and answers alone, so it goes on after a kill as if nothing had been.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from nanovlm_hf.data import prompts
from nanovlm_hf.data.journal import Answer, Journal, Record
from nanovlm_hf.data.prices import Price, estimated_tokens
from nanovlm_hf.data.text_rules import LENGTHS, Break, broken_rules, words_in
from nanovlm_hf.openai_client import Completion, Rejected, Server, Stopped, Unanswered

OFFLINE = "offline"
MAX_ANSWERS = 3  # the first, and two more where it is not good
MAX_ERRORS_IN_A_ROW = 3  # then none will be answered


class Outcome(NamedTuple):
    """How a conversation ended: a text and the rules that it breaks; or no text, and why."""

    text: str
    flags: tuple[str, ...]
    teacher: str
    reason: str


class Conversation:
    """What a teacher and we say about one picture in one style.

    `messages` is what to send next, `request` its fingerprint: of teacher, picture, style and all that was said.
    """

    def __init__(self, teacher: str, image_id: str, style: str, captions: list[str]):
        self.teacher, self.image_id, self.style, self.captions = teacher, image_id, style, captions
        self.messages = prompts.first_messages(captions, style)
        self.answers: list[Answer] = []
        self.breaks: list[list[Break]] = []  # the rules that each answer's text breaks
        self.max_answers = 1 if teacher == OFFLINE else MAX_ANSWERS  # it would write the same again

    @property
    def request(self) -> str:
        said = json.dumps([self.teacher, self.image_id, self.style, self.messages])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def finished(self) -> bool:
        if not self.answers:
            return False
        last = self.answers[-1]
        is_good = last.kind == "text" and not self.breaks[-1]
        return is_good or last.kind == "rejected" or len(self.answers) == self.max_answers

    def add(self, answer: Answer) -> None:
        """Takes an answer; where it is not good, `messages` goes on with what is wrong."""
        self.answers.append(answer)
        self.breaks.append(broken_rules(answer.text, self.style) if answer.kind == "text" else [])
        if self.finished:
            return
        if answer.kind == "text":
            self.messages += prompts.after_broken_rules(answer.text, self.breaks[-1])
        elif answer.kind == "refusal":
            self.messages += prompts.after_refusal(answer.text)
        else:
            self.messages += prompts.after_malformed(answer.text)

    def replay(self, answers: Mapping[str, Answer]) -> None:
        """Takes the answers that were given before; those to other captions don't fit and are passed over."""
        while not self.finished and (answer := answers.get(self.request)):
            self.add(answer)

    def record(self, kind: str, text: str) -> Record:
        return Record(self.request, self.image_id, self.style, len(self.answers) + 1, kind, text)

    def outcome(self) -> Outcome:
        """Of a finished conversation: its text with the fewest breaks, nearest in length, the latest of equals."""
        texts = [pair for pair in zip(self.answers, self.breaks, strict=True) if pair[0].kind == "text"]
        if not texts:
            last = self.answers[-1]
            return Outcome("", (), last.teacher, f"{last.kind}: {last.text[:200]}")
        best, breaks = min(reversed(texts), key=lambda pair: (len(pair[1]), self._words_off(pair[0].text)))
        return Outcome(best.text, tuple(dict.fromkeys(rule.flag for rule in breaks)), best.teacher, "")

    def _words_off(self, text: str) -> int:
        words, lengths = len(words_in(text)), LENGTHS[self.style]
        return max(lengths.min_words - words, words - lengths.max_words, 0)

    def estimate(self, price: Price | None) -> tuple[int, int, int, int]:
        """Tokens still to read and to write: if the next answer is good, and at most."""
        # Four tokens frame a message; the schema and its name are read with each request.
        read = sum(estimated_tokens(message["content"]) + 4 for message in self.messages) + 40
        write = LENGTHS[self.style].max_words * 4 // 3 + 10 + (price.thinking if price else 0)
        left = self.max_answers - len(self.answers)
        again = sum(range(left)) * (write + 50)  # what was said before is read again, with what was wrong
        return read, write, left * read + again, left * write


def read_answer(completion: Completion) -> tuple[str, str]:
    """The kind of an answer, and its description; or what came instead of one."""
    if completion.refusal or completion.finish == "content_filter":
        return "refusal", completion.refusal or completion.content
    content = re.sub(r"<think>.*?</think>", "", completion.content, flags=re.DOTALL).strip()
    found = content if completion.structured else re.sub(r"^```(?:json)?|```$", "", content).strip()
    try:
        description = json.loads(found)["description"]
    except (ValueError, KeyError, TypeError):
        # A server that isn't held to the schema may just write the text.
        is_plain = not completion.structured and completion.finish == "stop" and not set("{}[]") & set(found)
        description = found if is_plain else None
    if not isinstance(description, str) or not words_in(description):
        return "malformed", content[:1000]
    description = description.encode("utf-8", "replace").decode()  # JSON can hold half a character
    return "text", " ".join(description.split())


def record_of(conversation: Conversation, completion: Completion) -> Record:
    """A completion as the journal keeps it."""
    record = conversation.record(*read_answer(completion))
    record.teacher = completion.model or conversation.teacher
    record.tokens_in, record.tokens_out = completion.tokens_in, completion.tokens_out
    record.seconds, record.structured = completion.seconds, completion.structured
    return record


def keep(journal: Journal, conversation: Conversation, record: Record) -> None:
    """Journals an answer, then counts it."""
    journal.append(record)
    conversation.add(journal.answers[record.request])


async def ask_all(
    conversations: Iterator[Conversation],
    server: Server,
    journal: Journal,
    concurrency: int,
    done: Callable[[Conversation], None],
) -> None:
    """Has all conversations to their ends, `concurrency` at a time; takes each from the iterator when its turn comes.

    Args:
        done: is called for each conversation that ended, or in which no answer was to be had (`journal.errors` says why).

    Raises:
        ValueError: going on is of no use; it says what to do. OSError: the journal cannot be written.
    """
    in_a_row = 0

    async def work() -> None:
        nonlocal in_a_row
        for conversation in conversations:
            while not conversation.finished:
                try:
                    completion = await server.complete(conversation.messages, prompts.ANSWER_SCHEMA)
                    record = record_of(conversation, completion)
                except Rejected as error:
                    # This request, or all of them? Only after an answer to another it is this one, and final.
                    kind = "rejected" if server.answered and not in_a_row else "error"
                    record = conversation.record("refusal" if error.content_filter else kind, str(error))
                except Unanswered as error:
                    record = conversation.record("error", str(error))
                except Stopped:
                    return
                in_a_row = in_a_row + 1 if record.kind in ("error", "rejected") else 0
                if record.kind == "error":
                    journal.append(record)
                else:
                    keep(journal, conversation, record)
                if in_a_row == MAX_ERRORS_IN_A_ROW:
                    raise ValueError(
                        f"{server.access.name} answers no request ({record.text}). Everything so far is kept; when it "
                        "does, or with another --teacher in another --out, run again."
                    )
                if record.kind == "error":
                    break
            done(conversation)

    await server.work_off(work, concurrency)
