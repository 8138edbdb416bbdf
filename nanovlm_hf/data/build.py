"""Descriptions become a dataset folder: Parquet files, card, report, for `datasets.load_dataset` and the Hub.

    build_dataset(read_descriptions(Path("work/")), Path("shortdesc/"))      # nanovlm data build work/ --out shortdesc/

The same descriptions and pictures give the same bytes. The folder appears whole, or the old one stays.
"""

import functools
import hashlib
import io
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from nanovlm_hf.data.check_report import check_descriptions, dataset_report, write_report
from nanovlm_hf.data.checks import TextReport
from nanovlm_hf.data.dataset_card import attribution_of, write_card
from nanovlm_hf.data.descriptions import NAMES, Description, read_descriptions
from nanovlm_hf.data.picture_files import find_pictures
from nanovlm_hf.data.shards import ShardWriter, features_of
from nanovlm_hf.data.sources import SPLITS, VALIDATION_SHARE, hash_share
from nanovlm_hf.files import write_atomically

TEST_SHARE = 0.1  # of pictures that come without splits; as many as for validation
AHEAD = 64  # pictures read ahead of the disk
RECORD = "build.json"  # what was built, and the sign that a folder is ours to replace


class Kept(NamedTuple):
    """A description that goes into the dataset, its split decided, with what the checks say of it."""

    description: Description
    report: TextReport


class LeftOut(NamedTuple):
    """A description that is not in the dataset, and why. `kind` is what it is counted under."""

    image_id: str
    split: str
    kind: str
    why: str


def build_dataset(
    descriptions: list[Description],
    out: Path,
    with_images: bool = True,
    strict: bool = False,
    shard_bytes: int = 500_000_000,
    notes: Iterable[str] = (),
    show_progress: bool = True,
) -> dict[str, Any]:
    """Writes a dataset folder.

    Args:
        descriptions: of one style, one for an image_id. Splits that they name win; the others go by a hash of their
            image_id, so that a picture keeps its split when others are added.
        out: the folder; one that `build_dataset` wrote before is replaced.
        with_images: embed the pictures' files as they are; else the dataset names them only.
        strict: leave out texts that break a rule, instead of keeping them with their flags.
        shard_bytes: how large, uncompressed, a Parquet file's rows may become before the next one begins.
        notes: what else the card says under "Known flaws", a sentence or more each.

    Returns:
        The record that `build.json` holds: fingerprint, rows by split, and what was left out, with reasons.

    Raises:
        ValueError: two styles, one picture twice, `out` is something else, or nothing is left to write.
    """
    if out.exists() and not (out / RECORD).exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ValueError(f"{out} is there and no dataset that this command wrote. Name another folder with --out.")
    descriptions = _with_splits(descriptions)
    kept, left_out = _suitable(descriptions, strict, show_progress)
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    try:
        kept, sizes, fingerprint = _write_rows(kept, left_out, part / "data", with_images, shard_bytes, show_progress)
        if not kept:
            raise ValueError(f"Nothing is left to write to {out}.\n{reasons([one._asdict() for one in left_out])}")
        report = dataset_report([one.description for one in kept], [one.report for one in kept])
        record: dict[str, Any] = {
            "style": kept[0].description.text.style,
            "with_images": with_images,
            "strict": strict,
            "fingerprint": fingerprint,
            "splits": sizes,
            "left_out": [one._asdict() for one in left_out],
            "notes": list(notes),
        }
        write_report(report, part / "check")
        descriptions = [one.description for one in kept]
        write_card(part, out.name, record, report[record["style"]], descriptions, record["notes"])
        write_atomically(part / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        _put_in_place(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return record


def build_from_folder(
    folder: Path,
    out: Path,
    style: str | None = None,
    images: Sequence[Path] = (),
    with_images: bool = True,
    strict: bool = False,
    shard_size: str = "500MB",
) -> str:
    """`nanovlm data build`: what `read_descriptions` finds in a folder, joined with pictures, becomes a dataset.

    Args:
        style: "short" or "long"; by default the one that there is, or that the name of `out` tells.
        images: folders and zips of pictures, found by their names; what they lack stays as it is.
        shard_size: such as "500MB".

    Returns:
        What was built and what was left out, for people.

    Raises:
        FileNotFoundError, ValueError: see `read_descriptions`, `find_pictures` and `build_dataset`.
    """
    from datasets.utils.py_utils import convert_file_size_to_int

    try:
        shard_bytes = convert_file_size_to_int(shard_size)
    except ValueError:
        raise ValueError(f"--shard-size {shard_size}: expected a whole number and its unit, such as 500MB.") from None
    descriptions = read_descriptions(folder)
    style = style or _style_of(out, descriptions)
    descriptions = [description for description in descriptions if description.text.style == style]
    if not descriptions:
        raise ValueError(f"{folder} has no texts of the style {style}.")
    if images:
        found, _ = find_pictures([description.row for description in descriptions], images)
        rows = {row.image_id: row for row in found}
        descriptions = [one._replace(row=rows.get(one.row.image_id, one.row)) for one in descriptions]
    before = folder / RECORD  # of a dataset that is built anew: what is known of its flaws goes along
    notes = json.loads(before.read_text(encoding="utf-8")).get("notes", []) if before.is_file() else []
    record = build_dataset(descriptions, out, with_images, strict, shard_bytes, notes)
    splits = ", ".join(f"{name} {size['rows']:,}" for name, size in record["splits"].items())
    megabytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    told = [
        f"{out}: {splits} rows, {megabytes:.1f} MB, fingerprint {record['fingerprint']}",
        reasons(record["left_out"]),
    ]
    return "\n".join([*filter(None, told), f'Read it with datasets.load_dataset("{out}")'])


def _style_of(out: Path, descriptions: list[Description]) -> str:
    styles = sorted({description.text.style for description in descriptions})
    named = [style for style, name in NAMES.items() if name.lower() in out.name.lower()]
    if len(styles) > 1 and len(named) != 1:
        raise ValueError(
            f"There are texts of {' and '.join(styles)} style: say which with --style, a dataset has one."
        )
    return named[0] if named else styles[0]


def split_by_hash(image_id: str) -> str:
    """A split for a picture that comes without one, from its id alone: 80% train, 10% validation, 10% test."""
    share = hash_share(image_id)
    return "validation" if share < VALIDATION_SHARE else "test" if share >= 1 - TEST_SHARE else "train"


def _with_splits(descriptions: list[Description]) -> list[Description]:
    """In the order of their ids, numbers as numbers."""
    styles = sorted({description.text.style for description in descriptions})
    if len(styles) != 1:
        raise ValueError(f"A dataset has one style; these descriptions have {', '.join(styles) or 'none'}.")
    placed: dict[str, Description] = {}
    for description in descriptions:
        image_id = description.row.image_id
        if not image_id.strip():
            raise ValueError(f"{description.row.name} has no image_id. Give each picture one of its own.")
        split = description.split or split_by_hash(image_id)
        if image_id in placed:
            splits = f" ({placed[image_id].split} and {split})" if placed[image_id].split != split else ""
            raise ValueError(
                f"Picture {image_id} is there twice{splits}. Give each picture an id of its own, or merge."
            )
        placed[image_id] = description._replace(split=split)
    return sorted(placed.values(), key=lambda description: (len(description.row.image_id), description.row.image_id))


def _suitable(descriptions: list[Description], strict: bool, show_progress: bool) -> tuple[list[Kept], list[LeftOut]]:
    kept, left_out = [], []
    reports = check_descriptions(descriptions, show_progress)
    for description, report in zip(descriptions, reports, strict=True):
        flags = tuple(dict.fromkeys([*description.text.flags, *(found.flag for found in report.flags)]))
        where = (description.row.image_id, str(description.split))
        if report.unsuitable:
            left_out.append(LeftOut(*where, "unsuitable", report.unsuitable))
        elif strict and flags:
            messages = " ".join(found.message for found in report.flags)
            left_out.append(LeftOut(*where, "flagged", messages or ", ".join(flags)))
        else:
            kept.append(Kept(description._replace(text=replace(description.text, flags=flags)), report))
    return kept, left_out


def _write_rows(
    kept: list[Kept], left_out: list[LeftOut], folder: Path, with_images: bool, shard_bytes: int, show_progress: bool
) -> tuple[list[Kept], dict[str, dict[str, int]], str]:
    """Writes all but what it adds to `left_out`; returns what is written, the splits' sizes and the fingerprint."""
    from rich.progress import Progress

    written: list[Kept] = []
    sizes, digest, features = {}, hashlib.sha256(), features_of(with_images)
    # Of equal pictures in two splits, the test's or the validation's stays.
    ordered = sorted(kept, key=lambda one: -SPLITS.index(str(one.description.split)))
    with Progress(disable=not show_progress) as progress:
        pictured = _with_pictures(progress.track(ordered, description="Writing rows"), with_images, left_out)
        for split, of_split in itertools.groupby(pictured, key=lambda found: str(found[0].description.split)):
            with ShardWriter(folder, split, features, shard_bytes) as shards:
                for one, picture in of_split:
                    row = _row(one)
                    digest.update(json.dumps([split, row]).encode())
                    if with_images:
                        digest.update(hashlib.sha256(picture or b"").digest())
                        row["image"] = {"bytes": picture, "path": row["file_name"]}
                    shards.add(row)
                    written.append(one)
            sizes[split] = {"rows": shards.rows, "bytes": shards.size}
    return written, {split: sizes[split] for split in SPLITS if split in sizes}, digest.hexdigest()[:16]


def _with_pictures(
    kept: Iterable[Kept], with_images: bool, left_out: list[LeftOut]
) -> Iterator[tuple[Kept, bytes | None]]:
    """Each with its picture's file; those whose picture cannot be had, or is in another split too, go to `left_out`."""
    first_with: dict[bytes, tuple[str, str]] = {}
    find = functools.partial(_picture_of, decode=with_images)
    with ThreadPoolExecutor() as pool:
        for batch in _batches(kept):
            for one, (picture, kind, why) in zip(batch, pool.map(find, batch), strict=True):
                image_id, split = one.description.row.image_id, str(one.description.split)
                if picture is not None:
                    first = first_with.setdefault(hashlib.sha256(picture).digest(), (split, image_id))
                    if first[0] != split:
                        kind, why = "in two splits", f"the same file as picture {first[1]} in the split {first[0]}"
                        left_out.append(LeftOut(image_id, split, kind, why))
                        continue
                elif with_images:
                    left_out.append(LeftOut(image_id, split, kind, why))
                    continue
                yield one, picture


def _batches(kept: Iterable[Kept]) -> Iterator[list[Kept]]:
    iterator = iter(kept)
    while batch := list(itertools.islice(iterator, AHEAD)):
        yield batch


def _picture_of(one: Kept, decode: bool) -> tuple[bytes | None, str, str]:
    """(the picture's file, "", ""), or (None, kind, why). With `decode`, a damaged one is found."""
    from nanovlm_hf.processing.image_processing_nanovlm import load_picture

    row = one.description.row
    name = row.file_name or row.image_id
    if row.picture is None or (isinstance(row.picture, Path) and not row.picture.exists()):
        return None, "no picture", f"{name} is not there"
    try:
        source = row.open_picture()
        if isinstance(source, (str, Path)) and Path(source).exists():
            source = Path(source).read_bytes()
    except (OSError, ValueError):  # its message has a path of this machine
        return None, "unreadable picture", f"{name} cannot be read from its file or zip"
    try:
        if isinstance(source, bytes):
            if decode:
                load_picture(source)
            return source, "", ""
        content = io.BytesIO()  # a decoded one has no file of its own
        load_picture(source).save(content, "PNG")
        return content.getvalue(), "", ""
    except (OSError, ValueError) as error:
        return None, "unreadable picture", f"{name}: {error}"


def _row(one: Kept) -> dict[str, Any]:
    (_, row, text, written_from), report = one
    writers = {caption.teacher for caption in row.texts if caption.style == "caption"} - {""}
    return {
        "image_id": row.image_id,
        "image_url": row.image_url or None,
        "file_name": row.file_name,
        "captions": row.captions(),
        "captions_by": ", ".join(sorted(writers)),
        "text": text.continuation,
        "style": text.style,
        "words": report.words,
        "sentences": report.sentences,
        "source": row.source,
        "teacher": text.teacher,
        "written_from": written_from,
        "flags": list(text.flags),
        "attribution": attribution_of(row),
    }


def reasons(left_out: list[dict[str, str]], shown: int = 5) -> str:
    """What was left out and why: a count of each kind and its first ones, for people."""
    lines = []
    for kind in dict.fromkeys(one["kind"] for one in left_out):
        of_kind = [one for one in left_out if one["kind"] == kind]
        lines.append(f"{kind}: {len(of_kind):,} left out")
        lines += [f"  picture {one['image_id']} ({one['split']}): {one['why']}" for one in of_kind[:shown]]
        if len(of_kind) > shown:
            lines.append(f"  and {len(of_kind) - shown:,} more, listed in {RECORD}")
    return "\n".join(lines)


def _put_in_place(part: Path, out: Path) -> None:
    """An old dataset goes only when the new one is whole; a kill between the two moves leaves it beside, as .NAME.old."""
    old = out.with_name(f".{out.name}.old")
    if out.exists():
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
    part.rename(out)
    shutil.rmtree(old, ignore_errors=True)
