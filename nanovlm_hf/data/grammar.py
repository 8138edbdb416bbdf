"""A grammar check for small children's texts, offline and in pure Python.

    check_grammar("Two dog runs. A man riding a horse.")
    # [Finding("number", "two dog", ...), Finding("no-verb", "A man riding a horse.", ...)]

It knows the mistakes that small writers and small models make, each by a rule with a name (`RULES`), over the tags of
`vocabulary`. It is built to be right when it speaks: about what it can't tell (a "fish" or several?), it says nothing.
It does not know spelling, meaning, or how clauses hang together: of a word left out it sees one case in ten.
"""

import re
from collections.abc import Iterator

from nanovlm_hf.data.grammar_agreement import agreement, questions, there_is
from nanovlm_hf.data.grammar_sentence import Finding, Sentence
from nanovlm_hf.data.grammar_verbs import after_helpers, no_verb, two_verbs
from nanovlm_hf.data.tagger import tag
from nanovlm_hf.data.text_rules import sentences_in
from nanovlm_hf.data.vocabulary import lemmas, tokenize
from nanovlm_hf.data.vocabulary_words import CLOSED_CLASSES, SOUNDS
from nanovlm_hf.data.word_kinds import word_set

RULES = {
    "article": '"a" before a vowel, "an" before a consonant',
    "repeated-word": "one word twice in a row",
    "determiner": '"the is", "a my": a determiner without its noun, or two',
    "number": '"two dog", "a dogs", "these ball"',
    "agreement": '"the boys plays", "he have", "there is two cats"',
    "verb-form": '"can runs", "is eat", "has went", "to played", "he running"',
    "two-verbs": '"the man is a dog is": two verbs and nothing between that allows it',
    "no-verb": "a sentence without a verb that says when",
    "pronoun": '"him goes", "with she"',
    "capital": "a sentence, or I, without its capital",
    "end-mark": "no mark at the end",
    "unfinished": '"He has a ball and."',
    "quotes": "a quotation mark or bracket without its fellow",
}


def check_grammar(text: str) -> list[Finding]:
    """The grammar mistakes in a text; none for a good one."""
    findings = [*_marks(text)]
    for written in sentences_in(text):
        tokens = tokenize(written)
        if tokens:
            sentence = Sentence(written, tokens, tag(tokens))
            found = [finding for rule in _SENTENCE_RULES for finding in rule(sentence)]
            wrong_number = tuple(finding.words for finding in found if finding.rule == "number")
            # "two dog runs" is one mistake
            findings += [
                one for one in found if one.rule != "agreement" or not one.words.startswith(wrong_number or ("-",))
            ]
    return findings


def _marks(text: str) -> Iterator[Finding]:
    if text.count('"') % 2:
        yield Finding("quotes", '"', "A quotation mark has no fellow.")
    if text.count("(") != text.count(")"):
        yield Finding("quotes", "(", "A bracket has no fellow.")
    if text.strip() and text.rstrip(" \"')")[-1:] not in (".", "!", "?"):
        yield Finding("end-mark", text.split()[-1], "The last sentence has no mark at its end.")
    for sentence in sentences_in(text):
        first = re.search("[A-Za-z]", sentence)
        if first and first[0].islower():
            word = sentence.split()[0]
            yield Finding("capital", word, f'"{word}" starts a sentence; write it with a capital.')
    if re.search(r"(?<![\w'.-])i(?![\w'.-])", text):
        yield Finding("capital", "i", 'Write "I" with a capital.')


_VOWEL_SOUND = re.compile(
    r"(?!(?:u[bcfhjkqrst][aeiou]|uni|u-|eu|ewe|one\b|once\b|one-|ouija))[aeiou]|hour|honest|heir|honou?r|8|11\b|18\b|x-ray"
)


def _articles(sentence: Sentence) -> Iterator[Finding]:
    for place, word in enumerate(sentence.tokens[:-1]):
        following = sentence.tokens[place + 1]
        is_word = len(following) > 1 and following[0].isalnum() and sentence.tags[place + 1] != "C"
        right = "an" if _VOWEL_SOUND.match(following) else "a"
        if word in ("a", "an") and is_word and word != right:
            yield sentence.found(
                "article", place, place + 2, f'Write "{right} {following}", not "{word} {following}".'
            )


_MAY_REPEAT = (
    word_set("great had that very so really bye night no yes never again more many much out up down far long") | SOUNDS
)


def _repeats(sentence: Sentence) -> Iterator[Finding]:
    for place, word in enumerate(sentence.tokens[:-2]):
        is_sound = not lemmas(word) and word not in CLOSED_CLASSES  # "rum pum pum"
        if word == sentence.tokens[place + 1] and word[0].isalpha() and word not in _MAY_REPEAT and not is_sound:
            yield sentence.found("repeated-word", place, place + 2, f'"{word}" stands twice in a row.')


_ARTICLES = frozenset(("a", "an", "the"))
_POSSESSIVES = frozenset(("my", "our", "your", "their", "its"))
_NO_NOUN_HERE = frozenset(("X", "H", "C", "T", "O", "B"))
_AFTER_THE = word_set("and like as so outside inside past opposite i above it something no")


def _determiners(sentence: Sentence) -> Iterator[Finding]:
    for place, word in enumerate(sentence.tokens[:-1]):
        following, next_word = sentence.tags[place + 1], sentence.tokens[place + 1]
        if next_word == word or word not in _ARTICLES | _POSSESSIVES:
            continue
        second = following == "D" or (following == "S" and "'" not in next_word)
        if word in _ARTICLES:
            wrong = (second or following in _NO_NOUN_HERE | {"M", "P", "W"}) and next_word not in _AFTER_THE
        else:
            wrong = following in _NO_NOUN_HERE | {"M", "D"}
        if wrong:
            yield sentence.found(
                "determiner", place, place + 2, f'After "{word}" a noun is missing before "{next_word}".'
            )
        elif word in ("a", "an") and following == "J" and sentence.tags[place + 2] == "X":
            yield sentence.found("determiner", place, place + 3, f'After "{word} {next_word}" a noun is missing.')


_ONE = word_set("a an one each every another this that")
_MANY = word_set("two three four five six seven eight nine ten eleven twelve many several both few these those")
_NO_COUNT = word_set("hundred thousand million dozen few thumbs")


def _numbers(sentence: Sentence) -> Iterator[Finding]:
    tokens, tags = sentence.tokens, sentence.tags
    for place, word in enumerate(tokens[:-1]):
        if word not in _ONE | _MANY or (word in ("this", "that") and tags[place] != "D"):
            continue
        noun = sentence.noun_after(place)
        before = tokens[place - 1] if place else ""
        if noun < 0 or _NO_COUNT & {*tokens[place:noun]} or before in ("they", "we", "you"):
            continue
        head = tokens[noun]
        if sentence.may_be(noun, "Z") and (tags[noun - 1] == "N" or word in ("one", "each")):
            continue  # "a cloth covers her", "one covers his eyes": it may be a verb
        if word in _ONE and sentence.is_plural(noun):
            if before != "of" and not (word == "one" and before in ("no", "the", "this", "that", "every", "each")):
                yield sentence.found(
                    "number", place, noun + 1, f'"{word}" goes with one thing, "{head}" is more than one.'
                )
        elif word in _MANY and sentence.is_one(noun):
            yield sentence.found(
                "number", place, noun + 1, f'"{word}" goes with more than one thing, "{head}" is one.'
            )


_OBJECT = {"he": "him", "she": "her", "they": "them", "we": "us", "i": "me"}
_TAKES_OBJECT = word_set("with to at of near behind by for from")


def _pronouns(sentence: Sentence) -> Iterator[Finding]:
    tokens, tags = sentence.tokens, sentence.tags
    for place, word in enumerate(tokens[:-1]):
        last, following = tokens[place - 1] if place else "", tags[place + 1]
        if (
            word in ("him", "her", "them", "me", "us")
            and (not place or tags[place - 1] == "B")
            and following in ("X", "Z", "M", "H")
        ):
            yield sentence.found(
                "pronoun", place, place + 2, f'"{word}" can not be the subject of "{tokens[place + 1]}".'
            )
        alone = following in (".", ",", "P", "C") and tokens[place + 1] != "like"
        if word in _OBJECT and last in _TAKES_OBJECT and alone:
            yield sentence.found(
                "pronoun", place - 1, place + 1, f'After "{last}" write "{_OBJECT[word]}", not "{word}".'
            )


_NEVER_LAST = _ARTICLES | _POSSESSIVES | {"and", "or", "but", "because", "every"}


def _unfinished(sentence: Sentence) -> Iterator[Finding]:
    words = [word for word in sentence.tokens if word[0].isalnum()]
    if words and words[-1] in _NEVER_LAST and not sentence.written.rstrip(".!?").endswith(" A"):
        yield Finding("unfinished", words[-1], f'The sentence stops after "{words[-1]}".')


_SENTENCE_RULES = (
    _articles,
    _repeats,
    _determiners,
    _numbers,
    agreement,
    there_is,
    questions,
    after_helpers,
    two_verbs,
    no_verb,
    _pronouns,
    _unfinished,
)
