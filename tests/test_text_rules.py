"""What counts as a word and a sentence, and which descriptions break a rule."""

import pytest

from nanovlm_hf.data.text_rules import broken_rules, sentences_in, words_in

SHORT = "A brown dog runs over the wide green grass. It has a red ball in its mouth, and it will not stop."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A well-known dog's 2 balls.", ["A", "well-known", "dog's", "2", "balls"]),
        ("  Red,blue\n and green! ", ["Red", "blue", "and", "green"]),
        ("", []),
    ],
)
def test_a_word_is_a_run_of_letters_digits_apostrophes_and_hyphens(text, words):
    assert words_in(text) == words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("One. Two! Three?", 3),
        ("Who is it?! Nobody knows...", 2),
        ('She says "no." Then she goes.', 2),
        ("It has no end", 1),
        ("One. Two has no end", 2),
        ("...", 0),
        ("", 0),
    ],
)
def test_sentences_end_with_their_marks(text, number):
    assert len(sentences_in(text)) == number


def test_a_good_description_breaks_no_rule():
    assert broken_rules(SHORT, "short") == []
    assert broken_rules("Anything, oh, at all", "caption") == []


@pytest.mark.parametrize(
    ("text", "flag", "said"),
    [
        ("A dog runs.", "length", "3 words; write 20 to 25"),
        (SHORT + " It is quick and glad.", "length", "write 20 to 25"),
        (SHORT.replace(". It", " and it"), "sentences", "1 sentences; write 2 to 3"),
        (SHORT.rstrip("."), "sentences", "has no end"),
        ("This is a picture of a brown dog." + SHORT[12:], "wording", "This is a picture"),
        ("In this photo a brown dog" + SHORT[11:], "wording", "In this photo"),
        ("Oh, a brown dog" + SHORT[11:], "wording", 'says "Oh"'),
        (SHORT.replace(". It", ". Look, it"), "wording", 'says "Look"'),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(text, flag, said):
    assert any(rule.flag == flag and said in rule.message for rule in broken_rules(text, "short"))


@pytest.mark.parametrize("harmless", ["The men look at a dog.", "It says oh my on the wall.", "A pictured dog."])
def test_the_same_words_elsewhere_are_let_be(harmless):
    assert not [rule for rule in broken_rules(harmless, "short") if rule.flag == "wording"]
