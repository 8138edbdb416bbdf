"""Whether a judge can tell good from bad: it scores texts whose order is known before it scores any model.

    validity = check_validity(Path("results"), JudgeSettings("gpt-4o"))
    validity.passed, [told.on_total.format(2) for told in validity.told]

Each of twelve beginnings has a right ending and four damaged ones (`judge_validity.json`). A judge is fit when it gives
the right ending more than each kind of damaged one, in clearly more than half of the pairs.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanovlm_hf.evaluation.judge import JudgeSettings, judge_completions
from nanovlm_hf.evaluation.judgements import Judgement, mean_scores
from nanovlm_hf.evaluation.row_journal import key_of
from nanovlm_hf.evaluation.statistics import Estimate, bootstrap

if TYPE_CHECKING:
    from rich.console import Console

    from nanovlm_hf.evaluation.items import Item

RIGHT = "own"
# What is damaged, as a report says it, and the axis on which it should be seen first.
DAMAGED = {
    "swapped": ("other things than the beginning's", "consistency"),
    "shuffled": ("the words in another order", "grammar"),
    "repeats": ("one sentence again and again", "plot"),
    "cut": ("stops in the middle of a sentence", "plot"),
}
MIN_PAIRS = 8  # of 12: a judge that leaves more of them unscored has shown nothing


@dataclass(frozen=True)
class Told:
    """How often a judge scores the right ending above a damaged one; a tie counts half, chance is 0.5.

    `on_total`, `on_axis`: shares of the pairs that it scored, `None` where there are none. `passed`: the interval of
    `on_total` lies above 0.5.
    """

    variant: str
    damage: str
    axis: str
    on_total: Estimate | None
    on_axis: Estimate | None
    passed: bool


@dataclass(frozen=True)
class Validity:
    """A judge's result. `saw_pictures`: `False` for a judge that sees them where they were not at hand: it was then
    tried without, as `judge` says. `unscored`: of the texts."""

    judge: str
    saw_pictures: bool
    told: tuple[Told, ...]
    texts: int
    unscored: int

    @property
    def passed(self) -> bool:
        return all(told.passed for told in self.told)


def validity_rows() -> list[dict[str, Any]]:
    """The fixed texts as rows of completions; their `model` is the kind of the ending."""
    fixed = json.loads((Path(__file__).parent / "judge_validity.json").read_text(encoding="utf-8"))
    return [
        {
            "key": key_of("validity", fixed["version"], item["image_id"], variant),
            "model": variant,
            "dataset": "judge validity",
            "style": item["style"],
            "image_id": item["image_id"],
            "beginning": item["beginning"],
            "completion": f" {item[variant]}",
        }
        for item in fixed["items"]
        for variant in (RIGHT, *DAMAGED)
    ]


def check_validity(
    folder: Path,
    settings: JudgeSettings,
    items: Iterable["Item"] = (),
    confirm: Callable[[str], bool] = lambda question: True,
    console: "Console | None" = None,
) -> Validity:
    """Has a judge score the fixed texts, or finds the scores that it gave before in `folder`.

    Args:
        items: may have the pictures that the texts are about (COCO's and Flickr8k's of the curated lists). Where one is
            missing, a judge that sees pictures is tried without.

    Raises:
        As `judge_completions`.
    """
    rows, items = validity_rows(), list(items)
    if settings.sees_image and not {row["image_id"] for row in rows} <= {item.image_id for item in items}:
        settings = replace(settings, sees_image=False)
    return validity_of(judge_completions(rows, folder, settings, items, confirm, console), settings.sees_image)


def validity_of(judgements: list[Judgement], saw_pictures: bool) -> Validity:
    """What one judge's judgements of `validity_rows()` show."""
    scores = mean_scores(judgements)
    by_ending = {(one.image_id, one.model): scores.get(one.key) for one in judgements}
    told = []
    for variant, (damage, axis) in DAMAGED.items():
        pairs = []
        for image_id in dict.fromkeys(one.image_id for one in judgements):
            right, damaged = by_ending[image_id, RIGHT], by_ending[image_id, variant]
            if right and damaged:
                pairs.append((right, damaged))
        on_total, on_axis = _share_told(pairs, "total"), _share_told(pairs, axis)
        passed = on_total is not None and on_total.low is not None and on_total.low > 0.5 and len(pairs) >= MIN_PAIRS
        told.append(Told(variant, damage, axis, on_total, on_axis, passed))
    unscored = sum(ending is None for ending in by_ending.values())
    return Validity(judgements[0].judge, saw_pictures, tuple(told), len(by_ending), unscored)


def _share_told(pairs: list[tuple[dict[str, float], dict[str, float]]], axis: str) -> Estimate | None:
    won = [1.0 if right[axis] > damaged[axis] else 0.5 * (right[axis] == damaged[axis]) for right, damaged in pairs]
    return bootstrap(won) if won else None
