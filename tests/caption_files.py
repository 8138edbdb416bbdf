"""Captioned pictures on disk in COCO's and our own form, for tests; `read` gives their rows."""

import io
import json
import zipfile
from pathlib import Path

from conftest import draw

from nanovlm_hf.data.readers import read_captions
from nanovlm_hf.data.sources import CaptionSource

IDS = (9, 25, 581929)
FLICKR8K = ("1000268201_693b08cb0e.jpg", "1001773457_577c3a7d70.jpg", "2258277193_586949ec62.jpg")
NAMES = {"2017": "{:012d}.jpg", "2014": "COCO_train2014_{:012d}.jpg", "ours": "coco_{:012d}.jpg"}


def read(captions, **options):
    return list(read_captions(CaptionSource(str(captions), **options)))


def jpeg(seed):
    content = io.BytesIO()
    draw(seed).save(content, "JPEG")
    return content.getvalue()


def opened(row):
    picture = row.open_picture()
    return picture.read_bytes() if isinstance(picture, Path) else picture


def write_pictures(place, names):
    """Pictures of these names, each of its own seed, in a folder or, where the name ends so, in a zip."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        if place.suffix == ".zip":
            with zipfile.ZipFile(place, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{place.stem}/{name}", jpeg(seed))
        else:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(jpeg(seed))
    return place


def write_coco(path, naming="2017", ids=IDS, **fields):
    images = [
        {"id": i, "file_name": NAMES[naming].format(i), "coco_url": f"http://images.cocodataset.org/{i}.jpg", **fields}
        for i in ids
    ]
    notes = [{"id": 10 * i + k, "image_id": i, "caption": f"Caption {k} of {i}."} for k in range(2) for i in ids]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"info": {}, "images": images, "annotations": notes}))
    return path


def save_dataset(folder, records, split="train"):
    from datasets import Dataset, Features, Image, List, Value

    kinds = {"photo": Image(), "image": Image(), "sentences": List(Value("string")), "captions": List(Value("string"))}
    kinds["flags"] = List(Value("string"))
    columns = {name: [record[name] for record in records] for name in records[0]}
    features = Features(
        {name: kinds.get(name, Value("int64" if isinstance(records[0][name], int) else "string")) for name in columns}
    )
    folder.mkdir(exist_ok=True)
    Dataset.from_dict(columns, features=features).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def built_records(ids=IDS, **columns):
    """Rows as our datasets have them where pictures may not be given on."""
    return [
        {
            "image_id": str(i), "file_name": NAMES["ours"].format(i), "image_url": f"http://example.org/{i}.jpg",
            "captions": ["Caption 0 of 9.", "Caption 1 of 9."], "text": f"Text of {i}.", "style": "long",
            "source": "coco", "teacher": "gpt-4o", "flags": ["length"], **columns,
        }
        for i in ids
    ]  # fmt: skip


def rewrite(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
