"""A second task for the vision encoder, in training only: which words do people use of this picture?

The decoder alone can lower its loss for long without looking. Predicting a picture's frequent words from the mean of
what the connector reads gives the encoder something to see from the first step. The head is no part of the model.
"""

from collections import Counter
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from nanovlm_hf.data.sources import Row
from nanovlm_hf.data.text_rules import words_in

NUM_WORDS = 800
NUM_SHARED_WORDS = 2000
TOO_COMMON = 0.4  # of the pictures; such words say nothing of any one
UNSURE = -1.0


class PictureWords:
    """The captions' most frequent words, and what people say of each picture with them.

    A word is there where at least two of a picture's captions use it (or the only one does), not there where none of
    its texts does, and unsure in between: what one person mentions, others may just have passed over.
    """

    def __init__(self, rows: list[Row]):
        said = [Counter(word for text in _captions(row) for word in _words(text)) for row in rows]
        agreed = [
            {word for word, count in counts.items() if count >= min(2, len(_captions(row)))}
            for counts, row in zip(said, rows, strict=True)
        ]
        frequency = Counter(word for words in agreed for word in words)
        self.vocabulary = _by_frequency(frequency)[:NUM_WORDS]
        index = {word: place for place, word in enumerate(self.vocabulary)}
        self.there = [[index[word] for word in sorted(words) if word in index] for words in agreed]
        used = [{word for text in row.texts for word in _words(text.continuation)} for row in rows]
        self.used = [[index[word] for word in sorted(words) if word in index] for words in used]

    def targets(self, pictures: list[int]) -> torch.Tensor:
        """(pictures, words): 1 there, 0 not there, -1 unsure."""
        targets = torch.zeros(len(pictures), len(self.vocabulary))
        for row, picture in enumerate(pictures):
            targets[row, self.used[picture]] = UNSURE
            targets[row, self.there[picture]] = 1
        return targets


class WordShares:
    """The texts' words, and of each picture the share of its texts that use a word.

    Words compete for what is said of a picture (one softmax over all): a rare word counts for as much as a frequent one.
    """

    def __init__(self, rows: list[Row]):
        used = [Counter(word for text in row.texts for word in _words(text.continuation)) for row in rows]
        frequency = Counter(word for counts in used for word in counts)
        words = _by_frequency(frequency)
        telling = [word for word in words if frequency[word] < TOO_COMMON * len(rows)]
        self.vocabulary = (telling or words)[:NUM_SHARED_WORDS]
        index = {word: place for place, word in enumerate(self.vocabulary)}
        self.shares = [
            sorted((index[word], count / len(row.texts)) for word, count in counts.items() if word in index)
            for counts, row in zip(used, rows, strict=True)
        ]

    def targets(self, pictures: list[int]) -> torch.Tensor:
        """(pictures, words): shares."""
        targets = torch.zeros(len(pictures), len(self.vocabulary))
        for row, picture in enumerate(pictures):
            for place, share in self.shares[picture]:
                targets[row, place] = share
        return targets


def _captions(row: Row) -> list[str]:
    """A picture's captions, or where it has none, its other texts."""
    return row.captions() or [text.continuation for text in row.texts]


def _by_frequency(frequency: Counter[str]) -> list[str]:
    """Most frequent first, ties by the alphabet: the order of sets differs between processes, the head's must not."""
    return sorted(frequency, key=lambda word: (-frequency[word], word))


def _words(text: str) -> set[str]:
    return set(words_in(text.lower()))


class TrainingModule(nn.Module):
    """A model and its word head, as one module, so that several processes average the gradients of both."""

    def __init__(self, model: Any, num_words: int, shares: bool = False):
        super().__init__()
        self.model, self.shares = model, shares
        self.word_head = nn.Linear(model.config.vision_config.hidden_size, num_words) if num_words else None

    def forward(
        self,
        pixel_values: torch.Tensor,
        word_targets: torch.Tensor | None = None,
        texts: list[dict[str, torch.Tensor]] | None = None,
        num_targets: int = 1,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the texts' loss (see the model) and the words', in nats, summed over words and pictures.

        Without texts, the first is 0 and the decoder is not asked; without words, the second.

        Args:
            word_targets: (pictures, words), or (any number, words) for one picture that stands for all.
            texts: groups of like length, each with `input_ids`, `attention_mask`, `labels` and `image_index`.
            num_targets: tokens that the texts' loss is the mean over.
        """
        states = self.model.model.get_image_states(pixel_values, interpolate_pos_encoding=True)
        text_loss = torch.zeros((), device=states.device)
        if texts:
            pictures = self.model.model.read_pictures(self.model.connector(self.on_full_grid(states)))
            for group in texts:
                text_loss = (
                    text_loss
                    + self.model(
                        **group, past_key_values=pictures, skip_logits=True, num_items_in_batch=num_targets
                    ).loss
                )
        if self.word_head is None or word_targets is None:
            return text_loss, torch.zeros_like(text_loss)
        scores, sure = self.word_head(states.mean(1)).float().expand_as(word_targets), word_targets != UNSURE
        if self.shares:
            return text_loss, -(F.log_softmax(scores, dim=1) * word_targets * sure).sum()
        return text_loss, F.binary_cross_entropy_with_logits(scores[sure], word_targets[sure], reduction="sum")

    def on_full_grid(self, states: torch.Tensor) -> torch.Tensor:
        """Patches of smaller pictures, each repeated, on the grid that the connector expects."""
        config = self.model.config
        side, full = int(states.shape[1] ** 0.5), config.vision_config.image_size // config.vision_config.patch_size
        if config.image_tokens == "cls" or side == full:
            return states
        grid = states.transpose(1, 2).unflatten(2, (side, side))
        return F.interpolate(grid, (full, full), mode="nearest").flatten(2).transpose(1, 2)
