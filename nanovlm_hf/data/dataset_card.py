"""The card of a dataset folder: what it is, how it was made, figures, flaws, terms. No figure in it is typed by hand.

    write_card(Path("shortdesc/"), "shortdesc", record, report, descriptions)      # README.md, valid for the Hub

The wording is in `dataset_card_template.md`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nanovlm_hf.data.check_report import table_lines
from nanovlm_hf.data.descriptions import NAMES, Description
from nanovlm_hf.data.shards import features_of
from nanovlm_hf.data.sources import Row
from nanovlm_hf.files import write_atomically

TEMPLATE = Path(__file__).with_name("dataset_card_template.md")
SAMPLES = 6
PHOTOGRAPHS = {
    "coco": "Photograph: of COCO, under its Flickr owner's terms.",
    "flickr8k": "Photograph: of Flickr8k, its Flickr owner's.",
}
CAPTIONS = {
    "coco": "Captions: COCO Consortium, CC BY 4.0.",
    "flickr8k": "Captions: Flickr8k, for research and non-commercial use.",
}
_GUESSING = re.compile(r"\b(maybe|perhaps|i|i'm|i'll|i'd|me|my|we|our)\b", re.IGNORECASE)


def attribution_of(row: Row) -> str:
    """Whose a picture and its captions are; empty where that is not known here."""
    if row.source not in PHOTOGRAPHS:
        return ""
    return PHOTOGRAPHS[row.source] + (" Caption: a model's." if by_model(row) else f" {CAPTIONS[row.source]}")


def by_model(row: Row) -> bool:
    return any(text.style == "caption" and text.teacher == "model" for text in row.texts)


def write_card(
    folder: Path,
    name: str,
    record: dict[str, Any],
    figures: dict[str, Any],
    descriptions: list[Description],
    notes: Iterable[str] = (),
) -> None:
    """Writes `README.md`.

    Args:
        folder: the dataset's, with its files in `data/`.
        name: the dataset's; "shortdesc" and "longdesc" get the paper's spelling.
        record: as `build.build_dataset` returns it.
        figures: its style's part of `check_report.dataset_report`.
        descriptions: those that were written.
        notes: more for "Known flaws".
    """
    from huggingface_hub import DatasetCard
    from jinja2 import Environment, StrictUndefined

    name = {spelling.lower(): spelling for spelling in NAMES.values()}.get(name, name)
    sources = sorted(figures["sources"])
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["thousands"] = "{:,}".format
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=_card_data(folder, name, record, sources).to_yaml(),
        name=name,
        repo_id=f"org/{name.lower()}",
        kind=NAMES[record["style"]],
        record=record,
        figures=figures,
        lines=table_lines(figures),
        sources=sources,
        known_sources=[source for source in sources if source in PHOTOGRAPHS],
        unknown_sources=[source for source in sources if source not in PHOTOGRAPHS],
        splits=_splits(record, descriptions),
        samples=_samples(list(record["splits"])[-1], descriptions),
        left_out=Counter(one["kind"] for one in record["left_out"]),
        by_model=sum(by_model(description.row) for description in descriptions),
        guessing=sum(bool(_GUESSING.search(one.text.continuation)) for one in descriptions) / len(descriptions),
        notes=list(notes),
    )
    write_atomically(folder / "README.md", str(DatasetCard(re.sub(r"\n{3,}", "\n\n", text))))


def _card_data(folder: Path, name: str, record: dict[str, Any], sources: list[str]) -> Any:
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    licence, licence_name = _licence(sources, record["with_images"])
    data = DatasetCardData(
        language=["en"],
        license=licence,
        license_name=licence_name,
        pretty_name=name,
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        multilinguality=["monolingual"],
        size_categories=[_size_category(sum(split["rows"] for split in record["splits"].values()))],
        task_categories=["image-to-text"],
        tags=["nanovlm", "image-captioning", "simple-english", "synthetic"],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*"} for split in record["splits"]],
            }
        ],
    )
    sizes = SplitDict()
    for split, size in record["splits"].items():
        sizes.add(SplitInfo(split, size["bytes"], size["rows"]))
    info = DatasetInfo(
        features=features_of(record["with_images"]),
        splits=sizes,
        download_size=sum(path.stat().st_size for path in folder.glob("data/*.parquet")),
        dataset_size=sum(split["bytes"] for split in record["splits"].values()),
    )
    DatasetInfosDict({"default": info}).to_dataset_card_data(data)
    return data


def _licence(sources: list[str], with_images: bool) -> tuple[str, str | None]:
    """The Hub's id of the licence, and the name of one that has none."""
    if not set(sources) <= set(PHOTOGRAPHS):
        return "unknown", None
    if "flickr8k" in sources or with_images:
        return "other", "research-and-non-commercial-use"
    return "cc-by-4.0", None


def _size_category(rows: int) -> str:
    for limit, category in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if rows < limit:
            return category
    return "1M<n<10M"


def _splits(record: dict[str, Any], descriptions: list[Description]) -> list[dict[str, Any]]:
    splits = []
    for name, size in record["splits"].items():
        rows = [description for description in descriptions if description.split == name]
        splits.append(
            {
                "name": name,
                "rows": size["rows"],
                "sources": Counter(description.row.source for description in rows),
                "from_picture": sum(description.written_from == "picture" for description in rows),
            }
        )
    return splits


def _samples(split: str, descriptions: list[Description]) -> list[Description]:
    of_split = [description for description in descriptions if description.split == split]
    return of_split[:: max(len(of_split) // SAMPLES, 1)][:SAMPLES]
