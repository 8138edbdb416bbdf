"""English words for the offline teacher and the checks: what a word is in its sentence, its base form, how childlike it is.

    tokenize("A man rides a horse.")       # ["a", "man", "rides", "a", "horse", "."]
    classes("rides"), lemma("rides", "Z")  # ("Z", "NS"), "ride"
    is_childlike("equipment")              # False

Tags: D determiner, Q number or quantity, S possessive, J adjective, N noun, NS plural noun, O pronoun, W who/which,
X form of "be", H form of "have" or "do", M modal, V verb (base or plural form), Z verb with -s, G verb with -ing, E verb
in the past or participle, R adverb, P preposition, T "to", C and/or/but, B other conjunction, "." end, "," other marks.

Which classes a word can have comes from lemminflect's lexicon (NIH's SPECIALIST), narrowed to what people say of pictures;
which one it has in a sentence, `tagger` says.
"""

import re
from functools import lru_cache

from nanovlm_hf.data.easy_words import GROWN_UP
from nanovlm_hf.data.vocabulary_words import (
    ALSO_VERBS,
    CLOSED_CLASSES,
    COMMON_CLASSES,
    MISSING_ADJECTIVES,
    NOUNS_FIRST,
    ONLY_PLURAL,
    PLURAL_NOUNS,
    SAME_PLURAL,
    SINGULAR_S,
    SOUNDS,
)
from nanovlm_hf.data.word_kinds import word_set

_TOKEN = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*'?|[.!?]+|[,;:()\"&-]")
_APART = re.compile(r" +('s|n't)\b")  # Flickr8k writes "the dog 's tail"
_VERB_TAGS = frozenset("VZGE")
_ALSO_NOUNS = word_set("flies looks catches throws drives bends stands holds shows")


def tokenize(text: str) -> list[str]:
    """The words and marks of a text, in lower case."""
    return _TOKEN.findall(_APART.sub(r"\1", text.lower().replace("\u2019", "'")))


@lru_cache(maxsize=50_000)
def lemmas(word: str) -> dict[str, str]:
    """The base form of a word by class ("NOUN", "VERB", "ADJ", "ADV"), from the lexicon alone; {} where it lacks the word."""
    from lemminflect import getAllLemmas

    return {kind: found[0] for kind, found in getAllLemmas(word).items()}


@lru_cache(maxsize=50_000)
def lemma(word: str, tag: str) -> str:
    """The base form of a word that has this tag: ("dogs", "NS") -> "dog", ("rides", "Z") -> "ride"."""
    if tag in ("N", "NS"):
        if tag == "N" or word in SAME_PLURAL or word in ONLY_PLURAL:
            return word
        found = lemmas(word).get("NOUN", word)
        return found if found != word or word in SINGULAR_S else _without_s(word)
    if tag in _VERB_TAGS:
        return {"lay": "lie", "lays": "lie", "laying": "lie"}.get(word) or lemmas(word).get("VERB", _without_ing(word))
    return word


def _without_s(word: str) -> str:
    if not word.endswith("s") or len(word) < 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]


def _without_ing(word: str) -> str:
    stem = word.removesuffix("ing")
    return (
        stem if stem == word or len(stem) < 3 else stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    )


@lru_cache(maxsize=50_000)
def inflect(word: str, form: str) -> str:
    """A base form in another form: ("run", "VBG") -> "running"; `form` is VBZ, VBG, VBD, VBN or NNS."""
    from lemminflect import getInflection

    if form == "NNS" and word in SAME_PLURAL | PLURAL_NOUNS:
        return word
    irregular = {("hold", "VBN"): "held", ("person", "NNS"): "people", ("t-shirt", "NNS"): "t-shirts"}
    if (word, form) in irregular:
        return irregular[word, form]
    found = getInflection(word, form, inflect_oov=False)
    if found:
        return found[0]
    if form in ("VBZ", "NNS"):
        return (
            word[:-1] + "ies"
            if re.search("[^aeiou]y$", word)
            else word + ("es" if re.search("(s|x|ch|sh)$", word) else "s")
        )
    stem = word.removesuffix("e") if not word.endswith("ee") else word
    return stem + ("ing" if form == "VBG" else "ed")


@lru_cache(maxsize=50_000)
def classes(word: str) -> tuple[str, ...]:
    """The tags a word can have, likelier first."""
    if not word[0].isalnum():
        return ("." if word[0] in ".!?" else ",",)
    if word in CLOSED_CLASSES:
        return (CLOSED_CLASSES[word],)
    if word in MISSING_ADJECTIVES:
        return ("J",)
    if word.endswith(("'s", "s'")):
        return ("S",)
    found = lemmas(word)
    noun = () if "NOUN" not in found else ("NS",) if _is_plural(word, found["NOUN"]) else ("N",)
    verb = (verb_tag(word, found["VERB"]),) if "VERB" in found else ()
    if (
        verb == ("Z",) and not noun and "NOUN" in lemmas(found["VERB"])
    ):  # the lexicon knows "log" as both, "logs" as one
        noun = ("NS",)
    usual = COMMON_CLASSES.get(found.get("VERB", ""), ())[:1]
    if noun and verb and verb[0] in "VZ" and found["VERB"] not in ALSO_VERBS and usual != ("V",):
        verb = ()
    if word in ONLY_PLURAL:
        return ("NS",)
    if named := COMMON_CLASSES.get(word):
        return (noun or ("N",)) + (verb if verb in (("V",), ("Z",)) else ()) if named == ("N",) else named
    if verb == ("Z",) and usual == ("V",) and word not in _ALSO_NOUNS:
        return verb
    adjective = ("J",) if "ADJ" in found else ()
    adverb = ("R",) if "ADV" in found else ()
    if verb and word in NOUNS_FIRST:
        return noun + verb
    if noun and word.endswith("ing") and not verb:
        return ("G", *noun)
    return adjective + verb + noun + adverb or _by_ending(word)


def verb_tag(word: str, base: str) -> str:
    """The tag of a form of a verb."""
    return "V" if word == base else "G" if word.endswith("ing") else "Z" if word.endswith("s") else "E"


def _is_plural(word: str, base: str | None) -> bool:
    return word in PLURAL_NOUNS or (
        word not in SINGULAR_S and (word != base or (word.endswith("s") and not word.endswith(("ss", "us", "is"))))
    )


def _by_ending(word: str) -> tuple[str, ...]:
    if word[0].isdigit():
        return ("Q",)
    last = word.rpartition("-")[2]
    if last != word and (last.endswith("ed") or "J" in classes(last)):
        return ("J",)
    for ending, tags in (("ing", ("G",)), ("ed", ("E", "J")), ("ly", ("R",))):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return tags
    return ("NS",) if word.endswith("s") and word not in SINGULAR_S and not word.endswith("ss") else ("N",)


@lru_cache(maxsize=50_000)
def is_childlike(word: str) -> bool:
    """Whether a small child may say this word: its most frequent form is frequent enough, and it is not grown-up.

    Frequency is wordfreq's (per-billion-words logarithm, "Zipf"): 3.0 is once in a million words.
    """
    from wordfreq import zipf_frequency

    word = word.lower().removesuffix("'s").removesuffix("s'")
    if word in SOUNDS or word in CLOSED_CLASSES or not word or word[0].isdigit():
        return True
    if "-" in word:
        return all(is_childlike(piece) for piece in word.split("-") if piece)
    forms = {word, *lemmas(word).values()}
    return not forms & GROWN_UP and max(zipf_frequency(form, "en") for form in forms) >= RAREST


RAREST = 3.0
