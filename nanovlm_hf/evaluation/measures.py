"""The offline measures by name, and their figures: each is a function of sums over items, resampled for its interval.

    figures = figures_of(values)                                   # values by item, as `item_values` gives them
    figures["perplexity"].estimate.format(2)                       # "7.45 [7.31, 7.60], n=568"
    difference(figures["gap"], other_figures["gap"])               # two models over the same items, resampled as pairs

Figures over as many items share their draws, so that those of two models can be subtracted draw by draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanovlm_hf.evaluation.statistics import Comparison, Estimate, comparison_of, estimate_of, resampled_sums

STYLE_TITLES = {"caption": "Captions", "short": "Short texts", "long": "Long texts"}
HELD_OUT = "held-out "  # before the names of the held-out texts' own values
BLEU_COUNTS = tuple(f"bleu4_counts {place}" for place in range(10))


def _over(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first / second


def _exp_over(nats: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    return np.exp(nats / tokens)


def _exp_over_held_out(nats: np.ndarray, tokens: np.ndarray, own: np.ndarray, own_tokens: np.ndarray) -> np.ndarray:
    return np.exp(nats / tokens - own / own_tokens)


def _ratio_of_ratios(first: np.ndarray, second: np.ndarray, own: np.ndarray, own_second: np.ndarray) -> np.ndarray:
    return first / second / (own / own_second)


def _less_over(more: np.ndarray, less: np.ndarray, over: np.ndarray) -> np.ndarray:
    return (more - less) / over


def _hundredfold(total: np.ndarray, items: np.ndarray) -> np.ndarray:
    return 100 * total / items


def _bleu4(*counts: np.ndarray) -> np.ndarray:
    from sacrebleu.metrics import BLEU

    table = np.stack(counts, axis=-1)  # (..., 4 n-grams found, 4 n-grams, words, nearest reference's words)
    rows = table.reshape(-1, 10).astype(int).tolist()
    scores = [BLEU.compute_bleu(row[:4], row[4:8], row[8], row[9], smooth_method="exp").score for row in rows]
    return np.array(scores).reshape(table.shape[:-1])


@dataclass(frozen=True)
class Measure:
    """`of` makes the figure of the sums of `columns` over items; the column "items" is 1 each.

    `better`: "lower", "higher", or "" where it has to be read beside the held-out texts' own.
    """

    name: str
    title: str
    meaning: str
    columns: tuple[str, ...]
    of: Callable[..., np.ndarray] = _over
    better: str = ""
    digits: int = 3
    percent: bool = False


def _mean(name: str, title: str, meaning: str, column: str = "", **fields: Any) -> Measure:
    return Measure(name, title, meaning, (column or name, "items"), **fields)


_NGRAM = ("ngram_nats", "ngram_tokens")
_GRAMMAR = ("grammar_errors", "hundred_words")
_SHARE: dict[str, Any] = {"percent": True, "digits": 1}

SIGHT = (
    _mean(
        "right_picture",
        "Right picture of 10",
        "how often a text is likelier with its own picture than with 9 others of the same source",
        better="higher",
        **_SHARE,
    ),
    _mean(
        "right_text",
        "Right text of 10",
        "how often, of 10 texts, the picture's own gains most by the picture: log p(text | picture) less its mean over "
        "30 other pictures",
        better="higher",
        **_SHARE,
    ),
    _mean("chance", "Chance", "what a blind model reaches in both", **_SHARE),
    Measure(
        "gap",
        "Shuffled gap",
        "loss with wrong pictures less loss, from an empty beginning: what the model gets from looking",
        ("wrong_nats", "right_nats", "tokens"),
        _less_over,
        "higher",
    ),
    Measure(
        "gap_after_beginning",
        "Gap after the beginning",
        "the same of what follows the beginnings, which say a part of the picture themselves",
        ("rest_wrong_nats", "rest_right_nats", "rest_tokens"),
        _less_over,
        "higher",
    ),
    Measure(
        "loss",
        "Loss",
        "nats per token of the held-out texts with their own pictures; only models of one tokenizer can be compared in "
        "nats per token",
        ("right_nats", "tokens"),
    ),
    Measure(
        "shuffled_loss",
        "Loss, wrong pictures",
        "the same with wrong pictures of the same source, a mean over five seeded derangements",
        ("wrong_nats", "tokens"),
    ),
)
TRUTH = (
    _mean(
        "cider_x100",
        "CIDEr ×100",
        "CIDEr-D (Vedantam et al. 2015) of captions against all that people wrote of the picture; depends on the set",
        "cider",
        of=_hundredfold,
        better="higher",
        digits=1,
    ),
    Measure("bleu4", "BLEU-4", "of captions (Papineni et al. 2002), 0 to 100", BLEU_COUNTS, _bleu4, "higher", 1),
    Measure(
        "chair_i",
        "CHAIR-i",
        "mentions of objects that no caption has, over all mentions, if any (Rohrbach et al. 2018; COCO's 80 kinds; what follows "
        "the beginning)",
        ("hallucinated", "mentioned"),
        better="lower",
        **_SHARE,
    ),
    _mean("chair_s", "CHAIR-s", "share of texts with such a mention", better="lower", **_SHARE),
    Measure(
        "object_recall",
        "Objects named",
        "objects of the captions that the text names, over all of them",
        ("recalled", "true_objects"),
        better="higher",
        **_SHARE,
    ),
)
LANGUAGE = (
    Measure(
        "perplexity",
        "Perplexity",
        "under a trigram model of the training texts (Kneser-Ney); below the held-out texts' own, a model plays safe",
        _NGRAM,
        _exp_over,
        digits=2,
    ),
    Measure(
        "perplexity_ratio",
        "Perplexity, to held-out",
        "the same over that of the held-out texts",
        (*_NGRAM, *(HELD_OUT + name for name in _NGRAM)),
        _exp_over_held_out,
    ),
    Measure(
        "unknown_words",
        "Unknown words",
        "share of tokens that no training text has",
        ("unknown_tokens", "ngram_tokens"),
        **{**_SHARE, "digits": 2},
    ),
    Measure(
        "grammar_errors_per_100_words",
        "Grammar errors",
        "per 100 words, by this package's rules for simple English, in the whole text",
        _GRAMMAR,
        better="lower",
    ),
    Measure(
        "grammar_errors_ratio",
        "Grammar errors, to held-out",
        "the same over that of the held-out texts; without an interval where too many resamples of those have no error",
        (*_GRAMMAR, *(HELD_OUT + name for name in _GRAMMAR)),
        _ratio_of_ratios,
        "lower",
        2,
    ),
    _mean("texts_with_errors", "Texts with errors", "share of texts with a grammar error", better="lower", **_SHARE),
)
ORIGINALITY = (
    _mean("rouge1_max", "ROUGE-1, nearest", "the largest ROUGE-1 F of the words written against any training text"),
    Measure(
        "rouge1_max_above_held_out",
        "ROUGE-1, above held-out",
        "the same less that of the held-out texts; above 0, a model copies more than their writer does",
        ("rouge1_max", HELD_OUT + "rouge1_max", "items"),
        _less_over,
        "lower",
    ),
    _mean("rouge1_mean", "ROUGE-1, mean", "the mean over all training texts"),
)
REPETITION = (
    _mean(
        "commonest_share",
        "Commonest text",
        "share of the pictures that one text serves, all written from nothing",
        "is_commonest",
        better="lower",
        **_SHARE,
    ),
    _mean(
        "repeated_4grams",
        "Repeated 4-grams",
        "share of a text's 4-grams that stand in it before (Welleck et al. 2020)",
        better="lower",
        **_SHARE,
    ),
    _mean(
        "self_bleu", "Self-BLEU", "BLEU-4 against all other texts of the model (Zhu et al. 2018), 0 to 100", digits=1
    ),
    *(
        Measure(
            f"distinct_{n}",
            f"Distinct-{n}",
            f"different {n}-grams over all {n}-grams of the texts together (Li et al. 2016)",
            (f"distinct_{n}", f"ngrams_{n}"),
        )
        for n in range(1, 5)
    ),
)
LENGTH = (
    _mean("words", "Words", "that follow the beginning", digits=1),
    _mean("ended", "Ended", "share of texts that end by themselves, not at the limit", better="higher", **_SHARE),
    _mean(
        "ended_in_length",
        "Ended in length",
        "and have, as a whole, as many words as the style asks for",
        better="higher",
        **_SHARE,
    ),
    _mean("finished_texts", "Finished texts", "share whose last sentence is closed", better="higher", **_SHARE),
    Measure(
        "finished_sentences",
        "Finished sentences",
        "closed sentences over all sentences",
        ("closed_sentences", "sentences"),
        better="higher",
        **_SHARE,
    ),
)
MEASURES = {measure.name: measure for measure in (*SIGHT, *TRUTH, *LANGUAGE, *ORIGINALITY, *REPETITION, *LENGTH)}
# What two models are compared in.
COMPARED = (
    *("gap", "right_picture", "right_text", "cider_x100", "bleu4", "chair_i", "object_recall", "perplexity"),
    *("grammar_errors_per_100_words", "rouge1_max", "commonest_share", "repeated_4grams", "ended_in_length"),
)


@dataclass(frozen=True)
class Figure:
    """A measure over the items that have it (`items`, a mask), and the same over each resample of them."""

    estimate: Estimate
    draws: np.ndarray
    items: np.ndarray


def figures_of(
    values: Mapping[str, Sequence[Any]], held_out: Mapping[str, Sequence[Any]] | None = None, seed: int = 0
) -> dict[str, Figure]:
    """The figures of those measures whose values are there, in the order of `MEASURES`.

    Args:
        values: by column, one an item, `None` where it has none.
        held_out: the held-out texts' own, of the same items.
        seed: of the resampling. Figures over as many items share their draws.
    """
    columns: dict[str, Any] = {**values, **{HELD_OUT + name: column for name, column in (held_out or {}).items()}}
    size = len(next(iter(columns.values())))
    for prefix in ("", HELD_OUT):
        if counts := columns.pop(f"{prefix}bleu4_counts", None):
            table = np.array([[np.nan] * 10 if one is None else one for one in counts], float)
            columns |= dict(zip((prefix + name for name in BLEU_COUNTS), table.T, strict=True))
    columns["items"] = np.ones(size)
    wanted = [measure for measure in MEASURES.values() if all(name in columns for name in measure.columns)]
    names = list(dict.fromkeys(name for measure in wanted for name in measure.columns))
    table = np.array([np.array(columns[name], float) for name in names]).T  # (items, columns)
    sums: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    figures = {}
    for measure in wanted:
        places = [names.index(name) for name in measure.columns]
        has = np.isfinite(table[:, places]).all(1)
        if not has.any():
            continue
        if has.tobytes() not in sums:
            # Of other measures an item may still lack a value.
            sums[has.tobytes()] = resampled_sums(np.nan_to_num(table[has]), seed)
        total, drawn = sums[has.tobytes()]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean, draws = measure.of(*total[places]), measure.of(*drawn[:, places].T)
        if np.isfinite(mean):
            figures[measure.name] = Figure(estimate_of(float(mean), draws, int(has.sum())), draws, has)
    return figures


def difference(first: Figure, second: Figure) -> Comparison | None:
    """first - second over the same items, resampled as pairs; `None` where they are not of the same items."""
    if not np.array_equal(first.items, second.items):
        return None
    value = first.estimate.mean - second.estimate.mean
    return comparison_of(value, first.draws - second.draws, first.estimate.n)
