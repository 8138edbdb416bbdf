"""What to evaluate: the settings of `nanovlm evaluate`, and the items that they choose."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nanovlm_hf.data.sources import Row
from nanovlm_hf.evaluation.decoding import Decoding
from nanovlm_hf.evaluation.items import BEGINNING_WORDS, Item, curated_items, held_out_items

JUDGED = ("short", "long")  # the paper's two
SEES = ("text", "image")


@dataclass(frozen=True)
class EvaluationSettings:
    """What to evaluate, on what, and how.

    `models`: folders or repositories, see `load_model`. `datasets`: see `read_datasets`; the texts of their training
    split are what originality is measured against. `images`: folders or zips with the pictures, where the datasets come
    without. `styles`: all that the split has, where none is named. `curated`: the 25 chosen items of each description
    style. `limit`: so many pictures, by a hash of their ids. `decoding`: of all models; `None` is each one's own.
    `judges`: models; `judge_sees`: "text" or "image" or both, which is two judges each. `human`: files of the judging
    page; `human_page`: where to write that page. `with_pictures`: in the report; mind their terms before you give it on.
    """

    models: Sequence[str]
    datasets: Sequence[str]
    out: Path
    split: str = "test"
    styles: Sequence[str] = ()
    images: Sequence[Path] = ()
    curated: bool = False
    limit: int | None = None
    decoding: Decoding | None = field(default_factory=Decoding)
    batch_size: int = 64
    judges: Sequence[str] = ()
    judge_sees: Sequence[str] = SEES[:1]
    votes: int = 1
    base_url: str | None = None
    key_variable: str | None = None
    prices: Path | None = None
    human: Sequence[Path] = ()
    human_page: Path | None = None
    with_pictures: bool = True

    def __post_init__(self) -> None:
        if not self.models or len(set(self.models)) < len(self.models):
            raise ValueError(f"Name one or more models, each once; got {', '.join(self.models) or 'none'}.")
        if unknown := set(self.judge_sees) - set(SEES):
            raise ValueError(f"A judge sees {' or '.join(SEES)}; got {', '.join(sorted(unknown))}.")
        if self.limit is not None and self.limit < 2:
            raise ValueError(f"An evaluation compares texts: the limit is 2 or more; got {self.limit}.")

    @property
    def labels(self) -> dict[str, str]:
        """How the results name each model: a folder by as many last parts as tell it from the others."""
        for parts in range(1, 100):
            labels = [_last_parts(name, parts) for name in self.models]
            if len(set(labels)) == len(labels):
                break
        return dict(zip(self.models, labels, strict=True))

    @property
    def data_names(self) -> list[str]:
        """The datasets as results name them: so that no path of a machine travels."""
        return [_last_parts(name) for name in self.datasets]

    @property
    def command(self) -> str:
        """The command that repeats the run, absolute paths by their last part."""
        words = ["nanovlm", "evaluate"]
        repeated: dict[str, Sequence[str | Path]] = {
            "--model": self.models,
            "--dataset": self.datasets,
            "--images": self.images,
            "--out": [self.out],
            "--split": [self.split],
            "--style": self.styles,
            "--judge": self.judges,
            "--judge-sees": self.judge_sees if self.judges else [],
            "--human": self.human,
        }
        for option, values in repeated.items():
            for value in values:
                words += [option, Path(value).name if Path(value).is_absolute() else str(value)]
        words += ["--curated"] if self.curated else []
        words += ["--limit", str(self.limit)] if self.limit else []
        words += ["--votes", str(self.votes)] if self.votes > 1 else []
        if self.decoding is None:
            words += ["--own-decoding"]
        else:
            for (name, value), plain in zip(asdict(self.decoding).items(), asdict(Decoding()).values(), strict=True):
                words += [f"--{name.replace('_', '-')}", str(value)] if value != plain else []
        return shlex.join(words)


def _last_parts(name: str, count: int = 1) -> str:
    return "/".join(Path(name).resolve().parts[-count:]) if Path(name).exists() else name


def choose_items(splits: dict[str, list[Row]], settings: EvaluationSettings) -> tuple[dict[str, list[Item]], int]:
    """The items by style, and how many pictures could not be found.

    Raises:
        ValueError: no such split or style, fewer than two items of a style, or none that a judge can score.
    """
    rows, left_out = splits.get(settings.split, []), 0
    if not rows:
        there = ", ".join(f"{split} ({len(found)})" for split, found in splits.items() if found)
        raise ValueError(f"No picture in the split {settings.split!r}. There are {there}: choose with --split.")
    if settings.images:
        from nanovlm_hf.data.picture_files import find_pictures

        rows, missing = find_pictures(rows, settings.images)
        left_out = len(missing)
    styles = list(dict.fromkeys(settings.styles)) or [
        style
        for style in BEGINNING_WORDS
        if any(text.style == style for row in rows for text in row.texts) and (style in JUDGED or not settings.curated)
    ]
    items: dict[str, list[Item]] = {}
    for style in styles:
        found = held_out_items(rows, (style,))
        if settings.curated:
            found = curated_items(found, style)
        if settings.limit:
            kept = {item.image_id for item in in_hash_order(found)[: settings.limit]}
            found = [item for item in found if item.image_id in kept]
        if len(found) < 2:
            raise ValueError(f"{len(found)} items of the style {style!r}. An evaluation compares texts: two or more.")
        items[style] = found
    if not items:
        raise ValueError(f"The split {settings.split!r} has no captions, short or long texts to hold models against.")
    if (settings.judges or settings.human or settings.human_page) and not items.keys() & set(JUDGED):
        raise ValueError(f"Judges score completions of the styles {' and '.join(JUDGED)}; got {', '.join(items)}.")
    return items, left_out


def in_hash_order(items: list[Item]) -> list[Item]:
    """An order that has nothing to do with what the pictures show, and is the same on every machine."""
    return sorted(items, key=lambda item: hashlib.sha256(item.image_id.encode()).digest())
