"""What each word is in its sentence, from what it can be and what stands around it.

    tag(["a", "man", "rides", "a", "horse", "."])       # ["D", "N", "Z", "D", "N", "."]

The tags are those of `vocabulary`. Made for captions and small children's texts, not for newspapers.
"""

from nanovlm_hf.data.vocabulary import classes, lemmas, verb_tag
from nanovlm_hf.data.vocabulary_words import COLOURS, NOUNS_FIRST
from nanovlm_hf.data.word_kinds import word_set

_NOUNS = frozenset(("N", "NS"))
_VERBS = frozenset("VZGE")
_PARTICLES = word_set(
    "up down off out along around over across through by past inside outside near below above behind under in on about"
)
_OBJECTS = word_set("me him us them himself herself itself themselves")
_TAKES_PLAIN_VERB = word_set("not do does did don't doesn't didn't let's please")
_LETS = word_set("let lets make makes help helps")
_CANS = word_set("trash garbage tin soda watering spray beer")
# Before these an -ing word is part of a name: "a skating rink", "bathing suits".
_NAMED_BY_ING = word_set(
    "rink pool lot space alley match ring boat pole rod net wall cart bag mall center table room suit suits machine board trunks cap"
    " gear area meter garage hole class tournament event gloves shoes shorts court chair chairs pants attire costume costumes hat"
)


def tag(tokens: list[str]) -> list[str]:
    """The tag of every token."""
    tags: list[str] = []
    verb = ""  # the tag of the clause's verb, once there is one
    start = 0  # where the clause starts
    for place, token in enumerate(tokens):
        found = classes(token)
        following = classes(tokens[place + 1]) if place + 1 < len(tokens) else (".",)
        word = _Word(tokens, tags, place, found, following, verb, tags[start:] if len(found) > 1 else [])
        chosen = found[0]
        if token in _SPECIAL:
            chosen = _SPECIAL[token](word)
        elif token in _PARTICLES or len(found) > 1 or chosen in ("G", "E"):
            chosen = word.choose()
        tags.append(_corrected(word, chosen))
        if tags[-1] in ("V", "Z", "X", "H", "M"):
            verb = tags[-1]
        elif tags[-1] in ("B", "W", ".") or (verb and tags[-1] in ("C", ",") and word.starts_phrase):
            verb, start = "", place + 1
    return tags


class _Word:
    """A word that can be several things, and what is known where its turn comes."""

    def __init__(
        self,
        tokens: list[str],
        tags: list[str],
        place: int,
        found: tuple[str, ...],
        following: tuple[str, ...],
        verb: str,
        clause: list[str],
    ):
        self.token, self.found, self.tags, self.verb, self.clause = tokens[place], found, tags, verb, clause
        self.tokens, self.place, self.following = tokens, place, following[0]
        self.next_token = tokens[place + 1] if place + 1 < len(tokens) else "."
        self.last = tags[-1] if tags else "."  # the tag before, and the word
        self.said = tokens[place - 1] if place else "."
        if self.last == "Q" and self.said in ("both", "all", "each") and tags[-2:-1] == ["O"]:
            self.last, self.said = "O", tokens[place - 2]  # "they both run"
        self.noun = next((one for one in found if one in _NOUNS), "")
        self.doing = next((one for one in found if one in _VERBS), "")
        described = following[0] in ("G", "E") and not {"N", "NS", "J"}.isdisjoint(following)
        self.nominal = following[0] in ("N", "NS", "J") or described  # what follows can be a noun, or lead to one
        self.noun_next = not _NOUNS.isdisjoint(following)
        self.starts_phrase = following[0] in ("D", "S", "Q", "O", "B")

    def token_before(self, back: int) -> str:
        return self.tokens[self.place - back] if self.place >= back else "."

    def choose(self) -> str:
        """One of the classes of the word, by its neighbours."""
        found, noun, doing, last = self.found, self.noun, self.doing, self.last
        if self.token in _PARTICLES:
            goes_on = self.following == "G" and self.token in ("by", "through", "about", "in")
            return "P" if self.nominal or self.starts_phrase or goes_on else "R"
        if self.token.endswith("ing") and self.next_token in _NAMED_BY_ING and last != "X":
            return "J"
        if noun and self.next_token == "of":
            return noun
        to_a_thing = last == "T" and self.token in NOUNS_FIRST and self.following not in ("D", "S", "O", "R")
        if doing == "V" and (last in ("M", "T") or self.said in _TAKES_PLAIN_VERB) and not to_a_thing:
            return "V"
        if last == "W" or (last == "O" and (self.said not in _OBJECTS or self.token_before(2) in _LETS)):
            return doing or found[0]
        if self.token in COLOURS and last in ("P", "G", "C", "X", "J") and not self.nominal:
            return "J"
        if last in ("D", "S", "Q", "J", "P", "T"):
            return self._in_noun_phrase()
        if last == "X" or (last == "R" and self.tags[-2:-1] == ["X"]):
            return doing if doing == "G" else "J" if "J" in found else doing if doing == "E" else noun or found[0]
        if last in ("V", "Z", "G", "E", "H"):
            if self.nominal and doing != "G" and ("J" in found or doing == "E"):
                return "J"
            return doing if doing in ("G", "E") else noun or found[0]
        if last in ("N", "NS", "O"):
            return self._after_noun()
        return self._after_and() if last == "C" else self._after_adverb() if last == "R" else self._at_start()

    def _in_noun_phrase(self) -> str:
        found, noun, doing = self.found, self.noun, self.doing
        coloured = self.last == "J" and self.said in COLOURS and self.token_before(2) in ("in", "wearing", "and")
        subject = self.last == "Q" or self.said == "another" or coloured  # "one runs", "a man in black jumps"
        if doing == "Z" and subject and found[0] != noun and (not self.nominal or noun == "NS"):
            return doing
        if doing == "V" and coloured and "NS" in self.clause and not self.verb:
            return doing
        of_doing = doing == "G" and self.last == "P" and "J" not in found and not noun  # "for eating"
        if ("J" in found or doing in ("G", "E")) and (self.nominal or not noun) and not of_doing:
            return "J" if self.nominal or "J" in found else doing
        return noun or found[0]

    def _after_noun(self) -> str:
        found, noun, doing, following = self.found, self.noun, self.doing, self.following
        if doing in ("G", "E") and (found[0] != noun or self.starts_phrase):
            return doing
        rather_noun = doing == "Z" and found[0] == noun and not self.starts_phrase and following != "R"
        if following not in ("X", "H", "M", "Z") and not rather_noun:
            if doing == "Z" and (not self.verb or self.starts_phrase):
                return doing
            several = (
                self.last == "NS" or "C" in self.clause or ("NS" in self.clause and following in ("P", "R", "T", "B"))
            )
            if doing == "V" and not self.verb and (several or following in ("D", "S", "O", "Q") or found[0] == "V"):
                return doing
        return noun or (doing if doing and not self.verb else found[0])

    def _after_and(self) -> str:
        found, noun, doing = self.found, self.noun, self.doing
        joined = self.tags[-2] if len(self.tags) > 1 else "."
        if "J" in found and (self.nominal or joined == "J"):
            return "J"
        if doing == "G" and joined in _NOUNS and noun and not self.verb:
            return noun
        if doing in ("G", "E"):
            return doing
        ends = self.following == "." and (doing == "Z" or found[0] == doing)
        goes_on = self.nominal or self.starts_phrase or self.following in ("P", "R", "T")
        if doing and (joined in _VERBS or self.verb) and (joined in _VERBS | {"R"} or not noun or goes_on or ends):
            return doing
        return noun or found[0]

    def _after_adverb(self) -> str:
        if "J" in self.found and (self.nominal or self.verb) and self.doing != "V":
            return "J"
        waiting = len(self.tags) > 1 and self.tags[-2] in ("C", "M", "T")  # "and only stop", "would never look"
        return self.doing if self.doing and (not self.verb or waiting) else self.noun or self.found[0]

    def _at_start(self) -> str:
        found, noun, doing, following = self.found, self.noun, self.doing, self.following
        if "J" in found and self.nominal:
            return "J"
        order = not noun or self.starts_phrase or (found[0] == "V" and following in ("P", "R", "T"))
        if doing in ("G", "E") or (doing == "V" and order):
            return doing
        if doing == "Z" and (not noun or self.nominal or self.starts_phrase or following in ("P", "R", "T")):
            return doing
        return noun or found[0]


def _corrected(word: _Word, chosen: str) -> str:
    """The tag chosen, unless a word that is mostly a noun can here be nothing but a verb."""
    if chosen not in _NOUNS or "VERB" not in lemmas(word.token):
        return chosen
    base = lemmas(word.token)["VERB"]
    if (
        word.tags[-1:] == ["T"]
        and word.found == ("N",)
        and base == word.token
        and word.following in ("D", "S", "O", "Q")
    ):
        return "V"  # "to comfort his child"
    if chosen == "NS" and not word.verb and _after_one(word):
        return "Z"  # "a boy skateboards": with "a" it can be no plural
    if word.last == "O" and word.said in ("he", "she", "they", "we", "i"):
        return verb_tag(word.token, base)  # "he winds up"
    return chosen


def _after_one(word: _Word) -> bool:
    """Whether a noun with "a" stands right before."""
    tags, back = word.tags, 1
    while back < len(tags) and (tags[-back] == "N" or (back > 1 and tags[-back] == "J")):
        back += 1
    return back > 1 and word.token_before(back) in ("a", "an")


def _that(word: _Word) -> str:
    if word.said in ("so", "now"):
        return "B"
    if word.last in _NOUNS:
        return "W"
    return "D" if word.nominal and word.last not in ("V", "Z", "J", "R") else "B"


def _like(word: _Word) -> str:
    subject = (word.last == "NS" and not word.verb) or (word.last == "O" and word.said not in _OBJECTS)
    return "V" if subject or word.last in ("M", "T") or word.said in ("not", "both", "all") else "P"


def _left(word: _Word) -> str:
    if word.last in ("V", "Z", "G"):
        return "R"
    return "E" if word.last in ("X", "H", "O", "N", "NS", "Q") else "J" if word.nominal else "N"


def _side(word: _Word) -> str:
    return ("J" if word.nominal else "N") if word.last in ("D", "S", "P", "T") else "R"


def _where(word: _Word) -> str:
    return "N" if word.last in ("D", "S", "J", "P") else "R"


# Words with a way of their own.
_SPECIAL = {
    "that": _that,
    "like": _like,
    "left": _left,
    "right": _side,
    "first": _side,
    "last": _side,
    "back": _where,
    "home": _where,
    "so": lambda word: "B" if word.last == "," else "R",
    "her": lambda word: "S" if word.nominal or (word.last in (".", "B", "C", ",") and word.noun_next) else "O",
    "can": lambda word: "N" if word.last in ("D", "J", "S") or word.said in _CANS else "M",
    "might": lambda word: "N" if word.last in ("D", "S", "Q") else "M",
    "while": lambda word: "N" if word.last in ("D", "J") else "B",
}
