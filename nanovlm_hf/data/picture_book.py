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

from nanovlm_hf.data.text_rules import words_in

from .picture_book_drawing import SIZE, draw_scene
from .picture_book_words import (
    CAPTIONS,
    CAPTIONS_WITH,
    COLOURS,
    ENDINGS,
    EXTRAS,
    LIKE,
    OPENINGS,
    OPENINGS_WITH,
    PLACES,
    SAYS_COLOUR,
    SAYS_SIDE,
    SAYS_SIZE,
    SIDES,
    THINGS,
    THINGS_IN_WORDS,
)

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
        name = rng.choice(THINGS_IN_WORDS[thing].places)
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
        thing, place = THINGS_IN_WORDS[self.thing], PLACES[self.place]
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
            if fresh and words[0] <= len(words_in(" ".join(text))) <= words[1]:
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
        says = THINGS_IN_WORDS[self.thing].says
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
