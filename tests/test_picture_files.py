"""Pictures are found in folders and zips, under COCO's and Flickr8k's names of all kinds, and never mistaken."""

import multiprocessing
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from caption_files import (
    FLICKR8K,
    IDS,
    NAMES,
    built_records,
    jpeg,
    opened,
    read,
    rewrite,
    save_dataset,
    write_coco,
    write_pictures,
)

from nanovlm_hf.data import picture_files
from nanovlm_hf.data.picture_cache import build_picture_cache
from nanovlm_hf.data.picture_files import find_pictures
from nanovlm_hf.data.sources import Row, read_datasets


def test_names_that_several_pictures_have_are_never_guessed(tmp_path):
    captions = write_coco(tmp_path / "captions_all.json")
    rewrite(captions, lambda data: [image.update(file_name=f"{image['id']}.jpg") for image in data["images"]])
    for folder in ("train", "test"):
        write_pictures(tmp_path / "pictures" / folder, [f"{i}.jpg" for i in IDS])
    with pytest.raises(ValueError, match=r"9.jpg is the name of .*test/9.jpg and of .*train/9.jpg"):
        read(captions, images=str(tmp_path / "pictures"))
    (_, row), *_ = read(captions.rename(tmp_path / "captions_train.json"), images=str(tmp_path / "pictures"))
    assert row.picture == tmp_path / "pictures" / "train" / "9.jpg" and row.source == tmp_path.name


def open_all(pictures):
    return [picture() for picture in pictures]


def test_a_zips_pictures_open_in_threads_and_processes_and_its_directory_is_read_once(tmp_path, monkeypatch):
    captions = write_coco(tmp_path / "captions_train2017.json", ids=range(1, 41))
    images = write_pictures(tmp_path / "train2017.zip", [NAMES["2017"].format(i) for i in range(1, 41)])
    opened_zips = []
    whole = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: opened_zips.append(path) or whole(path))
    pictures = [row.picture for _, row in read(captions, images=str(images))]
    expected = [jpeg(seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda picture: picture(), pictures * 5)) == expected * 5
    assert opened_zips == [str(images)]
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(open_all, [pictures] * 6) == [expected] * 6
    assert open_all(pickle.loads(pickle.dumps(pictures))) == expected  # what processes that are not forked get


def test_training_decodes_pictures_out_of_a_zip_and_again_when_they_change(tmp_path, processor):
    write_coco(tmp_path / "annotations" / "captions_train2017.json", ids=range(1, 31))
    write_pictures(tmp_path / "images.zip", [NAMES["2017"].format(i) for i in range(1, 31)])
    rows = read_datasets([str(tmp_path)])["train"]
    cache = build_picture_cache(rows, processor.image_processor, tmp_path / "cache", show_progress=False)
    assert (
        cache.bad == {}
        and (cache.pixels[0] == processor.image_processor.resize(jpeg(int(rows[0].image_id) - 1))).all()
    )
    changed = picture_files.ZipPicture(rows[0].picture.path, rows[0].picture.member, "another checksum")
    assert picture_files.with_picture(rows[0], changed).picture_version() != rows[0].picture_version()


def test_a_damaged_zip_or_picture_in_it_is_named(tmp_path):
    captions = write_coco(tmp_path / "captions_train2017.json")
    images = write_pictures(tmp_path / "train2017.zip", [NAMES["2017"].format(i) for i in IDS])
    content = bytearray(images.read_bytes())
    content[100] ^= 255
    (tmp_path / "bad.zip").write_bytes(content)
    (_, row), *_ = read(captions, images=str(tmp_path / "bad.zip"))
    with pytest.raises(ValueError, match=r"bad.zip/train2017/000000000009.jpg: cannot be unpacked \("):
        row.open_picture()
    (tmp_path / "cut.zip").write_bytes(images.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"cut.zip: not a whole zip \("):
        read(captions, images=str(tmp_path / "cut.zip"))


def test_a_dataset_without_pictures_says_how_to_bring_them(tmp_path):
    (_, row), *_ = read(save_dataset(tmp_path / "longdesc", built_records()))
    with pytest.raises(
        ValueError, match="row 0: the source comes without pictures.*coco_000000000009.jpg: --images DIR"
    ):
        row.open_picture()


@pytest.mark.parametrize("naming", NAMES)
@pytest.mark.parametrize("place", ["coco/train2017", "train.zip"])
def test_a_dataset_without_pictures_is_joined_with_a_users_own(tmp_path, naming, place):
    coco = write_pictures(tmp_path / place, [NAMES[naming].format(i) for i in IDS[:2]])
    flickr8k = write_pictures(tmp_path / "flickr8k", [FLICKR8K[0]])
    rows = [row for _, row in read(save_dataset(tmp_path / "longdesc", built_records()))]
    rows.append(Row("1000268201", "a", None, "flickr8k", file_name=f"flickr8k_{FLICKR8K[0]}"))
    rows.append(Row("9", "own", None, "mine", file_name="9.jpg"))  # the same id in another collection
    found, missing = find_pictures(rows, [coco.parent if coco.is_dir() else coco, flickr8k])
    assert [row.image_id for row in found] == ["9", "25", "1000268201"]
    assert [opened(row) for row in found] == [jpeg(0), jpeg(1), jpeg(0)]
    assert missing == ["coco_000000581929.jpg", "9.jpg"]
    assert found[0].texts == rows[0].texts


def test_pictures_come_from_the_dataset_that_has_them(tmp_path):
    text_only = save_dataset(tmp_path / "longdesc", built_records())
    write_coco(tmp_path / "coco" / "annotations" / "captions_train2017.json")
    write_pictures(tmp_path / "coco" / "images", [NAMES["2017"].format(i) for i in IDS])
    for names in ([text_only, tmp_path / "coco"], [tmp_path / "coco", text_only]):
        rows = {row.image_id: row for rows in read_datasets([str(name) for name in names]).values() for row in rows}
        assert opened(rows["9"]) == jpeg(0) and {text.style for text in rows["9"].texts} == {"caption", "long"}
    rows = read(text_only, images=str(tmp_path / "coco"))
    assert [opened(row) for _, row in rows] == [jpeg(seed) for seed in range(3)]
