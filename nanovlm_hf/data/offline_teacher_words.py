"""Words of the offline teacher: names for animals, sounds, what a child would like to do, to have and to go to.

Its sentences stand in child_thoughts.txt, its easy words in `easy_words`.
"""

from nanovlm_hf.data.word_kinds import word_set

NAMES = sorted(
    word_set(
        "Max Bella Coco Teddy Lucy Benny Molly Charlie Daisy Toby Ruby Oscar Rosie Milo Lola Sammy Poppy Buddy Mimi"
        " Rocky Tilly Leo Nala Fred Lulu Bruno Penny Otto Pip Hugo Momo Nellie Archie Jasper Flo Barney Tess"
        " Monty Wilma"
    )
)
# What one hears, said before the first sentence now and then; the words are verbs and nouns of that sentence.
SOUNDS_FIRST = {
    word: sound
    for sound, words in {
        "Splash!": "splash dive",
        "Swish!": "ski snowboard surf surfer",
        "Vroom, vroom!": "motorbike truck",
        "Choo, choo!": "train",
        "Woof, woof!": "bark",
        "Click!": "camera",
        "Tick, tock!": "clock",
        "Boom, boom!": "drum",
        "Clip, clop!": "horse",
        "Moo!": "cow",
        "Baa!": "sheep",
        "Hop!": "jump",
        "Zoom!": "run skateboard skate",
        "Whoosh!": "slide sled fly kite",
        "Crunch, crunch!": "snow",
        "Munch, munch!": "eat",
        "Beep, beep!": "bus car",
        "Pow!": "kick hit",
        "Up, up, up!": "climb climber",
    }.items()
    for word in words.split()
}
# What a child would like to do too, to have, and to go to.
FUN = word_set(
    "ride run jump play swim slide climb ski surf skate swing dance fly throw catch kick eat splash sing paint"
    " read walk sail paddle race dig fish drive cook build roll bounce sled hug chase hike float dive draw drink"
    " blow hop spin wave feed pet push dress skateboard snowboard bike kayak clap fight"
    " hide march crawl"
)
GOOD_THINGS = word_set(
    "ball bike kite frisbee skateboard surfboard snowboard camera guitar hat helmet toy dog puppy cat boat"
    " motorbike scooter balloon doll teddy drum umbrella phone computer cake pizza sandwich donut cookie banana"
    " apple horse car truck flag wagon sled racket bat costume mask bag book trampoline tent robot stick tricycle"
    " violin flower crown cape lollipop popsicle kitten pony fish bird plane train bus rope bell"
)
GOOD_PLACES = word_set(
    "beach park pool zoo playground lake river sea farm market mountain city woods store restaurant airport"
    " station party parade stadium museum castle garden carnival rink"
)
