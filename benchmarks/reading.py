"""How long reading COCO's captions takes, and how much memory, at their full size: 118,287 pictures, 591,753 captions.

    python -m benchmarks.reading

Writes made-up annotations of that size, with COCO's own fields, and a zip of as many tiny pictures to a temporary folder,
then reads them in fresh processes: the captions alone, with the pictures in the zip, and as training reads them.
"""

import argparse
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


def read(captions: str, images: str | None) -> None:
    """What a fresh process does: reads, opens some pictures where there are any, and prints what it took."""
    from nanovlm_hf.data.readers import read_captions
    from nanovlm_hf.data.sources import CaptionSource

    start, busy = time.perf_counter(), time.process_time()
    rows = [row for _, row in read_captions(CaptionSource(captions, images=images))]
    seconds = f"{time.perf_counter() - start:.1f} s ({time.process_time() - busy:.1f} s of one core)"
    print(f"{len(rows):,} pictures, {sum(len(row.texts) for row in rows):,} captions: {seconds}{peak()}", end="")
    if images:
        start = time.perf_counter()
        for row in random.Random(0).sample(rows, OPENED):
            row.open_picture()
        milliseconds = 1000 * (time.perf_counter() - start) / OPENED
        print(f"; a picture out of the zip {milliseconds:.2f} ms{peak()}", end="")
    print()


def read_for_training(captions: str) -> None:
    from nanovlm_hf.data.sources import read_datasets

    start, busy = time.perf_counter(), time.process_time()
    splits = read_datasets([captions])
    seconds = f"{time.perf_counter() - start:.1f} s ({time.process_time() - busy:.1f} s of one core)"
    print(f"{sum(map(len, splits.values())):,} pictures in splits: {seconds}{peak()}")


def peak() -> str:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    return f", peak memory {kilobytes / 1e6 * 1.024:.2f} GB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        captions, pictures = Path(folder) / "annotations" / "captions_train2017.json", Path(folder) / "pictures.zip"
        captions.parent.mkdir()
        write_zip(pictures, write_annotations(captions, random.Random(0)))
        for what, call in (
            ("captions", f"read({str(captions)!r}, None)"),
            ("captions, pictures in a zip", f"read({str(captions)!r}, {str(pictures)!r})"),
            ("as training reads a folder", f"read_for_training({folder!r})"),
        ):
            print(f"{what}: ", end="", flush=True)
            subprocess.run([sys.executable, "-c", f"from benchmarks.reading import *; {call}"], check=True)


if __name__ == "__main__":
    main()
