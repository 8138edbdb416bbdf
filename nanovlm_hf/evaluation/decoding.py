"""How models write in an evaluation: alike, or each by its own generation_config.json; drawn texts repeat themselves too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


@dataclass(frozen=True)
class Decoding:
    """Greedily, unless told otherwise; `temperature` above 0 draws tokens, and 1 draws them as the model has them.

    `max_new_tokens` by style are roomy for the longest held-out texts; whether a text ended by itself is recorded.

    Raises:
        ValueError: beams that draw.
    """

    num_beams: int = 1
    length_penalty: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    max_new_tokens: dict[str, int] = field(default_factory=lambda: {"caption": 48, "short": 64, "long": 160})

    def __post_init__(self) -> None:
        if self.num_beams > 1 and self.temperature > 0:
            raise ValueError(f"{self.num_beams} beams, and drawn at temperature {self.temperature}: choose one.")

    @classmethod
    def own(cls, config: Any) -> "Decoding":
        """That of a checkpoint's generation_config, as its users get it; but as long as all others."""
        drawn: dict[str, Any] = {}
        if config.do_sample:  # None stands for transformers' own default
            drawn = {"temperature": 1.0 if config.temperature is None else config.temperature}
            drawn |= {"top_k": 50 if config.top_k is None else config.top_k}
            drawn |= {"top_p": 1.0 if config.top_p is None else config.top_p}
        return cls(
            num_beams=config.num_beams or 1,
            length_penalty=1.0 if config.length_penalty is None else float(config.length_penalty),
            repetition_penalty=float(config.repetition_penalty or 1.0),
            no_repeat_ngram_size=config.no_repeat_ngram_size or 0,
            **drawn,
        )

    def settings(self, style: str) -> dict[str, Any]:
        """For `generate` and for the records. Each is said, so that no checkpoint's own default comes through."""
        if style not in self.max_new_tokens:
            raise ValueError(f"style must be one of {', '.join(self.max_new_tokens)}; got {style!r}.")
        drawn = {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p} if self.temperature else {}
        return {
            "do_sample": self.temperature > 0,
            **drawn,
            "num_beams": self.num_beams,
            "length_penalty": self.length_penalty,
            "repetition_penalty": self.repetition_penalty,
            "no_repeat_ngram_size": self.no_repeat_ngram_size,
            "min_length": 0,
            "max_new_tokens": self.max_new_tokens[style],
        }


class Draw(LogitsProcessor):
    """The likeliest token after Gumbel noise on the logits is one drawn by their softmax.

    So each text draws by a seed of its own, and is the same in any batch.
    """

    def __init__(self, seeds: Sequence[int]):
        self.generators = [np.random.default_rng(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = np.stack([generator.gumbel(size=scores.shape[1]) for generator in self.generators])
        return scores + torch.from_numpy(noise).to(scores)


def drawn_by(seeds: Sequence[int], settings: dict[str, Any]) -> dict[str, Any]:
    """`Decoding.settings` for `generate`: with a seed for each text where they are drawn."""
    if not settings["do_sample"]:
        return settings
    temperature, top_k, top_p = (settings[name] for name in ("temperature", "top_k", "top_p"))
    among = [TopKLogitsWarper(top_k)] if top_k else []
    how = LogitsProcessorList([TemperatureLogitsWarper(temperature), *among, TopPLogitsWarper(top_p), Draw(seeds)])
    left = {name: value for name, value in settings.items() if name not in ("temperature", "top_k", "top_p")}
    return {**left, "do_sample": False, "logits_processor": how}
