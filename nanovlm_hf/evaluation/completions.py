"""The completion protocol: every model goes on from the same beginnings, by the same settings.

    items = held_out_items(read_datasets(["photos/"])["test"])
    rows = complete_items(load_model("checkpoints/nanovlm-base"), items, Path("results"), dataset="photos")

Every completion is kept under what it depends on: the model's weights, picture, style, beginning, decoding. So an
interrupted run goes on, and a run with one more model computes that model's completions only.
Source: NanoVLMs, section "Evaluation".
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nanovlm_hf.evaluation.decoding import Decoding
from nanovlm_hf.evaluation.items import Item
from nanovlm_hf.evaluation.models import Completer
from nanovlm_hf.evaluation.row_journal import RowJournal, key_of

PROTOCOL = 1  # to be raised when models are asked in another way
JOURNAL = "completions.jsonl"


def complete_items(
    model: Completer,
    items: list[Item],
    folder: Path,
    dataset: str = "",
    decoding: Decoding | None = None,
    batch_size: int = 64,
    show_progress: bool = True,
) -> list[dict[str, Any]]:
    """Completes every item, or finds its completion among those that earlier runs kept in `folder`.

    Args:
        model: from `load_model`.
        items: of any styles.
        folder: of the results; completions are kept in its `completions.jsonl`.
        dataset: its name, for the rows.
        decoding: greedy by default.
        batch_size: items at once.

    Returns:
        A row an item, in their order: key, model, revision, dataset, style, image_id, source, beginning, completion
        (beginning + completion is the text), ended (by itself), decoding.

    Raises:
        FileNotFoundError, ValueError: a picture that cannot be read. All completions before are kept.
    """
    from rich.progress import Progress

    decoding = decoding or Decoding()
    pictures = picture_hashes(items)
    rows: list[dict[str, Any]] = []
    for item in items:
        settings = decoding.settings(item.style)
        about = [model.fingerprint, item.style, item.beginning, settings, pictures[item.image_id]]
        rows.append(
            {
                "key": key_of("completion", PROTOCOL, *about),
                "model": model.name,
                "revision": model.revision,
                "dataset": dataset,
                "style": item.style,
                "image_id": item.image_id,
                "source": item.source,
                "beginning": item.beginning,
                "decoding": settings,
            }
        )
    with RowJournal(folder / JOURNAL) as journal, Progress(disable=not show_progress) as progress:
        new = {row["key"]: index for index, row in enumerate(rows) if row["key"] not in journal.rows}
        task = progress.add_task(f"Completions by {model.name}", total=len(items), completed=len(items) - len(new))
        # Models write those of one length together.
        lengths = {index: len(model.text_ids(items[index].beginning)) for index in new.values()}
        order = sorted(lengths, key=lambda index: (items[index].style, lengths[index], index))
        for batch in _batches(order, items, batch_size):
            completions = model.complete(
                [items[index].open_picture() for index in batch],
                [items[index].beginning for index in batch],
                items[batch[0]].style,
                decoding,
                [seed_of(items[index]) for index in batch],
            )
            journal.add(
                {**rows[index], "completion": completion.text, "ended": completion.ended}
                for index, completion in zip(batch, completions, strict=True)
            )
            progress.advance(task, len(batch))
        kept = (journal.rows[row["key"]] for row in rows)
        return [
            {**row, "completion": old["completion"], "ended": old["ended"]}
            for row, old in zip(rows, kept, strict=True)
        ]


def seed_of(item: Item) -> int:
    """By which a drawn text of the item is drawn, by any model."""
    return int(key_of("draw", item.style, item.image_id, item.beginning), 16)


def _batches(order: list[int], items: list[Item], size: int) -> Iterable[list[int]]:
    for style in sorted({items[index].style for index in order}):
        alike = [index for index in order if items[index].style == style]
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def picture_hashes(items: Iterable[Item]) -> dict[str, str]:
    """A hash of each picture, by image_id: of the file as it is, or of the pixels where there is none.

    Raises:
        FileNotFoundError, ValueError: a picture that is not there or cannot be read.
    """
    from nanovlm_hf.processing.image_processing_nanovlm import load_picture

    hashes: dict[str, str] = {}
    for item in items:
        if item.image_id in hashes:
            continue
        picture = item.open_picture()
        if isinstance(picture, (str, Path)) and Path(picture).is_file():
            picture = Path(picture).read_bytes()
        if not isinstance(picture, bytes):
            picture = load_picture(picture)
            picture = f"{picture.size}".encode() + picture.tobytes()
        hashes[item.image_id] = hashlib.sha256(picture).hexdigest()[:24]
    return hashes
