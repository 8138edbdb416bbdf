"""A built dataset that is streamed by several processes: each reads its part, together they read all, as docs/scale.md says."""

import pytest
from conftest import draw

from nanovlm_hf.data.build import build_dataset
from nanovlm_hf.data.check_plots import write_plots
from nanovlm_hf.data.descriptions import Description
from nanovlm_hf.data.sources import Row, Text

PICTURES = 24


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A dataset with pictures, in one Parquet file or in many."""
    monkeypatch.setattr(f"{write_plots.__module__}.write_plots", lambda report, folder: None)

    def make(shard_bytes):
        descriptions = []
        for number in range(PICTURES):
            path = tmp_path / f"{number:02}.png"
            draw(number).save(path)
            text = f"A brown dog runs on the grass with ball number {number}. It is a warm day, and the dog likes to play a lot."
            captions = [Text("caption", f"Dog {number}.", teacher="people")]
            row = Row(f"{number:02}", str(path), path, "drawn", texts=captions, file_name=path.name)
            descriptions.append(Description("train", row, Text("short", text, teacher="people"), "captions"))
        build_dataset(descriptions, tmp_path / "data", True, shard_bytes=shard_bytes, show_progress=False)
        return tmp_path / "data"

    return make


@pytest.mark.parametrize("shard_bytes", [1, 500_000_000])
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_read_disjoint_parts_that_together_are_all(build, tmp_path, shard_bytes, processes):
    from datasets import load_dataset
    from datasets.distributed import split_dataset_by_node

    folder = build(shard_bytes)
    data = load_dataset(str(folder), split="train", streaming=True, cache_dir=str(tmp_path / "cache"))
    assert data.num_shards == len(list(folder.glob("data/train-*")))
    assert (data.num_shards == 1) == (shard_bytes > 1)
    parts = [split_dataset_by_node(data, rank, processes) for rank in range(processes)]
    read = [[row["image_id"] for row in part] for part in parts]
    assert sorted(name for part in read for name in part) == [f"{number:02}" for number in range(PICTURES)]
    assert max(map(len, read)) - min(map(len, read)) <= 1
    if data.num_shards % processes == 0:  # then each reads files of its own, and none of the others'
        assert all(part.num_shards == data.num_shards // processes for part in parts)
