"""Does a model look? The same texts under the right picture and under wrong ones.

    rows = measure_grounding(load_model("checkpoints/nanovlm-base"), items, Path("results"))
    figures_of(grounding_values(rows, items))["gap"].estimate.format()           # of items of one style; nats per token

Fluent text needs no picture, and loss alone does not tell who looks. A wrong picture is always of the same source, so
that a model cannot win by telling data sets apart. Source: none of this is in the NanoVLMs paper, whose judge saw no image.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from nanovlm_hf.evaluation.completions import picture_hashes
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.models import Completer
from nanovlm_hf.evaluation.row_journal import RowJournal, key_of
from nanovlm_hf.training.validation import wrong_pictures

PROTOCOL = 1  # to be raised when likelihoods are computed in another way
JOURNAL = "likelihoods.jsonl"
DERANGEMENTS = 5  # wrong pictures of a text, for the gap
CHOICES = 9  # wrong pictures beside the right one of a text; wrong texts beside the right one of a picture
PRIOR = 30  # other pictures that tell how likely a text is anyway


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
        A row an item whose source has other pictures: style, image_id; right_nats and wrong_nats (-log p of the text with
        its own picture, and its mean over five wrong ones), tokens; rest_right_nats, rest_wrong_nats, rest_tokens (of what
        follows the beginning); right_picture, right_text (1 where found, a share where several are equally good) and
        chance (what a blind model reaches in both).

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
                "style": items[index].style,
                "image_id": items[index].image_id,
                "right_nats": -scores[index][0],
                "wrong_nats": -float(whole),
                "tokens": int(tokens),
                "rest_right_nats": -scores[index][1],
                "rest_wrong_nats": -float(rest),
                "rest_tokens": int(rest_tokens),
                "right_picture": _found(pictures),
                "right_text": _found(texts),
                "chance": 1 / len(pictures),
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
