"""A checkpoint to a folder that runs by itself, on ONNX Runtime, tokenizers, Pillow and numpy.

    nanovlm export runs/picture-book --format onnx              # fp32: the torch model's tokens
    nanovlm export runs/picture-book --format onnx --int8       # the decoder's matrices in 8 bits

encoder.onnx reads pixels and gives image tokens (connector included). decoder.onnx reads image tokens (first call only)
and token ids, writes their keys and values into the cache it is given, in place, and gives the next token's logits.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

# What generation may be asked for, with transformers' defaults; the runtime does these as transformers does.
GENERATION = {
    "max_new_tokens": 20,
    "do_sample": False,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
}
# Fields of a generation_config.json that leave the tokens as they are, at any value or at this one.
_HARMLESS = {"transformers_version", "use_cache", "eos_token_id", "pad_token_id", "bos_token_id", "_from_model_config"}
_NEUTRAL = {"num_beams": 1, "num_return_sequences": 1, "length_penalty": 1.0, "typical_p": 1.0}

INT8_ERROR = 0.1  # of logits, as a share of their spread: 8 bits done right stay well below


def export(name_or_path: str, output: str | Path | None = None, int8: bool = False) -> Path:
    """Writes a folder that describes pictures by itself, and checks its tokens against the torch model's.

    Args:
        name_or_path: a checkpoint's folder, or a repository on the Hub.
        output: the new folder, in which an earlier export is replaced; by default the model's name and -onnx or
            -onnx-int8.
        int8: the decoder's matrices in 8 bits, in blocks with a scale each; the encoder stays fp32, which is faster
            for it.

    Returns:
        The folder: encoder.onnx, decoder.onnx (with their .data), tokenizer.json, nanovlm.json, describe.py,
        requirements.txt, README.md.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the checkpoint asks for what the runtime cannot do, `output` holds something else, or what was
            exported does not write as the torch model does (int8: nearly).
    """
    from nanovlm_hf.describe import load
    from nanovlm_hf.edge import describe as runtime
    from nanovlm_hf.edge.card import write_card
    from nanovlm_hf.edge.graphs import build_decoder, build_encoder

    output = Path(output or f"{Path(name_or_path).resolve().name}-onnx{'-int8' if int8 else ''}")
    if output.exists() and not (output / runtime.SETTINGS_FILE).exists():
        raise ValueError(f"{output} exists and is no earlier export: pass another --output.")
    model, processor = load(name_or_path, device="cpu")
    _check_supported(model.config)
    settings = {
        "format": runtime.FORMAT,
        "name": Path(name_or_path).name,
        "exported_from": _weights_hash(name_or_path),
        "parameters": model.num_parameters(),
        "precision": "int8 decoder, fp32 encoder" if int8 else "fp32",
        **_settings(model, processor),
    }
    state = {name.removeprefix("model."): value.numpy() for name, value in model.float().state_dict().items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{output.name}.", dir=output.parent) as part:
        folder = Path(part) / output.name
        folder.mkdir()
        build_encoder(model.config, state, folder / "encoder.onnx")
        build_decoder(model.config, state, folder / "decoder.onnx", int8)
        processor.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        (folder / runtime.SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        shutil.copyfile(runtime.__file__, folder / "describe.py")
        (folder / "requirements.txt").write_text("onnxruntime>=1.25\ntokenizers>=0.22\npillow>=10\nnumpy\n")
        _check(model, processor, runtime.Describer(folder), int8)
        write_card(folder)
        for path in folder.iterdir():
            path.chmod(0o644)  # onnx writes weights for the owner alone
        if output.exists():
            output.replace(Path(part) / "earlier")
        folder.replace(output)
    return output


def _check_supported(config: Any) -> None:
    for name, value in (
        ("vision_config.hidden_act", config.vision_config.hidden_act),
        ("text_config.hidden_act", config.text_config.hidden_act),
        ("projector_hidden_act", config.projector_hidden_act),
    ):
        if value != "gelu":
            raise ValueError(f"{name} is {value!r}: the export knows 'gelu' only. Use the torch model.")


def _weights_hash(name_or_path: str) -> str | None:
    """Of model.safetensors, as results and cards know a checkpoint; `None` where its weights lie in other files."""
    from transformers.utils import cached_file

    path = cached_file(name_or_path, "model.safetensors", _raise_exceptions_for_missing_entries=False)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None


def _settings(model: Any, processor: Any) -> dict[str, Any]:
    """What the runtime must know beside the graphs: sizes, ids, pixels and generation."""
    from nanovlm_hf.processing.processing_nanovlm import STYLES

    config, image, asked = model.config, processor.image_processor, model.generation_config.to_diff_dict()
    known = GENERATION.keys() | _HARMLESS | ({"max_length"} if asked.get("max_new_tokens") else set())
    unknown = {
        name: value for name, value in asked.items() if name not in known and value and value != _NEUTRAL.get(name)
    }
    if unknown:
        fields = ", ".join(f"{name}={value!r}" for name, value in unknown.items())
        raise ValueError(
            f"generation_config.json asks for {fields}; the exported runtime knows {', '.join(GENERATION)}. Take it "
            "out of that file, or use the torch model."
        )
    ends = model.generation_config.eos_token_id
    return {
        "image": {
            **image.size,
            "resample": int(image.resample),
            "rescale_factor": image.rescale_factor,
            "mean": image.image_mean,
            "std": image.image_std,
        },
        "image_seq_length": config.image_seq_length,
        "image_token_id": config.image_token_id,
        "pad_token_id": config.text_config.pad_token_id,
        "end_token_ids": ends if isinstance(ends, list) else [ends],
        "styles": list(STYLES),
        "style": processor.style,
        "vocab_size": config.text_config.vocab_size,
        "max_position_embeddings": config.text_config.max_position_embeddings,
        "layers": config.text_config.num_hidden_layers,
        "width": config.text_config.hidden_size,
        "heads": config.text_config.num_attention_heads,
        "generation": {
            name: default if asked.get(name) is None else asked[name] for name, default in GENERATION.items()
        },
    }


def _check(model: Any, processor: Any, describer: Any, int8: bool) -> None:
    """Describes two noisy pictures; raises ValueError where that is not what the torch model writes.

    In fp32 tokens must be the same. In int8 some differ, so the logits after the prompts are compared.
    """
    import torch
    from PIL import Image

    from nanovlm_hf.edge.describe import DecoderRun

    noise = np.random.default_rng(0).integers(0, 256, (2, 14, 14, 3), np.uint8)
    pictures = [Image.fromarray(pixels).resize((224, 224)) for pixels in noise]
    inputs = processor(images=pictures, text="A", return_tensors="pt")
    count = min(32, model.config.text_config.max_position_embeddings - inputs["input_ids"].shape[1])
    with torch.inference_mode():
        if int8:
            expected = model(**inputs, logits_to_keep=1).logits.numpy()
            ids = [describer.prompt_ids("A")] * 2
            run = DecoderRun(describer.decoder, describer.settings, describer.image_tokens(pictures), ids)
            agrees = (run.logits - expected).std() < INT8_ERROR * expected.std()
        else:
            settings = {"do_sample": False, "max_new_tokens": count}
            written = model.generate(**inputs, **settings)[:, inputs["input_ids"].shape[1] :]
            tokens = np.stack(list(describer.stream(pictures, "A", **settings)), axis=1)
            agrees = tokens.tolist() == written.tolist()
    if not agrees:
        raise ValueError(
            "The exported graphs do not write what the torch model does on this machine; nothing was written. Please "
            "report this with the versions of torch and onnxruntime."
        )
