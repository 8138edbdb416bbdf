"""Grown-up words and the easy ones that a small child says instead, for the offline teacher and the vocabulary check."""

from nanovlm_hf.data.word_kinds import word_set


def _pairs(text: str) -> dict[str, str]:
    """Lines of "easy: hard, hard" as {hard: easy}; an easy "-" stands for nothing."""
    table = {}
    for line in text.strip().splitlines():
        easy, _, hard = line.partition(": ")
        for word in hard.split(", "):
            table[word.strip()] = "" if easy == "-" else easy
    return table


# Runs of words, replaced before anything else is looked at; the longest first.
EASY_PHRASES = _pairs("""
in the back: in the background, in the distance, in the backdrop, in background, in the far background
in the front: in the foreground
on top of: on the top of, atop
next to: adjacent to, beside of, along side of, right beside, near to, close to, right next to, along side, in close proximity to
in front of: in the front of, in from of, in fron of
in the middle of: in the midst of, in the center of, in the centre of
snowy: snow covered
grassy: grass covered
icy: ice covered
on: on to, on board, upon
in: within, inside of, in to
into: in to the middle of
under: beneath, underneath
as: just as
to: towards, toward
on the back of: on back of
out of: from out of
in the air: in midair, in mid air, in mid-air, mid-air, midair, through the air, in the middle of the air, high in the air, high in the sky, in mid-flight, mid-flight
up in the air: airborne
under the water: underwater
outside: outdoors, out of doors, out side, out doors
inside: indoors
on the stage: onstage, on stage
at night: at nighttime, at dusk, during the night, at night time
with each other: with one another, with eachother
together: side by side, next to each other, together with each other
in a line: in formation, in single file
at the camera: into the camera
the picture: the photo, the photograph, the image
a picture: a photo, a photograph, a snapshot
tennis racket: tennis racquet
some: a few, a variety of, an assortment of, a number of, quite a few, a handful of, a collection of, an array of, a set of, a series of, a cluster of, a selection of, a couple or more of
many: a large number of, a bunch of different, plenty of, hundreds of, dozens of, tons of, a large amount of, a great number of
two: a couple of, couple of
two people: a couple, the couple
two young people: a young couple
two old people: an old couple, an elderly couple, an older couple, elderly couple
off: off of
many people: a crowd of people, a large crowd of people, a large group of people, a big crowd of people, a crowd of spectators, crowd of people, large crowd of people, large group of people, a big group of people, a huge crowd of people, a crowd of many people, a large crowd, a big crowd, a huge crowd
some people: a group of people, a small group of people, group of people, small group of people, a bunch of people, people in a group, a group of several people, a group of individuals, a group of adults
the people: the group of people, the group
some children: a group of children, group of children, a group of kids, a group of young children, a bunch of kids, a group of small children, a group of young kids
some men: a group of men, group of men, a group of young men, a group of guys
some women: a group of women, group of women, a group of young women, a group of ladies
some girls: a group of girls, a group of young girls
some boys: a group of boys, a group of young boys
some players: a team of players, a group of players
some: a herd of, a flock of, herd of, flock of, a pack of, a group of, group of, a small group of, a bunch of, a big bunch of
many: a large group of, large group of, a large bunch of, a large herd of, a large flock of, a big herd of
takes part: participates
ready: prepared
tries to: attempts to
trying to: attempting to
try to: attempt to
gets ready: prepares, is preparing, is getting ready, readies
get ready: prepare, are preparing, are getting ready
getting ready: preparing, readying
does a trick: performs a trick, performs a stunt, performs a maneuver, does a stunt, performs tricks, does tricks, performs a jump, performs stunts, performs
doing a trick: performing a trick, performing a stunt, performing tricks, doing a stunt, doing tricks, performing a jump, performing stunts, doing stunts
do a trick: perform a trick, perform a stunt, perform tricks, do tricks
eating grass: grazing on grass, grazing in grass, grazing
eat grass: graze on grass, graze
eats grass: grazes on grass, grazes
making food: preparing food, preparing a meal, cooking food
makes food: prepares food, prepares a meal
taking a picture of: photographing, taking a photograph of, taking a photo of, snapping a picture of, taking pictures of, taking photos of, filming, videotaping
takes a picture of: photographs, takes a photograph of, takes a photo of, takes photos of, takes pictures of
take a picture of: photograph, take a photo of, take photos of, take pictures of
taking a picture: taking a photo, taking a photograph, snapping a picture, taking photos, taking photographs, taking pictures, snapping a photo
takes a picture: takes a photo, takes a photograph, takes photos, takes pictures, snaps a picture
for a picture: for a photo, for a photograph, for the photo, for the picture, for pictures, for photos, for a photo opportunity
skateboard: skate board
surfboard: surf board
riding a bike: biking, bicycling, riding a bicycle, riding a bmx bike, cycling, riding a bmx bicycle
rides a bike: rides a bicycle, rides a bmx bike
riding bikes: riding bicycles
skating: rollerblading, rollerskating, roller skating, roller blading, ice skating, inline skating, in-line skating
walking through the water: wading in the water, wading through the water, wading
walks through the water: wades in the water, wades through the water
looking out over: overlooking
looks out over: overlooks
look out over: overlook
playing with: playing fetch with
karate clothes: martial arts uniform, martial arts outfit, martial arts uniforms, martial arts clothing
karate: martial arts
dressed up: costumed, in costume, in costumes, in full costume, dressed in costume, dressed in costumes
close up of: closeup of, close-up of, a closeup view of, close up view of, close-up view of
hot dog: hotdog, hot-dog
hot dogs: hotdogs, hot-dogs
dog: golden retriever, german shepherd, german shepard, german shephard, german shepherd dog, german sheperd, black lab, yellow lab, chocolate lab, border collie, labrador retriever, cocker spaniel, pit bull, saint bernard, st bernard, st. bernard, great dane, jack russell terrier, yorkshire terrier, boston terrier, australian shepherd, shih tzu, bull dog, boxer dog, husky dog, golden lab, greyhound dog, hound dog, saint bernard dog, lab dog, terrier dog, collie dog, bird dog, hunting dog
dogs: golden retrievers, german shepherds, border collies, greyhound dogs, black labs, yellow labs, husky dogs, labs
football player: american football player, quarterback, running back, wide receiver, linebacker, college football player, nfl player
baseball player: baseball batter, second baseman, first baseman, third baseman, baseball pitcher, baseball catcher
baseball: base ball
basketball: basket ball
motorbike: dirt bike, motor bike, motor cycle, dirtbike, motorcross bike, motocross bike, dirt-bike, sport bike, sports bike
motorbikes: dirt bikes, dirtbikes, motor bikes
bike: mountain bike, bmx bike, bmx bicycle, trick bike, stunt bike, push bike, pedal bike, road bike
bikes: mountain bikes, bmx bikes
plane: jumbo jet, jet plane, air plane, passenger jet, jet airplane, passenger plane, jet liner, fighter jet, propeller plane, commercial airplane, passenger airplane, airline plane
planes: fighter jets, jet planes
phone: cell phone, mobile phone, smart phone, cellular phone, cellular telephone, cell-phone
phones: cell phones, mobile phones, smart phones
computer: laptop computer, desktop computer, computer monitor, lap top, lap top computer, computer screen
computers: laptop computers, computer monitors
tv: flat screen tv, flat screen television, television set, tv screen, flat screen, television screen
bathroom: rest room, bath room, wash room
bathtub: bath tub, claw foot tub
toilet: white porcelain toilet, toilet bowl, porcelain toilet
buggy: four wheeler, four-wheeler, four wheel atv
life vest: life jacket, life-jacket, lifejacket, life preserver
life vests: life jackets, lifejackets
people: middle eastern people, audience members, passers by
policeman: police officer, traffic cop
teddy bear: stuffed teddy bear, teddybear, stuffed bear, stuffed animal bear
toy animal: stuffed animal, stuffed toy, plush toy
toy animals: stuffed animals, plush toys, stuffed toys
street: city street, urban street, paved street, paved road, town street
road: dirt road, country road
path: dirt path, dirt trail, walking path, cobblestone path
dirt track: dirt race track, dirt racetrack, motocross track
grass: grassy area, grassy field, grassy lawn, grassy plain, grass field, grass covered field, grassy lot, lush grass, green grass field, grassy terrain, grassy meadow, grass area, grassy yard, grass lawn, grassy ground, grassy park
green grass: green field, green grassy field, green lawn, green grassy area
snow: snowy field, snow covered field, snow covered ground, snowy ground, snow-covered field, snowy area, snow field, snow-covered ground, snowy terrain
snowy hill: snowy slope, snow covered slope, snow covered hill, snow-covered hill, snow-covered slope, ski slope, snow slope, snow hill, snowy hillside, snowy incline
snowy mountain: snow covered mountain, snow-covered mountain, snowy mountainside, snow capped mountain
snowy mountains: snow covered mountains, snow-covered mountains, snow capped mountains
beach: sandy beach, sandy shore, beach shore, beach area
sand: sandy area, sandy ground, sandy surface
woods: wooded area, wooded forest, forested area
water: body of water, shallow water, waters, bodies of water, deep water, murky water, ocean water
waves: ocean waves
rocks: rocky area, rock formation, rocky terrain, rocky surface, rock formations, rocky ground
rock: rock wall, rock face, rock cliff, rocky cliff, rock cliff face, cliff face, large boulder
water slide: waterslide, inflatable water slide
slide: inflatable slide, playground slide
swing: tire swing
playground: play ground, playground equipment, jungle gym, play area, playground area
skate park: skatepark, skateboard park, skateboarding park
park: public park, city park, amusement park, theme park, dog park
living room: livingroom, sitting room, family room
bus: double decker bus, double-decker bus, city bus, passenger bus, public bus, transit bus, tour bus
train: passenger train, subway train, commuter train, freight train, steam train, train engine, train car, subway car
train station: subway station, train platform, train depot, railway station
train tracks: railroad tracks, rail road tracks, railway tracks, train track, railroad track, rail tracks
fire hydrant: fire-hydrant, firehydrant
stop light: traffic light, traffic signal, stoplight
stop lights: traffic lights, traffic signals, stoplights
street sign: road sign, traffic sign
street signs: road signs, traffic signs
parking lot: parking garage, carpark, car park
store: grocery store, convenience store, retail store
food: food items, food item, food products
drink: soda pop, alcoholic beverage
drinks: alcoholic beverages
fruit: fruits
ice cream: ice-cream, icecream
horse: race horse, bucking horse, bucking bronco
horses: race horses
kite: para sail
race car: race-car, racecar
race track: racetrack, raceway, speedway, racing track
pool: swimming pool, inground pool, indoor pool, outdoor pool, above ground pool, in ground pool, kiddie pool, wading pool, swimmingpool, inflatable pool, backyard pool
camera: video camera, digital camera
paper: pieces of paper, piece of paper, a piece of paper
colorful: brightly colored, multi colored, tri colored, vividly colored, many colored, bright colored
light brown: cream colored, tan colored, sandy colored
black: dark colored
white: light colored
dark blue: navy blue
in a line: lined up
out: out and about
with no shirt: without a shirt, with no shirt on, without a shirt on, bare chested, with his shirt off
-: in the photo, in the picture, in this photo, in this picture, in the image, in this image, in this scene, of some sort, of some kind, some sort of, some kind of, what appears to be, what looks to be, that appears to be, or something, it appears, it seems, on a sunny day, on a clear day, on a cloudy day, on a nice day, on a hot day, on a warm day, on a bright day, on a beautiful day, at the same time, in this shot, from above, in mid-jump, mid-jump, mid jump, in mid jump, mid-swing, mid swing, in action, in the process of, of different kinds, of different sizes, of different colors, all kinds of, different kinds of, different types of, types of, kinds of, piece of, pieces of, a type of, type of, kind of, in order, as well, right now, on display
""")
# Base forms of nouns; those after "~" are easy too, but the same thing should have one name in a text.
EASY_NOUNS = _pairs("""
bike: ~bicycle, cycle
motorbike: ~motorcycle, moped, motocross
man: ~guy, gentleman, male, fellow, dude, boyfriend, husband, bloke
woman: female, ~lady, girlfriend, wife, bridesmaid, gal
old man: senior
person: individual, adult, human, pedestrian, tourist, onlooker, spectator, bystander, passenger, model, character, teen, teenager, teenage, youth, participant, traveler, citizen, passerby, patron, commuter, folk, shopper
child: ~kid, ~toddler, infant, youngster, tot, preschooler
baby: newborn
dog: canine, greyhound, terrier, retriever, collie, labrador, doberman, dalmatian, ~poodle, pitbull, hound, shepherd, beagle, ~husky, ~bulldog, pug, corgi, dachshund, sheltie, dalmation, mutt, spaniel, rottweiler, chihuahua, sheepdog, yorkie, shephard, whippet, ~pup, pooch, labradoodle, lab
cat: feline, calico, tabby
horse: stallion, bronco, mare, racehorse
cow: cattle, ox, bison
bird: ~seagull, ~pigeon, gull, crane, egret, ~hawk, pelican, heron
skater: rollerblader, rollerskater
rider: bicyclist, cyclist, motorcyclist, biker, bicycler, motorcycler, jockey, bmxer, racer, equestrian
climber: mountaineer, hiker, backpacker
boat: ~canoe, ~kayak, ~raft, ~rowboat, ~sailboat, vessel, ~ferry, yacht, watercraft, speedboat, motorboat, gondola, dinghy
plane: ~airplane, ~jet, aircraft, jetliner, airliner, biplane
car: vehicle, automobile, sedan, suv, hatchback, ~taxi, ~cab, convertible, limousine, racecar
truck: pickup, ~van, lorry
train: locomotive, ~tram, subway, ~trolley
phone: cellphone, ~telephone, smartphone, iphone
computer: ~laptop, ~monitor, desktop
tv: ~television
fridge: refrigerator
couch: ~sofa, loveseat
chair: armchair, recliner
bath: ~bathtub, ~tub
bathroom: restroom, washroom
hill: ~slope, hillside, incline, ~dune, mound, ridge, embankment, mountainside
mountain: peak, mountaintop, summit
rock: ~boulder
path: ~trail, pathway, walkway, boardwalk, footpath
road: highway, pavement, asphalt, freeway, driveway, tarmac, intersection
street: crosswalk, alley, avenue
ground: surface, terrain
field: ~pasture, ~meadow, grassland
woods: ~forest, woodland, wilderness
river: ~creek, ~stream, canal
beach: ~shore, shoreline, coast, seashore, coastline
sea: ~ocean
yard: ~backyard, courtyard, patio
grass: ~lawn
house: apartment, mansion, cottage, residence
building: structure, ~skyscraper, facility
store: ~shop, supermarket
fence: railing, barrier, handrail, guardrail
stairs: ~staircase, stairway
door: ~doorway, archway, entrance
dock: ~pier, wharf
picture: photograph, image, ~photo, portrait, ~painting, mural, ~poster, ~drawing, selfie, snapshot, graffito, graffiti
sign: billboard, advertisement
statue: sculpture, monument
shirt: ~t-shirt, tshirt, jersey, blouse, ~sweatshirt, hoodie, undershirt
sweater: pullover, cardigan
jacket: blazer, windbreaker, parka
clothes: outfit, uniform, attire, clothing, garment, garb, apparel, gear
swimsuit: ~bikini, ~wetsuit, speedo, wet-suit, leotard
pants: trousers, khakis, slacks
scarf: bandana, bandanna, headscarf, handkerchief, shawl
hat: ~cap, beanie, headdress, beret, hardhat, fedora, visor, sombrero, bonnet, turban
glasses: ~goggles, ~sunglasses, spectacles
shoes: footwear
shoe: ~sneaker
bag: ~backpack, ~purse, handbag, ~suitcase, rucksack, briefcase, knapsack, satchel
bags: luggage
ball: softball
frisbee: ~disc, disk
racket: racquet
surfboard: wakeboard, bodyboard
people: audience
game: ~match, competition, tournament, contest, event, scrimmage
trick: stunt, maneuver, wheelie
bar: hurdle, obstacle
party: celebration, ceremony, festival, carnival, gathering, ~fair, reception
song: tune
guitar: banjo, ukulele
surfer: wakeboarder, windsurfer, parasurfer, kiteboarder, waterskier, bodyboarder, parasailer, kitesurfer
musician: performer, guitarist, entertainer
cook: ~chef
policeman: cop, ~officer
fireman: ~firefighter
worker: laborer, crewman, employee
player: footballer, athlete, teammate, opponent, quarterback, batter, catcher, pitcher, outfielder, goalie, defender, hitter, contestant, competitor, infielder, linebacker, goalkeeper, baseman
thing: object, item, device, contraption, apparatus, gadget
things: equipment
food: ~meal, cuisine
snack: pastry, appetizer
plate: platter, ~dish
drink: beverage, ~soda, cocktail
flower: ~tulip, blossom, bouquet
plant: foliage, shrub, greenery, ~weed
bush: shrubbery, ~hedge
sun: sunlight, sunrise
night: dusk, nighttime, twilight
fall: autumn
fog: mist, haze
belly: stomach, abdomen
box: crate, container, carton
cup: ~mug, goblet
bucket: ~pail
blanket: ~quilt, comforter
rug: ~carpet
stick: baton, ~twig, limb
wood: ~plank, lumber, timber, hardwood
metal: steel
stone: cement, concrete, marble, gravel, cobblestone, pebble
dirt: soil
cloth: fabric, tarp
ramp: halfpipe, half-pipe, quarterpipe
snowboarder: boarder
skier: skiier
toy: plaything
dad: ~father
mom: ~mother
grandpa: grandfather
grandma: grandmother
school: college, university, classroom
friend: companion, ~buddy, ~pal
animal: creature, mammal, critter
bug: ~insect
farm: ~ranch
zoo: enclosure, exhibit
rope: tightrope, cable
tent: canopy, awning
paper: document, paperwork, pamphlet
cigarette smoke: cigarette
lunch: brunch
view: scenery, landscape, skyline, overlook
place: area, location, setting, venue, ~arena
town: plaza, neighborhood, ~village, suburb, downtown
color: hue
mouth: muzzle, snout
stadium: bleachers
""")
# Base forms of verbs.
EASY_VERBS = _pairs("""
do: perform, execute, conduct
try: attempt
surf: windsurf, bodyboard
ride a skateboard: ~skateboard
ride a snowboard: ~snowboard
paddle a boat: ~kayak, ~canoe
skate: rollerblade, rollerskate
fly: soar, hover, ~glide
stand: ~pose
jump: ~leap, lunge, bound, ~pounce, vault, hurdle
run: ~sprint, ~dash, ~jog, ~trot, ~gallop, bolt, romp, prance, scamper, charge
walk: ~stroll, ~wander, ~hike, ~wade, ~march, ~stride, trek, trudge, roam
crawl: ~creep
kneel: ~crouch, ~squat
go: travel, proceed, cruise, navigate
hold: ~grip, clutch, grasp, ~cradle, wield, brandish
hug: embrace, ~cuddle
eat: consume, ~munch, devour, ~nibble, ~dine, feast, ingest
bite: gnaw
fight: tussle, spar, brawl, joust, ~wrestle
talk: converse, ~chat, ~speak, interact, communicate, socialize
rest: ~relax, recline, ~lounge
throw: ~toss, hurl, fling, ~pitch
get: retrieve, fetch, receive, obtain
catch: intercept, snatch
pull: ~drag, tow, haul
push: ~shove
chase: pursue
make: create, construct, produce, assemble
fix: repair, adjust
show: display, exhibit, reveal, demonstrate
sit: ~perch
have: contain, possess
hold: support
smile: ~grin, beam
stop: halt
meet: greet
help: assist
cut: carve, ~slice, ~chop
climb: ~scale, ascend
hit: strike, whack, ~swat
hang: suspend, ~dangle
play: ~frolic, compete, participate
use: operate, utilize
tie: attach
hide: conceal
wash: ~bathe
look: ~gaze, ~stare, peer, ~glance
touch: nuzzle
sleep: ~nap, ~doze, slumber, ~snooze
shout: ~yell, ~scream
watch: observe, inspect, examine, investigate, admire
enjoy: savor
reach: approach
leave: exit
""")
# Adjectives; "-" are those that a child would not say, or that say too much of a person.
EASY_ADJECTIVES = _pairs("""
big: ~large, enormous, massive, sizable, oversized, ~gigantic, ~larger, ~great
little: ~small, ~younger, ~smaller, miniature, mini, petite
old: elderly, antique, vintage, ~ancient, aged, ~older
green: ~grassy, lush, ~leafy
snowy: snow-covered, snowcapped
gray: ~grey
colorful: multicolored, multi-colored, multicolor, vibrant, ~colourful, decorative, tri-colored, brightly-colored
long: lengthy
pretty: ~beautiful, ~lovely, gorgeous, ornate, elegant, scenic, attractive
happy: joyful, ~cheerful, ~excited, enthusiastic
fluffy: ~shaggy, ~furry
spotted: speckled
bumpy: rugged
blond: ~blonde, ~blond-haired, ~blonde-haired, ~blond-headed
red: maroon, redheaded, red-haired, crimson
blue: navy, turquoise, teal
brown: beige, ~tan, brunette, khaki
wet: ~soaked, drenched
dirty: filthy
messy: cluttered, unkempt
full: ~crowded, ~packed
new: modern
striped: ~plaid, patterned, ~checkered, stripped
flowery: floral, flowered
fake: artificial
bare: barren
strange: ~odd, unusual, bizarre
-: asian, american, german, african, european, chinese, japanese, indian, mexican, oriental, african-american, british, english, french, italian, spanish, irish, amish, arab, arabic, hawaiian, eastern, lone, ~single, male, female, teenage, urban, rural, professional, public, outdoor, indoor, shallow, concrete, wooded, inflatable, hind, fenced, paved, fallen, martial, military, homeless, denim, matching, tiled, multiple, formal, hooded, ~double, medium, suspended, country, double-decker, cross-country, electric, distant, ~cross, protective, aerial, inline, mid, potted, electronic, sheer, natural, commercial, uniformed, athletic, traditional, murky, identical, musical, tropical, elaborate, facial, choppy, sleeved, industrial, suburban, similar, pedestrian, residential, attached, tattooed, human, digital, mountainous, off-road, skimpy, forested, uncut, topless, watery, headed, stainless, unfinished, twin, sleeveless, injured, religious, fellow, native, posed, assorted, themed, horizontal, reflective, dark-skinned, light-skinned, various, overweight, obese, pregnant, muscular, medieval, festive, electrical, jagged, separate, bridal, interested, mechanical, beaded, political, extreme, rival, competitive, overcast, ceramic, peaceful, unique, dramatic, acoustic, opposing, ~different, certain, multi-story, bmx, ~smiling, haired, ~colored, ~coloured, sized, medium-sized, middle-aged, shirtless, ~bald, bearded, barefoot, young-looking, adjacent, nearby, abandoned, unidentified, opposite, individual, ~main, particular, visible, obscured, costumed, helmeted, sunlit, ~lit, ~still, caucasian, hispanic, latino, black-haired, dark-haired, long-haired, brown-haired, gray-haired, short-haired, shirted, clad, armed, drunk, sexy, nude, naked, gay, busty, olympic, ~plastic, ~rubber, chubby, stocky, opened, ~outside, ~inside, ~nice, intricate, ~adult, alert, tabby, calico, visibly, ~unknown, goateed, mixed, purebred, domestic, domesticated, ~toy, expansive, partial, upper, lower, ~looking
""")
# Adverbs that add nothing to what there is to see.
DROPPED_ADVERBS = word_set(
    "brightly playfully partially happily slightly dimly neatly heavily warmly intently recently newly formally"
    " fully freshly colorfully directly apparently seemingly clearly obviously partly mostly closely casually"
    " seriously nearly completely mainly upward upwards onward onwards quite rather fairly really very just"
    " already simply also possibly evidently currently presumably excitedly joyfully gleefully carefully"
    " peacefully proudly gracefully eagerly calmly energetically deeply thickly lightly well else overhead afar"
    " simultaneously wildly aggressively intensely nicely still only even please then now far half"
)


def easier(table: dict[str, str], word: str) -> str | None:
    """The easy word for a base form, "" where it is to be left out, None where the word is easy itself."""
    return table.get(word, table.get("~" + word))


# Words that are frequent in print but grown-up, so that their frequency alone would let them pass.
GROWN_UP = frozenset(
    word for table in (EASY_NOUNS, EASY_VERBS, EASY_ADJECTIVES) for word in table if word[0] != "~"
) - word_set("model character shepherd crane lab mare pitch bar don pine human country cross mid")
