"""What the rules of `grammar` look at: a sentence's words with their tags, and what can be said of its nouns."""

from typing import NamedTuple

from nanovlm_hf.data.vocabulary import classes, inflect, lemma, lemmas
from nanovlm_hf.data.vocabulary_words import ONLY_PLURAL, SAME_PLURAL
from nanovlm_hf.data.word_kinds import word_set

NOUNS = frozenset(("N", "NS"))
FINITE = frozenset(("Z", "V", "X", "H", "M"))
_IRREGULAR_PLURALS = word_set("men women children feet teeth mice geese")


class Finding(NamedTuple):
    """A mistake: the rule's name, the words it is about, and what is wrong, for the writer."""

    rule: str
    words: str
    message: str


class Sentence:
    """A sentence as written, its words in lower case, and their tags; a full stop is put after them."""

    def __init__(self, written: str, tokens: list[str], tags: list[str]):
        self.written = written
        self.tokens, self.tags = [*tokens, "."], [*tags, "."]

    def found(self, rule: str, start: int, end: int, message: str) -> Finding:
        return Finding(rule, " ".join(self.tokens[start:end]), message)

    def noun_after(self, place: int) -> int:
        """The place of the noun that a determiner at `place` belongs to, or -1 where that is not clear."""
        at = place + 1
        while True:
            joins = self.tags[at] in ("C", ",") and self.tags[at - 1] == "J" and self.tags[at + 1] == "J"
            if not (self.tags[at] == "J" or joins or self.tokens[at] in ("very", "really", "so")):
                break
            at += 1
        start = at
        while self.tags[at] in NOUNS:
            at += 1
        return at - 1 if at > start else -1

    def noun_from(self, place: int) -> int:
        """The same for a noun phrase that starts at `place`, with or without a determiner."""
        return self.noun_after(place if self.tags[place] in ("D", "S", "Q") else place - 1)

    def may_be(self, place: int, tag: str) -> bool:
        """Whether a word can have this tag elsewhere."""
        return tag in classes(self.tokens[place])

    def is_plural(self, place: int) -> bool:
        """Whether the noun at a place can only be more than one thing."""
        word = self.tokens[place]
        base = lemma(word, "NS")
        if self.tags[place] != "NS" or word in SAME_PLURAL or base == word:
            return False
        return word in _IRREGULAR_PLURALS or inflect(base, "NNS") == word

    def is_singular(self, place: int) -> bool:
        """Whether the noun at a place can only be one thing, and is no part of a longer name for several."""
        word, following = self.tokens[place], self.tags[place + 1]
        if (
            self.tags[place] != "N"
            or word in SAME_PLURAL | ONLY_PLURAL
            or word.endswith("s")
            or classes(word) != ("N",)
        ):
            return False
        if following in ("Z", "V") and self.may_be(place + 1, "NS"):
            return False
        return "ADJ" not in lemmas(word) and following not in ("G", "E", "Q", "J", ",") and not word[0].isdigit()

    def is_one(self, place: int) -> bool:
        """Whether the noun at a place, one word or two, can only be one thing."""
        if self.tags[place] != "N" or self.tags[place - 1] == "NS":
            return False
        return self.is_singular(place) or self._is_singular_and_verb(place)

    def _is_singular_and_verb(self, place: int) -> bool:
        """Whether two words read as one noun are one thing and what it does: "two dog run on"."""
        first = self.tokens[place - 1]
        if self.tags[place - 1] != "N" or not self.may_be(place, "V") or self.tags[place + 1] not in ("P", "R", "D"):
            return False
        return classes(first) == ("N",) and first not in SAME_PLURAL and not first.endswith("s")
