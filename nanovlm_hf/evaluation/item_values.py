"""What is measured of each text without a judge: a value an item, under the names that `measures.MEASURES` sums up.

    values = TextMeasures(training_texts).values(texts, ended, items)      # {"rouge1_max": [0.42, ...], "words": [...], ...}

`None` stands where a value is not to be had: nothing is said of objects where people said nothing of the picture.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nanovlm_hf.data.text_rules import LENGTHS, words_in
from nanovlm_hf.evaluation.items import Item

Values = dict[str, list[Any]]
GROUNDING = (
    *("right_nats", "wrong_nats", "tokens", "rest_right_nats", "rest_wrong_nats", "rest_tokens"),
    *("right_picture", "right_text", "chance"),
)


class TextMeasures:
    """The measures of one style's texts. They learn the training texts once, for all models.

    Args:
        training_texts: of the style, of the split that models learn from.

    Raises:
        ValueError: there are none.
    """

    def __init__(self, training_texts: Sequence[str]):
        from nanovlm_hf.metrics import load_metric

        self.training_texts = list(training_texts)
        if not self.training_texts:
            raise ValueError(
                "There are no training texts of one of these styles, against which originality and perplexity are "
                "measured. Add a dataset that has them in its training split: --dataset can be repeated."
            )
        self.originality, self.ngrams, self.grammar, self.length, self.diversity = map(
            load_metric, ("originality", "ngram_perplexity", "grammar_errors", "length", "diversity")
        )

    def values(self, texts: Sequence[str], ended: Sequence[bool], items: Sequence[Item]) -> Values:
        """Measures what follows the beginnings.

        Args:
            texts: one an item; beginning + text is the whole.
            ended: whether each ended by itself.
            items: two or more, of the style.

        Raises:
            ValueError: fewer than two items.
        """
        own: dict[str, Any] = {"predictions": list(texts)}
        begun = own | {"beginnings": [item.beginning for item in items]}
        originality = self.originality.compute(**own, training_texts=self.training_texts)["items"]
        ngrams = self.ngrams.compute(**begun, training_texts=self.training_texts)["items"]
        grammar = self.grammar.compute(**begun)["items"]
        bounds = {}
        if lengths := LENGTHS.get(items[0].style):
            bounds = {"min_words": lengths.min_words, "max_words": lengths.max_words}
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
            **self.length.compute(**begun, ended=list(ended), **bounds)["items"],
            "ended": [int(one) for one in ended],
            **self.diversity.compute(**own)["items"],
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
    """Which of the texts, one a picture and written from nothing, are the commonest one."""
    plain = [plain_text(text) for text in texts]
    commonest, _ = Counter(plain).most_common(1)[0]
    return {"is_commonest": [int(text == commonest) for text in plain]}


def plain_text(text: str) -> str:
    """A text's words in lower case: case and punctuation do not make texts differ."""
    return " ".join(words_in(text.lower()))


def grounding_values(rows: Sequence[dict[str, Any]], items: Sequence[Item]) -> Values:
    """What `measure_grounding` found of each item; `None` for pictures that are alone in their source."""
    found = {(row["style"], row["image_id"]): row for row in rows}
    own = [found.get((item.style, item.image_id), {}) for item in items]
    return {name: [row.get(name) for row in own] for name in GROUNDING}
