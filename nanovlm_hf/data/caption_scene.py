"""What a picture's captions agree on: who it is about, which things and colours are there, what is in doubt.

    scene = read_scene(["A man rides a bike .", "A man on a red bicycle", "A person is biking"])
    scene.who.noun, scene.who.they       # "man", "he"

Most captions decide; between equals the first.
"""

from collections import Counter
from dataclasses import dataclass, field

from nanovlm_hf.data.caption_clauses import Action, Clause, read_clauses
from nanovlm_hf.data.caption_nouns import Nominal, without
from nanovlm_hf.data.caption_words import simplify
from nanovlm_hf.data.vocabulary import lemma
from nanovlm_hf.data.vocabulary_words import COLOURS
from nanovlm_hf.data.word_kinds import ANIMALS, PEOPLE, word_set

MALE = word_set("man boy dad grandpa father brother son cowboy groom policeman fireman fisherman king mister prince")
FEMALE = word_set("woman girl mom grandma mother sister daughter bride queen princess lady cheerleader cowgirl")
_YOUNG = word_set("boy girl child baby son")
_GROWN = word_set("man woman mom dad grandma grandpa bride groom policeman fireman soldier worker cowboy king queen")
_MANY = word_set("couple family team crowd band group people audience")
# Of the things in one group a picture mostly shows one; the captions' majority says which.
_EITHER_OR = [
    word_set(group)
    for group in (
        "baseball football soccer basketball tennis hockey golf rugby volleyball cricket",
        "ball frisbee stick bone",
        "bike motorbike scooter unicycle horse",
        "skateboard snowboard surfboard sled ski",
        "snow sand beach desert",
        "sea lake river pool",
        "bathroom kitchen bedroom office",
        "dog cat horse cow sheep elephant giraffe zebra bear",
        "swing slide trampoline",
        "car truck bus train plane boat motorbike",
        "rope leash chain",
        "street field beach woods",
    )
]


@dataclass(frozen=True)
class Who:
    """The one, or those, that a text is about, and the words for them."""

    family: tuple[str, ...]  # "people", an animal or a thing; several where they act together
    noun: str
    plural: bool
    they: str  # empty for one person of whom no caption says whether it is he or she
    them: str
    their: str

    def is_animate(self) -> bool:
        return any(one == "people" or one in ANIMALS for one in self.family)


_NOBODY = Who((), "", False, "it", "it", "its")


@dataclass
class Scene:
    """All that the captions of a picture say together."""

    captions: int
    clauses: list[Clause] = field(default_factory=list)
    support: Counter[str] = field(default_factory=Counter)  # in how many captions a base form is said
    colours: dict[str, Counter[str]] = field(default_factory=dict)  # of a noun, by captions
    nouns: set[str] = field(default_factory=set)  # as written
    several: set[str] = field(default_factory=set)  # nouns of which one caption names two: "a red hat", "a blue hat"
    doubtful: set[str] = field(default_factory=set)  # said by few where most say something else
    who: Who = _NOBODY
    count: int = 0  # how many the text is about, 0 where the captions do not say

    def agreed(self, nominal: Nominal) -> tuple[str, ...]:
        """The words of a noun, without the colours on which the captions differ."""
        if len(nominal.heads) != 1 or "of" in nominal.words or nominal.heads[0] in self.several:
            return nominal.words
        counts = self.colours.get(nominal.heads[0], Counter())
        most = max(counts.values(), default=0)
        wrong = {colour for colour in counts if counts[colour] < most or (most == 1 and len(counts) > 2)}
        return tuple(word for word, _ in without(list(zip(nominal.words, nominal.tags, strict=True)), wrong))

    def is_about(self, clause: Clause) -> bool:
        """Whether a clause may speak of the one, or those, that the text is about."""
        subject, who = clause.subject, self.who
        if family(subject) != who.family or subject.plural != who.plural:
            return False
        if subject.words[0] in ("another", "other", "each", "one", "somebody"):
            return False
        if not clause.main and subject.words[0] != "the":  # "while a man holds a guitar"
            return False
        if self.count and subject.count not in (0, self.count):
            return False
        if who.family != ("people",) or subject.plural:
            return True
        head = subject.heads[0]
        acted_on = {head for part in clause.parts() if part.nominal is not None for head in part.nominal.heads}
        return _same_person(head, who.noun) and not (head != who.noun and who.noun in acted_on)


def family(nominal: Nominal) -> tuple[str, ...]:
    """What kind of things a noun names: ("people",), ("dog",), ("dog", "people")."""
    return tuple(sorted({"people" if head in PEOPLE else head for head in nominal.heads}))


def content(action: Action) -> set[str]:
    """The base forms that an action speaks of."""
    heads = {head for part in action.parts if part.nominal is not None for head in part.nominal.heads}
    return heads or {action.verb} if action.verb in ("be", "have") else heads | {action.verb}


def read_scene(captions: list[str]) -> Scene:
    """Reads all captions of a picture; one that cannot be read gives its words, but no clause."""
    scene = Scene(len(captions))
    for caption in captions:
        tokens, tags = simplify(caption)
        words = list(zip(tokens, tags, strict=True))
        scene.support.update({lemma(token, one) for token, one in words if one not in (".", ",", "D")})
        scene.nouns.update(token for token, one in words if one in ("N", "NS"))
        clauses = read_clauses(tokens, tags)
        scene.clauses += clauses
        _note_colours(scene, [nominal for clause in clauses for nominal in clause.nominals()])
    for group in _EITHER_OR:
        counts = {word: scene.support[word] for word in group if scene.support[word]}
        most = max(counts.values(), default=0)
        scene.doubtful |= {word for word, count in counts.items() if most > 1 and (count == 1 or count * 2 < most)}
    mains = [clause for clause in scene.clauses if clause.main]
    if mains:
        scene.who = _who(mains, scene.support)
        subjects = [clause.subject for clause in mains if family(clause.subject) == scene.who.family]
        counted = [subject.count for subject in subjects if subject.plural == scene.who.plural and subject.count]
        scene.count = max(counted, key=counted.count, default=0)
    return scene


def _note_colours(scene: Scene, nominals: list[Nominal]) -> None:
    """Takes down the colours that one caption gives to its things."""
    said: dict[str, set[str]] = {}
    for nominal in nominals:
        if len(nominal.heads) == 1:
            if nominal.heads[0] in said:
                scene.several.add(nominal.heads[0])
            said.setdefault(nominal.heads[0], set()).update(COLOURS.intersection(nominal.adjectives()))
    for head, colours in said.items():
        if colours:
            scene.colours.setdefault(head, Counter()).update(colours)


def _same_person(head: str, noun: str) -> bool:
    """Whether two nouns may name one person: not a child and a grown-up, not one and many."""
    if (head in _MANY) != (noun in _MANY):
        return False
    return not ((head in _YOUNG and noun in _GROWN) or (head in _GROWN and noun in _YOUNG))


def _who(mains: list[Clause], support: Counter[str]) -> Who:
    families = Counter(family(clause.subject) for clause in mains)
    agreed = {
        kind: (count, min(count if head == "people" else support[head] for head in kind))
        for kind, count in families.items()
    }
    kind = max(agreed, key=lambda one: agreed[one])
    subjects = [clause.subject for clause in mains if family(clause.subject) == kind]
    plural = Counter(subject.plural for subject in subjects).most_common(1)[0][0]
    subjects = [subject for subject in subjects if subject.plural == plural]
    if kind == ("people",):
        heads = Counter(head for subject in subjects for head in dict.fromkeys(subject.heads))
        if plural:
            return Who(kind, _people(heads, subjects), True, "they", "them", "their")
        return _person(heads, mains)
    noun = subjects[0].heads[0]
    return Who(kind, noun, True, "they", "them", "their") if plural else Who(kind, noun, False, "it", "it", "its")


def _votes(heads: Counter[str], words: frozenset[str]) -> int:
    return sum(count for head, count in heads.items() if head in words)


def _people(heads: Counter[str], subjects: list[Nominal]) -> str:
    """The noun for several people: "person" or "child" where the captions differ on who they are."""
    common = heads.most_common(1)[0][0]
    if any(len(subject.heads) > 1 for subject in subjects):
        return common
    young, grown = _votes(heads, _YOUNG), _votes(heads, _GROWN)
    if common in MALE | FEMALE and _votes(heads, MALE) and _votes(heads, FEMALE):
        return "child" if young > grown else "person"
    return "person" if common in _YOUNG | _GROWN and young and grown and grown >= young else common


def _person(heads: Counter[str], mains: list[Clause]) -> Who:
    """The noun and the pronouns for one person, or for a group that acts as one."""
    ages = (_YOUNG, _GROWN, _MANY)
    age = max(ages, key=lambda words: _votes(heads, words))
    if _votes(heads, age):
        heads = Counter(
            {head: n for head, n in heads.items() if head in age or not any(head in words for words in ages)}
        )
    noun = next((head for head, _ in heads.most_common() if head in age - {"child"}), heads.most_common(1)[0][0])
    if noun in _MANY:
        return Who(("people",), noun, False, "they", "them", "their")
    male, female = _votes(heads, MALE), _votes(heads, FEMALE)
    if not male and not female:
        words = Counter(word for clause in mains for part in clause.parts() for word in part.words)
        male, female = words["his"], words["her"]
    if male == female:
        noun = noun if noun not in MALE | FEMALE else "child" if age is _YOUNG else "person"
        return Who(("people",), noun, False, "", "", "their")
    if noun in (FEMALE if male > female else MALE) or noun in ("person", "child"):
        noun = next((head for head, _ in heads.most_common() if head in (MALE if male > female else FEMALE)), noun)
    return Who(("people",), noun, False, *(("he", "him", "his") if male > female else ("she", "her", "her")))
