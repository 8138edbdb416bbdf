"""The 25 chosen completions of each style, of all models of an evaluation: texts for the repository, pictures for the eye.

    python -m experiments.completions results/ photos/ --texts docs/completions.md --sheets runs/sheets

The sheets show photographs, whose terms keep them out of the repository.
"""

import argparse
import json
from pathlib import Path

import pyarrow.parquet
from nanovlm_hf.processing.image_processing_nanovlm import load_picture

from nanovlm_hf.contact_sheet import save_contact_sheet
from nanovlm_hf.data.sources import read_datasets
from nanovlm_hf.evaluation.items import curated_items, held_out_items
from nanovlm_hf.files import write_atomically


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="of `nanovlm evaluate`, on the test split")
    parser.add_argument("photos")
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--sheets", type=Path, required=True)
    flags = parser.parse_args()
    about = json.loads((flags.results / "results.json").read_text(encoding="utf-8"))
    rows = pyarrow.parquet.read_table(flags.results / "items.parquet").to_pylist()
    completions = {(row["model"], row["style"], row["image_id"]): row["completion"] for row in rows}
    test = read_datasets([flags.photos])["test"]
    lines = [
        "# Completions",
        "",
        "What each model made of the 25 beginnings of each kind that were chosen before any model was trained, from the "
        f"test split: all of them, good and bad. By `{about['command']}`, then `python -m experiments.completions`.",
        "",
    ]
    for style in ("short", "long"):
        items = curated_items(held_out_items(test, (style,)), style)
        lines += [f"## {style.capitalize()} texts", ""]
        for item in items:
            lines += [f"**{item.source} {item.image_id}**: {item.beginning} …", ""]
            for name in about["models"]:
                lines.append(f"- {name}: … {completions[name, style, item.image_id].strip()}")
            lines += [f"- *the description itself*: … {item.continuation.strip()}", ""]
        for name in about["models"]:
            pictures = [load_picture(item.open_picture()) for item in items]
            texts = [item.beginning + "…" + completions[name, style, item.image_id] for item in items]
            save_contact_sheet(flags.sheets / f"{Path(name).name}-{style}.png", pictures, texts)
    write_atomically(flags.texts, "\n".join(lines))
    print(f"{flags.texts} and the sheets in {flags.sheets} are written.")


if __name__ == "__main__":
    main()
