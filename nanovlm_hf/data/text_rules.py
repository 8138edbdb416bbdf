"""What a description must be: the one rule for words, the lengths of ShortDesc and LongDesc, a small child's wording.

    broken_rules("Oh, a dog.", "short")    # [Break("length", "It has 3 words; write 20 to 25."), ...]

Source: NanoVLMs, section "Data" and Prompts 1 and 2.
"""

import re
from typing import NamedTuple

_WORD = re.compile(r"[A-Za-z0-9'-]+")
_SENTENCE = re.compile(r"[^.!?]*[.!?]+[\"')]*|[^.!?]+$")


class Lengths(NamedTuple):
    """Words and sentences a description has, both ends included."""

    min_words: int
    max_words: int
    min_sentences: int
    max_sentences: int


LENGTHS = {
    "short": Lengths(20, 25, 2, 3),
    "long": Lengths(60, 70, 5, 7),  # the paper asks for 5-6 sentences; a seventh is let pass
}
# Said before the first thing in the picture is named, they say nothing of it.
_GENERIC_OPENING = re.compile(
    r"(here|this|that)( is|'s) (a|an|the|my|one) (picture|photo|photograph|image|scene|drawing)\b"
    r"|(in|on|at) (this|the|that|my) (picture|photo|photograph|image|scene)\b"
    r"|(this|the|that|my) (picture|photo|photograph|image|scene) shows\b"
    r"|(i|we|you) (can )?see (a|an|the|some|many|lots)\b"
    r"|once upon a time\b",
    re.IGNORECASE,
)
_INTERJECTION = re.compile(
    r"(?:^|[.!?,]\s+)(oh|wow|ooh|ah|aha|whoa|yay|hooray|hurray|yum|yippee|gosh|gee|oops|hey)(?=\s*[,!.])"
    r"|(?:^|[.!?]\s+)(look|listen|guess what)(?=\s*[,!]|\s+(?:at|there)\b)",
    re.IGNORECASE,
)


class Break(NamedTuple):
    """A rule that a text breaks: `flag` for tables, `message` for the writer, who is asked to mend it."""

    flag: str
    message: str


def words_in(text: str) -> list[str]:
    """The words of a text, as written: runs of letters, digits, apostrophes and hyphens."""
    return _WORD.findall(text)


def sentences_in(text: str) -> list[str]:
    """The sentences of a text, each with its closing mark; what follows the last mark counts as one."""
    return [sentence.strip() for sentence in _SENTENCE.findall(text) if words_in(sentence)]


def broken_rules(text: str, style: str) -> list[Break]:
    """The rules that a description breaks: `length`, `sentences`, `wording`; none for the style "caption"."""
    if style not in LENGTHS:
        return []
    lengths, breaks = LENGTHS[style], []
    words, sentences = len(words_in(text)), len(sentences_in(text))
    if not lengths.min_words <= words <= lengths.max_words:
        breaks.append(Break("length", f"It has {words} words; write {lengths.min_words} to {lengths.max_words}."))
    if not lengths.min_sentences <= sentences <= lengths.max_sentences:
        wanted = f"{lengths.min_sentences} to {lengths.max_sentences}"
        breaks.append(Break("sentences", f"It has {sentences} sentences; write {wanted}."))
    if text.rstrip()[-1:] not in {*".!?\"')"}:
        breaks.append(Break("sentences", "Its last sentence has no end; close it with a full stop."))
    if opening := _GENERIC_OPENING.match(text):
        breaks.append(Break("wording", f'It opens with "{opening[0]}"; begin with what is there to see.'))
    if said := _INTERJECTION.search(text):
        breaks.append(Break("wording", f'It says "{said[1] or said[2]}"; write without interjections.'))
    return breaks
