"""Rows to batches: each picture once a step, with several of its texts, and texts of like length together.

The vision encoder is most of a step's cost, so one encoding of a picture serves up to `texts_per_image` of its texts.
The order is a function of seed and epoch alone: a resumed run, and any number of processes, sees the same batches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nanovlm_hf.data.picture_cache import PictureCache
from nanovlm_hf.data.sources import Row

IGNORED = -100  # no loss here (torch's cross-entropy)
BUCKET = 64  # batches whose pictures are sorted by length together
LIKE_LENGTHS = 1.5  # a text is at most so many times as long as another that it is computed together with


@dataclass
class Batch:
    """What a step reads: pictures, their texts, and which picture each text speaks of.

    `pixels` (pictures, height, width, 3) uint8; `input_ids`, `attention_mask`, `labels` (texts, length); `image_index`
    (texts,); `pictures`: rows in the cache; `positions`: of the pictures in the step's batch over all processes.
    `texts`: which of the data's, shortest first; `groups`: those of like length, as their rows and the longest's length.
    """

    pixels: torch.Tensor
    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    image_index: torch.Tensor
    pictures: list[int]
    positions: list[int]
    texts: list[int]
    groups: list[tuple[slice, int]]

    def to(self, device: torch.device) -> "Batch":
        moved = {k: v.to(device, non_blocking=True) for k, v in vars(self).items() if isinstance(v, torch.Tensor)}
        return Batch(**{**vars(self), **moved})


@dataclass
class Item:
    """One visit to a picture: its row in the cache and the texts that this visit serves."""

    picture: int
    texts: list[int]
    length: int


class TrainingData(torch.utils.data.Dataset):
    """Encoded texts over cached pictures; indexed by items, a whole micro-batch at once.

    Args:
        rows: pictures with texts; those that the cache could not read are left out.
        cache: their decoded pictures, in the same order.
        processor: a `NanoVLMProcessor`, which knows the text format.
        texts_per_image: texts of one picture that a visit serves at most.
        max_length: tokens of a text at most, image slots included; longer ones are cut at the end.
    """

    def __init__(self, rows: list[Row], cache: PictureCache, processor: Any, texts_per_image: int, max_length: int):
        self.pixels = cache.pixels
        self.pad_token_id = processor.tokenizer.pad_token_id
        self.image_seq_length = processor.image_seq_length
        self.ids: list[np.ndarray] = []
        self.given: list[int] = []  # tokens at the start that are not to be written
        self.styles: list[str] = []
        self.sources: list[str] = [row.source for row in rows]
        self.items: list[Item] = []
        for picture, row in enumerate(rows):
            if picture in cache.bad:
                continue
            first = len(self.ids)
            for text in row.texts:
                ids, given = processor.encode(text.beginning, text.continuation, text.style)
                self.ids.append(np.array(ids[:max_length], dtype=np.int64))
                self.given.append(given)
                self.styles.append(text.style)
            by_length = sorted(range(first, len(self.ids)), key=lambda index: len(self.ids[index]))
            for start in range(0, len(by_length), texts_per_image):
                texts = by_length[start : start + texts_per_image]
                self.items.append(Item(picture, texts, len(self.ids[texts[-1]])))

    def __len__(self) -> int:
        return len(self.items)

    def num_targets(self, items: list[int]) -> int:
        """Tokens to be written in these items: what a step's loss is the mean over."""
        return sum(len(self.ids[text]) - self.given[text] for item in items for text in self.items[item].texts)

    def __getitem__(self, positioned: list[tuple[int, int]]) -> Batch:
        """`positioned`: (position in the step's batch, item) for each item of a micro-batch."""
        batch = self.texts_of([index for _, index in positioned])
        batch.pixels = torch.from_numpy(np.stack([self.pixels[picture] for picture in batch.pictures]))
        batch.positions = [position for position, _ in positioned]
        return batch

    def texts_of(self, indices: list[int]) -> Batch:
        """The texts of these items, without pictures."""
        items = [self.items[index] for index in indices]
        pairs = [(text, index) for index, item in enumerate(items) for text in item.texts]
        pairs.sort(key=lambda pair: len(self.ids[pair[0]]))
        texts = [text for text, _ in pairs]
        length = len(self.ids[texts[-1]])
        input_ids = np.full((len(texts), length), self.pad_token_id, dtype=np.int64)
        attention_mask = np.zeros((len(texts), length), dtype=np.int64)
        labels = np.full((len(texts), length), IGNORED, dtype=np.int64)
        for row, text in enumerate(texts):
            ids, given = self.ids[text], self.given[text]
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
            labels[row, given : len(ids)] = ids[given:]
        return Batch(
            pixels=torch.empty(0, dtype=torch.uint8),
            input_ids=torch.from_numpy(input_ids),
            attention_mask=torch.from_numpy(attention_mask),
            labels=torch.from_numpy(labels),
            image_index=torch.tensor([index for _, index in pairs]),
            pictures=[item.picture for item in items],
            positions=list(range(len(items))),
            texts=texts,
            groups=_of_like_length([len(self.ids[text]) for text in texts]),
        )

    def epoch_batches(self, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
        """An epoch's items in batches of `batch_size` pictures over all processes; lengths alike within a batch.

        Items that fill no whole batch are left out: other ones in each epoch.
        """
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(self.items))
        batches = []
        for start in range(0, len(order), batch_size * BUCKET):
            bucket = sorted(order[start : start + batch_size * BUCKET].tolist(), key=lambda i: self.items[i].length)
            batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
        whole = [batch for batch in batches if len(batch) == batch_size] or batches
        return [whole[i] for i in rng.permutation(len(whole))]


def _of_like_length(lengths: list[int]) -> list[tuple[slice, int]]:
    """Ascending lengths -> (their places, the longest) of runs without much padding: captions, short and long texts."""
    starts = [0]
    for place, length in enumerate(lengths):
        if length > LIKE_LENGTHS * lengths[starts[-1]]:
            starts.append(place)
    stops = [*starts[1:], len(lengths)]
    return [(slice(start, stop), lengths[stop - 1]) for start, stop in zip(starts, stops, strict=True)]


def micro_batches(
    data: TrainingData, batches: list[list[int]], num_parts: int = 1, parts: range = range(1), num_workers: int = 0
) -> Iterator[Batch]:
    """Each batch cut into `num_parts`, of which this process reads `parts`, one after another."""
    if batches and num_parts > min(map(len, batches)):
        raise ValueError(
            f"A batch of {min(map(len, batches))} pictures cannot be cut into {num_parts} parts (processes x "
            "gradient_accumulation_steps): raise batch_size, or train on more pictures."
        )
    sampler = [list(enumerate(batch))[part::num_parts] for batch in batches for part in parts]
    loader: Any = torch.utils.data.DataLoader(data, sampler=sampler, batch_size=None, num_workers=num_workers)
    return iter(loader)
