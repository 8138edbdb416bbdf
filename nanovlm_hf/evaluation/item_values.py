"""What is measured of each text without a judge: a value an item, under the names that `measures.MEASURES` sums up.

    values = text_values(texts, items, training_texts)             # {"rouge1_max": [0.42, ...], "ngram_nats": [...], ...}

`None` stands where a value is not to be had: nothing is said of objects where people said nothing of the picture.
"""

from collections.abc import Sequence
from typing import Any

from nanovlm_hf.data.text_rules import LENGTHS, words_in
from nanovlm_hf.evaluation.grounding import repeats
from nanovlm_hf.evaluation.items import Item

Values = dict[str, list[Any]]


def text_values(
    texts: Sequence[str], ended: Sequence[bool], items: Sequence[Item], training_texts: Sequence[str]
) -> Values:
    """Measures what follows the beginnings.

    Args:
        texts: one an item; beginning + text is the whole.
        ended: whether each ended by itself.
        items: two or more, of one style.
        training_texts: of that style, of the split that models learn from.

    Raises:
        ValueError: fewer than two items, or no training texts.
    """
    from nanovlm_hf.metrics import load_metric

    texts, beginnings, style = list(texts), [item.beginning for item in items], items[0].style
    training_texts = list(training_texts)
    originality = load_metric("originality").compute(predictions=texts, training_texts=training_texts)["items"]
    ngrams = load_metric("ngram_perplexity").compute(
        predictions=texts, training_texts=training_texts, beginnings=beginnings
    )["items"]
    grammar = load_metric("grammar_errors").compute(predictions=texts, beginnings=beginnings)["items"]
    bounds = {}
    if style in LENGTHS:
        bounds = {"min_words": LENGTHS[style].min_words, "max_words": LENGTHS[style].max_words}
    length = load_metric("length").compute(predictions=texts, beginnings=beginnings, ended=list(ended), **bounds)
    return {
        "rouge1_max": originality["rouge1_max"],
        "rouge1_mean": originality["rouge1_mean"],
        "nearest_training_text": originality["nearest"],
        "ngram_nats": ngrams["nats"],
        "ngram_tokens": ngrams["tokens"],
        "unknown_tokens": ngrams["unknown_tokens"],
        "grammar_errors": grammar["errors"],
        "hundred_words": grammar["hundred_words"],
        "texts_with_errors": grammar["texts_with_errors"],
        **length["items"],
        "ended": [int(one) for one in ended],
        **load_metric("diversity").compute(predictions=texts)["items"],
    }


def caption_values(texts: Sequence[str], items: Sequence[Item], are_theirs: bool = False) -> Values:
    """Measures texts against what people said of the pictures; `None` for pictures without captions.

    Args:
        are_theirs: the texts are the items' own: a caption is then not held against itself.
    """
    from nanovlm_hf.metrics import load_metric

    style = items[0].style
    references = [list(item.captions) for item in items]
    if are_theirs and style == "caption":
        references = [[text for text in item.captions if text != item.text] for item in items]
    known = [index for index, captions in enumerate(references) if captions]
    if len(known) < 2:
        return {}
    arguments = {"predictions": [texts[i] for i in known], "references": [references[i] for i in known]}
    beginnings = [items[i].beginning for i in known]
    objects = load_metric("chair").compute(**arguments, beginnings=beginnings)
    values = {**objects["items"], "hallucinated_words": objects["hallucinated_words"]}
    if style == "caption":
        scores = load_metric("caption_scores").compute(**arguments)["items"]
        values |= {"cider": scores["cider"], "bleu4_counts": scores["bleu4_counts"]}
    spread: Values = {name: [None] * len(items) for name in values}
    for name, column in values.items():
        for place, value in zip(known, column, strict=True):
            spread[name][place] = value
    return spread


def repeat_values(texts: Sequence[str]) -> Values:
    """Which of the texts, written from nothing, are the commonest one."""
    commonest = repeats(list(texts)).commonest
    return {"is_commonest": [int(" ".join(words_in(text.lower())) == commonest) for text in texts]}


def grounding_values(rows: Sequence[dict[str, Any]], items: Sequence[Item]) -> Values:
    """What `measure_grounding` found, as sums of nats; `None` for pictures that are alone in their source."""
    found = {(row["style"], row["image_id"]): row for row in rows}
    values: Values = {}
    for item in items:
        row = found.get((item.style, item.image_id))
        nats = {}
        if row:
            nats = {
                "right_nats": row["loss"] * row["tokens"],
                "wrong_nats": row["shuffled_loss"] * row["tokens"],
                "tokens": row["tokens"],
                "rest_right_nats": row["rest_loss"] * row["rest_tokens"],
                "rest_wrong_nats": row["rest_shuffled_loss"] * row["rest_tokens"],
                "rest_tokens": row["rest_tokens"],
                "right_picture": row["right_picture"],
                "right_text": row["right_text"],
                "chance": 1 / row["candidates"],
            }
        for name in GROUNDING:
            values.setdefault(name, []).append(nats.get(name))
    return values


GROUNDING = (
    *("right_nats", "wrong_nats", "tokens", "rest_right_nats", "rest_wrong_nats", "rest_tokens"),
    *("right_picture", "right_text", "chance"),
)
