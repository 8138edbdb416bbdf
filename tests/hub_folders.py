"""A checkpoint and a dataset as they lie in a checkout, small, and what tests ask of their way to the Hub."""

import copy
import json
import shutil
import signal
from pathlib import Path

from nanovlm_hf import __version__

ROOT = Path(__file__).resolve().parent.parent
TAG = f"v{__version__}"
MODEL, DATASET = "models/org/nanovlm-tiny", "datasets/org/tinydesc"

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


def writes(hub):
    return [request for request in hub.requests if not request.startswith(("GET", "HEAD"))]


def interrupt_everywhere(hub, forks, push, command, key):
    """Kills a push at each of its requests, before and after the request had its effect, and each time runs it again.

    Args:
        push: does the same as `command`, and expects it to go well.
        command: a script's name and arguments.
        key: of the repository.

    Returns:
        The files that were there in the end, each time.
    """
    start = copy.deepcopy((hub.repos, hub.collections))
    before = hub.repos[key].files() if key in hub.repos else {}
    released = hub.repos[key].files(TAG) if key in hub.repos else None
    hub.requests.clear()
    push()
    requests, after = list(hub.requests), hub.repos[key].files()
    moments = [(number, "before") for number in range(1, len(requests) + 1)]
    moments += [(number, "after") for number, _ in moments if not requests[number - 1].startswith("GET")]
    assert before != after and len(moments) > 8
    for number, cut in moments:
        where = f"killed {cut} request {number}, {requests[number - 1]}"
        hub.reset()
        repos, collections = copy.deepcopy(start)
        hub.repos.update(repos)
        hub.collections.extend(collections)
        hub.fail(number=number, cut=cut, then=forks.kill)
        assert forks(*command, "--namespace", "org")[0] == -signal.SIGKILL, where
        assert key not in hub.repos or hub.repos[key].files() in (before, after), where
        push()
        repo = hub.repos[key]
        assert repo.files() == after, where
        assert all(repo.files(commit.oid) in ({}, before, after) for commit in repo.history()), where
        assert repo.files(TAG) == (after if released is None else released), where
        assert [[item["id"] for item in found["items"]] for found in hub.collections] == [[repo.id]], where
    return after
