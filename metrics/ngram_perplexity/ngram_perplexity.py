"""Perplexity of texts under an n-gram model of the training texts: does it read like what the model learned from?

    metric = evaluate.load("metrics/ngram_perplexity")
    metric.compute(predictions=["A dog runs."], training_texts=["A dog runs on the sand.", "The sun is up."])

Read it beside the figure for held-out texts by the writers of the training texts: below theirs, a model plays safe.
Source: interpolated Kneser-Ney smoothing, Ney et al. 1994, Chen and Goodman 1999, with one discount for each length.
"""

import math
import re
from collections import Counter

import datasets
import evaluate

START, END = "<s>", "</s>"
Gram = tuple[str, ...]

CITATION = """\
@article{chen1999empirical,
    title={An empirical study of smoothing techniques for language modeling},
    author={Chen, Stanley F. and Goodman, Joshua}, journal={Computer Speech & Language}, year={1999}}"""


class NgramPerplexity(evaluate.Metric):
    """Args:
        predictions (list of `str`): the texts to score.
        training_texts (list of `str`): the texts that the n-gram model learns. It is kept for the next call.
        beginnings (list of `str`, *optional*): what each of them continues: read, not scored.
        order (`int`, *optional*, defaults to 3): the longest n-grams.

    Returns:
        `perplexity`: e to the `cross_entropy`.
        `cross_entropy`: nats per token. Tokens are lower-case words, punctuation marks and the end of each text, so that
            an empty text has one.
        `unknown`: the share of tokens that no training text has.
        items: `text_perplexity`, `nats`, `tokens`, `unknown_tokens`.
        ratios: `cross_entropy` is `nats` over `tokens`, `unknown` is `unknown_tokens` over `tokens`.

    Raises:
        ValueError: no texts, no training texts, one that is None, lists of other lengths, an order below 1.
    """

    learned: tuple[int, list[str]] | None = None  # what `model` was made from

    def _info(self):
        return evaluate.MetricInfo(
            description=__doc__,
            inputs_description=self.__class__.__doc__,
            citation=CITATION,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions, training_texts, beginnings=None, order=3):
        if not predictions or isinstance(training_texts, str) or not len(training_texts):
            raise ValueError(
                f"{len(predictions)} predictions, training texts {training_texts!r:.80}. Pass lists of texts."
            )
        beginnings = [""] * len(predictions) if beginnings is None else beginnings
        if len(beginnings) != len(predictions):
            raise ValueError(f"{len(predictions)} predictions and {len(beginnings)} beginnings. Pass one for each.")
        if order < 1 or any(None in texts for texts in (predictions, training_texts, beginnings)):
            raise ValueError(f"The order is {order}, or a text is None. Pass 1 or more, and strings.")
        if self.learned != (order, training_texts):
            self.model, self.learned = KneserNey(training_texts, order), (order, list(training_texts))
        scores = [self.model.score(text, beginning) for text, beginning in zip(predictions, beginnings, strict=True)]
        nats, tokens, unknown = (list(column) for column in zip(*scores, strict=True))
        cross_entropy = sum(nats) / sum(tokens)
        return {
            "perplexity": math.exp(cross_entropy),
            "cross_entropy": cross_entropy,
            "unknown": sum(unknown) / sum(tokens),
            "items": {
                "text_perplexity": [math.exp(a / b) for a, b in zip(nats, tokens, strict=True)],
                "nats": nats,
                "tokens": tokens,
                "unknown_tokens": unknown,
            },
            "ratios": {"cross_entropy": ["nats", "tokens"], "unknown": ["unknown_tokens", "tokens"]},
        }


class KneserNey:
    """An interpolated Kneser-Ney model of texts' tokens.

    Args:
        texts: what it learns.
        order: the longest n-grams it counts.

    The longest n-grams count as often as they stand in the texts, shorter ones once for each token seen before them
    (those at a text's start, which have none before them, as often as they stand there).
    """

    def __init__(self, texts: list[str], order: int):
        self.order = order
        self.counts: Counter[Gram] = Counter()
        for text in texts:
            tokens = [START, *tokens_of(text), END]
            self.counts.update(tuple(tokens[max(0, i - order + 1) : i + 1]) for i in range(1, len(tokens)))
        for n in range(order, 1, -1):
            # In this order each length is complete before it is counted for the next.
            self.counts.update([gram[1:] for gram in self.counts if len(gram) == n])
        self.discounts = [self._discount(n) for n in range(1, order + 1)]
        self.totals: Counter[Gram] = Counter()  # of the n-grams that go on from a history
        self.branches: Counter[Gram] = Counter()  # and how many different ones there are
        for gram, count in self.counts.items():
            self.totals[gram[:-1]] += count
            self.branches[gram[:-1]] += 1
        self.vocabulary = {gram[0] for gram in self.counts if len(gram) == 1}

    def _discount(self, n: int) -> float:
        sizes = Counter(count for gram, count in self.counts.items() if len(gram) == n and count < 3)
        return sizes[1] / (sizes[1] + 2 * sizes[2]) if sizes[1] and sizes[2] else 0.5

    def probability(self, token: str, history: Gram) -> float:
        """Of `token` after `history`: over the vocabulary and one unknown token, these sum to one."""
        p = 1 / (len(self.vocabulary) + 1)
        for n in range(min(len(history), self.order - 1) + 1):
            past = history[len(history) - n :]
            if total := self.totals[past]:
                discount = self.discounts[n]
                kept = max(self.counts[(*past, token)] - discount, 0)
                p = (kept + discount * self.branches[past] * p) / total
        return p

    def score(self, text: str, beginning: str = "") -> tuple[float, int, int]:
        """Negative log-likelihood of a text and its end in nats, the number of tokens, and of those unknown."""
        tokens, known = [*tokens_of(text), END], (START, *tokens_of(beginning))
        nats = 0.0
        for token in tokens:
            nats -= math.log(self.probability(token, known[max(0, len(known) - self.order + 1) :]))
            known = (*known, token)
        return nats, len(tokens), sum(token not in self.vocabulary for token in tokens)


def tokens_of(text: str) -> list[str]:
    """Lower-case words (runs of letters, digits, apostrophes and hyphens) and punctuation marks."""
    return re.findall(r"[a-z0-9'-]+|[.,!?;:]", text.lower())
