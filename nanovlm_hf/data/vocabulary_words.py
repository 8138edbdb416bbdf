"""Word lists behind `vocabulary`: the closed classes of English, and what a lexicon alone cannot say of common words."""

from nanovlm_hf.data.word_kinds import word_set

# One tag each; the tags are explained in `vocabulary`.
CLOSED_CLASSES = {
    word: tag
    for tag, words in {
        "D": "a an the this that these those each every another either neither",
        "Q": "one two three four five six seven eight nine ten eleven twelve twenty thirty hundred many several few some any no"
        " both all various numerous most other such more half enough",
        "S": "my your his her its their our whose",
        "O": "i you he she it we they me him us them himself herself itself themselves myself yourself someone somebody anyone"
        " anybody everyone everybody nobody something anything nothing everything none mine yours hers ours theirs",
        "W": "who which what",
        "X": "is are was were be been being am isn't aren't wasn't weren't it's he's she's that's there's here's what's who's"
        " where's i'm we're they're you're",
        "M": "can could will would shall should may might must cannot can't won't couldn't wouldn't shouldn't let's i'll we'll"
        " you'll he'll she'll they'll it'll i'd we'd you'd he'd she'd they'd",
        "H": "have has had having do does did don't doesn't didn't hasn't haven't i've we've they've you've",
        "P": "in on at with of by for from into onto over under behind beside besides between through across against along"
        " around near above below among amongst amid amidst beneath underneath toward towards upon atop during off inside"
        " outside past within without beyond per via alongside until throughout aboard like than opposite after before about",
        "C": "and or but nor &",
        "B": "while as because when if so that though although whilst where since how why whether till unless",
        "R": "not very too also just up down out away together there here now then still again back forward backward backwards"
        " forwards sideways downhill uphill upside almost maybe never always ever soon once even only quite rather apart ahead"
        " aside else far outdoors indoors nearby upwards downwards upward downward upstairs downstairs afar overhead midair"
        " airborne mid-air underwater well much really perhaps instead often sometimes home twice first last already yet inward outward"
        " somewhere everywhere nowhere anywhere elsewhere onstage today tomorrow tonight yesterday please n't",
        "T": "to",
    }.items()
    for word in words.split()
}
COLOURS = word_set(
    "white black blue brown green yellow pink gray grey red purple golden gold silver tan blond blonde beige teal orange maroon navy"
    " turquoise"
)
# Words that the lexicon gives too many classes: their classes here, the likelier one first.
COMMON_CLASSES = {
    word: tuple(tags.split())
    for tags, words in {
        "J": "white black blue brown green yellow pink gray grey red purple golden tan blond blonde beige teal brunette maroon"
        " navy turquoise dark old young older elderly wet warm dry hot cold cool wild sharp heavy quick flat thick wide small"
        " little big large long short tall high low young good bad best better fat thin single whole fancy fake calm quiet"
        " safe brave free wrong fair fine great real plain proud sad full busy empty shallow deep steep narrow crazy dirty"
        " muddy crowded bare own same different new ready tired bored colored coloured striped spotted checkered bearded"
        " haired stuffed wooded paved fenced tiled flowered potted snow-covered shirtless barefoot topless colorful colourful"
        " hard soft loud smooth rough strong tight loose next second third giant huge tiny cute nice happy silly"
        " funny alone asleep awake afraid cozy bald clean close bright bent curved round square sweet suspended outstretched uniformed salty pretty medium"
        " wooden electric electronic asian african american indian chinese german japanese mexican"
        " french elegant modern antique vintage rural urban public private professional amateur martial military polar"
        " homeless teenage athletic elaborate inflatable tropical shady sunny distant remote outdoor indoor open closed"
        " frozen broken married pregnant leather metal brick stone concrete paper cardboard rubber denim woolen"
        " multicolored multi-colored rocky sandy grassy snowy bmx scared excited surprised lush overcast cloudy content"
        " nude naked only main hind tabby curly husky",  # "husky" the dog is named by its breed elsewhere
        "J N": "light male female adult toy plastic orange chocolate silver gold animal human baby teen kind opposite present favorite purple right left middle center"
        " individual bottom top front side corner fellow pickup",
        "N": "people police water grass man woman men boy girl dog cat person child animal bus car train sky wood woods beach"
        " snow sand ball table bench fence wall tree street road track hair head hand face mouth eye ear nose arm leg foot feet"
        " tail back can front side top bottom lot bit bunch pair couple group crowd number lots thing things time day night air"
        " ground floor field park yard pool lake river ocean sea mountain hill rock cliff plate bowl cup glass fork knife spoon"
        " shirt coat jacket hat cap helmet dress suit outfit shoe boot glove scarf pants jeans shorts sunglasses glasses goggles"
        " game match race sport team player runner swimmer skier surfer skater baseball football soccer tennis basketball"
        " frisbee snowboarder skateboarder skateboard snowboard surfboard bike bicycle motorcycle boat ship plane truck cart"
        " toy stick rope leash collar bone log stump stream shore coast bridge building house room kitchen bathroom bed couch"
        " sofa chair desk lamp clock phone camera picture photo photograph image computer laptop screen keyboard mouse monitor"
        " book magazine newspaper sign toilet sink mirror tub bath towel counter cabinet stove oven refrigerator fridge"
        " microwave pan pot food cake pizza sandwich fruit apple banana vegetable broccoli carrot bread meat cheese egg wine"
        " beer bottle background foreground distance middle edge corner end area place way ramp rail railing step steps stair"
        " stairs path trail sidewalk court hoop net goal fire smoke sun sunset cloud rain ice wave wing feather string wire"
        " pole post flag tent umbrella bag backpack purse suitcase box basket bucket barrel wheel tire handle seat window door"
        " roof tower church station stop zoo market store shop restaurant school office hospital stage guitar drum microphone"
        " band music movie party wedding parade circus event bull horse cow sheep goat pig chicken duck goose bird fish elephant"
        " giraffe zebra bear monkey lion tiger deer snake frog turtle butterfly bee puppy kitten kid kids toddler teenager"
        " costume mask uniform jersey vest sweater clothes clothing makeup lipstick bikini swimsuit wetsuit bandana bandanna ring"
        " necklace beard mustache tattoo body belly tummy stomach neck shoulder knee toe finger tongue tooth teeth teddy dinner"
        " lunch breakfast snack meal dessert ice candy cookie donut doughnut hydrant crosswalk curb pavement terrain landscape"
        " scene view forest jungle desert island cave valley waterfall fountain statue sculpture garden flower plant leaf bush"
        " tulip rose mud dirt dust stone brick gravel puddle splash trick stunt pose flip rodeo contest competition ride"
        " swing slide seesaw trampoline playground sandbox fun joy friend family mom dad mother father parent brother sister"
        " daughter son grandma grandpa lady guy gentleman officer policeman fireman soldier worker cook chef waiter driver"
        " rider biker cyclist jogger hiker climber pitcher catcher batter umpire goalie wrestler boxer singer dancer musician"
        " artist photographer fisherman cowboy clown pirate princess king queen bride groom audience spectator onlooker traffic bar pop"
        " toddlers ski skis seats cars ropes goods ones hook bat racket racquet hockey golf cricket volleyball rugby soap brush"
        " toothbrush sheet blanket pillow curtain rug carpet shelf drawer vase candle lighter cigarette tray napkin straw"
        " cell cellphone remote controller tie bow ribbon belt pocket sleeve button hood scooter tricycle wagon stroller"
        " wheelchair skates cone mat trunk tusk paw paws muzzle fur coat mane horn horns beak herd flock pack pile stack row line"
        " circle square dock pier harbor canoe kayak raft paddle oar sail kite balloon bubble bubbles parachute hang glider snack"
        " fireworks sparkler sparklers obstacle hurdle tunnel tube hole crack gap ledge platform deck porch patio balcony"
        " doorway gate barn farm hay crop tractor engine motor machine jet airplane helicopter runway airport subway tram"
        " trolley carriage trailer van jeep taxi ambulance highway lane alley intersection meter parking lot mall evening"
        " morning afternoon dusk dawn winter summer spring fall autumn weather storm wind breeze fog mist shadow reflection"
        " skirt blouse tank robe gown apron sock sandal sneaker headphone headphones headband earring lap cheek chin chest"
        " shade cloth silk cotton color colors colour colours tile tiles counter tank land plastic cement wicker",
        "J R": "fast",
        "N V": "ride swing slide fall rest play run walk jump look watch smile drink race turn dance wave surf swim climb hug kiss"
        " throw catch kick hit bite laugh talk cry step splash shower hike brush paint work fight wrestle sleep dive stretch",
        "V N": "stand hold",
        "Z": "means",
        "V J": "live",
        "E V": "spread set hurt shut cut",
        "V": "sit eat go come take make get want see do say give put let keep wear bring tell ask know think feel find become"
        " seem appear lie lay sing fly throw catch pull carry drive read write enjoy perform bend lean",
        "E": "dressed covered parked filled painted topped made lit tied decorated surrounded prepared gathered seated displayed"
        " shown been done gone seen held got left thrown caught worn driven ridden eaten broken lined packed piled stacked",
        "G": "playing running sitting standing jumping walking riding holding looking wearing climbing posing going doing eating"
        " making getting coming swimming skiing surfing skateboarding biking snowboarding racing fishing boxing wrestling"
        " smiling laughing hanging flying swinging sliding splashing fighting talking chasing leaning laying lying",
        "N G": "building clothing painting railing ceiling wedding evening morning landing clearing crossing flooring outing"
        " covering setting opening drawing dressing king string thing nothing something anything awning siding lightning"
        " icing frosting pudding stocking shaving bedding stuffing topping",
        "NS Z": "skateboards snowboards kayaks",
        "J G": "smiling missing flying running interesting boring exciting following matching winding rolling melting",
    }.items()
    for word in words.split()
}
# Nouns of the lexicon that are verbs too, and really used so; every other noun is read as a noun only.
ALSO_VERBS = word_set(
    "stand run hold jump walk play look ride fly watch wait fall stop swim catch throw talk pull stay climb roll bend hope push hit"
    " try land help kick laugh wear read drive touch dance give pose blow leap cut smell move drop shake stare hide chase float pick"
    " hop clean cross live lift love win reach count hurt sleep start bounce use wash tip share clap tickle pop chew pass bet lick"
    " sniff stretch grab spin shine flap call shout dig care drip slip fit bark yell miss buy taste meet cheer draw peek fill poke"
    " wake guess pet check wiggle knock mind burn squeeze giggle spread feed flop scratch snap dive scream cry wonder dip blink fix"
    " squeak rub zip wobble practice serve raise growl squat squirt fold glow trot trade crawl save twist honk visit march slap steer"
    " press gaze finish spill stomp graze travel sparkle glide toss nip mix drag freeze wipe sneeze wag melt tumble hunt score stir"
    " sell spit change scare wrap chat squeal rattle film join notice whisper twirl yawn rip worry matter gallop punch skip bother pay"
    " search hum return jingle attack aim cost snore nibble tuck pinch steal cough switch scrub grip pounce wink bob sting sneak trust"
    " slam echo dare howl twinkle leave wave stick smile turn swing slide step race splash show drink rest ski bump work sink point"
    " hug rain skate set ring cover tie smoke paddle duck flip shoot fight spray kiss tap match block sail nap trip cook break sound"
    " click hurry bow puff surf crash pat dream wish type pack curl tug guard attempt lead balance crack whistle pedal bang hike roar"
    " control peel beat plan tackle rush smack hook load comb glue grin order tiptoe purr itch scoop cuddle test spy rock face need"
    " surround sit bite brush paint lie view display graze park cast peer glance grasp clutch embrace perch crouch kneel lounge stroll"
    " jog sprint dash race bike hike hurdle dribble swipe wade dunk grind trick fetch retrieve groom shave bathe cycle row sled canoe"
    " exercise wrestle box lunge leash fish camp gather seat stack pile park approach process end begin stroke rope follow lay pitch"
    " swirl munch bathe gnaw shovel juggle vault tow cartwheel skydive record shop pour slice top frost bake fry grill roast crowd"
    " line circle flash clutch sniffle head tail eye hand back down rear ready leap lap plant water picture photograph dress fence"
    " wheel dust sweep mow trim blend frown reflect hover soar dock board tear trail signal man sign check tag name prize age star"
    " bat pitch field bunt swat strike study answer question surprise interest delight want time will must say think know stride canoe kayak"
    " play gossip chatter guide lick shelter shade support rise set sun tan light bud bloom blossom sprout drum strum"
)
# ... but these forms are nouns before all, whatever their lemma can do.
NOUNS_FIRST = word_set(
    "man men hand hands head heads eye eyes face back backs field fields park parks water plants plant line lines circle star stars"
    " board boards box boxes bat bats bike bikes tail tails rock rocks trick tricks light lights sign signs rope ropes fish dust sun"
    " will top tops tie ties trail trails shade box crowd crowds wheel wheels dress dresses fence lap laps name names age picture"
    " pictures photograph shop shops row rows pile piles stack stacks canoe canoes sled sleds ski skis hurdle hurdles seat seats"
    " bow bows duck ducks match matches ring rings land lands rest smoke film films score test tests order record plan pet pets"
    " mind hook hooks camp cook cooks drum drums leash drink drinks shower type pot bud spot spots cover covers"
)
# Nouns that look the same for one and for many, and nouns that are many without an s.
SAME_PLURAL = word_set(
    "sheep fish deer aircraft skis moose bison series species buffalo shrimp offspring dozen cattle"
)
PLURAL_NOUNS = word_set(
    "people police children men women feet teeth mice geese cattle policemen firemen oxen sheep lots"
)
# Nouns that have no form for one.
ONLY_PLURAL = word_set(
    "clothes shorts pants jeans glasses sunglasses goggles scissors woods stairs tights overalls pajamas headphones binoculars"
    " fireworks khakis trousers floaties people"
)
# An -s that is no plural.
SINGULAR_S = word_set(
    "bus grass glass dress class tennis gas cross boss mess chess business lens canvas circus cactus christmas news princess waitress"
    " harness mattress wilderness fitness darkness moss pass kiss guess address process across brass less this his its us is was"
    " mass bass congress loss compass walrus octopus virus hippopotamus goddess hostess actress fortress lacrosse"
)
# Common adjectives the lexicon lacks; any other word it lacks is read by its ending, else as a noun.
MISSING_ADJECTIVES = word_set(
    "yummy wooden snow-covered graffitied multicolor upside-down off-road cross-country double-decker black-and-white blue-green stripy"
    " tri-colored red-haired dark-haired brown-haired long-haired gray-haired helmeted tattooed goofy olympic american african asian"
    " european english german spanish italian irish scottish australian canadian hawaiian french chinese japanese mexican indian"
    " arab amish arabic one-handed old-fashioned middle-aged brightly-colored light-colored dark-skinned tree-lined themed snowcapped"
)
# What small children say and few people write.
SOUNDS = word_set(
    "frisbee swish vroom thump clop boing clack whoosh plop slurp squish splish yucky chomp grr grrr grrrr splat bonk whee brr brrr brrrr"
    " tock snip crackle clink glug peekaboo wrinkly wiggly stripy swoosh scratchy blub twirl patter floaties bumpity tickly zip plink"
    " poof eek clank mush spiky chug pitter sizzle ahoy snowsuit snowball snowman hydrant surfboard surfer skateboard skateboarder"
    " snowboard snowboarder wetsuit swimsuit raincoat tricycle wheelbarrow sparkler grownup grown-up giraffe zebra toothbrush kitty"
    " nappy potty doggy tummy yum yummy woof moo baa oink quack neigh choo toot beep honk ding dong tick boom bam pow wham zoom whirr"
    " hee ha ho hiss mommy daddy grandma grandpa granny paw paws playpen sandbox hopscotch teddy leash bib mitten mittens pajamas"
    " hula hoop trampoline squirt dandelion squeak squeaky bouncy wobbly floppy puffy pointy bumpy crunchy fluffy shaggy"
)
