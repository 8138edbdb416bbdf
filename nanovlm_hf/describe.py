"""Pictures in, descriptions out: the code behind `nanovlm describe` and the samples of the training loop.

model, processor = load("runs/picture-book")
describe(model, processor, ["photo.jpg"], prompt="A brown dog", style="long")
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast, TextStreamer
from transformers.utils.logging import disable_progress_bar

from nanovlm_hf.modeling import NanoVLMForConditionalGeneration
from nanovlm_hf.processing import NanoVLMImageProcessor, NanoVLMProcessor
from nanovlm_hf.processing.image_processing_nanovlm import load_picture


def load(name_or_path: str, device: str | None = None) -> tuple[Any, Any]:
    """Loads a NanoVLM and its processor with this package's own classes, which is quicker than the Auto classes.

    Args:
        name_or_path: a checkpoint's folder, or a repository on the Hub.
        device: where to; a GPU if there is one.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: it is not a NanoVLM, or its parts do not fit together.
    """
    folder = Path(name_or_path)
    if folder.is_dir() and not (folder / "config.json").exists():
        raise FileNotFoundError(f"{folder} holds no checkpoint (no config.json): pass the folder that training wrote.")
    if not folder.exists() and (name_or_path.count("/") != 1 or name_or_path.startswith((".", "/", "~"))):
        raise FileNotFoundError(f"{name_or_path}: no such folder, nor the name of a repository (owner/name).")
    model = NanoVLMForConditionalGeneration.from_pretrained(name_or_path)
    processor = load_processor(name_or_path)
    check_fit(model.config, processor)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.eval().to(device), processor


def load_processor(name_or_path: str) -> Any:
    """The processor of a checkpoint, by this package's classes."""
    settings, _ = NanoVLMProcessor.get_processor_dict(name_or_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(name_or_path)
    image_processor = NanoVLMImageProcessor(**settings["image_processor"])
    fields = {name: settings[name] for name in ("image_seq_length", "style")}
    return NanoVLMProcessor(image_processor, tokenizer, chat_template=settings.get("chat_template"), **fields)


def check_fit(config: Any, processor: Any) -> None:
    """Raises ValueError, with the field to mend, where a model and a processor do not belong together."""
    entries, rows = len(processor.tokenizer), config.text_config.vocab_size
    if entries != rows:
        raise ValueError(
            f"The tokenizer has {entries} entries and config.json says text_config.vocab_size {rows}: they come from "
            "different runs. Take tokenizer.json and config.json from the same checkpoint."
        )
    if processor.image_seq_length != config.image_seq_length:
        raise ValueError(
            f"processor_config.json says image_seq_length {processor.image_seq_length} and the model makes "
            f"{config.image_seq_length} image tokens (image_tokens={config.image_tokens!r}): set it to "
            f"{config.image_seq_length}."
        )
    side = config.vision_config.image_size
    if processor.image_processor.size != {"height": side, "width": side}:
        raise ValueError(
            f"processor_config.json says size {processor.image_processor.size} and the model reads {side}x{side} pixels."
        )


@torch.inference_mode()
def describe(
    model: Any, processor: Any, images: list[Any], prompt: str = "", style: str | None = None, **generate: Any
) -> list[str]:
    """Describes pictures in one batch.

    Args:
        images: paths, URLs, bytes, PIL images or arrays.
        prompt: the beginning that each description continues; may be empty.
        style: "caption", "short", "long" or "answer"; the processor's own by default.
        generate: for `model.generate`, such as `do_sample` or `streamer`.

    Returns:
        The finished descriptions, beginnings included.
    """
    inputs = processor(images=images, text=prompt, style=style, return_tensors="pt").to(model.device)
    output = model.generate(**inputs, **generate)
    written = processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [(prompt.rstrip() + text).strip() for text in written]


def describe_files(
    images: list[str],
    name_or_path: str,
    prompt: str = "",
    style: str | None = None,
    as_json: bool = False,
    batch_size: int = 16,
    seed: int = 0,
    **generate: Any,
) -> int:
    """Prints a description of each picture, in batches; one alone streams. Returns how many could not be read."""
    disable_progress_bar()  # of loading weights, which takes no time here
    model, processor = load(name_or_path)
    torch.manual_seed(seed)
    threads = torch.get_num_threads()
    if len(images) == 1 and model.device.type == "cpu":
        torch.set_num_threads(1)  # a step of one text is too small to share
    failed = 0
    for start in range(0, len(images), batch_size):
        names, pictures = [], []
        for name in images[start : start + batch_size]:
            try:
                pictures.append(load_picture(sys.stdin.buffer.read() if name == "-" else name))
                names.append(name)
            except (ValueError, FileNotFoundError) as error:
                print(f"nanovlm: {error}", file=sys.stderr)
                failed += 1
        if not pictures:
            continue
        streams = len(images) == 1 and not as_json
        if streams:
            print(prompt.rstrip(), end="", flush=True)
            generate["streamer"] = TextStreamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
        texts = describe(model, processor, pictures, prompt, style, **generate)
        for name, text in zip(names, texts, strict=True):
            if as_json:
                record = {"image": name, "style": style or processor.style, "prompt": prompt, "text": text}
                print(json.dumps(record, ensure_ascii=False), flush=True)
            elif not streams:
                print(f"{name}: {' '.join(text.split())}", flush=True)  # a line each, whatever the text
    torch.set_num_threads(threads)
    return failed
