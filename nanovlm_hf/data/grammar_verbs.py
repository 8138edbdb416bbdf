"""Rules of `grammar` about verbs: their forms after helpers, two where one belongs, none where one is needed."""

from collections.abc import Iterator

from nanovlm_hf.data.grammar_sentence import FINITE, NOUNS, Finding, Sentence
from nanovlm_hf.data.vocabulary import classes, inflect, lemmas
from nanovlm_hf.data.vocabulary_words import COLOURS, SAME_PLURAL, SOUNDS
from nanovlm_hf.data.word_kinds import word_set

_NO_ADVERBS = word_set("home back down up well out in off")  # of these a verb may follow, or nothing
_FINITE_HELPERS = word_set("is are was were has does did had")
_DO = word_set("do does did don't doesn't didn't")
# Verbs that after "is" can be nothing but a mistake ...
_BARE_VERBS = word_set(
    "jump run walk swim sit stand eat play ride throw catch kick climb look hold smile fly sleep drive carry wear drink talk push pull"
    " hug go get make take give want see say sing bring write draw laugh lie wait stay try"
)
# ... but for these forms, which are nouns too.
_NOUN_FORMS = word_set("lies looks draw drinks jumps rides runs walks")
_BEFORE_TO = word_set("want like love try need start begin hope have get learn going able ready")
_LINKS = word_set("what who which that all how where thing part best if when this")


def after_helpers(sentence: Sentence) -> Iterator[Finding]:
    """ "Can runs", "does not likes", "is eat", "has went", "to played", "he running"."""
    tokens, tags = sentence.tokens, sentence.tags
    for place in range(1, len(tokens) - 1):
        word, one, last = tokens[place], tags[place], tags[place - 1]
        if one == "G" and tokens[place - 1] in ("he", "she", "they", "we") and "X" not in tags[:place]:
            message = f'Between "{tokens[place - 1]}" and "{word}" stands "is" or "are".'
            yield sentence.found("verb-form", place - 1, place + 1, message)
        if last not in ("O", "N", "NS", "T") and one != "T":
            continue
        at = place + 1
        while tags[at] == "R" and tokens[at] not in _NO_ADVERBS:
            at += 1
        verb = tokens[at]
        found = {*classes(verb)} if verb[0].isalpha() else set()
        denied = "'" in word or tokens[at - 1] in ("not", "n't")
        if one == "M" or (word in _DO and denied):
            if verb in _FINITE_HELPERS or (found & {"Z", "E", "G"} and not found & {"V", "J"}):
                yield sentence.found("verb-form", place, at + 1, f'After "{word}" write the plain verb, not "{verb}".')
        elif one == "X" and word not in ("be", "been", "being") and last != "T":
            if right := _right_after_be(sentence, at):
                yield sentence.found("verb-form", place, at + 1, f'After "{word}" write "{right}", not "{verb}".')
        elif word in ("has", "have", "had") and _is_past_only(verb):
            right = inflect(_base(verb), "VBN")
            yield sentence.found("verb-form", place, at + 1, f'After "{word}" write "{right}", not "{verb}".')
        elif one == "T" and found & {"Z", "E"} and "V" not in found and verb != "left":
            wanted = {tokens[place - 1], _base(tokens[place - 1])} & _BEFORE_TO
            if wanted:
                yield sentence.found("verb-form", place, at + 1, f'After "to" write the plain verb, not "{verb}".')


def _right_after_be(sentence: Sentence, at: int) -> str:
    """The form that belongs after "is" where a plain verb or a past stands at a place; empty where nothing is wrong."""
    verb = sentence.tokens[at]
    base = _base(verb)
    if base in _BARE_VERBS and verb in (base, inflect(base, "VBZ")) and inflect(base, "VBN") != verb:
        following = sentence.tags[at + 1]
        in_place = sentence.tags[at] in ("Z", "V") and following in ("P", "D", "R", ".")
        if in_place or (following not in NOUNS | {"G"} and verb not in _NOUN_FORMS):
            return inflect(base, "VBG")
    elif _is_past_only(verb):
        return inflect(base, "VBN")
    return ""


def _base(word: str) -> str:
    return lemmas(word).get("VERB", word)


def _is_past_only(word: str) -> bool:
    """Whether a word is a past that is no participle: "went", "ate"."""
    base = _base(word)
    if base == word or "NOUN" in lemmas(word) or word in ("was", "were", "lit", "got"):
        return False
    return word == inflect(base, "VBD") and word != inflect(base, "VBN")


def two_verbs(sentence: Sentence) -> Iterator[Finding]:
    """ "The man is a dog is": a form of "be", then things, then one again."""
    tokens, tags = sentence.tokens, sentence.tags
    be = ("is", "are", "was", "were")
    for place, word in enumerate(tokens):
        if word not in be or not place or tags[place - 1] not in ("N", "NS", "O") or _LINKS & {*tokens[:place]}:
            continue
        at = place + 1
        while tags[at] in ("D", "S", "J", "N", "NS", "P", "T", "Q") and tokens[at] not in _LINKS:
            at += 1
        if tokens[at] in be and not NOUNS.isdisjoint(tags[place + 1 : at]):
            yield sentence.found("two-verbs", place, at + 1, f'"{word}" and "{tokens[at]}" stand in one clause.')


def no_verb(sentence: Sentence) -> Iterator[Finding]:
    """ "A man riding a horse." A short one, a question, a shout or a sound needs none."""
    tokens, tags = sentence.tokens, sentence.tags
    words = [word for word in tokens if word[0].isalpha()]
    if len(words) < 4 or sentence.written.rstrip("\"')")[-1:] != "." or SOUNDS & {*words}:
        return
    if tags[0] in ("W", "R", "G", "B", "C") or tokens[0] in ("no", "one", "not") or not {"D", "S", "Q"} & {*tags}:
        return
    finite = {
        one for word, one in zip(tokens, tags, strict=True) if word not in ("having", "being", "been", "be")
    } & FINITE
    if finite or ("E" in tags and not _only_participles(sentence)):
        return
    maybe = next((place for place in range(1, len(tokens) - 1) if _may_be_verb(sentence, place)), 0)
    starts = tags[0] == "D" and sentence.noun_after(0) == maybe and SAME_PLURAL.isdisjoint(tokens)
    if not maybe:
        yield Finding("no-verb", sentence.written, f'"{sentence.written}" has no verb.')
    elif (
        starts and sentence.may_be(maybe, "V") and "G" not in tags
    ):  # "the dog run on": if "run" is a noun, no verb is left
        right = inflect(tokens[maybe], "VBZ")
        yield sentence.found("agreement", 0, maybe + 1, f'If "{tokens[maybe]}" is the verb here, write "{right}".')


def _may_be_verb(sentence: Sentence, place: int) -> bool:
    """Whether a word that was not read as a verb may be one after all."""
    word, last, before = sentence.tokens[place], sentence.tokens[place - 1], sentence.tags[place - 1]
    known = "VERB" in lemmas(word)
    if before == "J" and last in COLOURS and sentence.tokens[place - 2] in ("in", "and", "wearing"):
        return known
    if before == "Q" and last in ("all", "both", "each", "some"):
        return known
    if known and sentence.tags[place] in NOUNS and before in ("N", "NS", "R"):
        return True
    return before not in ("D", "S", "P", "J", "Q", "T") and not {"V", "Z"}.isdisjoint(classes(word))


def _only_participles(sentence: Sentence) -> bool:
    """Whether every past form says what is done to something: "a table covered with food"."""
    return all(
        word in ("covered", "filled", "dressed", "made", "topped", "surrounded")
        and following in ("by", "in", "with", "of")
        for word, following, one in zip(sentence.tokens, sentence.tokens[1:], sentence.tags, strict=False)
        if one == "E"
    )
