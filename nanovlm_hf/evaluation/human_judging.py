"""Scoring by hand: a page for a person, and its file read as judgements like those of a language model.

    write_judging_page(rows, Path("results/judging.html"))                   # rows of completions
    read_human_judgements(Path("scores-anna-1f0c4a2e.json"), rows)

The page is one HTML file that asks nothing of the network: blind to who wrote, shuffled, made for the keyboard. It keeps
what was scored in the browser and gives it out as JSON.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanovlm_hf.evaluation.judge import picture_data_url
from nanovlm_hf.evaluation.judge_prompts import EXERCISE, HIGHEST, PROMPT_VERSION, SCALE, axes_for
from nanovlm_hf.evaluation.judgements import ROW_FIELDS, Judgement, judge_name
from nanovlm_hf.evaluation.row_journal import key_of
from nanovlm_hf.files import write_atomically

if TYPE_CHECKING:
    from nanovlm_hf.evaluation.items import Item


def write_judging_page(
    rows: Sequence[Mapping[str, Any]], path: Path, items: Iterable["Item"] | None = None, seed: int = 0
) -> int:
    """Writes the page with every different text of some rows.

    Args:
        rows: of completions, of any models.
        path: of the HTML file.
        items: their pictures are then shown, inside the file, and grounding is scored too. Mind the pictures' terms
            before you give the file on.
        seed: of the order.

    Returns:
        How many texts are to be scored.

    Raises:
        ValueError: no rows, or one whose picture no item has. FileNotFoundError: a picture that is not there.
    """
    if not rows:
        raise ValueError("There are no completions to be scored: complete some first.")
    sees_image = items is not None
    shown: dict[str, dict[str, str]] = {}
    for row in rows:
        text = {"id": _text_id(row, sees_image), "beginning": row["beginning"], "completion": row["completion"]}
        shown[text["id"]] = text | ({"picture": row["image_id"]} if sees_image else {})
    texts = sorted(shown.values(), key=lambda text: text["id"])
    random.Random(seed).shuffle(texts)
    see = "You see the picture." if sees_image else "You don't see the picture: don't guess what is in it."
    data = {
        "page": key_of(PROMPT_VERSION, sees_image, [text["id"] for text in texts]),
        "sees_image": sees_image,
        "prompt_version": PROMPT_VERSION,
        "highest": HIGHEST,
        "guide": [EXERCISE, see, *SCALE],
        "axes": [{"name": name, "question": question} for name, question in axes_for(sees_image).items()],
        "items": texts,
        "pictures": _picture_urls(rows, items) if items is not None else {},
    }
    template = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    # No text can end the script that holds it.
    write_atomically(path, template.replace("{{data}}", json.dumps(data).replace("<", "\\u003c")))
    return len(texts)


def _picture_urls(rows: Sequence[Mapping[str, Any]], items: Iterable["Item"]) -> dict[str, str]:
    by_id = {item.image_id: item for item in items}
    wanted = {row["image_id"] for row in rows}
    if missing := sorted(wanted - by_id.keys()):
        raise ValueError(
            f"{len(missing)} of {len(wanted)} pictures are not among the items (the first: {missing[0]}). Pass the items "
            "that were completed, or write the page without pictures."
        )
    return {image_id: picture_data_url(by_id[image_id].open_picture()) for image_id in wanted}


def _text_id(row: Mapping[str, Any], sees_image: bool) -> str:
    """Says nothing of the model; texts that several wrote alike are scored once."""
    return key_of("human", row["beginning"], row["completion"], row["image_id"] if sees_image else None)


def read_human_judgements(path: Path, rows: Sequence[Mapping[str, Any]]) -> list[Judgement]:
    """Reads the file that the page gave out.

    Args:
        path: of the JSON file.
        rows: of the completions; those that came later are unscored.

    Returns:
        A judgement for each row, in their order, as `judge_completions` gives them. The judge is the person's name.

    Raises:
        FileNotFoundError: no such file. ValueError: not such a file, scores that are none, or it is of other texts.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Pass the JSON file that the judging page gave out.")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        rater, sees_image, version = saved["rater"], saved["sees_image"], saved["prompt_version"]
        scored: dict[str, dict[str, int]] = {id: dict(scores) for id, scores in saved["scores"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: not a file of the judging page ({error!r}). Download it again from the page."
        ) from None
    axes = list(axes_for(sees_image))
    for id, scores in scored.items():
        for axis, score in scores.items():
            if axis not in axes or type(score) is not int or score not in range(HIGHEST + 1):
                raise ValueError(f"{path}: {axis} of text {id} is {score!r}; scores go from 0 to {HIGHEST}.")
    if not any(_text_id(row, sees_image) in scored for row in rows):
        raise ValueError(
            f"{path}: it has none of these {len(rows)} completions. Pass the rows that its page was made of."
        )
    judgements = []
    for row in rows:
        scores = scored.get(_text_id(row, sees_image), {})
        missing = [axis for axis in axes if axis not in scores]
        judgements.append(
            Judgement(
                **{name: row[name] for name in ROW_FIELDS},
                judge=judge_name(rater, sees_image),
                prompt_version=version,
                vote=0,
                scores=None if missing else {axis: scores[axis] for axis in axes},
                reason=f"not scored by hand: {', '.join(missing)}" if missing else "",
            )
        )
    return judgements
