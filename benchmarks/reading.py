"""How long reading COCO's captions takes, and how much memory, at their full size: 118,287 pictures, 591,753 captions.

    python -m benchmarks.reading

Writes made-up annotations of that size, with COCO's own fields, and a zip of as many tiny pictures to a temporary folder,
then reads them in fresh processes: the captions alone, with the pictures in the zip, and as training reads them.
"""

import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from benchmarks.common import Row, calibrate, finish, parse, parser_for, spread

PICTURES, CAPTIONS = 118_287, 591_753  # of captions_train2017.json
OPENED = 5_000
WORDS = [
    "a",
    "the",
    "man",
    "woman",
    "dog",
    "pizza",
    "umbrella",
    "street",
    "table",
    "is",
    "with",
    "on",
    "two",
    "sitting",
]


def write_annotations(path: Path, rng: random.Random) -> list[str]:
    """Returns the pictures' names. Entry by entry: a child's peak memory counts from its parent's."""
    ids = rng.sample(range(9, 581_930), PICTURES)
    names = [f"{image_id:012d}.jpg" for image_id in ids]
    extra = rng.sample(range(PICTURES), CAPTIONS - 5 * PICTURES)  # pictures with a sixth caption
    captioned = [*(index for index in range(PICTURES) for _ in range(5)), *extra]
    rng.shuffle(captioned)
    with path.open("w", encoding="utf-8") as file:
        file.write('{"info": {"description": "made up, in the size of COCO 2017"}, "licenses": [], "images": [')
        for index, (image_id, name) in enumerate(zip(ids, names, strict=True)):
            image = {
                "license": 3,
                "file_name": name,
                "coco_url": f"http://images.cocodataset.org/train2017/{name}",
                "height": 480,
                "width": 640,
                "date_captured": "2013-11-14 11:18:45",
                "flickr_url": f"http://farm9.staticflickr.com/8186/{image_id:010d}_cab3412f9b_z.jpg",
                "id": image_id,
            }
            file.write(", " * (index > 0) + json.dumps(image))
        file.write('], "annotations": [')
        for index, picture in enumerate(captioned):
            caption = " ".join(rng.choices(WORDS, k=11)).capitalize() + "."
            note = {"image_id": ids[picture], "id": index, "caption": caption}
            file.write(", " * (index > 0) + json.dumps(note))
        file.write("]}")
    return names


def write_zip(path: Path, names: list[str]) -> None:
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(picture, "JPEG")
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"train2017/{name}", picture.getvalue())


def read(captions: str, images: str | None) -> dict[str, float]:
    """What a fresh process does: reads, and opens some pictures where there are any."""
    from nanovlm_hf.data.readers import read_captions
    from nanovlm_hf.data.sources import CaptionSource

    start, busy = time.perf_counter(), time.process_time()
    rows = [row for _, row in read_captions(CaptionSource(captions, images=images))]
    took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - busy, "pictures": len(rows)}
    took["captions"] = sum(len(row.texts) for row in rows)
    if images:
        start = time.perf_counter()
        for row in random.Random(0).sample(rows, OPENED):
            row.open_picture()
        took["milliseconds"] = 1000 * (time.perf_counter() - start) / OPENED
    return {**took, "peak": peak()}


def read_for_training(captions: str) -> dict[str, float]:
    from nanovlm_hf.data.sources import read_datasets

    start, busy = time.perf_counter(), time.process_time()
    rows = [row for split in read_datasets([captions]).values() for row in split]
    took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - busy, "pictures": len(rows)}
    return {**took, "captions": sum(len(row.texts) for row in rows), "peak": peak()}


def peak() -> float:
    """MB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def measure(call: str, what: str) -> dict[str, float]:
    code = f"import json; from benchmarks.reading import *; print(json.dumps({call}))"
    took = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1])
    if (took["pictures"], took["captions"]) != (PICTURES, CAPTIONS):
        raise RuntimeError(f"{what}: {took['pictures']} pictures and {took['captions']} captions were read")
    return took


def main() -> None:
    options = parse(parser_for(__doc__, rounds=3))
    before = calibrate()
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        captions, pictures = Path(folder) / "annotations" / "captions_train2017.json", Path(folder) / "pictures.zip"
        captions.parent.mkdir()
        write_zip(pictures, write_annotations(captions, random.Random(0)))
        calls = {
            "captions": f"read({str(captions)!r}, None)",
            "captions, pictures in a zip": f"read({str(captions)!r}, {str(pictures)!r})",
            "as training reads a folder": f"read_for_training({folder!r})",
        }
        for _ in range(options.rounds):
            for what, call in calls.items():
                found.setdefault(what, []).append(measure(call, what))
    rows = []
    for group, key, unit in (
        ("reading 118,287 pictures' captions", "seconds", "s"),
        ("reading captions, CPU", "cpu", "s"),
        ("reading captions, peak memory", "peak", "MB"),
        ("a picture out of the zip", "milliseconds", "ms"),
    ):
        for what, took in found.items():
            if key in took[0]:
                rows.append(Row(group, what, *spread([one[key] for one in took]), unit))
    finish(rows, options, before, f"Medians of {options.rounds} fresh processes each, in turn.")


if __name__ == "__main__":
    main()
