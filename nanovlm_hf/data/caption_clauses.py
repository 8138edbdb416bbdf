"""Human captions as clauses in easy words: who, wearing and having what, does what where. For the offline teacher.

    read_clauses(*simplify("A man in a red shirt rides a bicycle down the street ."))
    # [Clause(subject=a man, wears=[a red shirt], actions=[ride: a bike | down the street])]

What does not fit this small grammar is left out, never guessed at: a caption may give no clause at all.
"""

from dataclasses import dataclass, field

from nanovlm_hf.data.caption_nouns import Nominal, NounReader
from nanovlm_hf.data.vocabulary import inflect, lemma
from nanovlm_hf.data.vocabulary_words import COLOURS
from nanovlm_hf.data.word_kinds import ANIMALS, BODY, CLOTHES, PEOPLE, word_set

# Nouns that say nothing where no adjective stands with them.
_EMPTY = frozenset(
    (article, noun)
    for article in ("a", "the", "some")
    for noun in ("place", "thing", "view", "area", "scene", "setting")
)
_NEVER_ALONE = word_set("about with of at for into from near above below under past through as while very so too")
# Verbs whose participle after a noun says what is done to it, not what it did.
_PASSIVE = word_set(
    "park dress cover fill top make surround gather line tie pile stack set paint decorate load mount cut cook arrange stick cast leash"
    " pack show wrap light bundle crowd equip place chain plug connect fence dock spread lock strap deck prepare scatter trap attach"
    " break lay hold call name tuck seat shape push pull drive throw carry chase lead bury knock"
)
# What a part of a body does: "with its tongue hanging out".
_HANGING = word_set("hanging sticking flying blowing dangling flowing waving pointing showing dripping outstretched")
_INCOMPLETE = word_set("be seem appear become let include go")  # without more they say nothing
_WITH_ING = word_set("go stand sit enjoy start stop lie practice like")  # "goes skiing", "stands smiling"
_VERBS = ("V", "Z", "G", "E", "H", "X")


@dataclass
class Part:
    """A piece of a clause after its verb; `tail` says more of it and can be left off."""

    kind: str  # "object", "place", "adverb", "adjective", "infinitive"
    words: tuple[str, ...]
    nominal: Nominal | None = None
    tail: tuple[str, ...] = ()


@dataclass
class Action:
    """What the subject does (`form` "do"), has done to it ("passive"), is ("be") or has done ("perfect")."""

    verb: str
    form: str
    parts: list[Part] = field(default_factory=list)


@dataclass
class Clause:
    subject: Nominal
    wears: list[Nominal] = field(default_factory=list)
    has: list[Part] = field(default_factory=list)
    places: list[Part] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    main: bool = True  # the caption's first clause, not one after "while" or "as"

    def parts(self) -> list[Part]:
        return [*self.has, *self.places, *(part for action in self.actions for part in action.parts)]

    def nominals(self) -> list[Nominal]:
        return [self.subject, *self.wears, *(part.nominal for part in self.parts() if part.nominal is not None)]


def read_clauses(tokens: list[str], tags: list[str]) -> list[Clause]:
    """The clauses of a caption that `simplify` has read, the main one first; none where it follows no known form."""
    clauses: list[Clause] = []
    start = 0
    for end in [place for place, one in enumerate(tags) if one == "."] + [len(tags)]:
        if end > start:
            clauses += _ClauseReader([*tokens[start:end], "."], [*tags[start:end], "."]).read()
        start = end + 1
    return clauses


class _ClauseReader(NounReader):
    """Reads one sentence's words from left to right into clauses."""

    def read(self) -> list[Clause]:
        self.skip_introduction()
        clauses: list[Clause] = []
        while not self.at("."):
            clause = self._clause()
            if clause is None:
                break
            clause.main = not clauses
            clauses.append(clause)
            if not self.at("B", "C", ","):
                break
            self.place += 1
        return clauses

    def _clause(self) -> Clause | None:
        self.acted = False
        subject = self.nominals()
        if subject is None or not subject.heads or (not subject.plural and subject.count != 1):
            return None
        clause = Clause(subject)
        self._traits(clause)
        while not self.at("."):
            following = self.next_tag()
            while_on = self.at("B") and self.word() == "while" and following == "P"  # "while on a bench"
            joins = self.at("C") and following in _VERBS and bool(clause.actions)
            doing = self.at("B") and self.word() in ("while", "when", "as") and following == "G"
            if while_on or joins or doing or (self.at(",", "W") and following in ("G", "X", "Z", "V", "E")):
                self.place += 1
            if while_on:
                self._traits(clause)
            elif not self.at(*_VERBS) or not self._predicate(clause):
                break
        return clause

    # --- before the verb

    def _traits(self, clause: Clause) -> None:
        """What stands between the subject and its verb: "in a red shirt", "with long hair", "on the beach"."""
        while self.at("R") or self._at_preposition():
            back = self.place
            if self.at("R"):
                if self.next_tag() not in ("V", "Z", "G", "E", "X", "P"):
                    return
                self.place += 1
                continue
            part = self._preposition()
            if part is None:
                self.place = back
                return
            self._finish_part(part)
            animate = {*clause.subject.heads} & (PEOPLE | ANIMALS)
            if clause.has and not animate and part.words[0] != "with":
                clause.has[-1].tail += part.words  # "a room with lamps on the wall"
            else:
                self._sort_trait(clause, part)

    def _at_preposition(self) -> bool:
        return self.at("P", "T") or (self.at("J") and self.word() in ("next", "close", "full"))

    def _finish_part(self, part: Part) -> None:
        """Reads what cannot be left off: "with his feet" + "on the table", "in a shirt" + "marked with a five"."""
        nominal, back = part.nominal, self.place
        if nominal is None or not nominal.heads:
            return
        if part.words[0] == "with" and {*nominal.heads} & BODY:
            if self.at("G") and self.word() in _HANGING:
                part.tail = self._tail()
            elif self.at("R", "J"):
                part.tail = (self.word(),)
                self.place += 1
            elif self.at("P"):
                place = self._preposition()
                part.tail = place.words if place is not None else ()
        elif (
            self.at("E")
            and not {*nominal.heads} & (PEOPLE | ANIMALS)
            and {"Z", "X", "V", "H"} & {*self.tags[self.place :]}
        ):
            part.tail = self._tail()
        if not part.tail:
            self.place = back

    def _sort_trait(self, clause: Clause, part: Part) -> None:
        nominal, preposition = part.nominal, part.words[0]
        if nominal is None or nominal.words in _EMPTY:
            return
        coloured = all(word in COLOURS or word == "and" for word in nominal.words)
        worn = coloured or {*nominal.heads} & CLOTHES
        if preposition == "in" and worn and len(part.words) == 1 + len(nominal.words):
            clause.wears.append(nominal)
        elif preposition == "with" and nominal.heads:
            clause.has.append(part)
        else:
            clause.places.append(part)

    # --- the verb and what follows it

    def _predicate(self, clause: Clause) -> bool:
        """Reads a verb and what belongs to it into the clause; False where it does not fit."""
        found = self._verb()
        if found is None:
            return False
        verb, form = found
        self.place += 1
        if verb == "wear" or (verb == "dressed" and self.word() == "in"):
            return self._clothes(clause, verb)
        self.acted = True
        parts = self._parts(verb)
        if not clause.subject.plural:
            parts = [part for part in parts if part.words not in (("together",), ("with", "each", "other"))]
        if not parts and verb in _INCOMPLETE:
            return False
        clause.actions.append(Action(verb, form, parts))
        return True

    def _verb(self) -> tuple[str, str] | None:
        """The verb here and its form; `place` moves on to its last word."""
        one, word = self.tags[self.place], self.word()
        if one == "X":
            return self._after_be()
        if one == "H" and self.next_tag() == "E" and word in ("has", "have"):
            self.place += 1
            return self.word(), "perfect"
        if one == "H":
            verb = {"has": "have", "does": "do", "having": "have"}.get(word, word)
            return (verb, "do") if verb in ("have", "do") and self.next_tag() not in ("V", "R") else None
        if one == "E":
            base = lemma(word, "E")
            by_with = self.next_tag() == "P" and self.tokens[self.place + 1] in ("by", "with")
            done_to = base in _PASSIVE or inflect(base, "VBD") != word or by_with
            return (word, "passive") if done_to else (base, "do")
        return lemma(word, one), "do"

    def _after_be(self) -> tuple[str, str] | None:
        start = self.place
        self.place += 1
        while self.at("Q") or (self.at("R") and self.next_tag() in ("G", "E", "J", "R")):
            if self.word() in ("not", "n't", "no"):
                return None
            self.place += 1
        if self.at("R") and self.word() in ("not", "n't"):
            return None
        if self.next_tag() == "E" and (self.at("X") or self.word() in ("getting", "being")):
            self.place += 1
        if self.at("G"):
            return lemma(self.word(), "G"), "do"
        if self.at("E"):
            return self.word(), "passive"
        self.place = start
        return "be", "be"

    def _clothes(self, clause: Clause, verb: str) -> bool:
        self.place += verb == "dressed"
        nominal = self.nominals_or_colours()
        if nominal is None:
            return False
        clause.wears.append(nominal)
        self._traits(clause)
        return True

    def _parts(self, verb: str) -> list[Part]:
        """Objects, places and adverbs, as far as they follow each other without a doubt."""
        parts: list[Part] = []
        while not self.at(".", "B", "Z", "V", "X", "H", "M"):
            back = self.place
            last = parts[-1].nominal if parts else None
            if last is not None and (self.at("E", "W") or (self.at("G") and {*last.heads} & (PEOPLE | ANIMALS))):
                tail = self._tail()  # but in "a man on a bike wearing a helmet" the man wears it
                if not tail:
                    self.place = back
                    break
                parts[-1].tail = tail
                continue
            part = self._part(verb, parts)
            if part is None:
                self.place = back
                break
            if part.kind == "place":
                self._finish_part(part)
            if part.nominal is None or part.nominal.words not in _EMPTY:
                parts.append(part)
        return parts

    def _part(self, verb: str, parts: list[Part]) -> Part | None:
        """The next piece after a verb."""
        start = self.place
        if self.at("G"):
            return self._with_verb(1) if verb in _WITH_ING and not parts else None
        if self.at("T") and self.next_tag() == "V":
            return self._with_verb(2)
        if self.word() == "close" and self.tokens[start + 1] == "together":
            self.place += 2
            return Part("adverb", self.since(start))
        if self.at("R"):
            self.place += 1
            part = self._preposition() if self.at("P", "T") and self.next_tag() != "V" else None
            if part is not None:
                part.words = (self.tokens[start], *part.words)
                return part
            self.place = start + 1
            return Part("adverb", self.since(start)) if self.tokens[start] not in _NEVER_ALONE else None
        if self._at_preposition():
            return self._preposition()
        if not self.at("D", "S", "Q", "J", "N", "NS", "O"):
            return None
        if not any(one.kind == "object" for one in parts):
            nominal = self.nominals()
            if nominal is not None:
                return Part("object", nominal.words, nominal) if not self.at("Z", "X") else None
        if self.at("J") and not parts:
            self.skip_adjectives()
            return Part("adjective", self.since(start))
        return None

    def _with_verb(self, length: int) -> Part:
        """ "To catch a ball", "skiing down a hill"."""
        start = self.place
        self.place += length
        words = self.since(start)
        return Part("infinitive", (*words, *(word for part in self._parts("") for word in (*part.words, *part.tail))))

    def _tail(self) -> tuple[str, ...]:
        """What is said of the thing just named: "covered in snow", "that is red", "chasing a ball"."""
        start = self.place
        self.place += 1
        if self.tags[start] == "W":
            if not self.at("X", "Z", "H", "V"):
                return ()
            self.place += 1
            self.place += self.at("G", "E")
        inner = self._parts("")
        return self.since(start) if inner or self.tags[start] == "G" else ()

    def _preposition(self) -> Part | None:
        """Where, with what, of what: a preposition and its noun."""
        start = self.place
        if self.at("J"):
            if self.next_tag() not in ("T", "P"):
                return None
            self.place += 1
        while self.at("P", "T"):
            self.place += 1
        if self.at("G"):
            self.place += 1
            return Part("place", self.since(start)) if self._parts("") else None
        if self.word() == "front" and self.tokens[self.place + 1] == "of":
            self.place += 2
        before = self.since(start)
        nominal = self.nominals_or_colours()
        if nominal is None or (self.at("Z", "X") and nominal.plural and nominal.tags[-1] == "O"):
            return None
        return Part("place", (*before, *nominal.words), nominal)
