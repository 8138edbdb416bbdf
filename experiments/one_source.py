"""The photographs of one source alone, as a folder for train.py and `nanovlm evaluate`: to train on some and tune on others.

    python -m experiments.one_source photos/ flickr8k runs/data/flickr8k
    python -m experiments.one_source photos/ coco runs/data/coco300 --pictures 300        # training pictures, at most

The pictures are not copied.
"""

import argparse
import json
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("source", choices=["coco", "flickr8k"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=int, help="of the training split, drawn with seed 0")
    flags = parser.parse_args()
    for part in ("annotations", "descriptions"):
        (flags.out / part).mkdir(parents=True, exist_ok=True)
    (flags.out / "images").symlink_to((flags.photos / "images").resolve())
    for split in ("train", "val", "test"):
        data = json.loads((flags.photos / f"annotations/captions_{split}.json").read_text(encoding="utf-8"))
        images = [image for image in data["images"] if image["source"] == flags.source]
        if split == "train" and flags.pictures:
            images = [images[i] for i in np.random.default_rng(0).permutation(len(images))[: flags.pictures]]
        kept = {image["id"] for image in images}
        data |= {"images": images, "annotations": [a for a in data["annotations"] if a["image_id"] in kept]}
        (flags.out / f"annotations/captions_{split}.json").write_text(json.dumps(data), encoding="utf-8")
        for kind in ("shortdesc", "longdesc"):
            name = f"descriptions/{kind}_{split}.jsonl"
            lines = (flags.photos / name).read_text(encoding="utf-8").splitlines()
            lines = [line for line in lines if json.loads(line)["image_id"] in kept]
            (flags.out / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{split}: {len(images):,} pictures of {flags.source}")


if __name__ == "__main__":
    main()
