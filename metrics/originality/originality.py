"""ROUGE-1 originality: how near each text comes to the texts that the model was trained on.

    metric = evaluate.load("metrics/originality")
    metric.compute(predictions=["A dog runs on the sand."], training_texts=["A dog runs.", "The sun is up."])
    # {"rouge1_max": 0.667, "rouge1_mean": 0.424, "items": {...}}

Source: NanoVLMs (arXiv 2502.07838), Figure 8; ROUGE-1 F as in Lin 2004, with rouge-score's tokens, without stemming.
"""

import re
from collections import Counter

import datasets
import evaluate
import numpy as np

BLOCK = 4096  # training texts in the index at a time: its memory is BLOCK bytes for each different word of the texts

CITATION = """\
@inproceedings{lin-2004-rouge,
    title={{ROUGE}: A Package for Automatic Evaluation of Summaries}, author={Lin, Chin-Yew},
    booktitle={Text Summarization Branches Out}, year={2004}, publisher={ACL}}"""


class Originality(evaluate.Metric):
    """Args:
        predictions (list of `str`): the texts as the model wrote them, without the beginnings it was given.
        training_texts (list of `str`): all texts that the model was trained on.

    Returns:
        `rouge1_max`, `rouge1_mean`: means over the texts of the largest and the mean ROUGE-1 F over all training texts.
        items: `rouge1_max`, `rouge1_mean`, and `nearest`, the place in `training_texts` of the first with the largest.

    Raises:
        ValueError: no texts, no training texts, or a text that is None.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation=CITATION,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions, training_texts):
        for name, texts in (("predictions", predictions), ("training_texts", training_texts)):
            if isinstance(texts, str) or not len(texts):
                raise ValueError(f"{name} is {texts!r:.80}. Pass a list of texts.")
            if None in texts:
                raise ValueError(
                    f"{name}[{list(texts).index(None)}] is None. Pass a string; an empty one is scored too."
                )
        largest, mean, nearest = rouge1_against_all(predictions, training_texts)
        return {
            "rouge1_max": float(largest.mean()),
            "rouge1_mean": float(mean.mean()),
            "items": {"rouge1_max": largest.tolist(), "rouge1_mean": mean.tolist(), "nearest": nearest.tolist()},
        }


def occurrences(text: str) -> list[tuple[str, int]]:
    """A text's words, each with how often it came before, so that a set's overlap is a clipped count."""
    seen: Counter[str] = Counter()
    numbered = []
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        numbered.append((word, seen[word]))
        seen[word] += 1
    return numbered


def rouge1_against_all(texts: list[str], training_texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest ROUGE-1 F of each text over all training texts, the mean, and the place of the largest.

    An inverted index says for each word which training texts hold it; the overlaps of a text with all of them are the
    sum of its words' rows. F is 2 overlap / (words + words of the training text), 0 where one has none.
    """
    numbers: dict[tuple[str, int], int] = {}
    rows = [np.array([numbers.setdefault(key, len(numbers)) for key in occurrences(text)], int) for text in texts]
    largest, total, nearest = np.full(len(texts), -1.0), np.zeros(len(texts)), np.zeros(len(texts), int)
    for start in range(0, len(training_texts), BLOCK):
        block = [occurrences(text) for text in training_texts[start : start + BLOCK]]
        lengths = np.array([len(keys) for keys in block])
        index = np.zeros((len(numbers), len(block)), np.uint8)
        for column, keys in enumerate(block):
            index[[numbers[key] for key in keys if key in numbers], column] = 1
        for i, row in enumerate(rows):
            overlap = index[row].sum(axis=0, dtype=np.uint8 if len(row) < 256 else np.uint32)
            f = 2.0 * overlap / np.maximum(lengths + len(row), 1)
            best = int(f.argmax())
            total[i] += f.sum()
            if f[best] > largest[i]:
                largest[i], nearest[i] = f[best], start + best
    return largest, total / len(training_texts), nearest
