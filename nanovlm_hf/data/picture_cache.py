"""Pictures decoded once, for all epochs and runs: a memory-mapped uint8 array on disk.

    cache = build_picture_cache(rows, image_processor, cache_dir)
    cache.pixels[3]                        # (224, 224, 3) uint8, as the image processor resizes it

Keyed by the pictures and the processor's settings. An interrupted build goes on where it stopped.
"""

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanovlm_hf.data.sources import Row

CHUNK = 256  # pictures decoded ahead of the disk


@dataclass
class PictureCache:
    """`pixels` (pictures, height, width, 3) uint8, in the order of the rows; `bad`: index -> what is wrong with it."""

    pixels: np.ndarray
    bad: dict[int, str]


def default_cache_dir() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "nanovlm"


def build_picture_cache(
    rows: list[Row], image_processor: Any, cache_dir: str | Path | None = None, show_progress: bool = True
) -> PictureCache:
    """Decodes and resizes every row's picture, or opens what an earlier run has made.

    Args:
        rows: whose pictures to decode; one that cannot be read stays black and is listed in `bad`.
        image_processor: a `NanoVLMImageProcessor`; its size and filter are part of the key.
        cache_dir: where the arrays lie; `nanovlm/` in the Hugging Face cache by default.

    Raises:
        OSError: not enough space on the disk; says how much is needed and where.
    """
    from filelock import FileLock

    folder = Path(cache_dir) if cache_dir else default_cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    shape = (image_processor.size["height"], image_processor.size["width"], 3)
    path = folder / f"pictures-{_key(rows, image_processor)}.rgb"
    bad_path = path.with_suffix(".bad.jsonl")
    with FileLock(f"{path}.lock"):  # several processes of one run want the same cache
        if not path.exists():
            _build(rows, image_processor, shape, path, bad_path, show_progress)
    bad = [json.loads(line) for line in bad_path.read_text(encoding="utf-8").splitlines()]
    pixels = np.memmap(path, np.uint8, "r", shape=(len(rows), *shape))
    return PictureCache(pixels, {entry["index"]: entry["complaint"] for entry in bad})


def _key(rows: list[Row], image_processor: Any) -> str:
    digest = hashlib.sha256(json.dumps([image_processor.size, int(image_processor.resample)]).encode())
    for row in rows:
        digest.update(json.dumps([row.image_id, row.name, row.picture_version()]).encode())
    return digest.hexdigest()[:16]


def _build(
    rows: list[Row], image_processor: Any, shape: tuple[int, ...], path: Path, bad_path: Path, show_progress: bool
) -> None:
    """Appends picture after picture, so that the length of the unfinished file says where to go on."""
    from rich.progress import Progress

    part, record = Path(f"{path}.part"), int(np.prod(shape))
    done = part.stat().st_size // record if part.exists() else 0
    needed, free = (len(rows) - done) * record, shutil.disk_usage(path.parent).free
    if needed > free:
        raise OSError(
            f"The decoded pictures need {needed / 1e9:.1f} GB in {path.parent}, which has {free / 1e9:.1f} GB free: "
            "make room, or name another folder with --cache_dir."
        )

    def decode(row: Row) -> tuple[np.ndarray, str]:
        try:
            return image_processor.resize(row.open_picture()), ""
        except (ValueError, FileNotFoundError) as error:
            return np.zeros(shape, np.uint8), str(error)

    with (
        ThreadPoolExecutor(os.cpu_count()) as pool,
        part.open("ab") as pictures,
        bad_path.open("a" if done else "w", encoding="utf-8") as complaints,
        Progress(disable=not show_progress) as progress,
    ):
        pictures.truncate(done * record)
        task = progress.add_task(f"Decoding {len(rows):,} pictures", completed=done, total=len(rows))
        for start in range(done, len(rows), CHUNK):
            for index, (pixels, complaint) in enumerate(pool.map(decode, rows[start : start + CHUNK]), start):
                if complaint:
                    complaints.write(json.dumps({"index": index, "complaint": complaint}) + "\n")
                    complaints.flush()
                pictures.write(pixels.tobytes())
                progress.advance(task)
    os.replace(part, path)
