"""Screens ways to write: completions of validation beginnings, by the evaluation's own measures, for each decoding.

    python -m experiments.generation --model runs/mini --dataset photos/ --pictures 200

Captions are written from nothing, short and long texts go on from their beginnings, as in `nanovlm evaluate`. Ratios and
differences are against the held-out texts: 1 and 0 are how people's texts are.
"""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from nanovlm_hf.data.sources import read_datasets
from nanovlm_hf.evaluation.completions import complete_items
from nanovlm_hf.evaluation.decoding import Decoding
from nanovlm_hf.evaluation.item_values import TextMeasures, caption_values, repeat_values
from nanovlm_hf.evaluation.measures import MEASURES, figures_of
from nanovlm_hf.evaluation.models import load_model
from nanovlm_hf.evaluation.settings import EvaluationSettings, choose_items

SHOWN = (
    *("cider_x100", "bleu4", "chair_i", "object_recall", "perplexity_ratio", "grammar_errors_ratio"),
    *("repeated_4grams", "ended_in_length", "rouge1_max_above_held_out", "commonest_share"),
)


WAYS = {
    "greedy": Decoding(),
    "greedy, repetition 1.1": Decoding(repetition_penalty=1.1),
    "greedy, repetition 1.2": Decoding(repetition_penalty=1.2),
    "greedy, no 3-gram twice": Decoding(no_repeat_ngram_size=3),
    "4 beams": Decoding(num_beams=4),
    "4 beams, no 3-gram twice": Decoding(num_beams=4, no_repeat_ngram_size=3),
    **{f"drawn, T {one}": Decoding(temperature=one) for one in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)},
    **{f"drawn, T {one}, top-p 0.9": Decoding(temperature=one, top_p=0.9) for one in (0.7, 0.8, 0.9, 1.0)},
    "drawn, T 0.8, no 3-gram twice": Decoding(temperature=0.8, no_repeat_ngram_size=3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--way", action="append", choices=WAYS, help="can be repeated; default: all")
    parser.add_argument("--out", type=Path, default=Path("runs/generation"), help="keeps the completions")
    flags = parser.parse_args()
    splits = read_datasets([flags.dataset])
    chosen = EvaluationSettings([flags.model], [flags.dataset], flags.out, split="validation", limit=flags.pictures)
    model = load_model(flags.model)
    flags.out.mkdir(parents=True, exist_ok=True)
    for style, items in choose_items(splits, chosen)[0].items():
        measures = TextMeasures(
            [text.continuation for row in splits["train"] for text in row.texts if text.style == style]
        )
        theirs = [f" {item.continuation}" if item.beginning else item.continuation for item in items]
        held_out = measures.values(theirs, [True] * len(theirs), items)
        table = Table("decoding", *SHOWN, title=f"{style}, {len(items)} validation pictures")
        for name in flags.way or WAYS:
            rows = complete_items(model, items, flags.out, decoding=WAYS[name])
            texts = [row["completion"] for row in rows]
            values = measures.values(texts, [row["ended"] for row in rows], items)
            values |= caption_values(texts, items) | repeat_values(texts)
            figures = figures_of(values, held_out)
            table.add_row(name, *(_cell(figures, measure) for measure in SHOWN))
        Console(width=200).print(table)


def _cell(figures: dict[str, Any], name: str) -> str:
    if name not in figures:
        return "-"
    measure, mean = MEASURES[name], figures[name].estimate.mean
    return f"{100 * mean if measure.percent else mean:.{measure.digits}f}"


if __name__ == "__main__":
    main()
