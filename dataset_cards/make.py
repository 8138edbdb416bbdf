"""Makes our ShortDesc and LongDesc, the folders beside this file, as the Hub holds them, from the photographs' folder.

    python dataset_cards/make.py photos/

The pictures stay where they are: the datasets name them as COCO and Flickr8k do, with COCO's addresses. A dataset that
misses its bar is not written.
"""

import sys
from pathlib import Path

from nanovlm_hf.data.build import build_dataset, reasons
from nanovlm_hf.data.descriptions import NAMES, Description, read_descriptions
from nanovlm_hf.data.text_rules import LENGTHS, sentences_in, words_in

HERE = Path(__file__).parent
TEACHER = "a large language model"
LEAST_TEXTS, LEAST_SHARE, MOST_WORDS_OFF = 12_000, 0.95, 5
NOTES = (
    "The splits are this dataset's own: {val_in_train:,} pictures of COCO's `val2017` are in `train` here, and Flickr8k's own "
    "splits are not kept. A model trained on it is not to be measured by COCO's or Flickr8k's benchmarks.",
    "A picture's name doesn't say in which of COCO's folders it is. `image_url` has `val2017` for the {val:,} pictures that are "
    "among the 5,000 ids of that split, and `train2017` for the other {train:,}. COCO has published human captions for these "
    "two only; that the pictures whose caption is a model's are in `train2017` was tried on a sample, not on all.",
)


def as_published(description: Description, val2017: set[str]) -> Description:
    """With the names and addresses that COCO and Flickr8k give the picture, and with its writer."""
    row = description.row
    row.file_name = row.file_name.removeprefix(f"{row.source}_")
    if row.source == "coco":
        folder = "val2017" if row.image_id in val2017 else "train2017"
        row.image_url = f"http://images.cocodataset.org/{folder}/{row.file_name}"
    description.text.teacher = TEACHER
    return description


def check_bars(name: str, descriptions: list[Description]) -> None:
    """Raises ValueError where there are too few texts, too many outside the range, or one far outside it."""
    in_range = 0
    for _, row, text, _ in descriptions:
        lengths = LENGTHS[text.style]
        words, sentences = len(words_in(text.continuation)), len(sentences_in(text.continuation))
        if not lengths.min_words - MOST_WORDS_OFF <= words <= lengths.max_words + MOST_WORDS_OFF:
            raise ValueError(
                f"{name}, picture {row.image_id}: {words} words, more than {MOST_WORDS_OFF} off. Mend it."
            )
        in_range += (
            lengths.min_words <= words <= lengths.max_words
            and lengths.min_sentences <= sentences <= lengths.max_sentences
        )
    if len(descriptions) < LEAST_TEXTS or in_range < LEAST_SHARE * len(descriptions):
        raise ValueError(
            f"{name}: {in_range:,} of {len(descriptions):,} texts are in range; expected at least {LEAST_TEXTS:,} texts "
            f"and {LEAST_SHARE:.0%} of them."
        )


def main(photos: Path) -> None:
    val2017 = set((HERE / "coco_val2017_ids.txt").read_text(encoding="utf-8").split())
    found = [as_published(description, val2017) for description in read_descriptions(photos)]
    for style, name in NAMES.items():
        descriptions = [description for description in found if description.text.style == style]
        check_bars(name, descriptions)
        val = [description for description in descriptions if "/val2017/" in description.row.image_url]
        counts = {
            "val": len(val),
            "val_in_train": sum(description.split == "train" for description in val),
            "train": sum("/train2017/" in description.row.image_url for description in descriptions),
        }
        out = HERE / name.lower()
        record = build_dataset(descriptions, out, with_images=False, notes=[note.format(**counts) for note in NOTES])
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
        print(f"{name}: {record['splits']}, {size:.1f} MB, fingerprint {record['fingerprint']}")
        print(reasons(record["left_out"]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
