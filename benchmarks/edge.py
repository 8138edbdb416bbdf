"""The exported model beside the torch model, and beside what the machine can do: one thread, fresh weights.

    python -m benchmarks.edge [--size large] [--image-tokens cls] [--rounds 15]

Checks that the tokens agree, then times in turn, within one run: a picture to 30 tokens, a step of the decoder (fp32 and
int8) beside reading as many bytes as its matrices have, and a fresh process to its first token with its peak memory.
Seconds are of CPU where one thread works, so that a busy machine's other work does not count; medians, with quartiles.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.timing import median_ratio

TOKENS = 30
WARMING = 5  # steps at the start of a burst, in which weights move to the cache they stay in


def make(folder: str, size: str, image_tokens: str) -> None:
    """A checkpoint with fresh weights and the paper's vocabulary, its two exports, and a photograph's worth of noise."""
    import random

    import torch
    from nanovlm_hf.modeling import NanoVLMConfig, NanoVLMForConditionalGeneration
    from nanovlm_hf.processing import NanoVLMImageProcessor, NanoVLMProcessor
    from PIL import Image

    from nanovlm_hf.data.tokenizer import VOCAB_SIZE, train_tokenizer
    from nanovlm_hf.edge.export import export

    torch.manual_seed(0)
    rng, path = random.Random(0), Path(folder)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvwy", k=rng.randint(2, 9))) for _ in range(4000)]
    tokenizer = train_tokenizer([" ".join(words)] * 2)
    if len(tokenizer) != VOCAB_SIZE:
        raise ValueError(f"the tokenizer has {len(tokenizer)} entries, not the paper's {VOCAB_SIZE}")
    config = NanoVLMConfig.from_size(size, image_tokens=image_tokens, text_config={"vocab_size": VOCAB_SIZE})
    NanoVLMForConditionalGeneration(config).save_pretrained(path / "checkpoint")
    processor = NanoVLMProcessor(NanoVLMImageProcessor(), tokenizer, config.image_seq_length)
    processor.save_pretrained(path / "checkpoint")
    Image.effect_noise((640, 480), 80).convert("RGB").save(path / "photo.jpg")
    for name, int8 in (("fp32", False), ("int8", True)):
        export(str(path / "checkpoint"), path / name, int8)


def start_ups(folder: Path, rounds: int) -> None:
    """Fresh processes to their first token. This process must be a small one: children count their parent's memory."""
    found: dict[str, list[tuple[float, float, float]]] = {"fp32": [], "int8": []}
    for index in range(rounds + 1):
        for name, values in found.items():
            command = [sys.executable, "describe.py", "../photo.jpg", "--max-new-tokens", "1"]
            start = time.perf_counter()
            process = subprocess.Popen(command, cwd=folder / name, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            if status:
                raise RuntimeError(f"{' '.join(command)} failed with status {status}")
            if index:  # the first one warms the files
                memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
                values.append((seconds, used.ru_utime + used.ru_stime, memory))
    for name, values in found.items():
        wall, cpu, memory = zip(*values, strict=True)
        print(
            f"{name}: process start to first token {spread(wall)} s (least {min(wall):.2f}), CPU {spread(cpu)} s, "
            f"peak memory {max(memory):.0f} MB"
        )


def spread(values: Any, scale: float = 1.0, digits: int = 2) -> str:
    low, middle, high = statistics.quantiles([scale * value for value in values], n=4)
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def in_turn(sides: dict[str, Callable[[], Any]], rounds: int, burst: int = 1) -> dict[str, list[float]]:
    """CPU seconds of each side, in rounds; of a burst, the median call after the first ones."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for index in range(rounds):
        names = list(sides) if index % 2 == 0 else list(reversed(sides))
        for name in names:
            times = []
            for _ in range(burst):
                start = time.process_time()
                sides[name]()
                times.append(time.process_time() - start)
            found[name].append(statistics.median(times[WARMING:] if burst > WARMING else times))
    return found


def ratio(found: dict[str, list[float]], name: str, other: str) -> str:
    """name / other, with its interval."""
    middle, low, high = median_ratio(list(zip(found[other], found[name], strict=True)))
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def generation(folder: Path, describers: dict[str, Any], rounds: int) -> None:
    """A picture to 30 tokens: the torch model in its plainest loop and in `generate`, and the exports."""
    import torch
    from PIL import Image

    from nanovlm_hf.describe import load

    torch.set_num_threads(1)
    model, processor = load(str(folder / "checkpoint"), device="cpu")
    picture = Image.open(folder / "photo.jpg").resize((224, 224))

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
    sides = {
        "torch, plain loop": plain,
        "torch, generate": generate,
        "onnx fp32": lambda: exported("fp32"),
        "onnx int8": lambda: exported("int8"),
    }
    found = in_turn(sides, rounds)
    for name, values in found.items():
        print(f"picture to {TOKENS} tokens, {name}: {spread(values, 1e3, 1)} ms")
    for other in list(sides)[:2]:
        print(f"onnx fp32 over {other}: {ratio(found, 'onnx fp32', other)}, int8 {ratio(found, 'onnx int8', other)}")
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
    encoders = {
        "torch": torch.inference_mode()(lambda: model.get_image_features(pixels)),
        "onnx": lambda: describers["fp32"].encoder.run(None, {"pixel_values": pixels.numpy()}),
    }
    found = in_turn(encoders, rounds)
    print(f"encoder: torch {spread(found['torch'], 1e3, 1)} ms, onnx {ratio(found, 'onnx', 'torch')} of it")


def steps(describers: dict[str, Any], folder: Path, rounds: int) -> None:
    """A step of the decoder, beside reading as many bytes as its matrices have."""
    import numpy as np

    from nanovlm_hf.edge.describe import DecoderRun

    sides: dict[str, Callable[[], Any]] = {}
    sizes = {}
    for name, describer in describers.items():
        settings = describer.settings
        rows = settings["vocab_size"] + settings["max_position_embeddings"]
        sizes[name] = (folder / name / "decoder.onnx.data").stat().st_size - 4 * rows * settings["width"]
        image = np.zeros((1, settings["image_seq_length"], settings["width"]), np.float32)
        ids = [describer.prompt_ids("", "short")]
        buffer = np.ones(sizes[name] // 4, np.float32)
        sides[name] = stepper(lambda d=describer, i=image, p=ids: DecoderRun(d.decoder, d.settings, i, p))
        sides[f"reading {name}"] = lambda buffer=buffer: np.dot(buffer, buffer)
    found = in_turn(sides, rounds, burst=TOKENS)
    for name, size in sizes.items():
        read = f"{spread(found[f'reading {name}'], 1e3, 3)} ms, {level_of(size)}"
        print(f"a step, {name}: {spread(found[name], 1e3, 3)} ms; its {size / 1e6:.1f} MB of weights read in {read}:")
        print(f"    {ratio(found, name, f'reading {name}')} times the reading")
    print(f"an int8 step over an fp32 step: {ratio(found, 'int8', 'fp32')}")


def stepper(start: Callable[[], Any]) -> Callable[[], Any]:
    """One step of a text after another; a new text after 90."""
    import numpy as np

    token, run, count = np.array([7]), start(), 0

    def step() -> None:
        nonlocal run, count
        if count % 90 == 89:
            run = start()
        run.step(token)
        count += 1

    return step


def calibrate() -> str:
    """A matrix product of the encoder's size: on a busy machine it takes longer by the clock than of CPU."""
    import numpy as np

    first, second = np.ones((197, 512), np.float32), np.ones((512, 2048), np.float32)
    clock, cpu = [], []
    for _ in range(50):
        start = time.perf_counter(), time.process_time()
        first @ second
        clock.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    rate = 2 * 197 * 512 * 2048 / statistics.median(cpu) / 1e9
    return f"a product (197, 512, 2048): {rate:.0f} GFLOP/s of CPU, {statistics.mean(clock) / statistics.mean(cpu):.2f} times as long by the clock"


def level_of(size: int) -> str:
    """Which level of memory holds so many bytes: the smallest cache that they fit in."""
    caches = []
    for cache in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (cache / "type").read_text().strip() != "Instruction":
            caches.append(
                (int((cache / "size").read_text().strip().rstrip("K")), (cache / "level").read_text().strip())
            )
    for kilobytes, level in sorted(caches):
        if size <= 1024 * kilobytes:
            return f"which fit in the L{level} cache of {kilobytes / 1024:.0f} MB"
    return "from memory" if caches else "from wherever they lie"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="large", choices=["mini", "base", "large"])
    parser.add_argument("--image-tokens", default="cls", choices=["cls", "pooled", "patches"])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for the reading: before numpy comes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = "import sys; from benchmarks.edge import make; make(*sys.argv[1:])"
        arguments = [str(folder), options.size, options.image_tokens]
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
        load = os.getloadavg()[0]
        print(
            f"{options.size}, {options.image_tokens}; {os.cpu_count()} cores, load average {load:.1f} before the start"
        )
        start_ups(folder, options.rounds)
        from nanovlm_hf.edge.describe import Describer

        describers = {precision: Describer(folder / precision, threads=1) for precision in ("fp32", "int8")}
        for describer in describers.values():
            describer.settings["end_token_ids"] = []  # all sides write as many tokens
        print(calibrate())
        steps(describers, folder, options.rounds)
        generation(folder, describers, options.rounds)
        print(calibrate())


if __name__ == "__main__":
    main()
