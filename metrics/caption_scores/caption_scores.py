"""CIDEr and BLEU-4 of captions against the captions that people wrote of the same pictures.

    metric = evaluate.load("metrics/caption_scores")
    metric.compute(predictions=["A dog runs."], references=[["A brown dog runs.", "The dog is running."]])

Sources: CIDEr, Vedantam et al. 2015, as pycocoevalcap computes it (CIDEr-D: clipped, with a length penalty, 0 to 10);
BLEU, Papineni et al. 2002, as sacrebleu computes it (0 to 100). Words are this package's own, in lower case.
"""

import math
import re
from collections import Counter

import datasets
import evaluate
from sacrebleu.metrics import BLEU

LONGEST = 4  # n-grams of 1 to 4 words, in both
SIGMA = 6.0  # of the length penalty, in words

CITATION = """\
@inproceedings{vedantam2015cider,
    title={{CIDEr}: Consensus-based image description evaluation},
    author={Vedantam, Ramakrishna and Zitnick, C. Lawrence and Parikh, Devi}, booktitle={CVPR}, year={2015}}
@inproceedings{papineni-2002-bleu,
    title={{B}leu: a method for automatic evaluation of machine translation},
    author={Papineni, Kishore and Roukos, Salim and Ward, Todd and Zhu, Wei-Jing}, booktitle={ACL}, year={2002}}
@inproceedings{post-2018-call,
    title={A Call for Clarity in Reporting {BLEU} Scores}, author={Post, Matt}, booktitle={WMT}, year={2018}}"""


class CaptionScores(evaluate.Metric):
    """Args:
        predictions (list of `str`): one caption for each picture.
        references (list of lists of `str`): the captions by people of the same pictures, one or more each.

    Returns:
        `cider`: the mean over pictures. It weighs words by how few pictures' references have them, so it depends on the
        set of pictures: compare models on the same set.
        `bleu4`: of the whole set, from its summed n-gram counts (not a mean over pictures).
        items: `cider`; `sentence_bleu4` of the one caption, without the lengths of n-grams that it is too short for;
        `bleu4_counts`, from which any set's `bleu4` follows: 4 numbers of n-grams found, 4 of n-grams, its words, the
        nearest reference's words.

    Raises:
        ValueError: fewer than two pictures, other lengths, a text that is None, a picture without references.
    """

    def _info(self):
        features = {"predictions": datasets.Value("string"), "references": datasets.Sequence(datasets.Value("string"))}
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation=CITATION,
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references):
        if len(predictions) < 2:
            raise ValueError(f"{len(predictions)} predictions. CIDEr compares pictures: pass two or more.")
        for i, (prediction, captions) in enumerate(zip(predictions, references, strict=True)):
            if prediction is None or not captions or None in captions:
                raise ValueError(
                    f"Picture {i} has the caption {prediction!r} and the references {captions!r}. Pass texts."
                )
        candidates = [words_of(text) for text in predictions]
        captions = [[words_of(text) for text in texts] for texts in references]
        ciders = cider(candidates, captions)
        bleus, counts = sentence_bleu4(candidates, captions)
        return {
            "cider": sum(ciders) / len(ciders),
            "bleu4": bleu4_from_counts(counts),
            "items": {"cider": ciders, "sentence_bleu4": bleus, "bleu4_counts": counts},
        }


def words_of(text: str) -> list[str]:
    """Runs of letters, digits, apostrophes and hyphens, in lower case. (COCO's own rule needs Java.)"""
    return re.findall(r"[A-Za-z0-9'-]+", text.lower())


def sentence_bleu4(
    candidates: list[list[str]], references: list[list[list[str]]]
) -> tuple[list[float], list[list[int]]]:
    """BLEU-4 of each caption alone, and its counts: n-grams found (4), n-grams (4), words, nearest reference's words."""
    bleu = BLEU(tokenize="none", effective_order=True)
    scores, counts = [], []
    for candidate, captions in zip(candidates, references, strict=True):
        score = bleu.sentence_score(" ".join(candidate), [" ".join(words) for words in captions])
        scores.append(score.score)
        counts.append([*score.counts, *score.totals, score.sys_len, score.ref_len])
    return scores, counts


def bleu4_from_counts(counts: list[list[int]]) -> float:
    """BLEU-4 of the captions whose `bleu4_counts` these are, as of one text."""
    *grams, words, reference_words = (sum(column) for column in zip(*counts, strict=True))
    return BLEU.compute_bleu(grams[:LONGEST], grams[LONGEST:], words, reference_words, smooth_method="exp").score


def cider(candidates: list[list[str]], references: list[list[list[str]]]) -> list[float]:
    """CIDEr-D of each caption, 0 to 10.

    Args:
        candidates: a caption's words for each picture.
        references: the words of each of its references.
    """
    pictures_with: Counter[tuple[str, ...]] = Counter()
    for captions in references:
        pictures_with.update({gram for words in captions for gram in _ngrams(words)})

    def weigh(words: list[str]) -> tuple[list[dict[tuple[str, ...], float]], list[float], int]:
        """Tf-idf of the n-grams of each length, the norms of these vectors, and the number of bigrams as the length."""
        vectors: list[dict[tuple[str, ...], float]] = [{} for _ in range(LONGEST)]
        for gram, count in _ngrams(words).items():
            rarity = math.log(len(references)) - math.log(max(1, pictures_with[gram]))
            vectors[len(gram) - 1][gram] = count * rarity
        norms = [math.sqrt(sum(value**2 for value in vector.values())) for vector in vectors]
        return vectors, norms, max(len(words) - 1, 0)

    scores = []
    for candidate, captions in zip(candidates, references, strict=True):
        vectors, norms, length = weigh(candidate)
        score = 0.0
        for words in captions:
            other_vectors, other_norms, other_length = weigh(words)
            penalty = math.exp(-((length - other_length) ** 2) / (2 * SIGMA**2))
            for vector, norm, other, other_norm in zip(vectors, norms, other_vectors, other_norms, strict=True):
                shared = sum(min(value, other[gram]) * other[gram] for gram, value in vector.items() if gram in other)
                score += penalty * shared / (norm * other_norm) if norm and other_norm else 0.0
        scores.append(10 * score / LONGEST / len(captions))
    return scores


def _ngrams(words: list[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1))
