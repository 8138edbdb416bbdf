"""An exported model under the same evaluation: its own runtime's tokens and likelihoods, nothing of the torch model.

    model = load_edge_model("runs/mini-onnx-int8")                # what `load_model` gives for such a folder
    model.complete(["photo.jpg"], ["A brown dog"], "short")

The figures of an int8 export beside those of its checkpoint say what the 8 bits cost.
"""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from nanovlm_hf.edge.describe import DecoderRun, Describer
from nanovlm_hf.evaluation.models import Completer
from nanovlm_hf.fingerprint import folder_fingerprint
from nanovlm_hf.processing.image_processing_nanovlm import load_picture


class EdgeCompleter(Completer):
    """A folder that `nanovlm export` wrote. Its ids have no image slots: the runtime puts the picture in front."""

    def __init__(self, name: str, fingerprint: str, describer: Describer):
        from transformers import GenerationConfig

        from nanovlm_hf.modeling import NanoVLMTextConfig

        self.name, self.revision, self.fingerprint = name, fingerprint, fingerprint
        self.describer, self.tokenizer = describer, describer.tokenizer
        self.end_id = describer.settings["end_token_ids"][0]
        self.about = {key: describer.settings[key] for key in ("precision", "exported_from")}
        self.model = SimpleNamespace(
            device=torch.device("cpu"),
            config=NanoVLMTextConfig(vocab_size=describer.settings["vocab_size"]),
            generation_config=GenerationConfig(num_beams=1, length_penalty=1.0, **describer.settings["generation"]),
        )

    @property
    def parameters(self) -> int:
        return self.describer.settings["parameters"]

    def lead(self, style: str) -> list[int]:
        return self.describer.prompt_ids("", style)

    def text_ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def write(self, pictures: list[Any], ids: torch.Tensor, seeds: Sequence[int], **settings: Any) -> torch.Tensor:
        if settings["num_beams"] != 1:
            raise ValueError(f"{self.name}: an exported model writes greedily; evaluate it with --num-beams 1.")
        known = self.describer.settings
        room = known["max_position_embeddings"] - known["image_seq_length"] - ids.shape[1]
        settings["max_new_tokens"] = min(settings["max_new_tokens"], room)
        tokens = self.describer.stream_ids(
            self.describer.image_tokens([load_picture(picture) for picture in pictures]),
            ids.tolist(),
            seeds[0],  # the others count on from it
            **{name: value for name, value in settings.items() if name in known["generation"]},
        )
        return torch.cat([ids, torch.from_numpy(np.stack(list(tokens), axis=1))], dim=1)

    def see(self, picture: Any) -> torch.Tensor:
        return torch.from_numpy(self.describer.image_tokens([load_picture(picture)]))

    def logits(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """A token at a time, as the runtime writes: the graph gives the logits of the last place only."""
        image_tokens = seen.expand(len(ids), -1, -1).numpy()
        run = DecoderRun(self.describer.decoder, self.describer.settings, image_tokens, ids[:, :1].tolist())
        logits = [run.logits[:, 0].copy()] + [run.step(column).copy() for column in ids[:, 1:].T.numpy()]
        return torch.from_numpy(np.stack(logits, axis=1))


def load_edge_model(folder: str) -> EdgeCompleter:
    """Loads an exported model for evaluation.

    Args:
        folder: what `nanovlm export` wrote.

    Raises:
        FileNotFoundError, ValueError: see `Describer`.
    """
    return EdgeCompleter(folder, folder_fingerprint(Path(folder)), Describer(folder))
