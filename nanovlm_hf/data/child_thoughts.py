"""What a child might think of a scene: sentences of child_thoughts.txt with their slots filled."""

import random
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import permutations

from nanovlm_hf.data.caption_sentences import Speaker, finish
from nanovlm_hf.data.checks import CaptionNouns, claimed_nouns
from nanovlm_hf.data.text_rules import words_in
from nanovlm_hf.data.thought_slots import fill_slots
from nanovlm_hf.data.word_kinds import ANIMALS, PEOPLE

_OWN = re.compile(r"\{(?:do_it|doing_it|does_it|a_thing|the_thing|the_place|color|name|name2|noun|noun2)\}")
_THEY = re.compile(r"\{(?:they|them|their|who)\}")
_SLOTTED = ("@do", "@have", "@place", "@color", "@count", "@noun", "@noun2")
_CONSIDERED = 32  # of those that suit a scene
_JOINABLE = 10  # short ones of which two may be said in one breath


@dataclass(frozen=True)
class Thought:
    text: str
    words: int
    groups: frozenset[str]  # of one group a text takes one
    start: str  # its first two words
    special: int  # how much it speaks of this picture's own things: the more, the fewer texts share it
    topics: frozenset[str]  # thoughts that share one can be said in one breath


def thoughts_about(
    speaker: Speaker, about: frozenset[str], support: CaptionNouns, draw: random.Random
) -> list[Thought]:
    """Thoughts that suit the scene and name nothing the captions do not, the better mostly first."""
    scene = speaker.scene
    enough = 1 if scene.captions < 3 else 2
    known = {word for word, count in scene.support.items() if count >= enough} - scene.doubtful | about
    slots, conditions = fill_slots(speaker, about, draw)
    suited: list[tuple[float, _Line]] = []
    for line in _stock():
        called = not line.calls or any(known.issuperset(call) for call in line.calls)
        if called and line.needs <= conditions and all(support.has(noun) for noun in line.nouns):
            suited.append((draw.random() ** (1 / line.weight), line))
    suited.sort(reverse=True, key=lambda pair: pair[0])
    found = []
    for _, line in suited[:_CONSIDERED]:
        text = finish(tuple(line.sentence.format_map(slots).split()), set(), set())
        start = " ".join(text.split()[:2])
        found.append(Thought(text, len(words_in(text)), frozenset([line.group]), start, line.special, line.topics))
    own = next((place for place, thought in enumerate(found) if thought.special > 1), 0)
    found[:0] = [found.pop(own)]  # first one that no other picture has
    plain = [thought for thought in found if _is_plain(thought)][:_JOINABLE]
    joined = [_joined(first, second) for first, second in permutations(plain, 2) if _go_together(first, second)]
    draw.shuffle(joined)
    mixed = found[:1]
    for place, thought in enumerate(found[1:]):
        mixed += [*joined[place : place + 1], thought]
    return mixed


def _is_plain(thought: Thought) -> bool:
    """Whether a thought is short and can be followed by another: "I want a dog too"."""
    starts = thought.text.startswith(("I ", "It ", "They ", "He ", "She "))
    return starts and thought.words < 9 and {*",?!"}.isdisjoint(thought.text)


def _go_together(first: Thought, second: Thought) -> bool:
    apart = first.groups.isdisjoint(second.groups) and first.text[:7] != second.text[:7]
    return apart and not first.topics.isdisjoint(second.topics)


def _joined(first: Thought, second: Thought) -> Thought:
    rest = second.text if second.text.startswith("I ") else second.text[0].lower() + second.text[1:]
    text, groups = f"{first.text[:-1]}, and {rest}", first.groups | second.groups
    return Thought(text, len(words_in(text)), groups, first.start, first.special + second.special, first.topics)


@dataclass(frozen=True)
class _Line:
    needs: frozenset[str]  # conditions, all of which must hold
    calls: tuple[frozenset[str], ...]  # words of which all of one set must be there
    sentence: str
    nouns: tuple[str, ...]  # by which it says that something is there
    group: str
    weight: float
    special: int
    topics: frozenset[str]


@lru_cache(maxsize=1)
def _stock() -> list[_Line]:
    text = (files("nanovlm_hf.data") / "child_thoughts.txt").read_text(encoding="utf-8")
    return [_read_line(line) for line in text.splitlines() if line and line[0] != "#"]


def _read_line(line: str) -> _Line:
    called, _, sentence = line.partition(": ")
    needs = frozenset(word for word in called.split() if word[0] == "@")
    words = frozenset(called.split()) - needs - {"*"}
    if "@thing" in needs and "@many" not in needs:
        needs |= {"@one"}  # they speak of "it"
    if words and all(word.split("+")[0] in ANIMALS for word in words) and _THEY.search(sentence):
        needs |= {"@animal"}  # "I would scratch {them} behind the ears"
    slotted = "name" if "{name}" in sentence else next((need for need in sorted(needs) if need in _SLOTTED), "")
    special = len({*_OWN.findall(sentence)})
    if words:
        weight = 0.4 if words <= PEOPLE else 1.0
    else:
        weight = 0.9 if special > 1 else 0.7 if slotted else 0.3 if needs else 0.12
    calls = tuple(frozenset(word.split("+")) for word in sorted(words))
    topics = frozenset(word for call in calls for word in call)
    if needs & {"@people", "@animal", "@do"} and not needs & {"@have", "@place", "@color", "@noun"}:
        topics |= {"who"}
    nouns = tuple(claimed_nouns(re.sub(r"\{\w+\}", "they", sentence)))
    group = slotted or " ".join(sorted(words)) or sentence
    return _Line(needs, calls, sentence, nouns, group, weight, special, topics)
