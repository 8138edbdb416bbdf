"""How long texts are, and whether they end: words, finished sentences, and texts of the length that was asked for.

    metric = evaluate.load("metrics/length")
    metric.compute(predictions=["in the park. It is"], beginnings=["A dog runs"], min_words=20, max_words=25)

Source: the lengths of ShortDesc and LongDesc in NanoVLMs (arXiv 2502.07838), "Data". Words are runs of letters, digits,
apostrophes and hyphens; a sentence ends with ".", "!" or "?" and the quotes or brackets after it.
"""

import re

import datasets
import evaluate

CITATION = """\
@article{nanovlms2025,
    title={{NanoVLMs}: How small can we go and still make coherent Vision Language Models?},
    journal={arXiv preprint arXiv:2502.07838}, year={2025}}"""


class Length(evaluate.Metric):
    """Args:
        predictions (list of `str`): the texts as the model wrote them.
        beginnings (list of `str`, *optional*): what each of them continues. All but `words` is said of the whole text,
            and of its sentences those count that the prediction ends or leaves open.
        ended (list of `bool`, *optional*): whether the model stopped by itself. Without it, a text that closes its last
            sentence is taken to have ended.
        min_words, max_words (`int`, *optional*): the length asked for of a whole text, both included.

    Returns:
        `words`: the mean number of words of a prediction, without its beginning.
        `finished_texts`: the share of texts that close their last sentence; an empty one does not.
        `finished_sentences`: closed sentences over all sentences.
        `ended_in_length`: the share that ended by themselves with a number of words asked for; only with both bounds.
        items: `words`, `finished_texts`, `ended_in_length` (0 or 1), `sentences`, `closed_sentences`.
        ratios: `finished_sentences` is `closed_sentences` over `sentences`.

    Raises:
        ValueError: no texts, one that is None, lists of other lengths, one bound without the other.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation=CITATION,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions, beginnings=None, ended=None, min_words=None, max_words=None):
        check(predictions, beginnings=beginnings, ended=ended)
        if (min_words is None) != (max_words is None):
            raise ValueError(f"min_words is {min_words} and max_words is {max_words}. Pass both, or none.")
        beginnings = beginnings or [""] * len(predictions)
        whole = [f"{beginning} {text}" for beginning, text in zip(beginnings, predictions, strict=True)]
        given = [sum(map(is_closed, sentences_in(beginning))) for beginning in beginnings]
        sentences = [sentences_in(text) for text in whole]
        items = {
            "words": [len(words_in(text)) for text in predictions],
            "finished_texts": [int(bool(own) and is_closed(own[-1])) for own in sentences],
            "sentences": [len(own) - before for own, before in zip(sentences, given, strict=True)],
            "closed_sentences": [
                sum(map(is_closed, own)) - before for own, before in zip(sentences, given, strict=True)
            ],
        }
        if min_words is not None:
            items["ended_in_length"] = [
                int(bool(stopped) and min_words <= len(words_in(text)) <= max_words)
                for stopped, text in zip(items["finished_texts"] if ended is None else ended, whole, strict=True)
            ]
        means = [name for name in items if name not in ("sentences", "closed_sentences")]
        return {
            **{name: sum(items[name]) / len(predictions) for name in means},
            "finished_sentences": sum(items["closed_sentences"]) / max(1, sum(items["sentences"])),
            "items": items,
            "ratios": {"finished_sentences": ["closed_sentences", "sentences"]},
        }


def check(predictions, **others):
    if not predictions:
        raise ValueError("No predictions. Pass the texts to score, a string each.")
    if None in predictions:
        raise ValueError(f"predictions[{predictions.index(None)}] is None. Pass a string; an empty one is a text too.")
    for name, values in others.items():
        if values is not None and len(values) != len(predictions):
            raise ValueError(f"{len(predictions)} predictions and {len(values)} {name}. Pass one for each.")


def words_in(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9'-]+", text)


def sentences_in(text: str) -> list[str]:
    """The sentences of a text, each with its closing mark; what follows the last mark counts as one."""
    pieces = re.findall(r"[^.!?]*[.!?]+[\"')]*|[^.!?]+$", text)
    return [piece.strip() for piece in pieces if words_in(piece)]


def is_closed(sentence: str) -> bool:
    return sentence.rstrip("\"')")[-1:] in {".", "!", "?"}
