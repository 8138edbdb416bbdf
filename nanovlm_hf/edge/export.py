"""A checkpoint to a folder that runs by itself, on ONNX Runtime, tokenizers, Pillow and numpy.

    nanovlm export runs/picture-book --format onnx              # fp32: the torch model's tokens
    nanovlm export runs/picture-book --format onnx --int8       # the decoder's matrices in 8 bits

encoder.onnx reads pixels and gives image tokens (connector included). decoder.onnx reads image tokens (first call only)
and token ids, writes their keys and values into the cache it is given, in place, and gives the next token's logits.
"""

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


CARD = """\
---
library_name: onnxruntime
pipeline_tag: image-to-text
---
# {name}, for ONNX Runtime

A vision-language model of {parameters:.1f} million parameters that describes a picture in simple words; {precision},
{size:.0f} MB. It runs without torch and transformers:

```bash
pip install -r requirements.txt
python describe.py photo.jpg --prompt "A brown dog" --style long
```

`python describe.py --help` says the rest. {tokens}
Weights, training data, evaluation and terms of use are those of the checkpoint {name}: read its card.

| file | what it is |
|---|---|
| encoder.onnx | normalised pixels to {image_seq_length} image token(s), fp32 |
| decoder.onnx | image tokens and token ids to the next token's logits; the cache is given and written in place |
| nanovlm.json | sizes, ids, pixel normalisation, generation settings |
| tokenizer.json, describe.py | text to ids and back; the runtime, one file |
"""
INT8_NOTE = """The decoder's matrices are 8-bit numbers in blocks with a scale each, so some tokens differ from those of
the fp32 model."""


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
        ValueError: the checkpoint asks for what the runtime cannot do, `output` holds something else, or (fp32) the
            exported tokens are not the torch model's.
    """
    from nanovlm_hf.describe import load
    from nanovlm_hf.edge import describe as runtime
    from nanovlm_hf.edge.graphs import build_decoder, build_encoder

    output = Path(output or f"{Path(name_or_path).resolve().name}-onnx{'-int8' if int8 else ''}")
    if output.exists() and not (output / runtime.SETTINGS_FILE).exists():
        raise ValueError(f"{output} exists and is no earlier export: pass another --output.")
    model, processor = load(name_or_path, device="cpu")
    _check_supported(model.config)
    settings = _settings(model, processor, "int8 decoder, fp32 encoder" if int8 else "fp32")
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
        (folder / "README.md").write_text(_card(name_or_path, model, settings, folder), encoding="utf-8")
        _check_tokens(model, processor, runtime.Describer(folder), exact=not int8)
        for path in folder.iterdir():
            path.chmod(0o644)  # onnx writes weights for the owner alone
        if output.exists():
            shutil.rmtree(output)
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


def _settings(model: Any, processor: Any, precision: str) -> dict[str, Any]:
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
        "precision": precision,
        "image": {**image.size, "resample": int(image.resample), "mean": image.image_mean, "std": image.image_std},
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


def _check_tokens(model: Any, processor: Any, describer: Any, exact: bool) -> None:
    """Describes two noisy pictures; raises ValueError where tokens are not the torch model's though they must be."""
    import torch
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (2, 14, 14, 3), np.uint8)
    pictures = [Image.fromarray(pixels).resize((224, 224)) for pixels in noise]
    inputs = processor(images=pictures, text="A", return_tensors="pt")
    count = min(32, model.config.text_config.max_position_embeddings - inputs["input_ids"].shape[1])
    with torch.inference_mode():
        expected = model.generate(**inputs, do_sample=False, max_new_tokens=count)[:, inputs["input_ids"].shape[1] :]
    tokens = np.stack(list(describer.stream(pictures, "A", do_sample=False, max_new_tokens=count)), axis=1)
    if exact and tokens.tolist() != expected.tolist():
        raise ValueError(
            "The exported graphs do not give the torch model's tokens on this machine; nothing was written. Please "
            "report this with the versions of torch and onnxruntime."
        )


def _card(name: str, model: Any, settings: dict[str, Any], folder: Path) -> str:
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    tokens = "The tokens are those of the torch model." if settings["precision"] == "fp32" else INT8_NOTE
    return CARD.format(
        name=Path(name).name,
        parameters=model.num_parameters() / 1e6,
        size=size,
        tokens=tokens,
        **settings,
    )
