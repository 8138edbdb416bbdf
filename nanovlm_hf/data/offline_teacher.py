"""A teacher without a network: from the captions alone, a description in a small child's words, of the right length.

    write_description(["A man rides a bike .", "A man on a red bicycle"], "short", key="123")

What most captions say comes first, in clauses taken from them and put in easy words; details follow that no caption
contradicts; then what a child might think of it, from a stock of sentences that names nothing the captions do not.
The same captions, style and key give the same text, on every machine.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from nanovlm_hf.data.caption_facts import NOTHING, details, openings
from nanovlm_hf.data.caption_scene import read_scene
from nanovlm_hf.data.caption_sentences import Sentence, Speaker, finish
from nanovlm_hf.data.checks import CaptionNouns
from nanovlm_hf.data.child_thoughts import Thought, thoughts_about
from nanovlm_hf.data.offline_teacher_words import SOUNDS_FIRST
from nanovlm_hf.data.text_rules import LENGTHS, Lengths, words_in

_MOST_SENTENCES = 6  # as the paper asks; the rule lets a seventh pass


def write_description(captions: list[str], style: str, key: str) -> str:
    """Describes a picture from its captions.

    Args:
        captions: 1 or more, as people write them.
        style: "short" (20-25 words in 2-3 sentences) or "long" (60-70 words in 5-6).
        key: the picture's id; it chooses among sentence forms, so that pictures with like captions differ.

    Raises:
        ValueError: an unknown style, or no caption with a word in it.
    """
    if style not in LENGTHS:
        raise ValueError(f"Style {style!r}: the offline teacher writes {' and '.join(LENGTHS)}.")
    captions = [caption for caption in captions if re.search("[A-Za-z]", caption)]
    if not captions:
        raise ValueError("No caption: the offline teacher describes a picture from its captions alone.")
    draw = random.Random(f"{style} {key}")
    speaker, support = Speaker(read_scene(captions), draw), CaptionNouns(captions)
    firsts = sorted(openings(speaker), key=lambda one: -(one.worth + 0.25 * draw.random()))
    rest = details(speaker)
    best: tuple[float, list[str]] = (-9.0, [])
    thoughts = thoughts_about(speaker, firsts[0].about, support, draw)
    for opening in firsts[:3]:
        for said, worth in _sayings(speaker, opening, _fresh(rest, opening), style):
            if worth <= best[0]:
                break
            found = _fill_up(said, thoughts, LENGTHS[style], draw)
            if found is not None and worth - 0.1 * (len(found) - len(said)) > best[0]:
                best = worth - 0.1 * (len(found) - len(said)), found
        if best[0] > 1.0:
            break
    if not best[1]:
        shortest = min(firsts, key=lambda one: len(one.words))
        best = 0.0, _anything(speaker, shortest, thoughts, LENGTHS[style], draw)
    return " ".join(best[1])


def _fresh(details: list[Sentence], opening: Sentence) -> list[Sentence]:
    """The details that say something new, none twice, the better first."""
    said, fresh = {*opening.about, *opening.words}, []
    for sentence in details:
        verb = sentence.words[0].strip("<>")
        old = sentence.about & said
        if not sentence.needs <= said:
            continue
        if not old or (sentence.subject and verb in sentence.about - said and len(old) * 2 <= len(sentence.about)):
            fresh.append(sentence)
            said |= {*sentence.about, *sentence.words}
    return fresh[:6]


def _sayings(
    speaker: Speaker, opening: Sentence, fresh: list[Sentence], style: str
) -> Iterator[tuple[list[str], float]]:
    """Ways to say the facts: an opening with some of the details, each way with its worth, the best first."""
    ways = []
    for number in range(min(2 if style == "short" else 5, len(fresh)) + 1):
        for chosen in list(combinations(fresh, number))[:10]:
            worth = opening.worth + sum(one.worth for one in chosen)
            ways += [(worth + 0.05, (opening, *chosen), True), (worth, (opening, *chosen), False)]
    for worth, chosen, joined in sorted(ways, key=lambda way: -way[0]):
        yield _written(speaker, [*chosen], joined), worth


def _written(speaker: Speaker, chosen: list[Sentence], joined: bool) -> list[str]:
    """Sentences as they will stand: with subjects, two details of the same subject in one where `joined`."""
    groups: list[list[Sentence]] = []
    for sentence in chosen:
        last = groups[-1] if groups else []
        if (
            joined
            and sentence.subject
            and len(last) == 1
            and last[0].subject
            and len((*last[0].words, *sentence.words)) < 14
        ):
            last.append(sentence)
        else:
            groups.append([sentence])
    written, said = [], set[str]()
    sound = next((SOUNDS_FIRST[word] for word in sorted(chosen[0].about) if word in SOUNDS_FIRST), "")
    if sound and speaker.loud:
        written.append(sound)
    nouns = speaker.scene.nouns - speaker.scene.several - _NOT_THE
    named = False  # in turn "he" and "the man", and "the man" where something else was spoken of
    for place, group in enumerate(groups):
        words = speaker.with_subject(group, named)
        named = not named if group[0].subject else place > 0
        written.append(finish(words, said, nouns))
        said |= nouns.intersection(words)
    return written


_NOT_THE = frozenset(("lot", "bit", "pair", "trick", "way"))  # "a lot of" stays that


def _fill_up(said: list[str], thoughts: list[Thought], lengths: Lengths, draw: random.Random) -> list[str] | None:
    """The facts and as many thoughts as bring the text to its length; None where no thoughts do."""
    words = sum(len(words_in(sentence)) for sentence in said)
    low, high = lengths.min_words - words, lengths.max_words - words
    fewest, most = lengths.min_sentences - len(said), min(lengths.max_sentences, _MOST_SENTENCES) - len(said)
    for number in range(max(0, fewest), most + 1 if high >= 0 else 0):
        own_first = number == 1 and draw.random() < 0.8
        ordered = sorted(thoughts, key=lambda thought: thought.special == 0) if own_first else thoughts
        chosen = _choose(ordered, number, low, high)
        if chosen is not None:
            draw.shuffle(chosen)
            chosen.sort(key=lambda thought: thought.special)  # at the end what no other picture has
            texts = [thought.text for thought in chosen]
            if len(said) > 2 and len(texts) > 1:
                middle = draw.randrange(2, len(said) + 1)
                return [*said[:middle], texts[0], *said[middle:], *texts[1:]]
            return [*said, *texts]
    return None


def _choose(thoughts: list[Thought], number: int, low: int, high: int) -> list[Thought] | None:
    """That many thoughts, no two alike, with `low` to `high` words together; those that stand first are taken first."""
    if number == 0:
        return [] if low <= 0 <= high else None
    lengths = sorted(thought.words for thought in thoughts)
    if len(lengths) < number or sum(lengths[-number:]) < low or sum(lengths[:number]) > high:
        return None
    for place, thought in enumerate(thoughts):
        if number == 1 and not low <= thought.words <= high:
            continue
        others = thoughts[place + 1 :]
        rest = [one for one in others if one.groups.isdisjoint(thought.groups) and one.start != thought.start]
        chosen = _choose(rest, number - 1, low - thought.words, high - thought.words)
        if chosen is not None:
            return [thought, *chosen]
    return None


def _anything(
    speaker: Speaker, opening: Sentence, thoughts: list[Thought], lengths: Lengths, draw: random.Random
) -> list[str]:
    """Where nothing fits: the shortest opening, and thoughts that may be alike; at worst thoughts alone."""
    alike = [replace(thought, groups=frozenset([thought.text]), start=thought.text) for thought in thoughts]
    for first in (opening, NOTHING):
        found = _fill_up(_written(speaker, [first], False), alike, lengths, draw)
        if found is not None:
            return found
    raise AssertionError("The stock has thoughts of every length that suit any scene.")
