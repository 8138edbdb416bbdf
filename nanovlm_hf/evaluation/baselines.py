"""Other people's models in the same harness, each with a beginning put where that model reads one.

    load_model("microsoft/git-large-coco").complete(["photo.jpg"], ["A brown dog"], "short")

BLIP's decoder starts from [DEC] and the beginning; GIT's from [CLS], without the closing [SEP] that its processor adds;
Kosmos-2 goes on after its image tokens, without <grounding>; models with a chat template go on in the assistant's turn.
Sources: BLIP (arXiv 2201.12086), GIT (arXiv 2205.14100), Kosmos-2 (arXiv 2306.14824), SmolVLM (arXiv 2504.05299).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    BlipForConditionalGeneration,
    BlipProcessor,
    GitForCausalLM,
    GitProcessor,
    Kosmos2ForConditionalGeneration,
    Kosmos2Processor,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from nanovlm_hf.data.sources import Text
from nanovlm_hf.data.text_rules import LENGTHS
from nanovlm_hf.evaluation.decoding import Decoding, drawn_by
from nanovlm_hf.evaluation.models import Completer, Completion, Encoded, Likelihoods
from nanovlm_hf.processing.image_processing_nanovlm import load_picture

KOSMOS_CAPTION = "An image of"  # its authors' prompt for captions; a model without styles needs to be told


class BlipCompleter(Completer):
    """`BlipForConditionalGeneration`: text cross-attends to the picture."""

    def __init__(self, *labels: str, model: Any, processor: Any):
        super().__init__(*labels, model=model, processor=processor, end_id=model.config.text_config.sep_token_id)
        self.start = [model.config.text_config.bos_token_id]

    def write(self, pictures: list[Any], ids: torch.Tensor, seeds: Sequence[int], **settings: Any) -> torch.Tensor:
        # `generate` takes what its processor makes, [CLS] beginning [SEP], and drops the end again.
        begun = torch.cat([ids, ids.new_full((len(ids), 1), self.end_id)], dim=1)
        return super().write(pictures, begun, seeds, **settings)

    def see(self, picture: Any) -> torch.Tensor:
        return self.model.vision_model(pixel_values=self.pixels([picture])).last_hidden_state

    def logits(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model.text_decoder(
            input_ids=ids, attention_mask=mask, encoder_hidden_states=seen.expand(len(ids), -1, -1)
        ).logits


class GitCompleter(Completer):
    """`GitForCausalLM`: image tokens in front of the text, without slots in its ids."""

    def __init__(self, *labels: str, model: Any, processor: Any):
        super().__init__(*labels, model=model, processor=processor, end_id=processor.tokenizer.sep_token_id)
        self.start = [processor.tokenizer.cls_token_id]

    def see(self, picture: Any) -> torch.Tensor:
        return self.pixels([picture])

    def logits(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=ids, attention_mask=mask, pixel_values=seen).logits  # one picture serves all


class Kosmos2Completer(Completer):
    """`Kosmos2ForConditionalGeneration`: image tokens in slots between <image> and </image>."""

    def __init__(self, *labels: str, model: Any, processor: Any):
        super().__init__(*labels, model=model, processor=processor, end_id=processor.tokenizer.eos_token_id)
        blank = Image.new("RGB", (32, 32))
        self.start = processor(images=[blank], text=[""], num_image_tokens=model.config.latent_query_num)["input_ids"][
            0
        ]

    def _slots(self, ids: torch.Tensor) -> torch.Tensor:
        slots = torch.zeros_like(ids)
        slots[:, 2 : len(self.start) - 1] = 1  # after <s> and <image>, before </image>
        return slots

    def complete(
        self,
        pictures: list[Any],
        beginnings: list[str],
        style: str,
        decoding: Decoding | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        if style != "caption":
            return super().complete(pictures, beginnings, style, decoding, seeds)
        prompts = [beginning or KOSMOS_CAPTION for beginning in beginnings]
        completions = super().complete(pictures, prompts, style, decoding, seeds)
        return [
            completion if beginning else Completion(completion.text.lstrip(), completion.ended)
            for beginning, completion in zip(beginnings, completions, strict=True)
        ]

    def write(self, pictures: list[Any], ids: torch.Tensor, seeds: Sequence[int], **settings: Any) -> torch.Tensor:
        return super().write(pictures, ids, seeds, image_embeds_position_mask=self._slots(ids), **settings)

    def _completion(self, prompt: list[int], written: list[int], beginning: str) -> Completion:
        marks = set(self.tokenizer.get_added_vocab().values()) - {self.end_id}  # <phrase>, <patch_index_0001>, ...
        return super()._completion(prompt, [token for token in written if token not in marks], beginning)

    def see(self, picture: Any) -> torch.Tensor:
        ids = torch.tensor([self.start], device=self.model.device)
        return self.model(
            pixel_values=self.pixels([picture]), input_ids=ids, image_embeds_position_mask=self._slots(ids)
        ).image_embeds

    def logits(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model(
            image_embeds=seen.repeat(len(ids), 1, 1),
            image_embeds_position_mask=self._slots(ids),
            input_ids=ids,
            attention_mask=mask,
        ).logits


class ChatCompleter(Completer):
    """Any image-text-to-text model with a chat template: the user asks for the style, the assistant has begun."""

    def __init__(self, *labels: str, model: Any, processor: Any):
        if not processor.chat_template:
            raise ValueError(f"{labels[0]} has no chat template: nobody says how a picture and a beginning reach it.")
        ends = model.generation_config.eos_token_id
        self.end_ids = ends if isinstance(ends, list) else [processor.tokenizer.eos_token_id if ends is None else ends]
        super().__init__(*labels, model=model, processor=processor, end_id=self.end_ids[0])
        self.tokenizer.padding_side = "left"
        asked = processor.apply_chat_template(self._turns("", "caption"), add_generation_prompt=True)
        begun = processor.apply_chat_template(self._turns("x", "caption"), continue_final_message=True)
        self._blank = begun.removeprefix(asked).removesuffix("x")  # what the template puts before an answer

    def _turns(self, beginning: str, style: str) -> list[dict[str, Any]]:
        turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": instruction(style)}]}]
        if beginning:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": beginning}]})
        return turns

    def _inputs(self, pictures: list[Any], beginnings: list[str], style: str) -> Any:
        """What the model reads; either all beginnings are empty or none is."""
        prompts = [
            self.processor.apply_chat_template(
                self._turns(beginning, style),
                add_generation_prompt=not beginning,
                continue_final_message=bool(beginning),
            )
            for beginning in beginnings
        ]
        start = self.tokenizer.bos_token
        return self.processor(
            text=prompts,
            images=[[load_picture(picture)] for picture in pictures],
            padding=True,
            return_tensors="pt",
            add_special_tokens=not (start and prompts[0].startswith(start)),
        ).to(self.model.device)

    @torch.inference_mode()
    def complete(
        self,
        pictures: list[Any],
        beginnings: list[str],
        style: str,
        decoding: Decoding | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        settings = (decoding or Decoding()).settings(style)
        seeds = range(len(pictures)) if seeds is None else seeds
        beginnings = [beginning.rstrip() for beginning in beginnings]
        completions: dict[int, Completion] = {}
        for begun in (False, True):
            group = [index for index, beginning in enumerate(beginnings) if bool(beginning) == begun]
            if not group:
                continue
            inputs = self._inputs([pictures[i] for i in group], [beginnings[i] for i in group], style)
            drawn = drawn_by([seeds[i] for i in group], settings)
            written = self.model.generate(**inputs, **drawn)[:, inputs["input_ids"].shape[1] :].tolist()
            for row, index in enumerate(group):
                prompt = inputs["input_ids"][row][inputs["attention_mask"][row].bool()].tolist()
                completions[index] = self._completion(prompt, written[row], beginnings[index])
        return [completions[index] for index in range(len(beginnings))]

    def _completion(self, prompt: list[int], written: list[int], beginning: str) -> Completion:
        written = [self.end_id if token in self.end_ids else token for token in written]
        return super()._completion(prompt, written, beginning)

    @torch.inference_mode()
    def log_likelihood(self, picture: Any, texts: list[Text]) -> Likelihoods:
        """See [`Completer.log_likelihood`]; the end of the turn, which templates write in their own ways, is left out."""
        results = np.zeros((4, len(texts)))
        for style in sorted({text.style for text in texts}):
            group = [index for index, text in enumerate(texts) if text.style == style]
            prompt = self._inputs([picture], [""], style)
            lead = prompt["input_ids"][0].tolist()

            def logits(ids: torch.Tensor, mask: torch.Tensor, prompt: Any = prompt) -> torch.Tensor:
                inputs = {}
                for key, value in prompt.items():
                    if value.shape == prompt["input_ids"].shape:  # token types: 0 for text
                        value = F.pad(value, (0, ids.shape[1] - value.shape[1]))
                    inputs[key] = value.repeat(len(ids), *[1] * (value.ndim - 1))
                return self.model(**{**inputs, "input_ids": ids, "attention_mask": mask}).logits

            results[:, group] = self._score([self._encode(texts[index], lead) for index in group], logits)
        return Likelihoods(results[0], results[1], results[2].astype(int), results[3].astype(int))

    def _encode(self, text: Text, lead: list[int]) -> Encoded:
        given = self.text_ids(self._blank + text.beginning) if text.beginning else []
        rest = self.text_ids((" " if text.beginning else self._blank) + text.continuation)
        return Encoded(lead + given + rest, len(given) + len(rest), len(rest))


def instruction(style: str) -> str:
    """What a chat model is asked for."""
    if style == "caption":
        return "Describe this picture in one sentence."
    lengths = LENGTHS[style]
    return (
        f"Describe this picture in {lengths.min_words} to {lengths.max_words} words, in {lengths.min_sentences} to "
        f"{lengths.max_sentences} short sentences, as a four-year-old child would tell it."
    )


def load_baseline(labels: tuple[str, str, str], config: dict[str, Any], commit: str | None, device: str) -> Completer:
    """Loads a model of transformers' own; see [`~models.load_model`], which calls this.

    Args:
        labels: name, revision and fingerprint; the name is a folder or a repository.
        config: its config.json.
        commit: of a repository.
    """
    name, kind = labels[0], config.get("model_type")
    completer: type[Completer]
    model_class: Any
    processor_class: Any
    if kind == "blip":
        completer, model_class, processor_class = BlipCompleter, BlipForConditionalGeneration, BlipProcessor
    elif kind == "git":
        completer, model_class, processor_class = GitCompleter, GitForCausalLM, GitProcessor
    elif kind == "kosmos-2":
        completer, model_class, processor_class = Kosmos2Completer, Kosmos2ForConditionalGeneration, Kosmos2Processor
    elif kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        completer, model_class, processor_class = ChatCompleter, AutoModelForImageTextToText, AutoProcessor
    else:
        raise ValueError(
            f"{name} is of the kind {kind!r}, which transformers has no image-text-to-text model for: pass a NanoVLM, "
            "BLIP, GIT, Kosmos-2, or a model with a chat template."
        )
    revision = commit or "main"
    processor: Any = processor_class.from_pretrained(name, revision=revision)
    model, report = model_class.from_pretrained(name, revision=revision, dtype=torch.float32, output_loading_info=True)
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ValueError(f"{name} lacks weights of {model_class.__name__}: {len(missing)}, such as {missing[0]}.")
    return completer(*labels, model=model.to(device), processor=processor)
