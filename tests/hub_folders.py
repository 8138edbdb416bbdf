"""A checkpoint and a dataset as they lie in a checkout, small, for tests that publish them."""

import json
import shutil

MODEL_CARD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: image-text-to-text
datasets: [org/tinydesc]
---
# nanovlm-tiny

`AutoModel.from_pretrained("org/nanovlm-tiny", trust_remote_code=True)`, see https://huggingface.co/datasets/org/tinydesc.
"""
DATASET_CARD = """---
license: cc-by-4.0
language: en
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*}
  - {split: validation, path: data/validation-*}
---
# tinydesc
"""
ROWS = {
    "train": [
        {"image_id": str(i), "text": f"A red ball, number {i}.", "captions": ["a ball", "red"]} for i in range(8)
    ],
    "validation": [{"image_id": "8", "text": "A blue boat.", "captions": ["boat"]}],
}


def write_dataset(folder, shards=2):
    from datasets import Dataset

    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(DATASET_CARD)
    for split, rows in ROWS.items():
        dataset, count = Dataset.from_list(rows), shards if split == "train" else 1
        for shard in range(count):
            name = f"{split}-{shard:05}-of-{count:05}.parquet"
            dataset.shard(count, shard, contiguous=True).to_parquet(folder / "data" / name)


def write_checkpoint(folder, model, processor):
    model.generation_config.update(max_new_tokens=8, do_sample=False)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(MODEL_CARD)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def another_model(work):
    """New weights under the same name."""
    from safetensors.torch import load_file, save_file

    path = work / "checkpoints" / "nanovlm-tiny" / "model.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    return path


def change_json(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
