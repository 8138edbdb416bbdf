"""Captioned pictures become rows, decoded pictures and batches; what is wrong with them is named."""

import json

import numpy as np
import pytest
from conftest import draw

from nanovlm_hf.data import picture_cache
from nanovlm_hf.data.batches import IGNORED, TrainingData, micro_batches
from nanovlm_hf.data.picture_cache import build_picture_cache
from nanovlm_hf.data.sources import Row, Text, data_fingerprint, join_pictures, read_datasets


def test_coco_form(coco_folder):
    splits = read_datasets([str(coco_folder)])
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 8, "validation": 4, "test": 0}
    row = splits["train"][3]
    assert (row.image_id, row.source, row.name) == ("3", "drawn", str(coco_folder / "images" / "3.png"))
    assert [text.style for text in row.texts] == ["caption", "caption", "short"]


def test_coco_folder_names_of_both_years(coco_folder):
    for split in ("train", "val"):
        path = coco_folder / "annotations" / f"captions_{split}.json"
        path.rename(path.with_name(f"captions_{split}2017.json"))
        (coco_folder / f"{split}2017").mkdir()
    for path in sorted((coco_folder / "images").iterdir()):
        path.rename(coco_folder / ("train2017" if int(path.stem) < 8 else "val2017") / path.name)
    splits = read_datasets([str(coco_folder)])
    assert all(row.picture.exists() for rows in splits.values() for row in rows)
    assert [text.style for text in splits["train"][0].texts] == ["caption", "caption", "short"]


def save_dataset(folder, records, split="train"):
    from datasets import Dataset, Features, Image, List, Value

    columns = {name: [record[name] for record in records] for name in records[0]}
    kinds = {"image": Image(), "captions": List(Value("string"))}
    turns = List({"user": Value("string"), "assistant": Value("string")})
    features = Features({name: kinds.get(name, turns if name == "texts" else Value("string")) for name in columns})
    folder.mkdir(exist_ok=True)
    Dataset.from_dict(columns, features=features).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return str(folder)


def test_datasets_form_gives_the_same_pictures(tmp_path, processor):
    records = [
        {"image_id": str(i), "image": draw(i), "text": f"Text {i}.", "style": "long", "captions": [f"Caption {i}."]}
        for i in range(30)
    ]
    splits = read_datasets([save_dataset(tmp_path / "data", records)])
    assert len(splits["train"]) + len(splits["validation"]) == 30 and splits["validation"]
    row = next(row for row in splits["train"] + splits["validation"] if row.image_id == "5")
    assert [(text.style, text.continuation) for text in row.texts] == [("caption", "Caption 5."), ("long", "Text 5.")]
    np.testing.assert_array_equal(
        processor.image_processor.resize(row.open_picture()), processor.image_processor.resize(draw(5))
    )


def test_the_held_back_split_is_stable_under_added_data(tmp_path):
    records = [{"image_id": str(i), "image": draw(0), "text": "A."} for i in range(60)]
    few = read_datasets([save_dataset(tmp_path / "few", records[:40])])
    all_of_them = read_datasets([save_dataset(tmp_path / "all", records)])
    held_back = {row.image_id for row in all_of_them["validation"]}
    assert {row.image_id for row in few["validation"]} == {i for i in held_back if int(i) < 40}


def test_a_dataset_of_texts_alone_is_trained_on_with_a_users_pictures(coco_folder, tmp_path, caplog):
    from nanovlm_hf.training.prepare import prepare
    from nanovlm_hf.training.settings import parse_settings

    names = {split: range(10) if split == "train" else range(10, 12) for split in ("train", "validation")}
    for split, ids in names.items():
        records = [
            {"image_id": str(i), "file_name": f"{i}.png", "source": "drawn", "style": "short", "text": f"Text {i}."}
            for i in ids
        ]
        save_dataset(tmp_path / "texts", records, split)
    for i in (2, 10):
        (coco_folder / "images" / f"{i}.png").unlink()
    splits, missing = join_pictures(read_datasets([str(tmp_path / "texts")]), [coco_folder / "images"])
    assert [row.picture.name for row in splits["train"]] == [f"{i}.png" for i in (0, 1, *range(3, 10))]
    assert [row.texts[0].continuation for row in splits["validation"]] == ["Text 11."]
    assert missing == {"drawn": ["2.png", "10.png"]}

    arguments = ["--dataset", str(tmp_path / "texts"), "--images", str(coco_folder / "images"), "--size", "mini"]
    settings = parse_settings([*arguments, "--cache_dir", str(tmp_path / "cache"), "--vocab_size", "300"])
    prepared = prepare(settings, show_progress=True)
    assert len(prepared.train) == 9 and prepared.skipped == ["2.png: not among --images", "10.png: not among --images"]
    assert "2 pictures of drawn are not among --images: 2.png, 10.png" in caplog.text
    assert prepared.sources == {"train": {"drawn": 9}, "validation": {"drawn": 1}, "test": {}}
    settings.strict = True
    with pytest.raises(ValueError, match="2 pictures are missing, the first: 2.png"):
        prepare(settings, show_progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty has none of the pictures for training; .* is 0\.png"):
        join_pictures(read_datasets([str(tmp_path / "texts")]), [tmp_path / "empty"])


def test_questions_and_answers(tmp_path):
    record = {"image_id": "1", "image": draw(1), "texts": [{"user": "What is it?", "assistant": "A ball."}]}
    splits = read_datasets(
        [save_dataset(tmp_path / "vqa", [record] * 1 + [{**record, "image_id": str(i)} for i in range(2, 9)])]
    )
    assert splits["train"][0].texts == [Text("answer", "A ball.", beginning="What is it?")]


def test_datasets_merge_by_image_id(coco_folder, tmp_path):
    records = [{"image_id": str(i), "image": draw(i), "text": f"Long text {i}.", "style": "long"} for i in range(8)]
    other = save_dataset(tmp_path / "longdesc", records)
    validation = save_dataset(tmp_path / "longdesc", [{**records[0], "image_id": "8"}], split="validation")
    assert other == validation
    splits = read_datasets([str(coco_folder), other])
    assert len(splits["train"]) == 8 and len(splits["validation"]) == 4
    assert [text.style for text in splits["train"][2].texts] == ["caption", "caption", "short", "long"]
    assert len(splits["validation"][0].texts) == 4


def test_a_picture_in_two_splits_is_refused(coco_folder, tmp_path):
    other = save_dataset(tmp_path / "other", [{"image_id": "3", "image": draw(3), "text": "A."}], split="test")
    with pytest.raises(ValueError, match="Picture 3 stands in two splits, train and test"):
        read_datasets([str(coco_folder), other])


def test_an_empty_caption_is_named(coco_folder):
    path = coco_folder / "annotations" / "captions_train.json"
    data = json.loads(path.read_text())
    data["annotations"][5]["caption"] = " \n"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="captions_train.json, annotation 21: an empty text"):
        read_datasets([str(coco_folder)])


def test_a_dataset_without_pictures_or_texts_says_what_it_has(tmp_path):
    with pytest.raises(ValueError, match="no `image` column, but image_id, text"):
        read_datasets([save_dataset(tmp_path / "a", [{"image_id": "1", "text": "A."}])])
    with pytest.raises(ValueError, match="train row 0: no text. Expected `captions`"):
        read_datasets([save_dataset(tmp_path / "b", [{"image_id": "1", "image": draw(1)}])])


def test_fingerprint_tells_data_apart(coco_folder):
    splits = read_datasets([str(coco_folder)])
    before = data_fingerprint(splits)
    assert before == data_fingerprint(read_datasets([str(coco_folder)]))
    splits["train"][0].texts[0].continuation += "!"
    assert data_fingerprint(splits) != before


@pytest.fixture
def rows(tmp_path):
    made = []
    for i in range(6):
        draw(i).save(tmp_path / f"{i}.png")
        made.append(
            Row(str(i), str(tmp_path / f"{i}.png"), tmp_path / f"{i}.png", "drawn", texts=[Text("short", "A dog.")])
        )
    return made


def test_decoded_pictures_are_the_processors(rows, processor, tmp_path):
    cache = build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)
    assert cache.bad == {}
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(cache.pixels[i], processor.image_processor.resize(row.picture))


def test_pictures_are_decoded_once_and_again_when_changed(rows, processor, tmp_path, monkeypatch):
    decoded = []
    resize = type(processor.image_processor).resize
    monkeypatch.setattr(
        type(processor.image_processor), "resize", lambda self, source: decoded.append(source) or resize(self, source)
    )

    def build():
        decoded.clear()
        build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)
        return len(decoded)

    assert (build(), build()) == (6, 0)
    draw(99).save(rows[2].picture)
    assert build() == 6


def test_an_interrupted_build_goes_on(rows, processor, tmp_path, monkeypatch):
    expected = build_picture_cache(rows, processor.image_processor, tmp_path / "whole", show_progress=False).pixels
    monkeypatch.setattr(picture_cache, "CHUNK", 2)
    good, calls = rows[4].picture, []

    def interrupt():
        raise KeyboardInterrupt

    rows[4].version, rows[4].picture = rows[4].picture_version(), interrupt
    with pytest.raises(KeyboardInterrupt):
        build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)
    part = next((tmp_path / "cache").glob("*.part"))
    with part.open("ab") as file:
        file.write(b"half a picture")  # as a kill leaves it
    rows[4].picture = lambda: calls.append(1) or good
    got = build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False).pixels
    np.testing.assert_array_equal(got, expected)
    assert calls == [1]


def test_bad_pictures_are_listed_and_the_rest_is_whole(rows, processor, tmp_path):
    rows[1].picture.write_bytes(rows[1].picture.read_bytes()[:60])
    rows[4].picture.unlink()
    for _ in range(2):  # built, then opened
        cache = build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)
        assert set(cache.bad) == {1, 4}
        assert "1.png: not a readable picture" in cache.bad[1] and "4.png: no such picture" in cache.bad[4]
    np.testing.assert_array_equal(cache.pixels[5], processor.image_processor.resize(rows[5].picture))


def test_a_full_disk_is_said_before_it_is_full(rows, processor, tmp_path, monkeypatch):
    usage = picture_cache.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(picture_cache.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="GB free: make room, or name another folder with --cache_dir"):
        build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)


@pytest.fixture
def data(rows, processor, tmp_path):
    texts = ["A dog.", "A little dog runs after a green kite.", "The sun is up.", "A red ball lies on the grass."]
    for i, row in enumerate(rows):
        row.texts = [Text("caption", text) for text in texts[: 1 + i % 4]]
    rows[0].texts.append(Text("answer", "It is blue.", beginning="What colour is the boat?"))
    cache = build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)
    return TrainingData(rows, cache, processor, texts_per_image=2, max_length=64)


def test_loss_is_asked_for_what_is_to_be_written_only(data, processor):
    batch = data[list(enumerate(range(len(data))))]
    written, seen = [], 0
    for ids, labels, mask in zip(batch.input_ids, batch.labels, batch.attention_mask, strict=True):
        asked = labels != IGNORED
        assert (labels[asked] == ids[asked]).all()
        assert not asked[mask == 0].any(), "padding carries no loss"
        prompt = processor.tokenizer.decode(ids[~asked & mask.bool()])
        assert prompt in ("<image>" * 4 + "<caption>", "<image>" * 4 + "<answer>What colour is the boat?")
        written.append(processor.tokenizer.decode(ids[asked]))
        seen += int(asked.sum())
    assert " It is blue.<end>" in written and "A dog.<end>" in written
    assert all(text.endswith("<end>") for text in written)
    assert seen == data.num_targets(list(range(len(data))))


def test_each_text_is_served_once_an_epoch_with_its_own_picture(data):
    served = [text for item in data.items for text in item.texts]
    assert sorted(served) == list(range(len(data.ids)))
    assert max(len(item.texts) for item in data.items) == 2
    batch = data[list(enumerate(range(len(data))))]
    texts_of_picture = np.bincount([batch.pictures[i] for i in batch.image_index], minlength=6)
    assert texts_of_picture.tolist() == [2, 2, 3, 4, 1, 2]


def test_texts_of_like_length_are_grouped_with_nothing_cut_off(data):
    batch = data[list(enumerate(range(len(data))))]
    lengths = batch.attention_mask.sum(1).tolist()
    assert lengths == [len(data.ids[text]) for text in batch.texts] == sorted(lengths)
    covered = []
    for rows, longest in batch.groups:
        covered += lengths[rows]
        assert max(lengths[rows]) == longest <= 1.5 * min(lengths[rows])
    assert covered == lengths and len(batch.groups) > 1


def test_epochs_are_a_function_of_seed_and_number(data):
    first = data.epoch_batches(2, seed=1, epoch=0)
    assert first == data.epoch_batches(2, seed=1, epoch=0)
    assert first != data.epoch_batches(2, seed=1, epoch=1)
    assert first != data.epoch_batches(2, seed=2, epoch=0)
    items = [item for batch in first for item in batch]
    assert len(set(items)) == len(items) and len(data) - len(items) < 2


def test_parts_of_a_batch_are_the_batch(data):
    batches = data.epoch_batches(4, seed=0, epoch=0)
    whole = next(micro_batches(data, batches))
    parts = [next(micro_batches(data, batches, num_parts=2, parts=range(i, i + 1))) for i in range(2)]
    assert sorted(p for part in parts for p in part.positions) == whole.positions
    for part in parts:
        for position, pixels in zip(part.positions, part.pixels, strict=True):
            assert (pixels == whole.pixels[position]).all()


def test_a_batch_too_small_for_its_parts_is_refused(data):
    with pytest.raises(ValueError, match="A batch of 2 pictures cannot be cut into 4 parts"):
        micro_batches(data, data.epoch_batches(2, seed=0, epoch=0), num_parts=4)
