"""Models of every kind behind one face: pictures and beginnings in, the rest of the texts out.

    model = load_model("checkpoints/nanovlm-base")
    model = load_model("Salesforce/blip-image-captioning-base@82a37760796d32b1411fe092ab5d4e227313294b")
    model.complete(["photo.jpg"], ["A brown dog"], "short")       # [Completion(text=" runs on the grass.", ended=True)]
    model.log_likelihood("photo.jpg", [Text("short", "runs on the grass.", "A brown dog")])

All models write by the same settings, unless each is to write by its own, and compute in float32.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from nanovlm_hf.data.sources import Text
from nanovlm_hf.evaluation.decoding import Decoding, drawn_by
from nanovlm_hf.fingerprint import folder_fingerprint
from nanovlm_hf.processing.image_processing_nanovlm import load_picture

LOGITS_AT_ONCE = 2**27  # numbers: 512 MB
LOGITS_AT_ONCE_ON_CPU = 2**22  # 16 MB, which the allocator keeps; larger blocks are mapped and cleared anew each time


class Completion(NamedTuple):
    """What follows the beginning: beginning + text is the whole. `ended`: by the model itself, not by the limit."""

    text: str
    ended: bool


class Likelihoods(NamedTuple):
    """log p in nats and target tokens: of whole texts, and of what follows their beginnings. Arrays (texts,)."""

    whole: np.ndarray
    rest: np.ndarray
    whole_tokens: np.ndarray
    rest_tokens: np.ndarray


class Encoded(NamedTuple):
    """A text as ids, of which the last `whole` are to be predicted, and the last `rest` follow the beginning."""

    ids: list[int]
    whole: int
    rest: int


class Completer:
    """A model that goes on from a beginning. Its ids are: those of `lead`, of the beginning, of the rest, the end.

    Args:
        name, revision: as the results show them.
        fingerprint: tells two states of a model apart.
        model, processor: of transformers.
        end_id: closes a text.
    """

    start: list[int] = []
    about: dict[str, Any] = {}  # what the results say of it besides

    def __init__(self, name: str, revision: str, fingerprint: str, *, model: Any, processor: Any, end_id: int):
        self.name, self.revision, self.fingerprint = name, revision, fingerprint
        self.model, self.processor, self.tokenizer = model.float().eval(), processor, processor.tokenizer
        self.end_id = end_id

    @property
    def parameters(self) -> int:
        return self.model.num_parameters()

    def lead(self, style: str) -> list[int]:
        """The ids in front of every text: image slots, start, style."""
        return self.start

    def text_ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def pixels(self, pictures: list[Any]) -> torch.Tensor:
        """Pictures of any kind to what the model reads: (pictures, 3, height, width)."""
        images = [load_picture(picture) for picture in pictures]
        return self.processor.image_processor(images, return_tensors="pt")["pixel_values"].to(self.model.device)

    def write(self, pictures: list[Any], ids: torch.Tensor, seeds: Sequence[int], **settings: Any) -> torch.Tensor:
        """Goes on from ids (pictures, length) of one length: (pictures, length + written)."""
        return self.model.generate(
            pixel_values=self.pixels(pictures),
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **drawn_by(seeds, settings),
        )

    def see(self, picture: Any) -> torch.Tensor:
        """What the text decoder reads of one picture."""
        raise NotImplementedError

    def logits(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(texts, length or more, vocabulary) of texts about one picture, padded on the right; aligned at the end."""
        raise NotImplementedError

    @torch.inference_mode()
    def complete(
        self,
        pictures: list[Any],
        beginnings: list[str],
        style: str,
        decoding: Decoding | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Completes a beginning for each picture.

        Args:
            pictures: paths, URLs, bytes, PIL images or arrays.
            beginnings: one a picture; may be empty.
            style: "caption", "short" or "long".
            decoding: greedy by default.
            seeds: one a picture, where texts are drawn; 0, 1, ... by default.
        """
        settings = (decoding or Decoding()).settings(style)
        seeds = range(len(pictures)) if seeds is None else seeds
        prompts = [self.text_ids(beginning.rstrip()) for beginning in beginnings]
        completions: dict[int, Completion] = {}
        # Beginnings of one length run together: without padding, no model's way with it can matter.
        for length in sorted(set(map(len, prompts))):
            group = [index for index, prompt in enumerate(prompts) if len(prompt) == length]
            ids = torch.tensor([self.lead(style) + prompts[index] for index in group], device=self.model.device)
            own = [seeds[index] for index in group]
            written = self.write([pictures[index] for index in group], ids, own, **settings)[:, ids.shape[1] :]
            for index, row in zip(group, written.tolist(), strict=True):
                completions[index] = self._completion(prompts[index], row, beginnings[index])
        return [completions[index] for index in range(len(prompts))]

    def _completion(self, prompt: list[int], written: list[int], beginning: str) -> Completion:
        ended = self.end_id in written
        written = written[: written.index(self.end_id)] if ended else written
        # Decoded together, because a token alone does not tell whether a blank precedes it.
        before = self.tokenizer.decode(prompt, skip_special_tokens=True)
        text = self.tokenizer.decode(prompt + written, skip_special_tokens=True)
        if text.startswith(before):
            text = text[len(before) :]
        else:  # some tokenizers tidy up blanks over the seam
            text = " " + self.tokenizer.decode(written, skip_special_tokens=True).lstrip()
        return Completion(text.rstrip() if beginning else text.strip(), ended)

    @torch.inference_mode()
    def log_likelihood(self, picture: Any, texts: list[Text]) -> Likelihoods:
        """log p(text | picture), end included, of texts about one picture, which is encoded once.

        Args:
            picture: a path, URL, bytes, PIL image or array.
            texts: of any styles; where one has a beginning, its rest is scored too.
        """
        seen = self.see(picture)
        encoded = [self._encode(text, self.lead(text.style)) for text in texts]
        return self._score(encoded, lambda ids, mask: self.logits(seen, ids, mask))

    def _encode(self, text: Text, lead: list[int]) -> Encoded:
        given = self.text_ids(text.beginning)
        rest = [*self.text_ids((" " if text.beginning else "") + text.continuation), self.end_id]
        return Encoded(lead + given + rest, len(given) + len(rest), len(rest))

    def _score(
        self, encoded: list[Encoded], logits: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> Likelihoods:
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index].ids))
        sums = np.zeros((len(encoded), 2))
        vocabulary = self.model.config.get_text_config().vocab_size
        at_once = LOGITS_AT_ONCE_ON_CPU if self.model.device.type == "cpu" else LOGITS_AT_ONCE
        while order:
            length = len(encoded[order[-1]].ids)
            chunk = order[-max(1, min(48, at_once // (length * vocabulary))) :]  # the longest ones
            order = order[: -len(chunk)]
            ids = torch.zeros(len(chunk), length, dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, index in enumerate(chunk):
                size = len(encoded[index].ids)
                ids[row, :size], mask[row, :size] = torch.tensor(encoded[index].ids), 1
            targets = length - min(len(encoded[index].ids) - encoded[index].whole for index in chunk)
            ids, mask = ids.to(self.model.device), mask.to(self.model.device)
            predicted = logits(ids, mask)[:, -targets - 1 : -1].float()
            flat = F.cross_entropy(predicted.flatten(0, 1), ids[:, -targets:].flatten(), reduction="none")
            losses = flat.view(len(chunk), targets).double().cpu().numpy()
            for row, index in enumerate(chunk):
                end = targets - (length - len(encoded[index].ids))
                whole, rest = end - encoded[index].whole, end - encoded[index].rest
                sums[index] = -losses[row, whole:end].sum(), -losses[row, rest:end].sum()
        counts = np.array([(text.whole, text.rest) for text in encoded])
        return Likelihoods(sums[:, 0], sums[:, 1], counts[:, 0], counts[:, 1])


class NanoVLMCompleter(Completer):
    """Our own models."""

    def __init__(self, *labels: str, model: Any, processor: Any):
        super().__init__(*labels, model=model, processor=processor, end_id=processor.tokenizer.eos_token_id)

    def lead(self, style: str) -> list[int]:
        return self.processor.encode("", None, style)[0]

    def write(self, pictures: list[Any], ids: torch.Tensor, seeds: Sequence[int], **settings: Any) -> torch.Tensor:
        room = self.model.config.text_config.max_position_embeddings - ids.shape[1]
        settings["max_new_tokens"] = min(settings["max_new_tokens"], room)
        return super().write(pictures, ids, seeds, **settings)

    def see(self, picture: Any) -> torch.Tensor:
        return self.model.get_image_features(self.pixels([picture]))

    def logits(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        which = torch.zeros(len(ids), dtype=torch.long, device=ids.device)
        return self.model(
            input_ids=ids, attention_mask=mask, image_features=seen, image_index=which, use_cache=False
        ).logits


def load_model(name: str, device: str | None = None) -> Completer:
    """Loads a model for evaluation.

    Args:
        name: a checkpoint's folder, an exported one, or a repository on the Hub, `owner/name` or `owner/name@revision`.
            NanoVLM, BLIP, GIT, Kosmos-2, or any image-text-to-text model of transformers with a chat template. Code of
            others is not run.
        device: where to; a GPU if there is one.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: not a model of these kinds, or one that lacks weights.
    """
    from huggingface_hub import hf_hub_download, snapshot_download

    from nanovlm_hf.describe import load
    from nanovlm_hf.evaluation.baselines import load_baseline

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = Path(name)
    if (folder / "nanovlm.json").is_file():
        from nanovlm_hf.evaluation.edge_model import load_edge_model

        return load_edge_model(name)
    if folder.is_dir():
        if not (folder / "config.json").exists():
            raise FileNotFoundError(f"{folder} holds no checkpoint (no config.json): pass the folder of one.")
        repository, commit, fingerprint = name, None, folder_fingerprint(folder)
        config_path = folder / "config.json"
    else:
        repository, _, wanted = name.partition("@")
        if repository.count("/") != 1 or repository.startswith((".", "/", "~")):
            raise FileNotFoundError(f"{name}: no such folder, nor the name of a repository (owner/name[@revision]).")
        config_path = Path(hf_hub_download(repository, "config.json", revision=wanted or None))
        commit = config_path.parent.name  # whatever the branch does meanwhile, all parts come from here
        fingerprint = f"{repository}@{commit}"
    config = json.loads(config_path.read_text(encoding="utf-8"))
    labels = (repository, commit or fingerprint, fingerprint)
    if config.get("model_type") != "nanovlm":
        return load_baseline(labels, config, commit, device)
    model, processor = load(snapshot_download(repository, revision=commit) if commit else repository, device)
    return NanoVLMCompleter(*labels, model=model, processor=processor)
