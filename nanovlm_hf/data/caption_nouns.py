"""The things and people of a caption, each with the words that belong to it. `caption_clauses` builds on it."""

from dataclasses import dataclass

from nanovlm_hf.data.vocabulary import lemma
from nanovlm_hf.data.vocabulary_words import COLOURS
from nanovlm_hf.data.word_kinds import ANIMALS, MASS, PEOPLE, word_set

# In "a group of boys" the boys count, in "a man of the church" the man.
_PART_NOUNS = word_set(
    "front top middle side back edge end bottom corner piece slice bunch pile cup glass bowl plate group row line pair number lot herd"
    " flock bag box bottle stack bucket basket part set half flight couple picture kind sort type can field body ball crowd family"
    " center base view"
)
# Words with -ing that are things; the others stand without "a".
_COUNTED = word_set(
    "building painting ring king string thing wedding ceiling railing drawing swing wing crossing sling"
)
# "In line", "on top", "at night": after a preposition these stand bare.
_BARE = word_set(
    "top line front back night bed school work sea town place use fun hand home progress flight motion church class court foot traffic"
    " shape surf bottom action costume order stage goal camp fire control sight bloom flames"
)
_COUNTS = dict(
    zip(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), range(1, 11), strict=True)
)
_NOUNS = ("N", "NS")
_INTRODUCED = word_set("picture pictures view close shot")


@dataclass
class Nominal:
    """A thing or person with what is said of it, "a big red ball", or several joined by "and".

    `heads` are the base forms of what is named, none for a pronoun; `count` is 0 where it is not said how many.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    heads: tuple[str, ...]
    plural: bool
    count: int = 0

    def adjectives(self) -> list[str]:
        return [word for word, one in zip(self.words, self.tags, strict=True) if one == "J"]


class NounReader:
    """Reads one sentence's words from left to right; `place` is where it stands."""

    def __init__(self, tokens: list[str], tags: list[str]):
        self.tokens, self.tags = tokens, tags
        self.place = 0
        self.acted = False  # whether the clause has its verb

    def at(self, *tags: str) -> bool:
        return self.tags[self.place] in tags

    def next_tag(self) -> str:
        return self.tags[self.place + 1] if self.place + 1 < len(self.tags) else "."

    def word(self) -> str:
        return self.tokens[self.place]

    def since(self, start: int) -> tuple[str, ...]:
        return tuple(self.tokens[start : self.place])

    def skip_introduction(self) -> None:
        """Passes over "there is", "this is", "a picture of", "a close up of"."""
        if self.word() in ("there", "this", "that", "it", "these", "here") and self.next_tag() == "X":
            self.place += 2
        start = self.tokens[self.place : self.place + 6]
        if "of" in start and _INTRODUCED & {*start[: start.index("of")]}:
            before = self.tags[self.place : self.place + start.index("of")]
            if {*before} <= {"D", "N", "NS", "J", "R", "P"}:
                self.place += start.index("of") + 1
        if self.at("G") and self.next_tag() in _NOUNS:
            self.tags[self.place] = "J"  # "fishing boats on a lake"

    def nominals(self) -> Nominal | None:
        """One noun, or several joined by "and"; None where there is none."""
        first = self._nominal()
        while first is not None and (self.at("C") or (self.at(",") and self._list_goes_on())):
            back, joint = self.place, []
            while self.at(",", "C"):
                joint.append(self.word())
                self.place += 1
            second = self._nominal() if self.at("D", "S", "Q", "J", "N", "NS", "R") else None
            if second is None or (self.at("Z", "X", "G", "V", "H") and self.acted) or second.tags == ("O",):
                self.place = back
                break
            first = Nominal(
                (*first.words, *joint, *second.words),
                (*first.tags, *("," if word == "," else "C" for word in joint), *second.tags),
                (*first.heads, *second.heads),
                True,
                first.count + second.count if first.count and second.count else 0,
            )
        return first

    def nominals_or_colours(self) -> Nominal | None:
        """The same, or colours where clothes are meant: "in red and white"."""
        nominal = self.nominals()
        if nominal is not None or not (self.at("J") and self.word() in COLOURS):
            return nominal
        start = self.place
        self.skip_adjectives()
        words = self.since(start)
        return Nominal(
            words, tuple(self.tags[start : self.place]), tuple(word for word in words if word in COLOURS), False
        )

    def skip_adjectives(self) -> None:
        while self.at("J") or (self.at("C") and self.next_tag() == "J"):
            self.place += 1

    def _nominal(self) -> Nominal | None:
        start = self.place
        if self.word() == "each" and self.tokens[start + 1] == "other":
            self.place += 2
            return Nominal(("each", "other"), ("O", "O"), (), True)
        if self.at("O"):
            self.place += 1
            if self.tokens[start] in ("someone", "somebody"):
                return Nominal(("somebody",), ("O",), ("person",), False, 1)
            return Nominal((self.tokens[start],), ("O",), (), self.tokens[start] in ("they", "them", "themselves"))
        head = self._head()
        if head < 0:
            return None
        self.place = head + 1
        nominal = self._made(start, head)
        if self.word() == "of" and self.next_tag() in ("D", "S", "Q", "J", "N", "NS", "O"):
            self.place += 1
            inner = self.nominals()
            if inner is None:
                self.place = head + 1
            else:
                tags = (*nominal.tags, "P", *("," if one == "J" else one for one in inner.tags))
                heads = inner.heads if nominal.heads[0] in _PART_NOUNS else nominal.heads
                nominal = Nominal((*nominal.words, "of", *inner.words), tags, heads, nominal.plural, nominal.count)
        return nominal

    def _head(self) -> int:
        """The place of the noun that the words from here on lead to, or -1."""
        end = self.place
        while end < len(self.tags):
            one, following = self.tags[end], self.tags[end + 1] if end + 1 < len(self.tags) else "."
            if one in _NOUNS:
                if following not in _NOUNS:
                    return end
            elif one in ("C", ","):
                if self.tags[end - 1] != "J" or following != "J":
                    return -1
            elif one in ("D", "S"):
                if end > self.place and not (one == "S" and "'" in self.tokens[end]):
                    return -1
            elif (
                (one == "R" and following != "J")
                or (one == "E" and following not in ("N", "NS", "J"))
                or one not in ("Q", "J", "R", "E")
            ):
                return -1
            end += 1
        return -1

    def _made(self, start: int, head: int) -> Nominal:
        pairs = list(zip(self.tokens[start : head + 1], self.tags[start : head + 1], strict=True))
        plural, base = pairs[-1][1] == "NS", lemma(*pairs[-1])
        if base in ("boy", "girl", "child", "baby") or base in ANIMALS:
            pairs = [("little", one) if word == "young" else (word, one) for word, one in pairs]
            pairs = [pair for place, pair in enumerate(pairs) if pair[0] != "little" or pair not in pairs[:place]]
        if base in PEOPLE:  # the colour of a skin is nobody's business here
            pairs = without(pairs, {"black", "white", "brown"})
        if pairs[0][0] == "some" and len(pairs) > 1 and pairs[1][1] == "Q":
            pairs = pairs[1:]  # "a group of five people"
        if pairs[0][0] == "many" and not plural:
            pairs[0] = ("some", "Q")
        tags = {one for _, one in pairs}
        number = next((word for word, one in pairs if one == "Q"), "")
        count = _COUNTS.get(number, 0 if plural or (number and base not in MASS) else 1)
        if pairs[0][0] in ("a", "an") and (plural or base in ("water", "grass", "snow", "sand", "food")):
            pairs = pairs[1:]
        elif not plural and not tags & {"D", "S", "Q"} and self._takes_article(base, start, len(pairs) == 1):
            pairs = [("a", "D"), *pairs]
        return Nominal(tuple(word for word, _ in pairs), tuple(one for _, one in pairs), (base,), plural, count)

    def _takes_article(self, noun: str, start: int, alone: bool) -> bool:
        after = self.tags[start - 1] if start else "."
        if (
            (start and self.tokens[start - 1] == "of")
            or noun in MASS
            or (noun.endswith("ing") and noun not in _COUNTED)
            or after == "T"
        ):
            return False
        return not (after == "P" and alone and noun in _BARE)

    def _list_goes_on(self) -> bool:
        """Whether a comma stands in a list that ends in "and"."""
        rest = self.tags[self.place + 1 :]
        end = next((place for place, one in enumerate(rest) if one not in ("D", "S", "Q", "J", "N", "NS", ",")), 0)
        return rest[end : end + 1] == ["C"] and rest[end + 1] in ("D", "S", "Q", "J", "N", "NS")


def without(pairs: list[tuple[str, str]], adjectives: set[str]) -> list[tuple[str, str]]:
    """Words and tags of a noun without some of its adjectives, and without the "and" that joined them."""
    kept = [pair for pair in pairs if pair[1] != "J" or pair[0] not in adjectives]
    if len(kept) == len(pairs):
        return pairs
    tags = [".", *(one for _, one in kept), "."]
    found = []
    for place, (word, one) in enumerate(kept):
        last, following = tags[place], tags[place + 2]
        joins = last in ("J", "N", "NS") and (following != "N" or one == "," or last == "N")
        if one not in ("C", ",") or joins:
            found.append((word, one))
    return found
