"""Rules of `grammar` about one and many: does the verb go with its subject?"""

from collections.abc import Iterator
from typing import NamedTuple

from nanovlm_hf.data.grammar_sentence import FINITE, NOUNS, Finding, Sentence
from nanovlm_hf.data.vocabulary import inflect, lemma
from nanovlm_hf.data.vocabulary_words import SAME_PLURAL
from nanovlm_hf.data.word_kinds import word_set

# Groups, measures, and words that count none: they go with both forms.
_EITHER = word_set(
    "row line seconds minutes hours days weeks months years dollars lots family team crowd couple group band pair bunch lot number"
    " majority police staff audience herd flock pack set half rest none any some all most who which that what one ones other others"
    " series means public class army dozen hundred thousand kind sort plenty"
)
_SINGULAR_PRONOUNS = word_set(
    "he she it someone somebody anyone anybody everyone everybody nobody something anything nothing everything"
)
_NO_SUBJECTS = word_set("him them me us mine yours hers ours theirs")
_BEFORE_VERB = word_set("just really always never only also often still now both")
_UNCLEAR = word_set("either neither no any more such half enough")
_INVERTING = word_set("here there then up down off out away in")
_WITH_INFINITIVE = word_set(
    "let make see watch help hear feel have lets makes sees watches helps hears made saw watched heard helped"
)
_FOR_ONE = word_set("is was has does doesn't isn't wasn't hasn't")
_FOR_MANY = word_set("are have do don't aren't weren't haven't")


class _Subject(NamedTuple):
    start: int
    end: int
    number: str  # "one", "many" or "I"
    verb: int


def agreement(sentence: Sentence) -> Iterator[Finding]:
    """ "The boys plays", "he have"."""
    for start, end, number, at in _subjects(sentence):
        before, tags = {*sentence.tokens[:start]}, sentence.tags[:start]
        asked = {"M", "H"} & {*tags} and tags[-1] != "B"  # "does the dog like": the verb is plain
        if before & _WITH_INFINITIVE or asked:
            continue
        verb, is_plain = sentence.tokens[at], sentence.tags[at] == "V"
        for_one = sentence.tags[at] == "Z" or verb in _FOR_ONE
        for_many = is_plain or verb in _FOR_MANY or (verb == "were" and "if" not in before)
        past = is_plain and (inflect(verb, "VBD") == verb or verb == "lay")
        subject = " ".join(sentence.tokens[start:end])
        if number == "many" and for_one:
            yield sentence.found("agreement", start, at + 1, f'"{subject}" are many, "{verb}" goes with one.')
        elif number == "one" and for_many and not past:
            yield sentence.found("agreement", start, at + 1, f'"{subject}" is one, "{verb}" goes with many.')
        elif number == "I" and ((for_one and verb not in ("was", "wasn't")) or verb in ("are", "aren't")):
            yield sentence.found("agreement", start, at + 1, f'"I" does not go with "{verb}".')


def _subjects(sentence: Sentence) -> Iterator[_Subject]:
    """Simple subjects at the start of clauses, with a verb right after them."""
    tokens, tags = sentence.tokens, sentence.tags
    starts = True
    for place, one in enumerate(tags[:-1]):
        after_conjunction = tags[place - 1] == "B" and tokens[place - 1] not in ("as", "how", "so", "where", "why")
        opens, starts = starts or after_conjunction, False
        had_verb = not FINITE.isdisjoint(tags[:place])
        if one == ",":
            starts = had_verb and tags[place + 1] in ("D", "S", "Q", "O") and not _is_list(tags[place + 1 :])
        elif one == "C":
            starts = had_verb and tags[place + 1] in ("D", "S", "O") and tags[place - 1] == ","
        elif one == "R":
            starts = opens and tokens[place] not in _INVERTING
        elif opens and not (place and tokens[place - 1] in ("how", "what", "which")):
            found = _pronoun_from(sentence, place) if one == "O" else _noun_from(sentence, place)
            if found is not None:
                yield found


def _is_list(rest: list[str]) -> bool:
    """Whether a comma separates things of a list: "a dog, a cat and a bird"."""
    end = next((at for at, one in enumerate(rest) if one in (",", ".") or one in FINITE), len(rest))
    return "C" in rest[:end] or rest[end : end + 1] == [","]


def _pronoun_from(sentence: Sentence, place: int) -> _Subject | None:
    word, verb = sentence.tokens[place], _verb_at(sentence, place + 1)
    if verb < 0 or word in _NO_SUBJECTS or word.endswith(("self", "selves")):
        return None
    number = "one" if word in _SINGULAR_PRONOUNS else "I" if word == "i" else "many"
    return _Subject(place, place + 1, number, verb)


def _noun_from(sentence: Sentence, place: int) -> _Subject | None:
    """ "The man", "two dogs in the park", "a cat and a dog"; None where the number is not clear."""
    tokens, tags = sentence.tokens, sentence.tags
    if tags[place] not in NOUNS | {"D", "S", "Q", "J"} or tokens[place] in _UNCLEAR:
        return None
    if tags[place] == "Q" and tags[place + 1] not in NOUNS | {"J"}:
        return None
    noun = sentence.noun_from(place)
    head, many = tokens[noun], tags[noun] == "NS"
    if noun < 0 or head in _EITHER or head in SAME_PLURAL:
        return None
    if many and not head.endswith("s") and lemma(head, "NS") == head and head not in ("people", "children"):
        return None
    if tokens[noun + 1] == "and" and place == 0 and tags[noun + 2] in ("D", "S"):
        second = sentence.noun_after(noun + 2)
        verb = _verb_at(sentence, second + 1) if second > 0 else -1
        return _Subject(place, second + 1, "many", verb) if verb > 0 and tags[verb] == "X" else None
    at = noun + 1
    while (
        tags[at] == "P" and tags[at + 1] in NOUNS | {"D", "S", "Q", "J"} and tokens[at] not in ("like", "as", "than")
    ):
        inner = sentence.noun_from(at + 1)
        if inner < 0:
            return None
        at = inner + 1
    verb = _verb_at(sentence, at)
    return _Subject(place, noun + 1, "many" if many else "one", verb) if verb > 0 else None


def _verb_at(sentence: Sentence, place: int) -> int:
    while sentence.tags[place] == "R" and sentence.tokens[place] in _BEFORE_VERB:
        place += 1
    return place if sentence.tags[place] in ("Z", "V", "X", "H") else -1


def there_is(sentence: Sentence) -> Iterator[Finding]:
    """ "There is two cats", "there are a dog"."""
    tokens, tags = sentence.tokens, sentence.tags
    for place, word in enumerate(tokens[:-2]):
        verb, at = tokens[place + 1], place + 2
        if word not in ("there", "here") or verb not in ("is", "are", "was", "were"):
            continue
        while tags[at] == "R":
            at += 1
        noun = sentence.noun_from(at)
        if noun < 0 or tokens[noun] in _EITHER:
            continue
        thing = tokens[noun]
        alone = {"C", ","}.isdisjoint(tags[noun + 1 :]) and tokens[noun + 1] != "of"
        if (
            verb in ("is", "was")
            and tags[at] in ("NS", "J", "Q")
            and tokens[at] not in _UNCLEAR
            and sentence.is_plural(noun)
        ):
            yield sentence.found("agreement", place, noun + 1, f'"{verb}" goes with one thing, "{thing}" are more.')
        elif verb in ("are", "were") and tokens[at] in ("a", "an", "one") and tags[noun] == "N" and alone:
            yield sentence.found("agreement", place, noun + 1, f'"{verb}" goes with many things, "{thing}" is one.')


def questions(sentence: Sentence) -> Iterator[Finding]:
    """ "Is they", "does the dogs"."""
    first, second = sentence.tokens[0], sentence.tokens[1]
    asks_one, asks_many = first in ("is", "does", "has", "was"), first in ("are", "do", "have", "were")
    if (first, second) == ("do", "it"):  # "Do it again!"
        return
    if (asks_one and second in ("they", "we", "you")) or (asks_many and second in _SINGULAR_PRONOUNS):
        yield sentence.found("agreement", 0, 2, f'"{first}" does not go with "{second}".')
    elif (asks_one or asks_many) and sentence.tags[1] in ("D", "S", "Q"):
        noun = sentence.noun_after(1)
        if noun < 0 or sentence.tokens[noun] in _EITHER or sentence.tags[noun + 1] == "C":
            return
        if (asks_one and sentence.is_plural(noun)) or (asks_many and sentence.is_singular(noun)):
            yield sentence.found("agreement", 0, noun + 1, f'"{first}" does not go with "{sentence.tokens[noun]}".')
