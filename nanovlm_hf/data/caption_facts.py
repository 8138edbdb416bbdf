"""The sentences of a text that say what the captions of its picture say.

    openings(speaker)[0].words     # ("a", "man", "in", "a", "red", "shirt", "rides", "a", "bike")
    details(speaker)[0].words      # ("<have>", "black", "hair"): its verb waits for its subject

Each knows its worth: how many captions say so, in how easy words.
"""

from dataclasses import replace

from nanovlm_hf.data.caption_clauses import Action, Clause, Part
from nanovlm_hf.data.caption_nouns import Nominal
from nanovlm_hf.data.caption_scene import content, family
from nanovlm_hf.data.caption_sentences import Sentence, Speaker, hard_words
from nanovlm_hf.data.vocabulary_words import COLOURS
from nanovlm_hf.data.word_kinds import BODY, CLOTHES, PEOPLE, word_set

NOTHING = Sentence(("there", "is", "so", "much", "to", "find", "here"), frozenset(), 0.0)
_WHERE = word_set("in on at near by under behind next inside outside beside between close")
# Verbs that say enough by themselves.
_ALONE = word_set(
    "smile laugh jump run walk play dance sing swim sleep talk dive surf ski skate bark wave sit stand eat drink cook read fight climb"
    " rest kneel shout clap cheer yawn roll wrestle swing work fish pose race"
)
# Where things are, not things that are there "too".
_ROOM = word_set(
    "street road field ground room beach park pool sea lake river city air grass snow sand water floor background yard hill mountain"
    " wall woods day night way game side front back area place track path trick jump picture sidewalk court kitchen bathroom line"
)
# What a picture has, not somebody in it.
_SCENERY = word_set(
    "building house tree mountain hill car bush fence city crowd wall sky cloud wave water rock road street field woods forest church"
    " store window bench table tower bridge truck bus train"
)
# With these a place is where it goes, not where it is.
_TO_A_PLACE = word_set(
    "throw put jump dive fall climb pour drop look point kick hit shoot land spray place slide push pull dip go come run walk ride hang"
    " lean step reach fly take bring carry lead get make give hold play"
)
_POINTING = word_set("his her its their him them it")


def openings(speaker: Speaker) -> list[Sentence]:
    """First sentences, at least one: who it is and what it does, or where it is, or what there is."""
    found: list[Sentence] = []
    for clause, action in speaker.actions[:4]:
        subject = speaker.subject(clause)
        worth = speaker.worth(action) - 0.5 * hard_words(subject)
        least = 2 if action.parts and action.parts[0].words[-1] in ("way", "hand", "hands") else 1
        for keep in range(len(action.parts), min(len(action.parts), least) - 1, -1):
            predicate = speaker.predicate(action, clause.subject.plural, keep)
            about = frozenset((content(action) - _heads(action.parts[keep:])) | {*clause.subject.heads})
            found.append(Sentence((*subject, *predicate), about, worth + 0.1 * keep))
            found += _dressed(speaker, clause, predicate, found[-1])
            found += _place_first(speaker, clause, action, keep, found[-1])
    return found or _openings_without_action(speaker)


def _heads(parts: list[Part]) -> set[str]:
    return {head for part in parts if part.nominal is not None for head in part.nominal.heads}


def _dressed(speaker: Speaker, clause: Clause, predicate: tuple[str, ...], plain: Sentence) -> list[Sentence]:
    """ "A man in a red shirt ..." """
    clothes = [nominal for nominal in clause.wears if speaker.scene.doubtful.isdisjoint(nominal.heads)][:1]
    if not clothes or not speaker.who.is_animate():
        return []
    words = (*speaker.subject(clause), "in", *speaker.scene.agreed(clothes[0]))
    if len(words) > 9 or hard_words(words):
        return []
    return [Sentence((*words, *predicate), plain.about | {*clothes[0].heads}, plain.worth + 0.1)]


def _place_first(speaker: Speaker, clause: Clause, action: Action, keep: int, plain: Sentence) -> list[Sentence]:
    """ "On the beach, a man ..." and "A man is on the beach, and he ..." """
    found: list[Sentence] = []
    subject, plural, they = speaker.subject(clause), clause.subject.plural, speaker.who.they
    about = plain.about
    last = action.parts[keep - 1] if keep > 1 else None
    if last is not None and _is_place(last) and action.verb not in _TO_A_PLACE:
        place, keep = speaker.own(speaker.agreed_part(last)), keep - 1
        if not {*place} & (_POINTING | {","}):
            rest = speaker.predicate(action, plural, keep)
            found.append(Sentence((*place, ",", *subject, *rest), about, plain.worth))
    elif clause.places and _is_place(clause.places[0]):
        place = speaker.own(speaker.agreed_part(clause.places[0]))
        about |= _heads(clause.places[:1])
    else:
        return found
    if they and not {*place} & {"it", "him", "her", "them"}:
        again = speaker.predicate(action, they == "they", keep)
        be = "are" if plural else "is"
        found.append(Sentence((*subject, be, *place, ",", "and", they, *again), about, plain.worth - 0.05))
    return found


def _is_place(part: Part) -> bool:
    """Whether a part says where something is."""
    if part.kind != "place" or part.words[0] not in _WHERE or part.nominal is None or not part.nominal.heads:
        return False
    return not {*part.nominal.heads} & (PEOPLE | CLOTHES | COLOURS | BODY) and part.words[-1] not in ("back", "front")


def _openings_without_action(speaker: Speaker) -> list[Sentence]:
    found: list[Sentence] = []
    for clause in speaker.clauses or [clause for clause in speaker.scene.clauses if clause.main]:
        subject = speaker.subject(clause)
        be, have, wear = ("are", "have", "wear") if clause.subject.plural else ("is", "has", "wears")
        worth, heads = 1.0 - 0.5 * hard_words(subject), frozenset(clause.subject.heads)
        for part in clause.places[:2]:
            place, about = speaker.own(speaker.agreed_part(part)), heads | _heads([part])
            found.append(Sentence((*subject, be, *place), about, worth))
            found.append(Sentence(("there", be, *subject, *place), about, worth - 0.1))
        for part in clause.has[:2]:
            words = (*subject, have, *speaker.own(part.words[1:]), *part.tail)
            found.append(Sentence(words, heads | _heads([part]), worth - 0.1))
        for nominal in clause.wears[:1]:
            found.append(Sentence((*subject, wear, *speaker.scene.agreed(nominal)), heads | {*nominal.heads}, worth))
        found.append(Sentence(("there", be, *subject), heads, worth - 0.8))
    return found or [NOTHING]


def details(speaker: Speaker) -> list[Sentence]:
    """What else the captions say, the most agreed first: clothes, belongings, places, deeds, others, things."""
    scene = speaker.scene
    found: list[Sentence] = []
    for clause in speaker.clauses:
        found += _clothes(speaker, clause)
        found += [sentence for part in clause.has for sentence in _belonging(speaker, part, 0.4)]
        found += [_place(speaker, part, 0.2) for part in clause.places if _is_place(part)]
        found += [sentence for action in clause.actions for sentence in _deeds(speaker, action)]
    found += [
        sentence for clause in scene.clauses if not scene.is_about(clause) for sentence in _others(speaker, clause)
    ]
    found += _things(speaker)
    good = []
    for sentence in found:
        sure = sentence.about and scene.doubtful.isdisjoint(sentence.about)
        sure = sure and not (sentence.subject and speaker.who.them in sentence.words)  # "it stands on it"
        if sure and len(sentence.words) < 16 and not hard_words(sentence.words):
            support = sum(scene.support[word] for word in sentence.about) / len(sentence.about) / scene.captions
            good.append(replace(sentence, worth=sentence.worth + support))
    return sorted(good, key=lambda sentence: -sentence.worth)


def _clothes(speaker: Speaker, clause: Clause) -> list[Sentence]:
    found = []
    for nominal in clause.wears if speaker.who.is_animate() else []:
        if {*nominal.words} & _POINTING or not {*nominal.heads} & (CLOTHES | COLOURS):
            continue
        worn = speaker.worn(nominal)
        coloured = {*nominal.heads} <= COLOURS
        on = not coloured and speaker.draw.random() < 0.33
        words = ("<have>", *worn, "on") if on else ("<wear>", *worn)
        found.append(Sentence(words, frozenset(nominal.heads), 0.1 if coloured else 0.5, subject=True))
    return found


def _belonging(speaker: Speaker, part: Part, worth: float) -> list[Sentence]:
    """ "He has a ball in his hand", or what stands around: "there are trees"."""
    nominal = part.nominal
    if nominal is None or not nominal.heads or {*nominal.heads} & PEOPLE:
        return []
    words = (*speaker.own(speaker.agreed_part(part)[1:]), *speaker.own(part.tail))
    about = frozenset(nominal.heads)
    if about & _SCENERY and speaker.who.is_animate():
        return [Sentence(("there", "are" if nominal.plural else "is", *words), about, worth - 0.2)]
    if about & BODY and not part.tail and not {"J", "Q"} & {*nominal.tags}:
        return []  # everybody has hair
    return [Sentence(("<have>", *words), about, worth, subject=True)]


def _place(speaker: Speaker, part: Part, worth: float) -> Sentence:
    return Sentence(("<be>", *speaker.own(speaker.agreed_part(part))), frozenset(_heads([part])), worth, subject=True)


def _deeds(speaker: Speaker, action: Action) -> list[Sentence]:
    """What it does, and where and with what it does it."""
    found = []
    if action.form == "be":
        whole = bool(action.parts) and action.parts[0].kind in ("adjective", "place")
    else:
        alone = action.form == "do" and action.verb in _ALONE and speaker.who.is_animate()
        whole = bool(action.parts) or alone
    if whole and all(speaker.scene.support[head] > 1 for head in _heads(action.parts) & PEOPLE):
        worth = 0.0 if action.form == "be" else 0.3 if action.parts else 0.1
        found.append(Sentence(speaker.waiting_predicate(action), frozenset(content(action)), worth, subject=True))
    for part in action.parts[1:]:
        if _is_place(part) and action.verb not in _TO_A_PLACE:
            found.append(_place(speaker, part, 0.0))
        elif part.words[0] == "with":
            found += _belonging(speaker, part, 0.2)
    return found


def _others(speaker: Speaker, clause: Clause) -> list[Sentence]:
    """What somebody or something else in the picture does."""
    subject, scene = clause.subject, speaker.scene
    if (
        family(subject) == speaker.who.family and subject.words[0] not in ("another", "other")
    ) or "one" in subject.words:
        return []
    if subject.words[0] == "somebody" or (clause.main and max(scene.support[head] for head in subject.heads) < 2):
        return []
    words, about = scene.agreed(subject), {*subject.heads}
    if clause.actions:
        action = clause.actions[0]
        words = (*words, *speaker.predicate(action, subject.plural, min(len(action.parts), 2), own=False))
        about |= content(action)
    elif clause.places and _is_place(clause.places[0]):
        words = (*words, "are" if subject.plural else "is", *speaker.agreed_part(clause.places[0]))
        about |= _heads(clause.places[:1])
    else:
        return []
    return [Sentence(words, frozenset(about), 0.0 if clause.main else 0.1)]


def _things(speaker: Speaker) -> list[Sentence]:
    """The colour of a thing, and things that two captions or more speak of."""
    found, scene = [], speaker.scene
    for nominal in _spoken_of_twice(speaker):
        head, be, agreed = nominal.heads[0], "are" if nominal.plural else "is", scene.agreed(nominal)
        colours = [word for word in agreed if word in COLOURS or word == "and"]
        if {*colours} - {"and"} and head not in scene.several and len(colours) < 4:
            words = ("the", nominal.words[-1], be, *colours)
            found.append(Sentence(words, frozenset({*colours} - {"and"}), 0.3, needs=frozenset({head})))
        if nominal.words[0] in ("a", "an") and not nominal.plural and head not in _ROOM | BODY:
            found.append(Sentence(("there", be, *agreed, "too"), frozenset({head}), 0.1))
    return found


def _spoken_of_twice(speaker: Speaker) -> list[Nominal]:
    scene = speaker.scene
    parts = [part for clause in scene.clauses for action in clause.actions for part in action.parts]
    parts += [part for clause in scene.clauses for part in clause.places]
    nominals = [part.nominal for part in parts if part.nominal is not None and "of" not in part.nominal.words]
    return [nominal for nominal in nominals if len(nominal.heads) == 1 and scene.support[nominal.heads[0]] > 1]
