"""A caption's words made easy.

    simplify("An elderly gentleman riding a bicycle .")
    # (["an", "old", "man", "riding", "a", "bike", "."], ["D", "J", "N", "G", "D", "N", "."])

Typos are mended, names left out, and each hard word gives way to an easy one.
"""

from functools import lru_cache

from nanovlm_hf.data.easy_words import DROPPED_ADVERBS, EASY_ADJECTIVES, EASY_NOUNS, EASY_PHRASES, EASY_VERBS, easier
from nanovlm_hf.data.tagger import tag
from nanovlm_hf.data.vocabulary import classes, inflect, is_childlike, lemma, lemmas, tokenize
from nanovlm_hf.data.vocabulary_words import CLOSED_CLASSES, COLOURS
from nanovlm_hf.data.word_kinds import word_set

_COLLECTIVE_PLURAL = word_set("clothes pants glasses stairs woods things shoes bags people")
_PROPER = {
    "santa": "Santa",
    "christmas": "Christmas",
    "tv": "TV",
    "i": "I",
    "halloween": "Halloween",
    "frisbee": "frisbee",
}
_NUMBERS = {
    "1": "one",
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
}
_TYPOS = dict(
    pair.split(":")
    for pair in word_set(
        "frizbee:frisbee frisby:frisbee feild:field whit:white balck:black girafe:giraffe giraffee:giraffe"
        " girraffe:giraffe skatebard:skateboard brocolli:broccoli motercycle:motorcycle playgroud:playground"
        " backgroud:background sveral:several somthing:something thorugh:through carring:carrying streching:stretching"
        " restaraunt:restaurant bycicle:bicycle biycle:bicycle tollet:toilet bannana:banana bananna:banana"
        " sandwhich:sandwich umbrela:umbrella refridgerator:refrigerator wih:with wth:with teh:the thats:that's"
        " womans:woman's mans:man's childs:child's dogs':dogs persons:people peoples:people childrens:children"
        " laughin:laughing whist:while shit:shirt shite:white skiis:skis"
    )
)


def simplify(caption: str) -> tuple[list[str], list[str]]:
    """The words of a caption with easy words for hard ones, in lower case, and their tags."""
    names = _names(caption)
    tokens = [_TYPOS.get(token, _NUMBERS.get(token, token)) for token in tokenize(caption)]
    tokens = tokens[:1] + ["its" if token == "it's" else token for token in tokens[1:]]  # "a ball in it's mouth"
    tokens = _replace_phrases(_without_names([token for token in tokens if token not in ('"', "(", ")")], names))
    tags = tag(tokens)
    easy: list[tuple[str, str]] = []
    for place, (token, one) in enumerate(zip(tokens, tags, strict=True)):
        following = tags[place + 1] if place + 1 < len(tags) else "."
        pairs = _easy_words(token, one, following, easy)
        easy += pairs if not (pairs and easy and pairs[0] == easy[-1]) else pairs[1:]
    easy = [pair for place, pair in enumerate(easy) if not (pair[1] == "C" and _dangling(easy, place))]
    return [token for token, _ in easy], [one for _, one in easy]


def _names(caption: str) -> set[str]:
    """Words with a capital inside a caption that is not written in capitals throughout: brands, places, people."""
    words = caption.split()
    capital = [word for word in words if word[:1].isupper()]
    if len(capital) > len(words) / 2:
        return set()
    names = {token for word in words[1:] if word[:1].isupper() for token in tokenize(word)}
    if len(words) > 1 and words[1][:1].isupper() and not lemmas(words[0].lower()):
        names |= {*tokenize(words[0])}
    return {
        name
        for name in names
        if not any(easier(table, name) is not None for table in (EASY_NOUNS, EASY_ADJECTIVES))
        and name not in _PROPER
        and name not in CLOSED_CLASSES
    }


def _without_names(tokens: list[str], names: set[str]) -> list[str]:
    """The tokens without names; where a name leaves a hole ("looks like ... on a bed") they end."""
    kept: list[str] = []
    for place, token in enumerate(tokens):
        if token not in names:
            kept.append(token)
            continue
        last = classes(kept[-1])[0] if kept else "."
        following = classes(tokens[place + 1])[0] if place + 1 < len(tokens) else "."
        if (
            last not in ("P", "D", "T", "V", "Z")
            or following in ("N", "NS", "J")
            or (following != "." and tokens[place + 1] in names)
        ):
            continue
        if last in ("P", "D", "T"):
            preposition = kept.pop()
            if last == "P" and preposition != "like" and following in ("Z", "V", "X", "H"):
                continue  # "a man in ... plays"
        return [*kept, "."]
    return kept


_LONGEST = max(len(phrase.split()) for phrase in EASY_PHRASES)


def _replace_phrases(tokens: list[str]) -> list[str]:
    replaced, place = [], 0
    while place < len(tokens):
        for length in range(min(_LONGEST, len(tokens) - place), 0, -1):
            easy = EASY_PHRASES.get(" ".join(tokens[place : place + length]))
            if easy is not None:
                replaced += easy.split()
                place += length
                break
        else:
            replaced.append(tokens[place])
            place += 1
    return replaced


def _easy_words(token: str, one: str, following: str, before: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What stands for a word: itself, an easier one, two words, or nothing."""
    if one in ("N", "NS"):
        return _easy_noun(token, one, following)
    if one in ("V", "Z", "G", "E"):
        first, *rest = _easy_verb(token, one)
        if (
            first in ("stand", "stands", "standing", "stood")
            and token.startswith("pos")
            and following in ("D", "S", "N", "NS")
        ):
            first = token
        return [(first, one), *zip(rest, ("D", "N"), strict=False)]
    if one == "J":
        easy = easier(EASY_ADJECTIVES, token)
        easy = token if easy is None and (is_childlike(token) or token in COLOURS) else easy or ""
        return [(easy, "J")] if easy and (easy, "J") not in before[-3:] else []
    if one == "R" and (token in DROPPED_ADVERBS or not is_childlike(token)):
        return []
    if token in ("several", "various", "numerous", "multiple"):
        return [("some", "Q")]
    return [(token, one)]


@lru_cache(maxsize=20_000)
def _easy_noun(token: str, one: str, following: str) -> list[tuple[str, str]]:
    base = lemma(token, one)
    easy = easier(EASY_NOUNS, base)
    if following in ("N", "NS"):  # "passenger seat", "miami player"
        return (
            []
            if easy in ("person", "man", "woman", "player", "thing") or not is_childlike(base)
            else [(easy or token, "N")]
        )
    if easy is None or not easy:
        return [(token, one)]
    *first, last = easy.split()
    if one == "NS" or last in _COLLECTIVE_PLURAL:
        last, one = inflect(last, "NNS") if last not in _COLLECTIVE_PLURAL else last, "NS"
    return [(word, "J" if word == "old" else "N") for word in first] + [(last, one)]


@lru_cache(maxsize=20_000)
def _easy_verb(token: str, one: str) -> tuple[str, ...]:
    base = lemma(token, one)
    easy = easier(EASY_VERBS, base)
    if easy is None:
        return (token,)
    verb, *rest = easy.split()
    return (verb if one == "V" else inflect(verb, {"Z": "VBZ", "G": "VBG", "E": "VBN"}[one]), *rest)


def _dangling(pairs: list[tuple[str, str]], place: int) -> bool:
    """Whether an "and" has lost one of the adjectives that it joined."""
    last = pairs[place - 1][1] if place else "."
    following = pairs[place + 1][1] if place + 1 < len(pairs) else "."
    return (
        last in ("D", "S", "Q", ".")
        or following in (".", ",")
        or (last == "J" and following in ("N", "NS") and place > 1 and pairs[place - 2][1] in ("D", "Q", "S"))
    )
