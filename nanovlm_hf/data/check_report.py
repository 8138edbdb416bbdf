"""How good the descriptions of a dataset are: a table, `report.json` and plots.

    descriptions = read_descriptions(Path("work/"))
    report = dataset_report(descriptions, check_descriptions(descriptions))
    write_report(report, Path("work/check"))                       # nanovlm data check work/

What concerns one text alone is found by `nanovlm_hf.data.checks`; here it is counted, and texts are compared.
"""

import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

from nanovlm_hf.data.checks import TextReport, check_text
from nanovlm_hf.data.descriptions import Description
from nanovlm_hf.data.text_rules import LENGTHS, words_in
from nanovlm_hf.files import write_atomically

SIMILAR = 0.5  # of two texts' runs of three words, all of both counted: from here on they are near-duplicates
COMMONEST = 10  # listed of openings, endings, uncommon words and unsupported nouns
SHOWN = 20  # pairs of near-duplicates listed, and unsuitable texts printed
SPAN = 3  # words of an opening, an ending, and of what near-duplicates share


def check_descriptions(descriptions: list[Description], show_progress: bool = True) -> list[TextReport]:
    """`checks.check_text` of each description, in their order, under a progress bar."""
    from rich.progress import track

    return [
        # Captions can't tell what is unsupported in a text whose writer saw the picture.
        check_text(text.continuation, text.style, [] if written_from == "picture" else row.captions())
        for _, row, text, written_from in track(descriptions, "Checking texts", disable=not show_progress)
    ]


def dataset_report(descriptions: list[Description], reports: list[TextReport]) -> dict[str, Any]:
    """Figures of each style that is there, ready for JSON; a share is of that style's texts unless its name says else."""
    styles: dict[str, Any] = {}
    for style in LENGTHS:
        pairs = [pair for pair in zip(descriptions, reports, strict=True) if pair[0].text.style == style]
        if pairs:
            styles[style] = _style_report(style, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return styles


def _style_report(style: str, descriptions: list[Description], reports: list[TextReport]) -> dict[str, Any]:
    texts = [description.text.continuation for description in descriptions]
    words = [[word.lower() for word in words_in(text)] for text in texts]
    lengths = LENGTHS[style]
    in_words = [lengths.min_words <= report.words <= lengths.max_words for report in reports]
    in_sentences = [lengths.min_sentences <= report.sentences <= lengths.max_sentences for report in reports]
    flags = Counter(flag for report in reports for flag in {found.flag for found in report.flags})
    return {
        "texts": len(texts),
        "splits": dict(Counter(description.split or "none given" for description in descriptions)),
        "sources": dict(Counter(description.row.source for description in descriptions)),
        "teachers": dict(Counter(description.text.teacher or "unknown" for description in descriptions)),
        "written_from": dict(Counter(description.written_from or "unknown" for description in descriptions)),
        "words": _lengths(lengths[:2], [report.words for report in reports], in_words),
        "sentences": _lengths(lengths[2:], [report.sentences for report in reports], in_sentences),
        "share_in_range": _share(a and b for a, b in zip(in_words, in_sentences, strict=True)),
        "flags": dict(flags.most_common()),
        "share_flagged": _share(bool(report.flags) for report in reports),
        "unsuitable": [
            {"image_id": description.row.image_id, "reason": report.unsuitable}
            for description, report in zip(descriptions, reports, strict=True)
            if report.unsuitable
        ],
        "uncommon_words": _uncommon(reports, sum(map(len, words))),
        "grammar": _found([[finding.rule for finding in report.grammar] for report in reports]),
        "unsupported_nouns": _found(
            [
                report.unsupported
                for description, report in zip(descriptions, reports, strict=True)
                if description.written_from != "picture"
            ]
        ),
        "openings": _repeated([tuple(said[:SPAN]) for said in words]),
        "endings": _repeated([tuple(said[-SPAN:]) for said in words]),
        "near_duplicates": _near_duplicates(descriptions, words),
        "vocabulary": _vocabulary(words),
        "ids": _ids(descriptions),
    }


def _share(facts: Any) -> float:
    facts = list(facts)
    return sum(facts) / len(facts)


def _lengths(wanted: tuple[int, ...], found: list[int], inside: list[bool]) -> dict[str, Any]:
    return {
        "range": list(wanted),
        "share_in_range": _share(inside),
        "least": min(found),
        "most": max(found),
        "mean": sum(found) / len(found),
        "counts": {str(number): count for number, count in sorted(Counter(found).items())},
    }


def _uncommon(reports: list[TextReport], words: int) -> dict[str, Any]:
    found = [word for report in reports for word in report.uncommon]
    commonest = Counter(word.lower() for word in found).most_common(COMMONEST)
    return {
        "share_of_words": len(found) / max(words, 1),
        "share_of_texts": _share(bool(report.uncommon) for report in reports),
        "commonest": [[word, count] for word, count in commonest],
    }


def _found(found: list[list[str]]) -> dict[str, Any]:
    """What was found in texts: the mean number for a text, and what is found most."""
    commonest = Counter(thing.lower() for things in found for thing in things).most_common(COMMONEST)
    return {
        "texts_checked": len(found),
        "mean": sum(map(len, found)) / max(len(found), 1),
        "share_of_texts": sum(map(bool, found)) / max(len(found), 1),
        "commonest": [[thing, count] for thing, count in commonest],
    }


def _repeated(phrases: list[tuple[str, ...]]) -> dict[str, Any]:
    counts = Counter(phrases)
    commonest = counts.most_common(COMMONEST)
    return {
        "different": len(counts),
        "share_of_commonest": commonest[0][1] / len(phrases),
        f"share_of_{COMMONEST}_commonest": sum(count for _, count in commonest) / len(phrases),
        "commonest": [[" ".join(phrase), count] for phrase, count in commonest],
    }


def _near_duplicates(descriptions: list[Description], words: list[list[str]]) -> dict[str, Any]:
    pairs = similar_pairs(words)
    splits = [description.split for description in descriptions]
    across = {index for first, second, _ in pairs if splits[first] != splits[second] for index in (first, second)}
    return {
        "threshold": SIMILAR,
        "texts": len({index for pair in pairs for index in pair[:2]}),
        "texts_across_splits": len(across),
        "pairs": [
            [*(descriptions[index].row.image_id for index in pair[:2]), round(pair[2], 3)]
            for pair in sorted(pairs, key=lambda pair: -pair[2])[:SHOWN]
        ],
    }


def similar_pairs(texts: list[list[str]], threshold: float = SIMILAR) -> list[tuple[int, int, float]]:
    """All pairs of texts whose sets of three-word runs have a Jaccard similarity of at least `threshold`.

    Exact. Two such sets must share one of the rarest members of each (prefix filtering: Chaudhuri et al. 2006, "A
    primitive operator for similarity joins in data cleaning"), so few pairs are compared.

    Args:
        texts: the words of each.

    Returns:
        (index, later index, similarity).
    """
    import numpy as np

    numbers: dict[str, int] = {}
    runs = []
    for text in texts:
        said = [numbers.setdefault(word, len(numbers) + 1) for word in text]
        spans = (said[start : start + SPAN] for start in range(max(len(said) - SPAN + 1, 1)))
        runs.append(np.unique([sum(number << 21 * place for place, number in enumerate(span)) for span in spans]))
    known, frequency = np.unique(np.concatenate(runs), return_counts=True)
    rank = np.empty(len(known), np.int64)  # the rarest run has 0
    rank[np.argsort(frequency, kind="stable")] = np.arange(len(known))
    only_once = int((frequency == 1).sum())
    texts_with: dict[int, list[int]] = {}
    pairs = []
    for index, members in enumerate(runs):
        ranks = np.sort(rank[np.searchsorted(known, members)])
        rarest = ranks[: len(members) - math.ceil(threshold * len(members)) + 1]
        candidates: set[int] = set()
        for run in rarest[np.searchsorted(rarest, only_once) :].tolist():
            before = texts_with.setdefault(run, [])
            candidates.update(before)
            before.append(index)
        for other in sorted(candidates):
            shared = len(np.intersect1d(members, runs[other], assume_unique=True))
            similarity = shared / (len(members) + len(runs[other]) - shared)
            if similarity >= threshold:
                pairs.append((other, index, similarity))
    return pairs


def _vocabulary(words: list[list[str]]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    growth, step = [], max(len(words) // 50, 1)
    shuffled = random.Random(0).sample(words, len(words))  # else growth shows the order of the sources
    for number, said in enumerate(shuffled, start=1):
        counts.update(said)
        if number % step == 0 or number == len(words):
            growth.append([number, len(counts)])
    return {
        "words": counts.total(),
        "different": len(counts),
        "used_5_times": sum(count >= 5 for count in counts.values()),
        "growth": growth,
    }


def _ids(descriptions: list[Description]) -> dict[str, Any]:
    counts = Counter(description.row.image_id for description in descriptions)
    splits: dict[str, set[str | None]] = {}
    for description in descriptions:
        splits.setdefault(description.row.image_id, set()).add(description.split)
    return {
        "empty": sum(not image_id.strip() for image_id in counts.elements()),
        "twice": sorted(image_id for image_id, count in counts.items() if count > 1),
        "in_two_splits": sorted(image_id for image_id, found in splits.items() if len(found) > 1),
    }


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Writes `report.json` and the plots `words.png`, `vocabulary.png`, `openings.png`.

    Raises:
        OSError: the folder cannot be written.
    """
    from nanovlm_hf.data.check_plots import write_plots

    write_atomically(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    write_plots(report, folder)


def print_report(report: dict[str, Any]) -> None:
    """Prints the report as a table, a column a style."""
    from rich import print as print_rich
    from rich.markup import escape
    from rich.table import Table

    table = Table("", title="How good the descriptions are")
    lines = [table_lines(style) for style in report.values()]
    for style in report:
        table.add_column(style)
    for name in lines[0]:
        table.add_row(name, *(style[name] for style in lines))
    print_rich(table)
    for style, figures in report.items():
        for found in figures["unsuitable"][:SHOWN]:
            print_rich(escape(f"{style}, picture {found['image_id']}: unsuitable, {found['reason']}"))
        if (more := len(figures["unsuitable"]) - SHOWN) > 0:
            print_rich(f"{style}: {more:,} more unsuitable texts, listed in report.json")


def table_lines(figures: dict[str, Any]) -> dict[str, str]:
    """One style's figures as the lines of a table: what -> figure."""
    words, sentences, vocabulary = figures["words"], figures["sentences"], figures["vocabulary"]
    nouns, duplicates, ids = figures["unsupported_nouns"], figures["near_duplicates"], figures["ids"]
    many = f"share_of_{COMMONEST}_commonest"
    return {
        "texts": f"{figures['texts']:,}",
        "words": f"{words['share_in_range']:.2%} have {words['range'][0]}-{words['range'][1]}; all {words['least']}-{words['most']}",
        "sentences": (
            f"{sentences['share_in_range']:.2%} have {sentences['range'][0]}-{sentences['range'][1]}; "
            f"all {sentences['least']}-{sentences['most']}"
        ),
        "both in range": f"{figures['share_in_range']:.2%}",
        "flagged texts": f"{figures['share_flagged']:.2%}"
        + "".join(f"; {flag} {count:,}" for flag, count in figures["flags"].items()),
        "unsuitable texts": f"{len(figures['unsuitable']):,}",
        "words outside a small child's": f"{figures['uncommon_words']['share_of_words']:.2%} of all words",
        "texts with grammar findings": f"{figures['grammar']['share_of_texts']:.2%}",
        "nouns no caption supports": f"{nouns['mean']:.3f} a text ({nouns['texts_checked']:,} written from captions)",
        "commonest opening": f'{figures["openings"]["share_of_commonest"]:.2%} "{figures["openings"]["commonest"][0][0]}"',
        f"the {COMMONEST} commonest openings": f"{figures['openings'][many]:.2%}",
        "commonest ending": f'{figures["endings"]["share_of_commonest"]:.2%} "{figures["endings"]["commonest"][0][0]}"',
        f"the {COMMONEST} commonest endings": f"{figures['endings'][many]:.2%}",
        "near-duplicates": f"{duplicates['texts']:,} texts, {duplicates['texts_across_splits']:,} across splits",
        "different words": f"{vocabulary['different']:,}, {vocabulary['used_5_times']:,} used five times or more",
        "ids": f"{ids['empty']} empty, {len(ids['twice'])} twice, {len(ids['in_two_splits'])} in two splits",
    }
