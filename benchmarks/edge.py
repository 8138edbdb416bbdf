"""The exported model beside the torch model, and beside what the machine can do.

    python -m benchmarks.edge [--size large] [--image-tokens cls] [--rounds 15]

Checks that the tokens agree, then times in turn, within one run: a picture to 30 tokens, the encoder alone, and a step of
the decoder (fp32, int8, torch) beside reading as many bytes as its matrices have. One thread by default. Eager torch is
`generate`, as in benchmarks.peers; its plainest loop, which does nothing but call the model, stands beside it.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import SHAPES, SIZES, make_in_child
from benchmarks.common import Row, calibrate, clock_for, finish, in_turn, parse, parser_for, ratio, spread
from benchmarks.machine import level_of

TOKENS = 30
WARMING = 5  # steps at the start of a burst, in which weights move to the cache they stay in
TEXT = 90  # steps after which a new text begins


def load_torch(folder: Path) -> tuple[Any, Any, Any]:
    """The torch model, its processor and a picture of the size that both engines read."""
    from PIL import Image

    from nanovlm_hf.describe import load

    return *load(str(folder / "checkpoint"), device="cpu"), Image.open(folder / "photo.jpg").resize((224, 224))


def pictures_to_tokens(torch_side: tuple[Any, Any, Any], describers: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """A picture to 30 tokens: the torch model in its plainest loop and in `generate`, and the exports."""
    import torch

    model, processor, picture = torch_side

    @torch.inference_mode()
    def plain() -> list[int]:
        inputs = processor(images=picture, return_tensors="pt")
        outputs, tokens = model(**inputs, use_cache=True, logits_to_keep=1), []
        while True:
            tokens.append(int(outputs.logits[0, -1].argmax()))
            if len(tokens) == TOKENS:
                return tokens
            outputs = model(input_ids=torch.tensor([tokens[-1:]]), past_key_values=outputs.past_key_values)

    def generate() -> list[int]:
        inputs = processor(images=picture, return_tensors="pt")
        output = model.generate(
            **inputs, max_new_tokens=TOKENS, do_sample=False, eos_token_id=model.config.text_config.vocab_size
        )
        return output[0, inputs["input_ids"].shape[1] :].tolist()

    def exported(name: str) -> list[int]:
        stream = describers[name].stream([picture], max_new_tokens=TOKENS, do_sample=False)
        return [int(tokens[0]) for tokens in stream]

    expected = plain()
    for name, tokens in (("generate", generate()), ("the export", exported("fp32"))):
        if tokens != expected:
            raise RuntimeError(f"{name} gives other tokens than the torch model: {tokens} and {expected}")
    agreeing = sum(a == b for a, b in zip(exported("int8"), expected, strict=True))
    print(f"tokens agree: fp32 {TOKENS} of {TOKENS}, int8 {agreeing} (weights are random: nothing learned to keep)")
    return {
        "torch, plain loop": plain,
        "torch, generate": generate,
        "onnx fp32": lambda: exported("fp32"),
        "onnx int8": lambda: exported("int8"),
    }


def encoders(torch_side: tuple[Any, Any, Any], describers: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Pixels to image tokens."""
    import numpy as np
    import torch

    model, processor, picture = torch_side
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
    run = torch.inference_mode()(lambda: model.get_image_features(pixels))
    exported = describers["fp32"].encoder.run
    np.testing.assert_allclose(exported(None, {"pixel_values": pixels.numpy()})[0], run().numpy(), atol=1e-3)
    return {"torch": run, "onnx": lambda: exported(None, {"pixel_values": pixels.numpy()})}


def steps(torch_side: tuple[Any, Any, Any], describers: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """A step of the decoder, and reading as many bytes as its matrices have."""
    import numpy as np
    import torch

    from nanovlm_hf.edge.describe import DecoderRun

    def begin(describer: Any) -> Callable[[Any], Any]:
        settings = describer.settings
        image = np.zeros((1, settings["image_seq_length"], settings["width"]), np.float32)
        return DecoderRun(describer.decoder, settings, image, [describer.prompt_ids("", "short")]).step

    sides: dict[str, Callable[[], Any]] = {}
    for name, describer in describers.items():
        buffer = np.ones(sizes[name] // 4, np.float32)
        sides[f"onnx {name}"] = stepper(partial(begin, describer), np.array([7]))
        sides[f"reading {name}"] = partial(np.dot, buffer, buffer)
    model, processor, picture = torch_side
    inputs = processor(images=picture, return_tensors="pt")

    def start() -> Callable[[Any], Any]:
        cache = model(**inputs, use_cache=True, logits_to_keep=1).past_key_values
        return lambda token: model(input_ids=token, past_key_values=cache)

    sides["torch"] = torch.inference_mode()(stepper(torch.inference_mode()(start), torch.tensor([[7]])))
    return sides


def stepper(start: Callable[[], Callable[[Any], Any]], token: Any) -> Callable[[], None]:
    """One step of a text after another; a new text now and then."""
    step, count = start(), 0

    def one() -> None:
        nonlocal step, count
        if count % TEXT == TEXT - 1:
            step = start()
        step(token)
        count += 1

    return one


def matrix_bytes(folder: Path, describers: dict[str, Any]) -> dict[str, int]:
    """Bytes of the decoder's matrices: all that a step reads, so without the embeddings, of which it reads a row."""
    sizes = {}
    for name, describer in describers.items():
        settings = describer.settings
        rows = settings["vocab_size"] + settings["max_position_embeddings"]
        sizes[name] = (folder / name / "decoder.onnx.data").stat().st_size - 4 * rows * settings["width"]
    return sizes


def rows_of(found: dict[str, dict[str, list[float]]], sizes: dict[str, int], is_large: bool) -> list[Row]:
    def bar(sense: str, wanted: float) -> tuple[str, float] | None:
        return (sense, wanted) if is_large else None  # they are stated for large

    rows = []
    for name, seconds in found["tokens"].items():
        row = Row(f"a picture to {TOKENS} tokens", name, *spread(seconds, 1e3), "ms")
        if name.startswith("onnx"):
            wanted = bar("<=", 0.6) if name == "onnx fp32" else None
            row.over("torch, generate", ratio(found["tokens"], name, "torch, generate"), wanted)
            row.note = f"{ratio(found['tokens'], name, 'torch, plain loop')[0]:.2f}x torch, plain loop"
        rows.append(row)
    for name, seconds in found["encoders"].items():
        row = Row("encoder", name, *spread(seconds, 1e3), "ms")
        rows.append(row.over("torch", ratio(found["encoders"], name, "torch")) if name == "onnx" else row)
    group, timed = "a step of the decoder", found["steps"]
    for name, size in sizes.items():
        reading = f"reading {name}"
        note = f"{size / 1e6:.1f} MB, in {level_of(size)}"
        rows.append(Row(group, reading, *spread(timed[reading], 1e3), "ms", "limit", note=note))
        row = Row(group, f"onnx {name}", *spread(timed[f"onnx {name}"], 1e3), "ms")
        rows.append(row.over(reading, ratio(timed, f"onnx {name}", reading), bar("<=", 4) if name == "fp32" else None))
    row = Row(group, "onnx int8 beside fp32", *spread(timed["onnx int8"], 1e3), "ms")
    rows.append(row.over("onnx fp32", ratio(timed, "onnx int8", "onnx fp32"), bar("<=", 0.5)))
    row = Row(group, "torch", *spread(timed["torch"], 1e3), "ms")
    rows.append(row.over("reading fp32", ratio(timed, "torch", "reading fp32")))
    return rows


def main() -> None:
    parser = parser_for(__doc__, rounds=15, threads=1)
    parser.add_argument("--size", default="large", choices=SIZES)
    parser.add_argument("--image-tokens", default="cls", choices=SHAPES)
    options = parse(parser)
    import torch

    from nanovlm_hf.edge.describe import Describer

    torch.set_num_threads(options.threads)
    before, clock = calibrate(), clock_for(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = make_in_child(Path(name), options.size, options.image_tokens)
        describers = {name: Describer(folder / name, threads=options.threads) for name in ("fp32", "int8")}
        for describer in describers.values():
            describer.settings["end_token_ids"] = []  # all sides write as many tokens
        torch_side, sizes = load_torch(folder), matrix_bytes(folder, describers)
        found = {
            "tokens": in_turn(pictures_to_tokens(torch_side, describers), options.rounds, clock),
            "encoders": in_turn(encoders(torch_side, describers), options.rounds, clock),
            "steps": in_turn(
                steps(torch_side, describers, sizes), options.rounds, clock, burst=TOKENS, warming=WARMING
            ),
        }
    rows = rows_of(found, sizes, options.size == "large")
    finish(rows, options, before, size=options.size, image_tokens=options.image_tokens)


if __name__ == "__main__":
    main()
