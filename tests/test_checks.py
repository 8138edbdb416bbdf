"""The checks of one text: grammar on sentences right and wrong, hard words, unsupported nouns, unsuitable content."""

import pytest

from nanovlm_hf.data.checks import check_text, claimed_nouns, uncommon_words, unsuitable_content, unsupported_nouns
from nanovlm_hf.data.grammar import RULES, check_grammar
from nanovlm_hf.data.tagger import tag
from nanovlm_hf.data.vocabulary import is_childlike, lemma, tokenize

WRONG = {
    "Two dog run on the grass.": "number",
    "A dogs runs in the snow.": "number",
    "Three boy are playing in the water.": "number",
    "These ball is red and round.": "number",
    "Many bird fly over the house.": "number",
    "Every dogs needs a friend.": "number",
    "One girls stand by the wall.": "number",
    "The man are running down the road.": "agreement",
    "The boys plays with a red ball.": "agreement",
    "She have a red hat on her head.": "agreement",
    "He eat an apple in the kitchen.": "agreement",
    "There is two cats on the bed.": "agreement",
    "There are a dog in the yard.": "agreement",
    "They was very happy about it.": "agreement",
    "She don't like the cold water.": "agreement",
    "The children is playing in the park.": "agreement",
    "The dog are wet and cold.": "agreement",
    "I has a big ball at home.": "agreement",
    "The cat sit on the mat.": "agreement",
    "The girl wear a red dress.": "agreement",
    "They has a lot of fun.": "agreement",
    "It want to play with me.": "agreement",
    "The man in the hat are tall.": "agreement",
    "Is they going to the beach?": "agreement",
    "Does the dogs like the water?": "agreement",
    "Those man work on the roof.": "agreement",
    "We is going down the hill.": "agreement",
    "The birds is in the tree.": "agreement",
    "The water look cold to me.": "agreement",
    "A man and a woman is walking on the beach.": "agreement",
    "He can runs as fast as a horse.": "verb-form",
    "He has went to the zoo.": "verb-form",
    "She wants to plays with the cat.": "verb-form",
    "The horse has ate all the hay.": "verb-form",
    "The boy did not went home.": "verb-form",
    "He is ride a bike.": "verb-form",
    "Maybe he waiting for his mom.": "verb-form",
    "A man riding a horse on the beach.": "no-verb",
    "The woman holding a baby in her arms.": "no-verb",
    "A girl with a blue hat.": "no-verb",
    "A girl has a blue hat and.": "unfinished",
    "The dog dog barks at the cat.": "repeated-word",
    "The the cat is asleep.": "repeated-word",
    "An dog is in the water.": "article",
    "A elephant eats the leaves.": "article",
    "The a boy jumps in the pool.": "determiner",
    "My is very big and brown.": "determiner",
    "The bus is a red is big.": "determiner",
    "The man is a dog is big.": "two-verbs",
    "Him goes to the park every day.": "pronoun",
    "Her is on the swing again.": "pronoun",
    "The boy gave the ball to she.": "pronoun",
    "a man sits on a bench.": "capital",
    "My mom and i like the big red truck.": "capital",
    "The girl sits on the bed": "end-mark",
    'He said "look at me and ran away.': "quotes",
}
RIGHT = """
Two dogs run on the grass.
He can run as fast as a horse.
A man is riding a horse on the beach.
An apple is on the table.
There is a cat and a dog on the bed.
There is lots of food on the plate.
A group of people are sitting on a bench.
A group of people is sitting on a bench.
The family eats cake in the kitchen.
The people in the boat wear life vests.
The sheep stand close together in the field.
The fish swim in the pond.
The dog with the long ears is wet.
The boy with two balls runs away.
Does the dog like the water?
Do the dogs like the water?
Are they going to the beach?
How many spots does a giraffe have?
What a big dog!
Splash, the dog jumps in the water!
Vroom, vroom, here comes the car.
Up, up, up goes the kite.
Down the hill they go.
I would like to pet it, but my mom says no.
If I were a bird, I would fly to the moon.
Let the dog run, and it will be happy.
I can see the man jump.
She makes him laugh.
One of the boys has a ball.
Some of the people are wet.
Each girl has her own bike.
All the children watch the clown.
The one in red runs the fastest.
The two in front are brothers.
His is bigger than mine.
The glasses are on the table.
A pair of skis stands by the wall.
It was an honest mistake.
It takes an hour to get there.
A unicorn has one horn.
She eats a tuna sandwich for lunch.
The trash can is full, and a cat sits on it.
He sat down for a while and looked at the sea.
The dog that lives next door barks all night.
What the boy wants is a big cake.
I think the dog is hungry, and the cat is too.
The bread is good, and so is the cheese.
It had had enough, so it went to bed.
That is the dog that that boy likes.
Bye bye, little bird!
"Come here," says the man, and the dog comes.
He does not like the rain, and she doesn't either.
Who put the tie on the dog?
My mom and my dad are at work.
A little red fire truck stands in front of the house.
The grass is green, the sky is blue, and the sun is out.
Some teddy bears sit on the shelf in a row.
Nobody knows where the ball went.
The boy is about to jump.
The snow is deep, so the dog has to hop.
A purple cloth covers her face.
One covers his eyes, and one covers his ears.
They both smile for the photo.
Behind him stand many cars.
A woman in orange plays tennis.
Is he looking for gold?
Do it again, please!
The toy lights up.
""".strip().splitlines()


@pytest.mark.parametrize(("sentence", "rule"), WRONG.items())
def test_a_wrong_sentence_is_found_by_its_rule(sentence, rule):
    assert rule in {finding.rule for finding in check_grammar(sentence)}


def test_right_sentences_are_left_alone():
    assert len(RIGHT) > 60
    assert {sentence: check_grammar(sentence) for sentence in RIGHT if check_grammar(sentence)} == {}


def test_what_the_grammar_check_cannot_see_is_known():
    missed = [
        "A small dog with a black tail run on the beach.",
        "When the dog run, it is happy.",
        "He is run very fast.",
    ]
    assert [sentence for sentence in missed if check_grammar(sentence)] == []


def test_every_rule_is_named_and_tried():
    assert {*WRONG.values()} == {*RULES}
    findings = [finding for sentence in WRONG for finding in check_grammar(sentence)]
    assert all(finding.rule in RULES and finding.words and finding.message.endswith(".") for finding in findings)


def test_one_mistake_is_one_finding():
    assert [finding.rule for finding in check_grammar("Three boy are playing in the water.")] == ["number"]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("A man rides a horse.", "D N Z D N ."),
        ("Two dogs run and play.", "Q NS V C V ."),
        ("A boy skateboards down a ramp.", "D N Z P D N ."),
        ("A man in black jumps over a rope.", "D N P J Z P D N ."),
        ("The dog is running to catch a ball.", "D N X G T V D N ."),
        ("She takes the dog for a walk.", "O Z D N P D N ."),
    ],
)
def test_words_are_tagged_by_their_neighbours(text, tags):
    assert tag(tokenize(text)) == tags.split()


def test_base_forms_of_irregular_words():
    assert [lemma(word, "NS") for word in ("children", "knives", "sheep", "clothes", "puppies")] == [
        *("child", "knife", "sheep", "clothes", "puppy")
    ]
    assert [lemma("rode", "E"), lemma("sitting", "G"), lemma("laying", "G")] == ["ride", "sit", "lie"]


def test_grown_up_and_rare_words_are_uncommon_and_sounds_are_not():
    text = "The individual examines the gargantuan vehicle, and Woofie the dog says woof."
    assert uncommon_words(text) == ["individual", "examines", "gargantuan", "vehicle"]
    assert is_childlike("giraffe") and is_childlike("splashes") and not is_childlike("equipment")


def test_a_noun_is_supported_by_synonyms_kinds_parts_and_made_words():
    captions = ["An elderly gentleman with a labrador on a grassy hill .", "A man is skateboarding ."]
    assert unsupported_nouns("The man and his dog stand on the grass with a board.", captions) == []
    assert unsupported_nouns("The dog wags its tail, and an animal is a person's friend.", captions) == []
    assert unsupported_nouns("A horse eats the apple of a woman.", captions) == ["horse", "apple", "woman"]


def test_what_is_the_childs_own_a_likeness_or_a_name_claims_nothing():
    assert claimed_nouns("My mom is as tall as a house, and I fly like a bird. It is fun to be Max.") == []
    assert claimed_nouns("A bird sits on the house.") == ["bird", "house"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A naked man runs over the field.", "nudity"),
        ("Two men fight, and there is blood on the wall.", "violence"),
        ("The man wants to kill the bull.", "violence"),
        ("A dead bird lies on the path.", "violence"),
        ("A soldier holds his gun.", "weapons"),
        ("He is drunk and falls down.", "drugs"),
        ("The woman shows her middle finger.", "swearing"),
        ("The boy runs with bare feet.", None),
        ("She shoots the ball in the hoop.", None),
        ("He eats a hot dog.", None),
        ("The boy has a water gun. When the gun is empty, he runs.", None),
        ("A dead tree stands on the hill.", None),
        ("He hangs upside down, and all the blood goes to his head.", None),
        ("He hits the water like a big bomb.", None),
        ("A boy flips off the diving board.", None),
        ("Nobody can beat him.", None),
    ],
)
def test_unsuitable_content_is_named_and_harmless_words_are_not(text, reason):
    assert unsuitable_content(text) == reason


def test_a_good_text_has_no_flag_and_its_measures():
    text = "A man rides his bike down the street. He has a red shirt on, and he is fast. I want to ride a bike too."
    report = check_text(text, "short", ["A man in a red shirt rides a bicycle down the street ."])
    assert (report.words, report.sentences, report.flags, report.unsupported, report.uncommon) == (25, 3, [], [], [])


def test_each_flaw_has_its_flag_and_a_message_for_the_writer():
    text = "Oh, the spectators utilize equipment. Two dog is naked on a boat with a piano, a lamp, a clock, a sofa and cake."
    report = check_text(text, "short", ["A man rides a bike ."])
    assert {flag.flag for flag in report.flags} == {*("wording", "grammar", "vocabulary", "unsupported", "unsuitable")}
    assert all(flag.message for flag in report.flags)
    assert report.unsuitable == "nudity"
    assert {"boat", "piano", "lamp", "clock", "sofa", "cake"} <= {*report.unsupported}


def test_without_captions_no_noun_is_called_unsupported():
    assert check_text("A boat is on the sea.", "short", []).unsupported == []
