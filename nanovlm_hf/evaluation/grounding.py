"""Does a model look? The same texts under the right picture and under wrong ones.

    rows = measure_grounding(load_model("checkpoints/nanovlm-base"), items, Path("results"))
    summarise(rows)["short"].gap.format()                     # "0.213 [0.190, 0.236], n=568" nats per token

Fluent text needs no picture, and loss alone does not tell who looks. A wrong picture is always of the same source, so
that a model cannot win by telling data sets apart. Source: none of this is in the NanoVLMs paper, whose judge saw no image.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nanovlm_hf.data.text_rules import words_in
from nanovlm_hf.evaluation.completions import picture_hashes
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.models import Completer
from nanovlm_hf.evaluation.row_journal import RowJournal, key_of
from nanovlm_hf.evaluation.statistics import Estimate, bootstrap
from nanovlm_hf.training.validation import wrong_pictures

PROTOCOL = 1  # to be raised when likelihoods are computed in another way
JOURNAL = "likelihoods.jsonl"
DERANGEMENTS = 5  # wrong pictures of a text, for the gap
CHOICES = 9  # wrong pictures beside the right one of a text; wrong texts beside the right one of a picture
PRIOR = 30  # other pictures that tell how likely a text is anyway
TEXT_COLUMNS = ("model", "revision", "style", "image_id", "source")


class Grounding(NamedTuple):
    """Of one style; `n` is in each figure.

    `loss`, `shuffled_loss`: nats per token of whole texts, with the right picture and with wrong ones; `gap` is their
    difference, `gap_after_beginning` that of what follows the beginnings. `right_picture`: how often the right picture
    makes a text likelier than 9 wrong ones do. `right_text`: how often the right text gains most of 10 by a picture.
    `chance` is what a blind model reaches in both.
    """

    loss: Estimate
    shuffled_loss: Estimate
    gap: Estimate
    gap_after_beginning: Estimate
    right_picture: Estimate
    right_text: Estimate
    chance: float


class Repeats(NamedTuple):
    """`share` of the pictures that the commonest text serves, and how many texts are `distinct`."""

    commonest: str
    share: Estimate
    distinct: int


def measure_grounding(
    model: Completer, items: list[Item], folder: Path, seed: int = 0, show_progress: bool = True
) -> list[dict[str, Any]]:
    """Scores every text with its own picture and with 39 of the same source.

    Args:
        model: from `load_model`.
        items: one a picture and style.
        folder: of the results; likelihoods are kept in its `likelihoods.jsonl`, picture by picture.
        seed: of the wrong pictures.

    Returns:
        A row an item whose source has other pictures: style, image_id, source, tokens, loss, shuffled_loss (nats per
        token), rest_tokens, rest_loss, rest_shuffled_loss (of what follows the beginning), right_picture, right_text
        (1 where found, a share where several are equally good) and candidates.

    Raises:
        ValueError: two items of one style and picture, or no two pictures of one source.
    """
    others = _others(items, seed)
    likelihoods = _likelihoods(model, items, others, folder, show_progress)
    near_texts = defaultdict(list)  # of a picture: the texts that have it among their choices
    for index, wrong in others.items():
        for other in wrong[:CHOICES]:
            near_texts[other].append(index)

    def gain(text: int, picture: int) -> float:
        """log p(text | picture) less its mean over other pictures, which takes length and commonness out."""
        prior = others[text][CHOICES : CHOICES + PRIOR]
        prior = prior if len(prior) == PRIOR else others[text][-PRIOR:]  # few pictures: they serve for both
        return likelihoods[text][picture][0] - sum(likelihoods[text][other][0] for other in prior) / len(prior)

    rows = []
    for index, wrong in others.items():
        scores = likelihoods[index]
        _, _, tokens, rest_tokens = scores[index]
        whole, rest = np.mean([scores[other][:2] for other in wrong[:DERANGEMENTS]], axis=0)
        pictures = [scores[picture][0] for picture in [index, *wrong[:CHOICES]]]
        texts = [gain(text, index) for text in [index, *near_texts[index]]]
        rows.append(
            {
                "model": model.name,
                "revision": model.revision,
                "style": items[index].style,
                "image_id": items[index].image_id,
                "source": items[index].source,
                "tokens": int(tokens),
                "loss": -scores[index][0] / tokens,
                "shuffled_loss": -whole / tokens,
                "rest_tokens": int(rest_tokens),
                "rest_loss": -scores[index][1] / rest_tokens,
                "rest_shuffled_loss": -rest / rest_tokens,
                "right_picture": _found(pictures),
                "right_text": _found(texts),
                "candidates": len(pictures),
            }
        )
    return rows


def _others(items: list[Item], seed: int) -> dict[int, list[int]]:
    """For each item, the items of the same style and source whose pictures serve as its wrong ones."""
    counts = Counter((item.style, item.image_id) for item in items)
    (style, image_id), most = counts.most_common(1)[0]
    if most > 1:
        raise ValueError(f"Picture {image_id} has {most} items of the style {style!r}: give one for each style.")
    others: dict[int, list[int]] = {}
    sources = [item.source for item in items]
    for style in sorted({item.style for item in items}):
        alike = [index for index, item in enumerate(items) if item.style == style]
        wrong = wrong_pictures(sources, alike, seed, CHOICES + PRIOR)
        others.update((index, wrong[index]) for index in alike if wrong[index])
    if not others:
        raise ValueError(f"{len(items)} items, and no two pictures of one source: there is no wrong picture to try.")
    return others


def _likelihoods(
    model: Completer, items: list[Item], others: dict[int, list[int]], folder: Path, show_progress: bool
) -> dict[int, dict[int, list[float]]]:
    """[text][picture] -> log p of the whole and of the rest, tokens of the whole and of the rest."""
    from rich.progress import Progress

    texts_of = defaultdict(list)  # of a picture, by image_id: (text, the item of its style that has this picture)
    for index, wrong in others.items():
        for picture in [index, *wrong]:
            texts_of[items[picture].image_id].append((index, picture))
    hashes = picture_hashes(items[index] for index in others)
    first = {items[index].image_id: items[index] for index in others}
    results: dict[int, dict[int, list[float]]] = defaultdict(dict)
    with RowJournal(folder / JOURNAL) as journal, Progress(disable=not show_progress) as progress:
        for image_id, pairs in progress.track(texts_of.items(), description=f"Grounding of {model.name}"):
            texts = [items[index].as_text() for index, _ in pairs]
            about = [[text.style, text.beginning, text.continuation] for text in texts]
            key = key_of("likelihoods", PROTOCOL, model.fingerprint, hashes[image_id], about)
            if key not in journal.rows:
                scored = np.stack(model.log_likelihood(first[image_id].open_picture(), texts), axis=1)
                row = {"key": key, "model": model.name, "revision": model.revision, "image_id": image_id}
                journal.add([{**row, "likelihoods": scored.tolist()}])
            for (index, picture), scores in zip(pairs, journal.rows[key]["likelihoods"], strict=True):
                results[index][picture] = scores
    return results


def _found(scores: list[float]) -> float:
    """1 if the first is the best, 0 if not; among equals it wins its share, so that a blind model stays at chance."""
    best = max(scores)
    return (scores[0] == best) / scores.count(best)


def summarise(rows: list[dict[str, Any]], seed: int = 0) -> dict[str, Grounding]:
    """The figures of each style, with intervals over items. Means per token weigh an item by its tokens."""
    result = {}
    for style in sorted({row["style"] for row in rows}):
        of_style = [row for row in rows if row["style"] == style]
        column = {name: np.array([row[name] for row in of_style]) for name in of_style[0] if name not in TEXT_COLUMNS}
        tokens, rest_tokens = column["tokens"], column["rest_tokens"]
        rest_gap = column["rest_shuffled_loss"] - column["rest_loss"]
        result[style] = Grounding(
            loss=bootstrap(column["loss"], tokens, seed),
            shuffled_loss=bootstrap(column["shuffled_loss"], tokens, seed),
            gap=bootstrap(column["shuffled_loss"] - column["loss"], tokens, seed),
            gap_after_beginning=bootstrap(rest_gap, rest_tokens, seed),
            right_picture=bootstrap(column["right_picture"], seed=seed),
            right_text=bootstrap(column["right_text"], seed=seed),
            chance=float((1 / column["candidates"]).mean()),
        )
    return result


def repeats(texts: list[str], seed: int = 0) -> Repeats:
    """How often one text serves several pictures; case and punctuation do not make texts differ.

    Args:
        texts: one a picture, written from nothing ([`~items.Item.from_nothing`]): given beginnings differ anyway.
    """
    plain = [" ".join(words_in(text.lower())) for text in texts]
    counts = Counter(plain)
    commonest, _ = counts.most_common(1)[0]
    return Repeats(commonest, bootstrap([text == commonest for text in plain], seed=seed), len(counts))
