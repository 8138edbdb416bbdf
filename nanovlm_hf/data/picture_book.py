"""The picture book: simple scenes that the package draws and describes itself, so that a fresh machine needs no data.

    from nanovlm_hf.data.picture_book import draw_picture_book
    draw_picture_book("data/picture_book")                  # 6,700 pictures in 20 seconds

Each picture has one main thing in one colour, somewhere, perhaps with the sun or a bird, and seven texts: five
captions, a ShortDesc (20-25 words, 2-3 sentences) and a LongDesc (60-70 words, 5-6 sentences). Sixteen of the 96
pairs of colour and thing (`NEW_PAIRS`) are kept for the test split: a model that names them has learned colour and
thing, not the pair.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from .picture_book_drawing import SIZE, draw_scene

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 40, 44),
    "orange": (250, 134, 20),
    "yellow": (252, 214, 30),
    "green": (36, 156, 62),
    "blue": (36, 96, 224),
    "purple": (132, 56, 184),
    "pink": (252, 136, 190),
    "black": (46, 44, 52),
}
LIKE = {
    "red": ("strawberries", "tomatoes", "cherries"),
    "orange": ("carrots", "pumpkins", "foxes"),
    "yellow": ("lemons", "bananas", "butter"),
    "green": ("frogs", "peas", "fresh leaves"),
    "blue": ("blueberries", "my jeans", "a summer sky"),
    "purple": ("grapes", "plums", "grape jam"),
    "pink": ("little pigs", "bubble gum", "my tongue"),
    "black": ("olives", "ants", "the night"),
}


@dataclass(frozen=True)
class Thing:
    """How one main thing is spoken of. In `says`, {it} becomes "it" or "the <thing>", whichever is clear."""

    verbs: tuple[str, ...]  # "sit sits sitting"
    places: tuple[str, ...]
    says: tuple[str, ...]
    flies: bool = False


@dataclass(frozen=True)
class Place:
    """Where a scene is: words for standing on it and for flying over it, what may be there, what a child says."""

    on: tuple[str, ...]
    over: tuple[str, ...]
    extras: tuple[str, ...]
    weathers: tuple[str, ...]
    says: tuple[str, ...]


LAND = ("meadow", "beach", "snow", "street", "hill")
STAND = ("stand stands standing", "wait waits waiting")
LIE = ("lie lies lying", "rest rests resting")

_THINGS: dict[str, Thing] = {
    "ball": Thing(LIE, (*LAND, "room"), (
        "{It} wants to bounce up and down all day long.",
        "If I kick {it}, it will roll far, far away.",
        "Who forgot to take {it} home after playing?",
        "I would throw {it} up high and catch it with both hands.",
        "Maybe {it} is waiting for somebody who wants to play.",
        "Does {it} get dizzy when it rolls around and around?",
        "One little push, and {it} would be gone.")),
    "house": Thing(("stand stands standing",), LAND, (
        "Who lives inside, and did they bake a cake today?",
        "I would knock at the door and wait for a bit.",
        "Maybe somebody is taking a nap behind the windows.",
        "{It} has a pointy roof like a party hat.",
        "{It} has two windows, and they seem to be its eyes.",
        "Would all my toys and my bed fit into {it}?",
        "Somebody could cook soup in {it} and share it with me.")),
    "car": Thing(STAND, (*LAND, "room"), (
        "{It} has dark wheels that want to go round and round.",
        "Where will {it} drive when it wakes up?",
        "Maybe {it} is tired and takes a little nap.",
        "I would sit in {it} and honk three times.",
        "If I had the key, I would drive to my grandma.",
        "Who is going to sit in front and who in the back?",
        "Does {it} go fast, or does it only go slow?")),
    "boat": Thing(("rest rests resting", "wait waits waiting"), ("sea", "lake", "beach"), (
        "{It} has a sail that waits for the wind to blow.",
        "I would sail away in {it} and find a nice dragon.",
        "Maybe a tiny captain is asleep down in {it}.",
        "Where does {it} want to sail when the wind comes?",
        "With {it} you could find a big box of gold.",
        "Do you think {it} gets lonely so far from home?",
        "All my teddies could come along and be sailors.")),
    "fish": Thing(("jump jumps jumping", "leap leaps leaping"), ("sea", "lake"), (
        "{It} wants to see the world above the water.",
        "Does {it} know how to hold its breath up here?",
        "Maybe {it} is tired of being wet all day.",
        "I would wave at {it} before it goes down again.",
        "Soon {it} goes back under with a big splash.",
        "If I learn to swim, {it} could be my friend.",
        "What does {it} tell its mom about the world up here?"), flies=True),
    "cat": Thing(("sit sits sitting", "rest rests resting"), (*LAND, "room"), (
        "{It} moves its tail and thinks about warm milk.",
        "Maybe {it} waits for a mouse to come out and play.",
        "I would pet {it} softly behind the pointy ears.",
        "What does {it} dream about when it is asleep?",
        "{It} says meow when it is time for dinner.",
        "If I sit very still, {it} may come to me.",
        "Who combs the soft fur when {it} goes home?")),
    "cup": Thing(STAND, (*LAND, "room"), (
        "Something hot is inside, and you can see the steam.",
        "Maybe {it} is full of warm cocoa for me.",
        "I would blow first and then take a tiny sip.",
        "Who will come back and drink from {it}?",
        "Do not bump into {it}, or everything will spill.",
        "{It} has one round ear so that I can hold it.",
        "Is there tea in {it}, or is it soup for a bear?")),
    "kite": Thing(("fly flies flying", "float floats floating"), (*LAND, "sea", "lake"), (
        "{It} has a tail that dances in the wind.",
        "Who let go of {it}, and are they sad now?",
        "The wind takes {it} for a ride through the air.",
        "If I held on tight, {it} could lift me up.",
        "Maybe {it} wants to tickle the sky with its tail.",
        "I would run so fast that {it} never comes down.",
        "What can {it} see from so high up?"), flies=True),
    "star": Thing(("shine shines shining", "float floats floating"), (*LAND, "room", "sea", "lake"), (
        "{It} has five points and a happy smile.",
        "Did {it} come down to see where we live?",
        "I would put {it} next to my bed at night.",
        "Maybe {it} is trying to find its brothers and sisters.",
        "If you make a wish, {it} may hear it.",
        "Does {it} get tired of smiling all the time?",
        "I would ask {it} how the sky feels."), flies=True),
    "flower": Thing(("grow grows growing", "stand stands standing"), LAND, (
        "I would smell {it}, but I would not pick it.",
        "Maybe a bee will come for a sweet little drink.",
        "{It} has soft petals that feel like a blanket.",
        "How does {it} know which way is up?",
        "If you give {it} some water, it will grow more.",
        "Has {it} got toes down there in the ground?",
        "One day {it} will say hello to the first bee.")),
    "umbrella": Thing(STAND, (*LAND, "room"), (
        "I would hide under {it} and tell you a secret.",
        "Maybe {it} is a tent for a tiny bear.",
        "In the rain {it} goes pitter patter like a drum.",
        "Who opened {it}, and where did they go?",
        "If the wind blows hard, {it} could fly away.",
        "Would {it} keep my whole family dry in the rain?",
        "A frog could sit under {it} and keep its feet dry.")),
    "butterfly": Thing(("fly flies flying", "float floats floating"), (*LAND, "room", "sea", "lake"), (
        "{It} flaps its wings and makes no sound at all.",
        "Was {it} a hungry caterpillar before it could fly?",
        "I would hold out my finger so that {it} can land.",
        "Maybe {it} is on the way to a party.",
        "{It} has thin wings with pretty dots on them.",
        "Where does {it} sleep when it gets tired?",
        "If I had wings too, I would fly along."), flies=True),
}  # fmt: skip
THINGS: tuple[str, ...] = tuple(_THINGS)

PLACES: dict[str, Place] = {
    "meadow": Place(
        ("in the grass", "on the grass", "in the meadow"), ("over the grass", "over the meadow"),
        ("sun", "cloud", "tree", "bird"), ("clear", "clear", "clear", "rain"), (
            "The grass is soft and tickles my feet.",
            "A meadow is a good place to roll around and laugh.",
            "Down in the grass the ants are busy with their work.")),
    "beach": Place(
        ("on the beach", "on the sand", "by the sea"), ("over the beach", "over the sand"),
        ("sun", "cloud", "bird"), ("clear",), (
            "The sand is warm and the water is not far.",
            "I want to dig a very deep hole in the sand.",
            "The waves come close and then they run away again.")),
    "snow": Place(
        ("in the snow", "on the snow"), ("over the snow",),
        ("cloud", "tree", "bird", "snowman"), ("clear", "snow"), (
            "The snow is cold and goes crunch under my boots.",
            "I need mittens and a warm scarf to play here.",
            "The snow makes everything quiet, as if the world sleeps.")),
    "street": Place(
        ("on the street", "on the road"), ("over the street", "over the road"),
        ("sun", "cloud", "tree", "bird", "lamp"), ("clear", "clear", "clear", "rain"), (
            "The street is quiet, and nobody is in a hurry.",
            "You must hold my hand when we cross the road.",
            "The tall buildings stand far back and watch with all their windows.")),
    "room": Place(
        ("in the room", "on the floor"), ("in the room",),
        ("window", "lamp", "clock"), ("clear",), (
            "The room is warm, and nobody has to wear boots.",
            "The floor is a good place to sit and play.",
            "I could build a cave with blankets in this room.")),
    "hill": Place(
        ("on the hill at night", "on the dark hill"), ("over the hill at night", "over the dark hill"),
        ("moon", "cloud", "tree"), ("clear",), (
            "The night is here, and most children are in bed.",
            "The dark is soft and not scary at all.",
            "At night the hill belongs to owls and hedgehogs.")),
    "sea": Place(
        ("on the sea", "on the water"), ("over the sea", "over the water"),
        ("sun", "cloud", "bird"), ("clear", "clear", "clear", "rain"), (
            "The sea goes up and down like a big swing.",
            "The water goes on and on until it meets the sky.",
            "Far down under the waves a crab is asleep.")),
    "lake": Place(
        ("on the lake", "on the water"), ("over the lake", "over the water"),
        ("sun", "cloud", "bird"), ("clear", "clear", "clear", "rain"), (
            "The lake is quiet and smells like summer.",
            "Tall reeds grow in the water and whisper to me.",
            "Behind the lake there are hills that I want to climb.")),
}  # fmt: skip

# what is there besides: for "while ...", for a caption's end, and sentences of its own
EXTRAS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "sun": ("the sun shines", "under the sun", (
        "The sun is up and makes my nose warm.", "High up, the sun watches {it} and smiles.",
        "The sun has long arms made of light.", "The sun is out today.")),
    "moon": ("the moon shines", "under the moon", (
        "The moon is thin, as if somebody took a bite.", "Even the moon is awake and watches {it}.",
        "Up there the moon gives us a little light.", "The moon is up.")),
    "cloud": ("a cloud floats by", "under a cloud", (
        "A soft cloud goes by like a lazy sheep.", "The cloud up there would be a soft bed.",
        "A cloud floats above and has no place to be.", "I see one soft cloud.")),
    "tree": ("a tree stands near", "with a tree behind it", (
        "A tree stands there too and shakes its leaves.", "There is a tree, and I want to climb up.",
        "The tree is good for playing hide and seek.", "There is a tree too.")),
    "bird": ("a bird flies by", "with a bird in the air", (
        "A bird flies by and says good morning.", "One bird came to see what {it} is doing.",
        "The bird flaps along and sings a song.", "A bird is up there.")),
    "snowman": ("a snowman stands near", "with a snowman behind it", (
        "A snowman stands there too and is never cold.", "The snowman has a carrot for a nose.",
        "A snowman with a round belly watches {it}.", "There is a snowman too.")),
    "lamp": ("a lamp stands near", "with a lamp behind it", (
        "A lamp stands there to give us some light.", "The lamp is thin and tall like my uncle.",
        "With the lamp here, nobody is scared of the dark.", "There is a lamp too.")),
    "window": ("the window lets light in", "with a window in the wall", (
        "There is a window where the light comes in.", "Through the window I can see the sky.",
        "The window is shut so that no wind gets in.", "There is a window too.")),
    "clock": ("the clock goes tick tock", "with a clock on the wall", (
        "The clock on the wall goes tick tock.", "A clock is on the wall, but I can not read it yet.",
        "The clock counts how long {it} has been here.", "A clock goes tick tock.")),
    "rain": ("the rain falls", "in the rain", (
        "Rain comes down in lines and makes everything wet.", "I would put on my boots and jump in the rain.",
        "The rain falls on {it} and does not stop.", "It is a wet, wet day.")),
    "snowfall": ("the snow falls", "with snow in the air", (
        "Soft snow falls down and does not make a sound.", "I want to catch the falling snow with my tongue.",
        "The snow falls on {it} like sugar on a cake.", "Soft snow falls down.")),
}  # fmt: skip

SIDES = {side: (f"on the {side}", f"on the {side} side") for side in ("left", "right")} | {
    "middle": ("in the middle", "just in the middle")
}
SAYS_SIDE = {
    "side": (
        "{It} stays {side}, so there is still room for me.",
        "{It} likes it better {side} than in the middle.",
        "You can find {it} {side} if you turn your head.",
        "{It} is {side}.",
    ),
    "middle": (
        "{It} is {side}, where everybody can see it.",
        "{It} likes it best {side} of everything.",
        "You can find {it} {side}, like the candle on a cake.",
        "{It} is {side}.",
    ),
}
SAYS_SIZE = {
    "big": (
        "{It} is so big that I could hide behind it.",
        "{It} is very big, and I feel little next to it.",
        "{It} is really big.",
        "Did {it} get so big because it ate all its soup?",
    ),
    "small": (
        "{It} is so small that it could sleep under my pillow.",
        "{It} is only little, like something for a mouse.",
        "{It} is very small.",
        "Is {it} so small because it has to grow first?",
    ),
}
SAYS_COLOUR = (
    "{It} is {colour} like {like}, and I like that very much.",
    "Does {it} know that {like} can be {colour} too?",
    "Somebody made {it} as {colour} as {like}.",
    "{It} is as {colour} as {like}.",
    "My sweater at home is just as {colour}, but not so nice.",
    "I have a crayon that is just as {colour}.",
    "How did {it} get so {colour}?",
    "I like that {it} is {colour}.",
)
OPENINGS = (
    "{A_pair} {verbs} {at}.",
    "{A_pair} {verbs} {at}, {side}.",
    "{Side}, {a_pair} {verbs} {at}.",
    "{At}, {a_pair} {verbs} {side}.",
    "Here {a_pair} {verbs} {at}, and I wonder why.",
    "Why does {a_pair} {verb} {at}, and for how long?",
    "How did {a_pair} come to be {at}?",
    "Nobody told me that {a_pair} {verbs} {at}.",
    "I want to be where {a_pair} {verbs} {at}.",
    "{A_pair} {verbs} {at} as if it lives there.",
    "{A_pair} {verbs} {at} and has nothing else to do.",
    "Only I know that {a_pair} {verbs} {at}, {side}.",
)
OPENINGS_WITH = (
    "{A_pair} {verbs} {at} while {happens}.",
    "While {happens}, {a_pair} {verbs} {at}.",
    "{A_pair} {verbs} {at}, {side}, while {happens}.",
)
ENDINGS = (
    "I hope that {it} is still here tomorrow.",
    "Next time I will bring {it} a cookie.",
    "I would draw {it} for my mom with all my crayons.",
    "My teddy bear would like {it} very much.",
    "Can we stay here with {it} until dinner?",
    "I would give {it} a funny name and wave.",
    "Tonight I will dream of {it}.",
    "What would {it} say if it could talk?",
    "Grandpa must see {it}, so please do not go home yet.",
    "Do you think {it} likes it when I sing?",
    "Shall we count to ten and see what {it} does then?",
    "We two could be good friends.",
    "May I come back tomorrow?",
    "I could sit here and watch {it} until my mom calls me for bed.",
    "If my mom says yes, I would take {it} home and show it to my brother.",
    "Maybe we can tell {it} a story, the one with the bear and the honey.",
    "When I am old and tall, I will still know how nice {it} was.",
)
CAPTIONS = (
    "{A_pair} {verbs} {at}.",
    "{A_pair} {verbing} {at}.",
    "{A_pair} {verbs} {at}, {side}.",
    "{A_pair} {verbing} {at} {side}.",
    "There is {a_pair} {at}.",
    "There is {a_pair} {verbing} {at}, {side}.",
    "{At} there is {a_pair}.",
    "{Side} is {a_pair} {at}.",
    "{Side}, {a_pair} {verbs} {at}.",
    "One {size} {colour} {thing} {verbing} {at}.",
    "The {size} {colour} {thing} {verbs} {at}, {side}.",
    "The {colour} {thing} {at} is {size}.",
    "{A_pair} is {verbing} {at}.",
)
CAPTIONS_WITH = (
    "{A_pair} {at} {with}.",
    "{A_pair} {verbing} {at} {with}.",
    "{A_pair} {verbs} {at} while {happens}.",
    "There is {a_pair} {at} {with}.",
    "While {happens}, {a_pair} {verbs} {at}.",
)
_WORD = re.compile(r"[A-Za-z0-9'-]+")

# Held out: every sixth diagonal of the table colours x things, so each colour misses two things, each thing one or two
# colours, and the other 80 pairs show every colour on ten things.
NEW_PAIRS: frozenset[tuple[str, str]] = frozenset(
    (colour, thing) for i, colour in enumerate(COLOURS) for j, thing in enumerate(THINGS) if (i + j) % 6 == 0
)
SEEN_PAIRS: tuple[tuple[str, str], ...] = tuple(
    (colour, thing) for colour in COLOURS for thing in THINGS if (colour, thing) not in NEW_PAIRS
)


@dataclass(frozen=True)
class Scene:
    """One picture of the book. `seed` chooses what the other fields leave open: jitter, shades and wording."""

    thing: str
    colour: str
    place: str
    where: str  # left, middle, right
    size: str  # big, small
    extras: tuple[str, ...]  # none to two
    weather: str  # clear, rain, snow
    seed: int

    @classmethod
    def random(cls, rng: Random, pairs: Sequence[tuple[str, str]] = SEEN_PAIRS) -> Scene:
        """A scene with one of the (colour, thing) `pairs`; all choices come from `rng`."""
        colour, thing = rng.choice(pairs)
        name = rng.choice(_THINGS[thing].places)
        weather = rng.choice(PLACES[name].weathers)
        possible = [extra for extra in PLACES[name].extras if weather == "clear" or extra != "sun"]
        extras = tuple(rng.sample(possible, rng.choice((0, 1, 1, 2))))
        where, size = rng.choice(tuple(SIDES)), rng.choice(("big", "small"))
        return cls(thing, colour, name, where, size, extras, weather, rng.getrandbits(48))

    def draw(self) -> Image.Image:
        """The picture: 224x224, RGB. Equal scenes give equal pixels."""
        return draw_scene(self, COLOURS[self.colour])

    def captions(self) -> list[str]:
        """Five different captions of one sentence each."""
        rng, texts = Random(f"captions {self.seed}"), dict[str, None]()  # a dict keeps the order
        while len(texts) < 5:
            besides = self._besides()
            template = rng.choice(CAPTIONS_WITH if besides and rng.random() < 0.4 else CAPTIONS)
            texts[_fill(template, self._words(rng, rng.choice(besides) if besides else None))] = None
        return list(texts)

    def short(self) -> str:
        """The ShortDesc: 20-25 words in 2-3 sentences."""
        return self._describe(Random(f"short {self.seed}"), sentences=(2, 3), words=(20, 25))

    def long(self) -> str:
        """The LongDesc: 60-70 words in 5-6 sentences."""
        return self._describe(Random(f"long {self.seed}"), sentences=(5, 6, 6, 6), words=(60, 70))

    def _besides(self) -> list[str]:
        """Keys into EXTRAS: what is drawn besides the main thing, the weather among it."""
        return [*self.extras, *{"rain": ["rain"], "snow": ["snowfall"]}.get(self.weather, [])]

    def _words(self, rng: Random, extra: str | None) -> dict[str, str]:
        """Words for the templates' slots."""
        thing, place = _THINGS[self.thing], PLACES[self.place]
        size = self.size if self.size == "big" else rng.choice(("small", "little"))
        pair = f"{self.colour} {self.thing}"
        pair = rng.choice((pair, f"{size} {pair}", f"{size} {pair}"))
        verb, verbs, verbing = rng.choice(thing.verbs).split()
        words = {
            "a_pair": f"{'an' if pair[0] in 'aeiou' else 'a'} {pair}",
            "at": rng.choice(place.over if thing.flies else place.on),
            "side": rng.choice(SIDES[self.where]),
            "like": rng.choice(LIKE[self.colour]),
            "verb": verb, "verbs": verbs, "verbing": verbing,
            "size": size, "colour": self.colour, "thing": self.thing,
        }  # fmt: skip
        if extra:
            words["happens"], words["with"] = EXTRAS[extra][:2]
        return words

    def _describe(self, rng: Random, sentences: tuple[int, ...], words: tuple[int, int]) -> str:
        """Draws sentences until their words count `words` (least, most), no two beginning alike."""
        count = rng.choice(sentences)
        while True:
            text = self._sentences(rng, count)
            beginnings = [sentence.split()[:2] for sentence in text]
            fresh = all(a[0] != b[0] for a, b in pairwise(beginnings))
            fresh = fresh and len({tuple(two) for two in beginnings}) == len(text)
            if fresh and words[0] <= len(_WORD.findall(" ".join(text))) <= words[1]:
                return " ".join(text)

    def _sentences(self, rng: Random, count: int) -> list[str]:
        """`count` sentences: an opening, the main thing, what is around it, what a child thinks of it."""
        besides = self._besides()
        extra = rng.choice(besides) if besides and rng.random() < 0.35 else None
        opening = rng.choice(OPENINGS_WITH if extra else OPENINGS)
        sides = SAYS_SIDE["middle" if self.where == "middle" else "side"]
        about = [SAYS_SIZE[self.size], SAYS_COLOUR, *([] if "ide}" in opening else [sides])]
        around = [EXTRAS[name][2] for name in besides if name != extra]
        if len(around) < 2:
            around.append(PLACES[self.place].says)
        says = _THINGS[self.thing].says
        thoughts = [says, says, rng.choice((says, ENDINGS))]
        if count <= 3:  # a short text has room for one or two of all these
            kinds = [about, around, thoughts, thoughts]
            chosen = sorted(rng.sample(range(len(kinds)), count - 1))
            picked = [(kinds[k] is around, rng.choice(rng.choice(kinds[k]))) for k in chosen]
        else:
            num_about, num_around = rng.choice((1, 2)), rng.choice((1, 2))
            picked = [(False, rng.choice(pool)) for pool in rng.sample(about, num_about)]
            picked += [(True, rng.choice(pool)) for pool in rng.sample(around, min(num_around, len(around)))]
            picked += [(False, rng.choice(pool)) for pool in thoughts[len(thoughts) - (count - 1 - len(picked)) :]]
        texts = [_fill(opening, self._words(rng, extra))]
        elsewhere = opening.endswith("{happens}.")  # was the last word about something else? Then "it" is unclear
        for is_around, template in picked:
            it = f"the {self.thing}" if elsewhere else "it"
            texts.append(_fill(template, self._words(rng, None) | {"it": it}))
            elsewhere = is_around or (elsewhere and "{it}" not in template.lower())
        return texts


def _fill(template: str, words: dict[str, str]) -> str:
    """The template with its slots filled; a slot that begins with a capital gets one."""
    capitals = {key.capitalize(): value[0].upper() + value[1:] for key, value in words.items()}
    return template.format(**words, **capitals)


def names_main_thing(text: str, thing: str, colour: str) -> bool:
    """Whether a text names the main thing of a picture, strictly: the measure for what a model has learned.

    True if "<colour> <thing>" stands in the text as two neighbouring words, whatever their case, no other thing of
    `THINGS` is named anywhere (in the plural neither), and the main thing never has another colour, not even beside
    the right one ("a blue and red ball").
    """
    words = re.findall(r"[a-z]+|[^a-z\s]", text.lower())  # punctuation parts neighbours: "It is red. Ball games ..."
    singular = {plural: name for name in THINGS for plural in (name, f"{name}s", f"{name}es")}
    singular["butterflies"] = "butterfly"
    if any(singular.get(word, thing) != thing for word in words):
        return False
    named = False
    for index, word in enumerate(words):
        before = index - 1
        while word in singular and before >= 0 and (words[before] in COLOURS or words[before] in ("and", ",")):
            if words[before] in COLOURS and words[before] != colour:
                return False
            before -= 1
        named = named or (word == thing and index > 0 and words[index - 1] == colour)
    return named


# ---- writing the book


def draw_picture_book(
    folder: str | Path,
    num_train: int = 6000,
    num_validation: int = 300,
    num_test: int = 400,
    seed: int = 0,
    show_progress: bool = True,
) -> Path:
    """Writes the book to `folder` and returns it: COCO's captions form, with descriptions beside.

    `images/*.jpg`, `annotations/captions_{split}.json`, `descriptions/{short,long}desc_{split}.jsonl` for the splits
    train, val and test. Train and validation show seen pairs only, every second picture of test one of `NEW_PAIRS`;
    within each kind all pairs come equally often.
    Equal arguments give equal bytes. The folder appears when all is written; where it holds the same book already,
    nothing is done, and where it holds anything else, ValueError.
    """
    folder = Path(folder)
    info = {
        "description": "A picture book, drawn and described by nanovlm_hf.data.picture_book",
        "edition": 1,  # to be raised whenever the same arguments give another book
        "num_train": num_train, "num_validation": num_validation, "num_test": num_test, "seed": seed,
    }  # fmt: skip
    if folder.exists() and _holds_book(folder, info):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as drafts:
        draft = Path(drafts) / "book"
        for part in ("images", "annotations", "descriptions"):
            (draft / part).mkdir(parents=True)
        plans, total = _plans(num_train, num_validation, num_test, seed), num_train + num_validation + num_test
        _write(draft, _with_progress(plans, total) if show_progress else plans, info)
        if folder.exists():  # empty, or drawn by another process in the meantime
            if _holds_book(folder, info):
                return folder
            folder.rmdir()
        draft.rename(folder)
    return folder


def _holds_book(folder: Path, info: dict[str, Any]) -> bool:
    """True for this very book, False for an empty folder, ValueError for anything else."""
    annotations = folder / "annotations" / "captions_test.json"
    found: Any = "not a folder"
    if folder.is_dir():
        if not any(folder.iterdir()):
            return False
        found = "files that are no picture book"
        if annotations.is_file():
            found = json.loads(annotations.read_text(encoding="utf-8")).get("info")
            if found == info:
                return True
    raise ValueError(
        f"{folder} already holds something else. Found: {found}; asked for: {info}. "
        "Give another folder, remove this one, or ask for the same book."
    )


def _plans(num_train: int, num_validation: int, num_test: int, seed: int) -> Iterator[tuple[str, Scene]]:
    """(split, scene) for the whole book: within a split every pair comes equally often."""
    for split, count in (("train", num_train), ("val", num_validation), ("test", num_test)):
        rng = Random(f"picture book {seed} {split}")
        decks: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
        for index in range(count):
            new = split == "test" and index % 2 == 1
            pairs = sorted(NEW_PAIRS) if new else SEEN_PAIRS
            decks[new] = decks[new] or rng.sample(pairs, len(pairs))
            yield split, Scene.random(rng, [decks[new].pop()])


def _with_progress(plans: Iterator[tuple[str, Scene]], total: int) -> Iterator[tuple[str, Scene]]:
    from rich.progress import track

    yield from track(plans, description="Drawing the picture book", total=total)


def _write(folder: Path, plans: Iterator[tuple[str, Scene]], info: dict[str, Any]) -> None:
    images: dict[str, list[dict]] = {split: [] for split in ("train", "val", "test")}
    captions: dict[str, list[dict]] = {split: [] for split in images}
    texts: dict[str, list[str]] = {f"{kind}desc_{split}": [] for kind in ("short", "long") for split in images}
    caption_id = 0
    for image_id, (split, scene) in enumerate(plans, start=1):
        name = f"picture_book_{image_id:06d}.jpg"
        scene.draw().save(folder / "images" / name, quality=90)
        new_pair = (scene.colour, scene.thing) in NEW_PAIRS
        images[split].append({
            "id": image_id, "file_name": name, "width": SIZE, "height": SIZE, "source": "picture_book",
            "captions_by": "templates", "thing": scene.thing, "colour": scene.colour, "new_pair": new_pair,
        })  # fmt: skip
        for caption in scene.captions():
            caption_id += 1
            captions[split].append({"id": caption_id, "image_id": image_id, "caption": caption})
        for kind, text in (("short", scene.short()), ("long", scene.long())):
            row = {"image_id": image_id, "file_name": name, "source": "picture_book", "text": text}
            texts[f"{kind}desc_{split}"].append(json.dumps(row | {"written_from": "templates"}) + "\n")
    for split in images:
        content = {"info": info, "images": images[split], "annotations": captions[split]}
        path = folder / "annotations" / f"captions_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8", newline="\n")
    for stem, lines in texts.items():
        (folder / "descriptions" / f"{stem}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
