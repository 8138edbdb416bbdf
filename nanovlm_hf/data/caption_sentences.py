"""The words for what captions say: in the present, with the right pronouns, in a small child's words.

    speaker = Speaker(read_scene(captions), random.Random(1))
    speaker.predicate(action, plural=False, keep=2)      # ("rides", "a", "bike", "down", "the", "street")
    finish(("a", "man", "rides", "a", "bike"), set(), {"man", "bike"})     # "A man rides a bike."

`caption_facts` makes the sentences of a text with it.
"""

import random
import re
from dataclasses import dataclass

from nanovlm_hf.data.caption_clauses import Action, Clause, Part
from nanovlm_hf.data.caption_nouns import Nominal
from nanovlm_hf.data.caption_scene import FEMALE, MALE, Scene, content, family
from nanovlm_hf.data.vocabulary import inflect, is_childlike
from nanovlm_hf.data.word_kinds import word_set

_STATIVE = word_set("have like want need love know see hear belong seem enjoy own be")
_AFTER_OBJECT = word_set("in on at with and to by as while from up down off into over") | {""}
_THEMSELVES = {"him": "himself", "her": "herself", "it": "itself", "them": "themselves"}


@dataclass
class Sentence:
    """Words in lower case; with `subject`, the one the text is about is still to be put in front of them.

    `about` are the base forms it speaks of; `worth` grows with the captions that say so.
    """

    words: tuple[str, ...]
    about: frozenset[str]
    worth: float
    subject: bool = False
    needs: frozenset[str] = frozenset()  # what must have been spoken of before


class Speaker:
    """Speaks of a scene; `draw` chooses among forms that say the same."""

    def __init__(self, scene: Scene, draw: random.Random):
        self.scene, self.who, self.draw = scene, scene.who, draw
        self.clauses = [clause for clause in scene.clauses if scene.is_about(clause)]
        self.joint = any(len(clause.subject.heads) > 1 for clause in self.clauses[:1])
        self.progressive = draw.random() < 0.35
        self.loud = draw.random() < 0.2
        actions = [(clause, action) for clause in self.clauses for action in clause.actions]
        self.actions = sorted(actions, key=lambda pair: -self.worth(pair[1]))

    def worth(self, action: Action) -> float:
        """How much the captions agree on an action, and how easy its words are."""
        said = content(action)
        support = sum(self.scene.support[word] for word in said) / len(said) / self.scene.captions
        words = [action.verb, *(word for part in action.parts for word in (*part.words, *part.tail))]
        poor = 0.3 * (action.form == "be") + 0.15 * (action.form == "perfect") + 0.15 * (not action.parts)
        doubtful = not self.scene.doubtful.isdisjoint(said)
        return support + 0.1 * min(len(action.parts), 2) - 0.5 * hard_words(words) - poor - 0.6 * doubtful

    def subject(self, clause: Clause) -> tuple[str, ...]:
        """The words for the one the text is about, as the captions agree on it."""
        subject, noun = clause.subject, self.who.noun
        words, head = self.scene.agreed(subject), subject.heads[0]
        if subject.plural and len(subject.heads) == 1 and not {"D", "S", "Q"} & {*subject.tags}:
            words = ("some", *words)
        if family(subject) != ("people",) or len(subject.heads) != 1 or head == noun or "of" in words:
            return words
        vague = head in ("person", "people") or (head == "child" and noun in ("boy", "girl"))
        wrong = (head in MALE and self.who.they == "she") or (head in FEMALE and self.who.they == "he")
        unsure = head in MALE | FEMALE and noun in ("person", "child")
        if noun and (vague or wrong or unsure):
            words = (
                tuple(word for word in words if word != "old") if noun in ("boy", "girl", "child", "baby") else words
            )
            return (*words[:-1], inflect(noun, "NNS") if subject.plural else noun)
        return words

    def predicate(self, action: Action, plural: bool, keep: int, own: bool = True) -> tuple[str, ...]:
        """The verb in the present, and the first `keep` parts of what belongs to it."""
        rest = tuple(word for part in action.parts[:keep] for word in (*self.agreed_part(part), *part.tail))
        rest = self.own(rest) if own else rest
        if action.form == "passive":
            return (conjugate("be", plural), action.verb, *rest)
        if action.form == "perfect":
            return (conjugate("have", plural), action.verb, *rest)
        if self.progressive and action.verb not in _STATIVE:
            return (conjugate("be", plural), inflect(action.verb, "VBG"), *rest)
        return (conjugate(action.verb, plural), *rest)

    def waiting_predicate(self, action: Action) -> tuple[str, ...]:
        """A predicate whose verb waits for its subject: "<ride>", "a", "bike"."""
        rest = self.own(tuple(word for part in action.parts[:3] for word in (*self.agreed_part(part), *part.tail)))
        if action.form == "passive":
            return ("<be>", action.verb, *rest)
        return ("<have>", action.verb, *rest) if action.form == "perfect" else (f"<{action.verb}>", *rest)

    def agreed_part(self, part: Part) -> tuple[str, ...]:
        """The words of a part, without colours on which the captions differ."""
        if part.nominal is None:
            return part.words
        return (*part.words[: len(part.words) - len(part.nominal.words)], *self.scene.agreed(part.nominal))

    def own(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The same words with the pronouns of the one the text is about."""
        changed = []
        for place, word in enumerate(words):
            following = words[place + 1] if place + 1 < len(words) else ""
            if word in ("his", "its", "their") or (word == "her" and following not in _AFTER_OBJECT):
                word = self.who.their
            elif word in _THEMSELVES.values() and self.who.them:
                word = _THEMSELVES[self.who.them]
            elif word in ("him", "her") and self.who.them:
                word = self.who.them
            changed.append(word)
        return tuple(changed)

    def worn(self, nominal: Nominal) -> tuple[str, ...]:
        """Clothes as one or several wear them: "a hat", "hats"."""
        words = self.scene.agreed(nominal)
        if self.who.they != "they" or nominal.plural or words[0] not in ("a", "an") or len(nominal.heads) > 1:
            return words
        return (*words[1:-1], inflect(words[-1], "NNS"))

    def named(self) -> tuple[str, ...]:
        """ "The man", or the pronoun where there is no one noun for it."""
        if self.joint or not self.who.noun:
            return (self.who.they or "it",)
        return ("the", inflect(self.who.noun, "NNS") if self.who.plural else self.who.noun)

    def with_subject(self, details: list[Sentence], named: bool) -> tuple[str, ...]:
        """One or two details as one sentence, with their subject in front: its noun where `named`, else its pronoun."""
        first, *second = details
        if not first.subject:
            return first.words
        they = self.who.they
        subject = self.named() if named or not they else (they,)
        plural = they == "they" if subject == (they,) else self.who.plural
        words = (*subject, *_conjugated(first.words, plural))
        if not second:
            return words
        if they and "and" in (*first.words, *second[0].words):
            return (*words, ",", "and", they, *_conjugated(second[0].words, they == "they"))
        return (*words, "and", *_conjugated(second[0].words, plural))


def hard_words(words: list[str] | tuple[str, ...]) -> int:
    """How many of the words a small child does not say."""
    return sum(not is_childlike(word.strip("<>")) for word in words if word != ",")


def _conjugated(words: tuple[str, ...], plural: bool) -> tuple[str, ...]:
    return tuple(conjugate(word[1:-1], plural) if word[0] == "<" else word for word in words)


def conjugate(verb: str, plural: bool) -> str:
    """A verb in the present: ("ride", False) -> "rides"."""
    if verb in ("be", "are"):
        return "are" if plural else "is"
    if plural or verb == "were":
        return verb
    return {"have": "has", "do": "does", "go": "goes"}.get(verb) or inflect(verb, "VBZ")


def finish(words: tuple[str, ...], said: set[str], nouns: set[str]) -> str:
    """Words as a written sentence: "a" or "an" or, of a thing `said` before, "the"; a capital, a full stop."""
    written: list[str] = []
    for place, word in enumerate(words):
        if word in ("a", "an"):
            following = words[place + 1] if place + 1 < len(words) else ""
            word = "the" if _head_after(words, place, nouns) in said else "an" if _VOWEL.match(following) else "a"
        if word == "," and written:
            written[-1] += ","
        else:
            written.append(_CAPITALS.get(word, word))
    text = " ".join(written)
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".!?" else text + "."


_VOWEL = re.compile(r"(?!(?:u[bcfhjkqrstn][aeiou]|uni|eu|one\b|once\b))[aeiou]|hour|honest", re.IGNORECASE)
_CAPITALS = {"i": "I", "tv": "TV", "santa": "Santa", "christmas": "Christmas", "halloween": "Halloween"}


def _head_after(words: tuple[str, ...], place: int, nouns: set[str]) -> str:
    """The noun that an article belongs to: the last of the first run of known nouns after it."""
    for ahead in range(place + 1, min(place + 6, len(words))):
        if words[ahead] in nouns and not (ahead + 1 < len(words) and words[ahead + 1] in nouns):
            return words[ahead]
    return ""
