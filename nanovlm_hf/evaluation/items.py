"""Held-out items: a picture, the beginning that a model is given, and how the human side went on.

    items = held_out_items(read_datasets(["photos/"])["test"])
    curated_items(items, "short")               # the 25 of Table 3 and Figure 7

Beginnings have 6-7 words (style "short") or 18-20 (style "long"); captions are written from nothing. A beginning ends at
a blank, so that beginning + " " + continuation is the description, letter by letter and token by token.
Source: NanoVLMs, section "Evaluation".
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nanovlm_hf.data.sources import Row, Text
from nanovlm_hf.data.text_rules import words_in

# How many words of a description are given; which of the numbers, a hash of the picture's id says.
BEGINNING_WORDS = {"caption": (0,), "short": (6, 7), "long": (18, 19, 20)}


@dataclass(frozen=True)
class Item:
    """One picture and one text about it, cut in two.

    `continuation` is how the held-out text goes on after `beginning`; `captions` are all that people said of the
    picture; `open_picture()` gives what `load_picture` takes.
    """

    image_id: str
    style: str
    beginning: str
    continuation: str
    captions: tuple[str, ...]
    source: str
    open_picture: Callable[[], Any]

    @property
    def text(self) -> str:
        return f"{self.beginning} {self.continuation}" if self.beginning else self.continuation

    def as_text(self) -> Text:
        return Text(self.style, self.continuation, self.beginning)

    def from_nothing(self) -> "Item":
        """The same text with no beginning given."""
        return replace(self, beginning="", continuation=self.text)


def held_out_items(rows: list[Row], styles: tuple[str, ...] = ("caption", "short", "long")) -> list[Item]:
    """One item for each picture and style, the same on every machine.

    Args:
        rows: pictures with texts, of a split that no model was trained on.
        styles: of the items. Where a picture has several texts of a style, a hash of its id chooses one.

    Raises:
        ValueError: an unknown style, or one of which no picture has a text that is long enough to be cut.
    """
    items = []
    for style in styles:
        if style not in BEGINNING_WORDS:
            raise ValueError(f"style must be one of {', '.join(BEGINNING_WORDS)}; got {style!r}.")
        found = [item for row in rows if (item := _cut(row, style))]
        if not found:
            raise ValueError(
                f"None of the {len(rows)} pictures has a text of the style {style!r} with more than "
                f"{min(BEGINNING_WORDS[style])} words: leave the style out, or pass a dataset with such texts."
            )
        items += found
    return items


def _cut(row: Row, style: str) -> Item | None:
    texts = [" ".join(text.continuation.split()) for text in row.texts if text.style == style and not text.beginning]
    if not texts:
        return None
    number = int.from_bytes(hashlib.sha256(f"{row.image_id} {style}".encode()).digest()[:8], "big")
    text = texts[number % len(texts)]
    beginning, continuation = "", text
    if style != "caption":
        # Blanks with so many words before them, and something after.
        blanks = {len(words_in(text[:place])): place for place, letter in enumerate(text) if letter == " "}
        places = [blanks[count] for count in BEGINNING_WORDS[style] if count in blanks]
        if not places:
            return None
        place = places[number // len(texts) % len(places)]
        beginning, continuation = text[:place], text[place + 1 :]
    return Item(row.image_id, style, beginning, continuation, tuple(row.captions()), row.source, row.open_picture)


def curated_items(items: list[Item], style: str) -> list[Item]:
    """The 25 chosen items of a style ("short" or "long"), in the order of their list.

    Raises:
        ValueError: the items lack some of them, or begin differently: they are of another dataset than the list.
    """
    path = Path(__file__).parent / "curated" / f"{style}.json"
    if not path.exists():
        raise ValueError(f"There are curated items of the styles short and long; got {style!r}.")
    wanted = json.loads(path.read_text(encoding="utf-8"))["items"]
    by_start = {(item.image_id, item.beginning): item for item in items if item.style == style}
    missing = [entry["image_id"] for entry in wanted if (entry["image_id"], entry["beginning"]) not in by_start]
    if missing:
        raise ValueError(
            f"{len(missing)} of the {len(wanted)} curated items are not in this dataset, or begin otherwise (the first: "
            f"picture {missing[0]}): pass the test split that {path.name} was chosen from, or evaluate the whole split."
        )
    return [by_start[entry["image_id"], entry["beginning"]] for entry in wanted]
