"""What is a kind of what, and what a part of what, as far as pictures and small children's texts need it."""


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for lists of words that are read as text."""
    return frozenset(text.split())


# Nouns that claim nothing about a picture.
NOTHING_SEEN = word_set(
    "time day night morning evening afternoon today tomorrow yesterday tonight week month year hour minute moment second while birthday"
    " summer winter spring fall fun joy luck idea thought dream wish hope secret joke story question answer word name number age kind"
    " sort type way lot bit bunch pair couple piece part end beginning start middle top bottom front back side left right place spot"
    " thing one something nothing everything rest turn chance try go game noise sound voice song smell taste size color colour shape"
    " world home life help care hurry work job trip ride nap sleep hug kiss bite look laugh smile jump walk run swim splash hello goodbye"
    " hundred thousand dozen half hand-in-hand sense fact matter problem reason trouble mess surprise adventure treasure magic wonder"
    " moo baa woof meow oink quack neigh choo"
    " toot beep honk ding dong tick tock boom bam pow wham zoom whirr clip clop vroom swish thump splash plop pop purr hiss buzz whoosh"
    " bang bump hop crash crunch snap click clap clack clink squeak squish swoosh hee ha ho yum peekaboo tip row line step care spare use"
    " space room favorite best last first next air wind weather sight view guess bet deal pretend"
)
BODY = word_set(
    "hand arm leg foot face head eye ear nose mouth hair finger thumb toe knee tummy belly tongue tooth cheek chin lip body back shoulder"
    " neck skin heart elbow lap bottom fist paw tail fur whisker wing beak feather trunk tusk mane horn hoof claw stripe spot muscle"
)
KINDS = {
    kind: word_set(words)
    for kind, words in {
        "person": "man woman boy girl child baby player rider skater skier snowboarder skateboarder surfer climber runner worker dancer"
        " singer musician policeman fireman soldier cook driver swimmer couple family team crowd people friend kid lady guy cowboy"
        " clown bride groom painter fisherman pitcher batter catcher referee wrestler boxer tennis guitarist individual skiier biker"
        " cyclist jogger photographer group student men women children skateboarding surfing skiing pedestrian artist toddler audience",
        "animal": "dog cat horse cow sheep bird elephant giraffe zebra bear puppy kitten goat pig duck goose chicken swan lion tiger"
        " monkey camel deer bull fish rabbit squirrel frog turtle snake butterfly calf lamb pony bunny donkey",
        "food": "pizza cake sandwich fruit banana apple orange carrot broccoli vegetable meat bread cheese salad soup egg donut cookie"
        " candy hotdog dog burger rice pasta noodle fries potato corn fish chicken breakfast lunch dinner snack meal dessert dish"
        " doughnut pancake pie cream sauce bagel muffin berry strawberry tomato onion toast eating plate cooking kitchen",
        "drink": "water milk juice tea coffee wine beer soda cup glass bottle drinking",
        "water": "sea lake river pool wave rain beach pond stream fountain splash swimming surfing surfer surfboard boat hose sprinkler"
        " hydrant swim ocean creek puddle bath swimmer waterfall sink toilet shower raft kayak canoe surf paddle wakeboard slide tub dive",
        "sea": "beach wave surfer surfboard surfing water sand boat",
        "wave": "surfer surfboard surfing sea surf water",
        "sand": "beach dune desert",
        "snow": "ski skier skiing snowboard snowboarder snowboarding sled slope snowball",
        "car": "traffic road street racing truck",
        "vehicle": "car truck bus train bike motorbike",
        "wheel": "car truck bus train bike motorbike skateboard scooter wagon cart skate tricycle rollerblade stroller",
        "board": "skateboard snowboard surfboard skateboarder snowboarder surfer surfing skateboarding snowboarding",
        "skateboard": "skateboarder skateboarding",
        "snowboard": "snowboarder snowboarding",
        "surfboard": "surfer surfing",
        "ski": "skier skiing",
        "bike": "rider biker cyclist biking bmx",
        "motorbike": "rider biker",
        "ball": "football baseball basketball soccer tennis volleyball softball golf rugby",
        "bat": "baseball batter",
        "racket": "tennis",
        "game": "football baseball basketball soccer tennis volleyball hockey player team match",
        "player": "football baseball basketball soccer tennis volleyball hockey team",
        "clothes": "shirt coat jacket dress pants jeans shorts suit hat outfit uniform costume sweater skirt",
        "shirt": "uniform jersey suit",
        "toy": "ball doll teddy frisbee kite lego",
        "grass": "field lawn yard park meadow pasture zebra giraffe",
        "field": "grass baseball soccer football",
        "tree": "woods forest branch leaf jungle",
        "woods": "tree forest",
        "street": "road sidewalk city corner crosswalk traffic",
        "road": "street highway track",
        "house": "home building room yard window roof",
        "building": "city house tower church store",
        "room": "kitchen bathroom bedroom living bed couch sofa desk floor office",
        "kitchen": "stove oven sink refrigerator counter",
        "bathroom": "toilet bath sink shower",
        "ground": "dirt grass sand snow mud field street floor",
        "rock": "cliff mountain stone boulder climber climbing",
        "hill": "mountain slope ramp",
        "mountain": "hill cliff climber ski skier",
        "mud": "dirt muddy",
        "dirt": "mud dust motocross bmx ground",
        "picture": "camera photo photographer photographing pose posing",
        "camera": "picture photo photographer photographing posing",
        "child": "boy girl baby toddler kid children",
        "kid": "boy girl baby toddler child children",
        "boy": "child kid toddler",
        "girl": "child kid toddler",
        "baby": "child toddler infant",
        "man": "person player rider skater skier snowboarder skateboarder surfer climber runner worker policeman fireman soldier"
        " driver people couple batter pitcher catcher biker cyclist guitarist musician",
        "woman": "person player rider skater skier snowboarder skateboarder surfer climber runner people couple",
        "lady": "woman",
        "dog": "puppy",
        "puppy": "dog",
        "doggy": "dog puppy",
        "kitty": "cat kitten",
        "table": "desk counter",
        "plate": "dish pizza food",
        "couch": "sofa",
        "stick": "branch log pole",
        "group": "people team crowd herd flock",
        "music": "guitar drum band singer musician instrument piano violin",
        "instrument": "guitar drum violin piano",
        "sport": "football baseball basketball soccer tennis volleyball hockey",
        "sun": "sunset sunny sunlight",
        "cloud": "cloudy",
        "sky": "cloud kite plane bird sunset balloon",
        "ring": "circle",
        "tent": "camping",
        "flower": "rose tulip",
        "light": "lamp night",
        "train": "railroad subway",
        "track": "train race",
        "rider": "horse bike motorbike",
        "boat": "ship sail canoe kayak raft",
    }.items()
}
KINDS["people"] = KINDS["person"] | {"person"}
KINDS["creature"] = KINDS["animal"]
KINDS["friend"] = KINDS["people"] | KINDS["animal"]
# The wholes that have a part: people and animals have bodies, cars have wheels.
WHOLES = dict.fromkeys(BODY, ("person", "animal")) | {
    "horn": ("animal", "vehicle"),
    "driver": ("vehicle",),
    "window": ("vehicle", "building"),
    "seat": ("vehicle",),
}
PARTS = {
    part: word_set(wholes)
    for part, wholes in {
        "horn": "car truck bus train bike cow goat bull",
        "bell": "bike",
        "window": "car truck bus train building house tower church plane room",
        "door": "car truck bus train building house room store kitchen bathroom",
        "seat": "car truck bus train bike bench plane chair",
        "driver": "car truck bus train",
        "page": "book magazine newspaper",
        "blanket": "bed",
        "pillow": "bed couch",
        "leaf": "tree plant flower bush",
        "branch": "tree",
        "roof": "house building church barn",
        "wool": "sheep lamb",
        "string": "kite guitar balloon",
        "wing": "plane bird butterfly",
        "sleeve": "shirt coat jacket sweater",
        "pocket": "pants coat jacket jeans",
        "hand": "clock",
        "sail": "boat",
        "petal": "flower",
        "leg": "table chair",
        "pole": "ski sign skier",
        "floor": "room kitchen bathroom bed couch",
        "wall": "room kitchen bathroom building house",
    }.items()
}
# Kinds by which a caption is read.
PEOPLE = word_set(
    "man woman boy girl child baby person people men women player rider skater skier snowboarder skateboarder"
    " surfer climber runner dancer singer musician worker policeman fireman soldier cook driver swimmer diver"
    " cowboy clown bride groom painter fisherman couple family team crowd band mom dad grandma grandpa mother"
    " father friend sister brother daughter son kid group princess photographer artist juggler wrestler boxer"
    " gymnast pitcher catcher owner teacher student doctor waiter pilot king queen walker referee umpire coach"
    " cheerleader teammate santa monk priest sailor marcher gardener bullfighter karate fan guest sumo jumper"
)
ANIMALS = word_set(
    "dog cat horse cow sheep bird elephant giraffe zebra bear puppy kitten goat pig duck goose chicken swan lion"
    " tiger monkey camel deer bull fish dolphin whale seal rabbit bunny squirrel donkey pony lamb frog turtle"
    " snake butterfly bee bug animal calf fox wolf parrot eagle owl rhino hippo panda kangaroo koala llama mule"
    " turkey rooster crab spider seagull pigeon lizard penguin"
)
CLOTHES = word_set(
    "shirt t-shirt top coat jacket vest sweater suit dress skirt pants jeans shorts hat cap helmet scarf glove"
    " mitten shoe boot sandal sock glasses sunglasses goggles swimsuit costume uniform clothes tie robe apron mask"
    " headband shorts overalls pajamas hood tutu bathing bow wig crown backpack bib kilt gown raincoat snowsuit"
    " cape harness collar muzzle life tuxedo necklace headphones pads belt leash blouse underwear tights bracelet"
    " earrings floaties trunks stockings veil toga kimono makeup cloth"
)
# Nouns that stand without "a".
MASS = word_set(
    "help dust brand water grass snow sand mud dirt food fruit ice rain wind air traffic music baseball football soccer tennis"
    " basketball hockey golf rugby volleyball cricket polo karate hair wood metal smoke milk bread cheese meat"
    " rice juice wine beer coffee tea fun work furniture clothing makeup sunlight shade land sky stuff paint night"
    " day sea surf fur clay hay steam fog light darkness pasta broccoli corn lettuce chocolate ice cream seaweed"
    " trash garbage salad soup paper cloth cotton glass stone brick rock equipment skiing surfing swimming fishing"
    " dancing home midair art money homework lunch dinner breakfast santa christmas"
)
