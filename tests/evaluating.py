"""A data set of drawn pictures with texts of all styles, and tiny checkpoints, for tests of `nanovlm evaluate`."""

import json
import random
import shutil

import torch
from conftest import TEXTS, draw

WORDS = sorted({word.strip(".,?").lower() for text in TEXTS for word in text.split()})


def text_of(seed, words):
    rng = random.Random(seed)
    chosen = [rng.choice(WORDS) for _ in range(words)]
    return " ".join(chosen).capitalize() + "."


def write_photos(folder, test=5, captions=True):
    """A folder in COCO's form: 8 pictures to train on, some to test; the last of these is alone in its source."""
    for name in ("images", "annotations", "descriptions"):
        (folder / name).mkdir(parents=True)
    for split, ids in (("train", range(8)), ("val", range(8, 10)), ("test", range(10, 10 + test))):
        images, notes = [], []
        descriptions = {"short": [], "long": []}
        for i in ids:
            draw(i).save(folder / "images" / f"{i}.png")
            images.append({"id": i, "file_name": f"{i}.png", "source": "alone" if i == 9 + test else "drawn"})
            notes += [{"id": 10 * i + k, "image_id": i, "caption": TEXTS[(i + k) % 5]} for k in range(2 * captions)]
            for style, words in (("short", 22), ("long", 64)):
                descriptions[style].append({"image_id": i, "text": text_of(f"{style} {i}", words)})
        (folder / "annotations" / f"captions_{split}.json").write_text(
            json.dumps({"info": {}, "images": images, "annotations": notes})
        )
        for style, records in descriptions.items():
            lines = "".join(json.dumps(record) + "\n" for record in records)
            (folder / "descriptions" / f"{style}desc_{split}.jsonl").write_text(lines)
    return folder


def write_checkpoint(folder, model, processor):
    """A checkpoint as training leaves it, with a curve."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    history = [{"step": 10, "train_loss": 3.0}, {"step": 10, "loss": 2.5, "shuffled_loss": 2.7, "gap": 0.2}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in history))
    return folder


def write_blind_twin(folder, seeing, model, processor):
    """The same with a connector that passes nothing on."""
    shutil.copytree(seeing, folder)
    weights = [part.detach().clone() for part in model.connector.parameters()]
    with torch.no_grad():
        for part in model.connector.parameters():
            part.zero_()
        model.save_pretrained(folder)
        for part, kept in zip(model.connector.parameters(), weights, strict=True):
            part.copy_(kept)
    return folder
