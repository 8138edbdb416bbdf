"""How good and how fast the offline teacher is, on caption sets of people, beside the texts that come with them.

    python -m benchmarks.offline_teacher photos/ [--pictures 1000] [--beside 20 > beside.md]

Prints the share of texts in range, the share that the grammar check flags, unsupported nouns and hard words a text,
different endings and openings, and texts a second of one core (processor time, so that other load doesn't count; the
first texts, which load the lexicon, are left out). `--beside N` prints N pictures' texts beside the given ones instead.
"""

import argparse
import time
from collections import Counter

from nanovlm_hf.data.checks import check_text
from nanovlm_hf.data.offline_teacher import write_description
from nanovlm_hf.data.readers import read_captions
from nanovlm_hf.data.sources import CaptionSource, Row
from nanovlm_hf.data.text_rules import LENGTHS, sentences_in, words_in


def pictures_with_captions(folder: str, number: int) -> list[Row]:
    """That many pictures with three captions or more, evenly over the whole."""
    rows = [row for _, row in read_captions(CaptionSource(folder)) if len(row.captions()) > 2]
    rows.sort(key=lambda row: row.image_id)
    return rows[:: max(1, len(rows) // number)][:number]


def figures(texts: list[str], style: str, rows: list[Row]) -> str:
    reports = [check_text(text, style, row.captions()) for text, row in zip(texts, rows, strict=True)]
    flags = Counter(flag for report in reports for flag in {found.flag for found in report.flags})
    in_range = sum(not flags & {"length", "sentences"} for flags in [{f.flag for f in r.flags} for r in reports])
    endings = {sentences_in(text)[-1] for text in texts}
    openings = {" ".join(words_in(text)[:5]).lower() for text in texts}
    number = len(texts)
    return "\n".join(
        [
            f"  in range                 {in_range / number:8.2%}",
            f"  flagged for grammar      {flags['grammar'] / number:8.2%}",
            f"  unsupported nouns a text {sum(len(report.unsupported) for report in reports) / number:8.3f}",
            f"  hard words               {sum(report.uncommon_share for report in reports) / number:8.2%}",
            f"  different endings        {len(endings) / number:8.2%}",
            f"  different openings of 5  {len(openings) / number:8.2%}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--beside", type=int, default=0)
    arguments = parser.parse_args()
    rows = pictures_with_captions(arguments.folder, arguments.beside or arguments.pictures)
    if arguments.beside:
        for row in rows:
            print(f"\n### {row.image_id}\n")
            print("\n".join(f"- {caption}" for caption in row.captions()))
            for style in LENGTHS:
                given = next((text.continuation for text in row.texts if text.style == style), "none")
                print(
                    f"\n**{style}, offline:** {write_description(row.captions(), style, row.image_id)}\n\n**{style}, given:** {given}"
                )
        return
    for style in LENGTHS:
        for row in rows[:50]:
            write_description(row.captions(), style, row.image_id)
        start = time.process_time()
        texts = [write_description(row.captions(), style, row.image_id) for row in rows]
        speed = len(rows) / (time.process_time() - start)
        print(
            f"{style}, offline teacher, {len(rows)} pictures, {speed:.0f} texts a second\n{figures(texts, style, rows)}"
        )
        with_text = [(row, text.continuation) for row in rows for text in row.texts if text.style == style]
        if with_text:
            print(
                f"{style}, as given\n{figures([text for _, text in with_text], style, [row for row, _ in with_text])}"
            )


if __name__ == "__main__":
    main()
