"""The picture book's words: its things, places and extras, and the sentences that tell of them."""

from dataclasses import dataclass

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

THINGS_IN_WORDS: dict[str, Thing] = {
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
THINGS: tuple[str, ...] = tuple(THINGS_IN_WORDS)

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
