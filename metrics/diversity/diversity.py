"""How much a set of texts differs within itself: distinct-n, self-BLEU, and 4-grams repeated inside a text.

    metric = evaluate.load("metrics/diversity")
    metric.compute(predictions=["A dog runs on the sand.", "A cat sleeps on the roof."])

Sources: distinct-n, Li et al. 2016; self-BLEU, Zhu et al. 2018 (Texygen), with sacrebleu's BLEU-4; repeated n-grams,
Welleck et al. 2020 (seq-rep-4). Words are this package's own, in lower case.
"""

import re
from bisect import bisect_left
from collections import Counter

import datasets
import evaluate
from sacrebleu.metrics import BLEU

LONGEST = 4
Gram = tuple[str, ...]

CITATION = """\
@inproceedings{li-2016-diversity,
    title={A Diversity-Promoting Objective Function for Neural Conversation Models},
    author={Li, Jiwei and Galley, Michel and Brockett, Chris and Gao, Jianfeng and Dolan, Bill},
    booktitle={NAACL}, year={2016}}
@inproceedings{zhu2018texygen,
    title={Texygen: A Benchmarking Platform for Text Generation Models},
    author={Zhu, Yaoming and Lu, Sidi and Zheng, Lei and Guo, Jiaxian and Zhang, Weinan and Wang, Jun and Yu, Yong},
    booktitle={SIGIR}, year={2018}}
@inproceedings{welleck2020neural,
    title={Neural Text Generation With Unlikelihood Training},
    author={Welleck, Sean and Kulikov, Ilia and Roller, Stephen and Dinan, Emily and Cho, Kyunghyun and Weston, Jason},
    booktitle={ICLR}, year={2020}}"""


class Diversity(evaluate.Metric):
    """Args:
        predictions (list of `str`): texts of one model, in one style.

    Returns:
        `distinct_1` to `distinct_4`: different n-grams of all texts together over all their n-grams, 0 to 1. They fall
        as texts are added: compare sets of one size.
        `self_bleu`: the mean over texts of BLEU-4 against all the others, 0 to 100; high where texts are alike. It
        rises as texts are added.
        `repeated_4grams`: the mean over texts of the share of a text's 4-grams that stand in it before, 0 to 1.
        items: `self_bleu`, `repeated_4grams`; and for n = 1 to 4 `distinct_n`, in which each of a text's n-grams counts
        1 / how often it stands in all texts, and `ngrams_n`, their number.
        ratios: `distinct_n` is the sum of the items `distinct_n` over that of `ngrams_n`.

    Raises:
        ValueError: fewer than two texts, or one that is None.
    """

    def _info(self):
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation=CITATION,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions):
        if len(predictions) < 2:
            raise ValueError(f"{len(predictions)} predictions. Diversity compares texts: pass two or more.")
        if None in predictions:
            raise ValueError(
                f"predictions[{predictions.index(None)}] is None. Pass a string; an empty one is a text too."
            )
        texts = [re.findall(r"[A-Za-z0-9'-]+", text.lower()) for text in predictions]
        figures, items, ratios = {}, {}, {}
        for n in range(1, LONGEST + 1):
            grams = [ngrams(words, n) for words in texts]
            frequency = sum_counts(grams)
            items[f"distinct_{n}"] = [sum((k / frequency[gram] for gram, k in own.items()), 0.0) for own in grams]
            items[f"ngrams_{n}"] = [own.total() for own in grams]
            figures[f"distinct_{n}"] = len(frequency) / max(1, frequency.total())
            ratios[f"distinct_{n}"] = [f"distinct_{n}", f"ngrams_{n}"]
        items["self_bleu"] = self_bleu(texts)
        items["repeated_4grams"] = [repeated_share(ngrams(words, 4)) for words in texts]
        for name in ("self_bleu", "repeated_4grams"):
            figures[name] = sum(items[name]) / len(texts)
        return {**figures, "items": items, "ratios": ratios}


def ngrams(words: list[str], n: int) -> Counter[Gram]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def sum_counts(counts: list[Counter[Gram]]) -> Counter[Gram]:
    total: Counter[Gram] = Counter()
    for count in counts:
        total.update(count)
    return total


def repeated_share(grams: Counter[Gram]) -> float:
    """The share of n-grams that stand in the text before; 0 for a text too short to have one."""
    return 1 - len(grams) / grams.total() if grams else 0.0


def self_bleu(texts: list[list[str]]) -> list[float]:
    """BLEU-4 of each text against all the others, 0 to 100, as sacrebleu gives it for a sentence; 0 for an empty text.

    Linear in the number of texts: an n-gram is clipped at the largest count that another text has, which is the
    largest of all, or the second largest for the text that has the largest.
    """
    found, totals = [[0] * LONGEST for _ in texts], [[0] * LONGEST for _ in texts]
    for n in range(1, LONGEST + 1):
        grams = [ngrams(words, n) for words in texts]
        largest: dict[Gram, tuple[int, int, int]] = {}  # the largest count, whose it is, the largest of the others
        for i, own in enumerate(grams):
            for gram, k in own.items():
                first, owner, second = largest.get(gram, (0, -1, 0))
                largest[gram] = (k, i, first) if k > first else (first, owner, max(second, k))
        for i, own in enumerate(grams):
            totals[i][n - 1] = own.total()
            for gram, k in own.items():
                first, owner, second = largest[gram]
                found[i][n - 1] += min(k, second if owner == i else first)
    nearest = nearest_lengths([len(words) for words in texts])
    return [
        BLEU.compute_bleu(found[i], totals[i], len(words), nearest[i], smooth_method="exp", effective_order=True).score
        for i, words in enumerate(texts)
    ]


def nearest_lengths(lengths: list[int]) -> list[int]:
    """For each length the nearest of the others, the shorter one of two that are equally near."""
    ordered = sorted(lengths)
    nearest = []
    for length in lengths:
        place = bisect_left(ordered, length)
        others = ordered[max(0, place - 1) : place] + ordered[place + 1 : place + 2]
        nearest.append(min(others, key=lambda other: (abs(other - length), other)))
    return nearest
