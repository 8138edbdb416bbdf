"""The words that name COCO's 80 kinds of object, in the singular; plurals follow by rule, or from PLURALS.

Kinds: Lin et al. 2014. Which near words count as a kind follows Rohrbach et al. 2018; the lists are written anew, with a
small child's words. A longer name wins over a shorter one in it ("hot dog" is no dog).
"""

OBJECTS = {
    "person": "person, man, woman, boy, girl, child, kid, kiddo, baby, toddler, infant, newborn, teen, teenager, "
    "adult, grown up, grownup, lady, gentleman, guy, dude, fellow, male, female, human, people, pedestrian, "
    "passenger, mom, mommy, momma, mama, mum, mummy, mother, dad, daddy, papa, father, parent, grandma, "
    "grandpa, granny, grandmother, grandfather, grandparent, grandchild, grandson, granddaughter, brother, "
    "sister, sibling, son, daughter, uncle, aunt, cousin, husband, wife, bride, groom, bridesmaid, crowd, "
    "audience, couple, spectator, onlooker, bystander, player, ball player, footballer, ballplayer, batter, "
    "pitcher, catcher, umpire, referee, coach, goalie, goalkeeper, teammate, athlete, quarterback, "
    "cheerleader, gymnast, rider, bike rider, driver, bus driver, truck driver, biker, bicyclist, cyclist, "
    "motorcyclist, racer, runner, jogger, walker, hiker, climber, skier, snowboarder, skater, skateboarder, "
    "surfer, kite surfer, swimmer, diver, boater, kayaker, rower, wrestler, boxer, golfer, bowler, dancer, "
    "singer, musician, guitarist, drummer, performer, artist, painter, clown, magician, acrobat, cowboy, "
    "cowgirl, jockey, camper, tourist, traveler, traveller, visitor, shopper, customer, vendor, seller, "
    "worker, builder, farmer, fisherman, fireman, firefighter, fire fighter, policeman, policewoman, police, "
    "police officer, officer, cop, soldier, sailor, pilot, chef, baker, waiter, waitress, teacher, student, "
    "pupil, doctor, nurse, dentist, patient, santa, santa claus, photographer, lifeguard, businessman, "
    "businesswoman, salesman, monk, priest, nun, bather, beachgoer, neighbor, neighbour",
    "bicycle": "bicycle, tricycle, trike, unicycle, bmx, mountain bike",
    # A child says "bike" to both kinds; the picture's other words decide.
    "bike": "bike",
    "car": "car, automobile, van, minivan, taxi, taxicab, taxi cab, cab, jeep, suv, sedan, limo, limousine, convertible, "
    "hatchback, station wagon, race car, sports car",
    "motorcycle": "motorcycle, motor cycle, motorbike, motor bike, motor scooter, motorscooter, scooter, moped, vespa, "
    "dirt bike, dirtbike, motocross bike, harley",
    "airplane": "airplane, air plane, aeroplane, plane, jet, jet plane, jetliner, airliner, aircraft, biplane, seaplane, "
    "jumbo jet, fighter jet",
    "bus": "bus, minibus, school bus, coach bus, double decker, trolley bus",
    "train": "train, locomotive, tram, streetcar, street car, monorail, caboose, steam engine, train car, train engine, "
    "railroad car, rail car, subway car, subway train",
    "truck": "truck, lorry, pickup, pickup truck, pick up truck, fire truck, firetruck, fire engine, semi truck, "
    "dump truck, garbage truck, tow truck, food truck",
    "boat": "boat, ship, canoe, kayak, sailboat, sail boat, rowboat, row boat, speedboat, speed boat, motorboat, motor boat, "
    "tugboat, tug boat, houseboat, house boat, banana boat, lifeboat, ferry, ferryboat, yacht, dinghy, gondola, barge, "
    "catamaran, schooner, watercraft",
    "traffic light": "traffic light, traffic signal, stop light, stoplight, street light, streetlight",
    "fire hydrant": "fire hydrant, hydrant, fire plug, fireplug",
    "stop sign": "stop sign",
    "parking meter": "parking meter, parking metre",
    "bench": "bench, park bench",
    "bird": "bird, birdie, duck, duckling, goose, gosling, swan, cygnet, gull, seagull, sea gull, pigeon, dove, parrot, "
    "parakeet, cockatoo, macaw, owl, eagle, hawk, falcon, vulture, crow, raven, magpie, sparrow, finch, robin, bluebird, "
    "blue jay, blackbird, hummingbird, woodpecker, toucan, penguin, flamingo, pelican, heron, egret, stork, ostrich, emu, "
    "peacock, hen, rooster, seabird, waterfowl, puffin, canary",
    "cat": "cat, kitten, kitty, kitty cat, feline, tabby",
    "dog": "dog, doggy, doggie, puppy, puppy dog, pup, pooch, canine, hound, greyhound, poodle, terrier, retriever, "
    "golden retriever, labrador, beagle, bulldog, bull dog, pitbull, pit bull, pug, collie, corgi, husky, chihuahua, "
    "dachshund, dalmatian, dalmation, doberman, rottweiler, spaniel, cocker spaniel, schnauzer, sheepdog, sheep dog, "
    "german shepherd, great dane, saint bernard, st bernard, whippet, mutt, sled dog, guide dog",
    "horse": "horse, horsie, horsey, pony, foal, colt, mare, stallion, bronco, bronc, racehorse, race horse, horseback, "
    "horse back",
    "sheep": "sheep, lamb, ewe, ram, goat",
    "cow": "cow, bull, calf, ox, cattle, heifer, buffalo, bison",
    "elephant": "elephant",
    "bear": "bear, bear cub, polar bear, grizzly, grizzly bear, panda, panda bear",
    "zebra": "zebra",
    "giraffe": "giraffe",
    "backpack": "backpack, back pack, knapsack, rucksack, bookbag, book bag",
    "umbrella": "umbrella, parasol",
    "handbag": "handbag, hand bag, purse, pocketbook, shoulder bag, tote, tote bag, wallet, briefcase",
    "tie": "tie, necktie, neck tie, bow tie, bowtie",
    "suitcase": "suitcase, suit case, luggage",
    "frisbee": "frisbee, frisbie, disc, disk, flying disc, flying disk",
    "skis": "skis",
    "snowboard": "snowboard, snow board",
    "sports ball": "ball, soccer ball, tennis ball, beach ball, bowling ball, golf ball, sports ball",
    "kite": "kite",
    "baseball bat": "bat, baseball bat, cricket bat, softball bat",
    "baseball glove": "baseball glove, baseball mitt, catcher mitt, catcher glove, mitt",
    "skateboard": "skateboard, skate board",
    "surfboard": "surfboard, surf board, boogie board, bodyboard, body board, wakeboard, wake board",
    "tennis racket": "tennis racket, tennis racquet, racket, racquet",
    "bottle": "bottle, baby bottle, water bottle, wine bottle",
    "wine glass": "wine glass, wineglass, glass of wine, glasses of wine, champagne glass, goblet",
    "cup": "cup, mug, teacup, tea cup, coffee cup, sippy cup",
    "fork": "fork",
    "knife": "knife, pocketknife, pocket knife",
    "spoon": "spoon, teaspoon",
    "bowl": "bowl, dog bowl",
    "banana": "banana",
    "apple": "apple",
    "sandwich": "sandwich, burger, hamburger, cheeseburger, panini",
    # As a fruit it is told from the colour in chair.py.
    "orange": "orange",
    "broccoli": "broccoli, brocolli, brocoli",
    "carrot": "carrot",
    "hot dog": "hot dog, hotdog, corn dog, chili dog, chilli dog",
    "pizza": "pizza",
    "donut": "donut, doughnut",
    "cake": "cake, cupcake, cup cake, cheesecake, birthday cake, wedding cake, carrot cake, chocolate cake",
    "chair": "chair, armchair, arm chair, stool, high chair, highchair, rocking chair",
    "couch": "couch, sofa, loveseat, love seat, futon, settee",
    "potted plant": "potted plant, potted flower, potted tree, houseplant, house plant, flower pot, flowerpot, plant pot",
    "bed": "bed, bunk bed, crib",
    "dining table": "table, desk, dining table, picnic table, coffee table",
    "toilet": "toilet, toilet seat, toilet bowl, urinal",
    "tv": "tv, television, telly, tv set, television set, television screen, tv screen, computer screen, computer monitor, "
    "monitor",
    "laptop": "laptop, laptop computer, computer",
    "mouse": "mouse, computer mouse",
    "remote": "remote, remote control, remote controller, tv remote, controller, game controller, wii remote, "
    "wii controller",
    "keyboard": "keyboard, computer keyboard",
    "cell phone": "phone, cellphone, cell phone, mobile phone, telephone, smartphone, smart phone, iphone",
    "microwave": "microwave, microwave oven",
    "oven": "oven, stove, stovetop, stove top, stove top oven, toaster oven",
    "toaster": "toaster",
    "sink": "sink, washbasin, wash basin",
    "refrigerator": "refrigerator, fridge, freezer, icebox, ice box",
    "book": "book, comic book, picture book, storybook, story book",
    "clock": "clock, alarm clock",
    "vase": "vase",
    "scissors": "scissors, pair of scissors",
    "teddy bear": "teddy, teddy bear, stuffed bear, stuffed teddy bear, toy bear, toy teddy bear, stuffed toy bear",
    "hair drier": "hair drier, hair dryer, hairdryer, hairdrier, blow dryer, blow drier",
    "toothbrush": "toothbrush, tooth brush",
}

# Names with an object's word in them that name none of the kinds.
OTHER = (
    "train track, train station, train stop, train yard, train platform, bus stop, bus station, bus shelter, car "
    "park, car seat, bike seat, car wash, cable car, bumper car, horse shoe, rocking horse, hobby horse, sea horse, "
    "sea lion, dog house, dog food, dog park, dog bed, cat food, bird house, bird feeder, bird bath, bird cage, "
    "prairie dog, guinea pig, gummy bear, rubber duck, rubber ducky, flower bed, truck bed, snow ball, ball cap, ball "
    "game, ball field, ball park, ball room, ball gown, ball pit, disco ball, crystal ball, cotton ball, table cloth, "
    "table tennis, table top, bath tub, boat house, boat dock, boat ramp, jet ski, jet of, space ship, bike path, "
    "bike lane, bike rack, bike helmet, bike trail, bike track, bike race, bicycle helmet, motorcycle helmet, "
    "motorcycle jacket, book shelf, book store, book case, chair lift, seat belt, phone booth, telephone booth, phone "
    "pole, telephone pole, telephone wire, telephone line, phone line, mickey mouse, minnie mouse, mouse pad, oven "
    "mitt, toilet paper, toilet brush, toilet roll, apple tree, apple juice, banana peel, banana tree, man made, man "
    "hole, disc jockey, disk jockey, compact disc, hot tub, crowd of, couple of, audience of, world cup, ski slope, "
    "bowl cut, pitcher of"
)

PLURALS = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "person": "persons",
    "mouse": "mice",
    "goose": "geese",
    "calf": "calves",
    "ox": "oxen",
    "knife": "knives",
    "wife": "wives",
}

# Before an animal or a vehicle, a word for a person says what kind it is: a baby elephant, a mother cow, a police car.
QUALIFIERS = (
    "baby newborn adult male female mother mommy momma mama mom father daddy papa dad parent police passenger commuter"
)
QUALIFIED = (
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "teddy bear"),
    *("car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
)

# These are verbs too, and no objects after or before such words: "I tie it", "they sink into the mud".
ALSO_VERBS = "tie sink bat train duck bowl book bear"
BEFORE_A_VERB = (
    "to i you we they he she it who can could will would shall should may might must cannot can't don't doesn't "
    "didn't let's lets helps help please not never always"
)
AFTER_A_VERB = "a an the my your his its our their it him them me us into down lower"

# "Orange" is a fruit after one of these, unless a word follows that it may colour; "oranges" always are.
BEFORE_A_FRUIT = "an one the each every half peeled ripe juicy sweet fresh round whole sliced"
AFTER_A_FRUIT = ". , ! ? ; : on in is with from for sits lies at near by that slice slices"
