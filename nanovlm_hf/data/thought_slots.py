"""What a scene fills into the slots of child_thoughts.txt: what is done, with what, where, which colour."""

import random

from nanovlm_hf.data.caption_scene import content
from nanovlm_hf.data.caption_sentences import Speaker, conjugate, hard_words
from nanovlm_hf.data.offline_teacher_words import FUN, GOOD_PLACES, GOOD_THINGS, NAMES
from nanovlm_hf.data.vocabulary import inflect, is_childlike
from nanovlm_hf.data.vocabulary_words import COLOURS, ONLY_PLURAL
from nanovlm_hf.data.word_kinds import ANIMALS, BODY, CLOTHES, MASS, PEOPLE, word_set

_DOABLE = word_set("in on down up over through into with across around off along out to at under the a")
_NOT_DOABLE = word_set("him her them it something each grass hay dirt") | {","}
# Nouns of which a child would not say that it likes them best, or wants to sit beside them.
_NOT_THINGS = (
    PEOPLE
    | ANIMALS
    | BODY
    | COLOURS
    | CLOTHES
    | word_set(
        "sky background court foreground inside outside air way game trick jump side end place thing day night top front back middle"
        " group lot ground area ride race turn marathon show concert parade prayer position motion pose job speech meal shape style mood"
        " trip visit cookie pizza cake sandwich meat bread cheese donut fruit banana apple orange carrot egg performance look view smile"
        " flip team line town time picture food water grass wind party kick presentation conference break curb number meeting class lesson"
    )
)


class Slots(dict[str, str]):
    """The fillings; a slot without one is a verb that takes the form of its subject."""

    def __missing__(self, verb: str) -> str:
        return conjugate(verb, self["they"] == "they")


def fill_slots(speaker: Speaker, about: frozenset[str], draw: random.Random) -> tuple[Slots, set[str]]:
    """The fillings that a scene has, and the conditions (@people, @do ...) that it meets."""
    who, named = speaker.who, " ".join(speaker.named())
    first, second = draw.sample(NAMES, 2)
    group = who.they == "they" and not who.plural  # "a family": they
    they = who.they or named
    slots = Slots(
        they=they, them=who.them or named, their=who.their, who=they if group else named, name=first, name2=second
    )
    kind = "@people" if "people" in who.family else "@animal" if {*who.family} & ANIMALS else "@thing"
    conditions = {kind, "@many" if who.they == "they" else "@one"}
    if kind != "@thing" and (deed := _deed(speaker)):
        verb, _, rest = deed.partition(" ")
        slots["do_it"] = deed
        slots["does_it"] = f"{conjugate(verb, slots['they'] == 'they')} {rest}".strip()
        slots["doing_it"] = f"{inflect(verb, 'VBG')} {rest}".strip()
        conditions.add("@do")
    if thing := _belonging(speaker):
        slots["a_thing"], slots["the_thing"] = thing, "the " + thing.rpartition(" ")[2]
        conditions.add("@have")
    if place := _place(speaker):
        slots["the_place"] = place
        conditions.add("@place")
    nouns = [noun for noun in _things(speaker) if noun not in slots.get("do_it", "").split()]
    draw.shuffle(nouns)
    for slot, noun in zip(("noun", "noun2"), nouns, strict=False):
        slots[slot] = noun
        conditions.add("@" + slot)
    if colours := _colours(speaker, about):
        slots["color"] = draw.choice(colours)
        conditions.add("@color")
    if who.plural and 2 <= speaker.scene.count <= 5:
        slots["count"] = ", ".join(("one", "two", "three", "four", "five")[: speaker.scene.count])
        conditions.add("@count")
    return slots, conditions


def _deed(speaker: Speaker) -> str:
    """What is done, as something a child would like to do too: "ride a bike"; empty where there is nothing such."""
    for _, action in speaker.actions[:3]:
        parts = action.parts[: 2 if action.parts and action.parts[0].kind == "adverb" else 1]
        words = [word for part in parts for word in speaker.agreed_part(part)]
        doable = all(part.kind != "place" or part.words[0] in _DOABLE for part in parts)
        sure = speaker.scene.doubtful.isdisjoint(content(action)) and _NOT_DOABLE.isdisjoint(words)
        if action.verb in FUN and action.form == "do" and doable and sure and len(words) < 7 and not hard_words(words):
            return " ".join([action.verb, *("my" if word in ("his", "its", "their") else word for word in words)])
    return ""


def _belonging(speaker: Speaker) -> str:
    """A thing that a child would like to have too: "a red bike"."""
    nominals = [part.nominal for _, action in speaker.actions[:4] for part in action.parts if part.nominal is not None]
    nominals += [nominal for clause in speaker.clauses for nominal in clause.wears]
    for nominal in nominals:
        head = nominal.heads[0] if len(nominal.heads) == 1 else ""
        if head not in GOOD_THINGS - MASS or nominal.plural or "of" in nominal.words or head in speaker.scene.doubtful:
            continue
        agreed = speaker.scene.agreed(nominal)
        words = [
            word
            for word, one in zip(nominal.words, nominal.tags, strict=True)
            if one in ("J", "N", "C") and word in agreed
        ]
        if words[-1:] == [head] and not hard_words(words):
            return " ".join(["a", *words])
    return ""


def _place(speaker: Speaker) -> str:
    """Where a child would like to go too: "the beach"."""
    parts = [part for clause, _ in speaker.actions[:4] for part in clause.places]
    parts += [part for _, action in speaker.actions[:4] for part in action.parts if part.kind == "place"]
    for nominal in [part.nominal for part in parts if part.nominal is not None and part.nominal.heads]:
        if nominal.heads[-1] in GOOD_PLACES - speaker.scene.doubtful:
            nouns = [
                word for word, one in zip(nominal.words[-2:], nominal.tags[-2:], strict=True) if one in ("N", "NS")
            ]
            return " ".join(["the", *nouns])
    return ""


def _things(speaker: Speaker) -> list[str]:
    """Things in the picture, where there are some those that two captions speak of: "bench"."""
    found = set()
    for nominal in [nominal for clause in speaker.scene.clauses for nominal in clause.nominals()]:
        if len(nominal.heads) != 1 or nominal.plural or nominal.words[-1] != nominal.heads[0]:
            continue
        head = nominal.heads[0]
        if (
            head not in _NOT_THINGS | ONLY_PLURAL | speaker.scene.doubtful
            and {"J", "D"} & {*nominal.tags}
            and is_childlike(head)
        ):
            found.add(head)
    agreed = {head for head in found if speaker.scene.support[head] > 1}
    return sorted(agreed if len(agreed) > 1 else found)


def _colours(speaker: Speaker, about: frozenset[str]) -> list[str]:
    """The colours of what the text is about, as far as captions agree."""
    enough = 1 if speaker.scene.captions < 3 else 2
    counts = [speaker.scene.colours[head] for head in about if head in speaker.scene.colours]
    return sorted({colour for count in counts for colour, number in count.items() if number >= enough})
