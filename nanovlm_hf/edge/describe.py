"""Describe pictures with a NanoVLM that `nanovlm export` wrote: no torch, no transformers, no nanovlm_hf.

    python describe.py photo.jpg
    python describe.py photo.jpg --prompt "A brown dog" --style long
    python describe.py a.jpg b.png https://example.org/c.jpg --json       # batched, for programs

Needs onnxruntime, tokenizers, Pillow and numpy (requirements.txt). From Python:

    describer = Describer("folder of this file")
    describer.describe(["photo.jpg"], prompt="A brown dog", style="long")
"""

import argparse
import io
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

SETTINGS_FILE = "nanovlm.json"
FORMAT = 2  # of an exported folder
HIDDEN = np.float32(-1e30)  # added to attention scores: no look there; finite, as rows of padding may look nowhere
CACHE_BLOCK = 64  # rows that the cache grows by
PICTURES_AT_ONCE = 4  # that the encoder reads: of more, what lies between its layers leaves the processor's caches


def load_picture(source: Any) -> Image.Image:
    """Opens a picture and turns it into upright RGB.

    Args:
        source: a path, an http(s) URL, an encoded file's bytes, or a PIL image of any mode.

    Returns:
        RGB: EXIF orientation applied, transparency on white, 16 bits reduced to 8.

    Raises:
        FileNotFoundError: no file at that path.
        ValueError: there is something, but not a whole picture; the message names it.
    """
    name = str(source) if isinstance(source, (str, Path)) else f"a picture given as {type(source).__name__}"
    try:
        if isinstance(source, str) and source.startswith(("http://", "https://")):
            import urllib.request  # slow to import, and rarely needed

            request = urllib.request.Request(source, headers={"User-Agent": "nanovlm"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                source = answer.read()
        image = source if isinstance(source, Image.Image) else None
        if image is None:
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        return _to_rgb(image)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{name}: no such picture. Check the path.") from error
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name}: not a readable picture ({error}). Is it damaged, cut off or no image?") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)  # reads the whole file: a truncated one fails here
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits of grey, or fractions
        image = _to_8_bits(np.asarray(image).astype(np.float32))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(grey: np.ndarray) -> Image.Image:
    if not np.isfinite(grey).all():
        raise ValueError("An array with infinite or undefined values is no picture.")
    if grey.max() <= 1.0:
        grey = grey * 255
    elif grey.max() > 255:
        grey = grey / 257  # 16 bits
    return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8))


class Describer:
    """An exported NanoVLM.

    Args:
        folder: what `nanovlm export` wrote.
        threads: for the vision encoder; all cores by default. A step of the decoder is too small to share.

    Raises:
        FileNotFoundError: the folder lacks a file of the export.
        ValueError: it was exported for another version of this runtime.
    """

    def __init__(self, folder: str | Path, threads: int | None = None):
        folder = Path(folder)
        for name in (SETTINGS_FILE, "tokenizer.json", "encoder.onnx", "decoder.onnx"):
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder} holds no {name}: pass a folder that `nanovlm export` wrote.")
        self.settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        if self.settings.get("format") != FORMAT:
            raise ValueError(f"{folder} is of another version of `nanovlm export`: export the checkpoint again.")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.encoder = _session(folder / "encoder.onnx", threads or _cores())
        self.decoder = _session(folder / "decoder.onnx", 1)

    def pixels(self, image: Any) -> np.ndarray:
        """A picture of any kind to what the encoder reads: float32 (3, height, width)."""
        settings, picture = self.settings["image"], load_picture(image)
        size = (settings["width"], settings["height"])
        resized = np.asarray(picture if picture.size == size else picture.resize(size, settings["resample"]))
        mean, std = np.array([settings["mean"], settings["std"]], np.float32)
        return (resized.astype(np.float32) * (settings["rescale_factor"] / std) - mean / std).transpose(2, 0, 1)

    def image_tokens(self, images: list[Any]) -> np.ndarray:
        """Pictures to what stands for them in the decoder: (pictures, image tokens, width)."""
        parts = []
        for start in range(0, len(images), PICTURES_AT_ONCE):
            part = images[start : start + PICTURES_AT_ONCE]
            parts.append(self.encode(np.stack([self.pixels(image) for image in part])))
        return np.concatenate(parts)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (pictures, 3, height, width), a few at a time, to image tokens (pictures, image tokens, width)."""
        return self.encoder.run(None, {"pixel_values": np.ascontiguousarray(pixels)})[0]

    def prompt_ids(self, prompt: str = "", style: str | None = None) -> list[int]:
        """What follows the picture's own slots: a style token and the beginning, whose trailing blanks are dropped."""
        styles = self.settings["styles"]
        style = self.settings["style"] if style is None else style
        if style not in styles:
            raise ValueError(f"style must be one of {', '.join(styles)}; got {style!r}.")
        text = prompt.rstrip().removeprefix("<image>")
        if "<image>" in text:
            raise ValueError("The picture goes in front by itself: leave <image> out of the prompt.")
        if not any(f"<{name}>" in text for name in styles):
            text = f"<{style}>{text.lstrip()}"
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def stream(
        self,
        images: list[Any] | np.ndarray,
        prompt: str | list[str] = "",
        style: str | None = None,
        seed: int = 0,
        **settings: Any,
    ) -> Iterator[np.ndarray]:
        """The tokens that continue the prompts, as they come.

        Args:
            images: paths, URLs, bytes or PIL images; or the array that `image_tokens` made of them.
            prompt: the beginning of all descriptions, or one for each picture.
            style: "caption", "short", "long" or "answer"; the checkpoint's own by default.
            seed: for sampling; the second picture draws by the next seed, and so on, whatever the batch.
            settings: instead of the checkpoint's: max_new_tokens, do_sample, temperature, top_k, top_p,
                repetition_penalty, no_repeat_ngram_size, with transformers' meaning.

        Yields:
            A token for each picture (pictures,); padding for those that have ended.

        Raises:
            ValueError: a setting that this runtime does not know, or a text longer than the decoder's positions.
        """
        prompts = [prompt] * len(images) if isinstance(prompt, str) else list(prompt)
        if len(prompts) != len(images):
            raise ValueError(f"{len(images)} pictures and {len(prompts)} prompts: give one each, or one for all.")
        settings = self._generation(settings)
        ids = [self.prompt_ids(text, style) for text in prompts]
        image_tokens = images if isinstance(images, np.ndarray) else self.image_tokens(images)
        yield from self.stream_ids(image_tokens, ids, seed, **settings)

    def stream_ids(
        self, image_tokens: np.ndarray, ids: list[list[int]], seed: int = 0, **settings: Any
    ) -> Iterator[np.ndarray]:
        """As `stream`, from image tokens (texts, image tokens, width) and the ids that follow them in each text."""
        settings = self._generation(settings)
        slots = [self.settings["image_token_id"]] * self.settings["image_seq_length"]
        texts = [[*slots, *row] for row in ids]  # as transformers counts repetitions
        run = DecoderRun(self.decoder, self.settings, image_tokens, ids)
        choice = _Choice(texts, self.settings["vocab_size"], settings, seed)
        rows, ended = np.arange(len(ids)), np.zeros(len(ids), bool)  # rows: the text that each row of the run holds
        logits = run.logits[:, 0]
        for left in reversed(range(settings["max_new_tokens"])):
            tokens = np.full(len(ids), self.settings["pad_token_id"])
            tokens[rows] = np.where(ended[rows], tokens[rows], choice.next(logits))
            yield tokens
            ended |= np.isin(tokens, self.settings["end_token_ids"])
            if ended.all() or not left:
                return
            going = ~ended[rows]
            if going.mean() <= 0.75:  # else moving the cache costs more than it saves
                run.keep(going)
                choice.keep(going)
                rows = rows[going]
            logits = run.step(tokens[rows])

    def _generation(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The checkpoint's settings with these instead of its own."""
        unknown = settings.keys() - self.settings["generation"].keys()
        if unknown:
            raise ValueError(
                f"This runtime does not know {', '.join(sorted(unknown))}: it knows "
                f"{', '.join(self.settings['generation'])}. Use the torch model for the rest."
            )
        settings = {**self.settings["generation"], **settings}
        if settings["max_new_tokens"] < 1:
            raise ValueError(f"max_new_tokens must be at least 1; got {settings['max_new_tokens']}.")
        return settings

    def describe(
        self,
        images: list[Any] | np.ndarray,
        prompt: str | list[str] = "",
        style: str | None = None,
        seed: int = 0,
        **settings: Any,
    ) -> list[str]:
        """Describes pictures in one batch: finished descriptions, beginnings included. Arguments as for `stream`."""
        rows = np.stack(list(self.stream(images, prompt, style, seed, **settings)), axis=1)
        prompts = [prompt] * len(images) if isinstance(prompt, str) else prompt
        return [(text.rstrip() + self.decode(row)).strip() for text, row in zip(prompts, rows.tolist(), strict=True)]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # as fast, and nothing is held that is not used
    # The graphs are written as they are to run.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class DecoderRun:
    """The decoder on one batch: its cache stays where it is, and each step writes into it.

    The rows of a text are its image tokens, padding up to the longest prompt, its prompt, and what comes. Padding is
    hidden from all rows and takes no position, so a text in a batch gets what it gets alone.
    """

    def __init__(self, session: Any, settings: dict[str, Any], image_tokens: np.ndarray, ids: list[list[int]]):
        self.session, self.binding = session, session.io_binding()
        self.bound: dict[str, np.ndarray] = {}
        self.max_length = settings["max_position_embeddings"]
        self.layers, heads = settings["layers"], settings["heads"]
        slots, longest, batch = image_tokens.shape[1], max(map(len, ids)), len(ids)
        self.rows = slots + longest
        self.lengths = np.array([slots + len(row) for row in ids])
        self._check_room(self.lengths)
        padding = longest + slots - self.lengths  # (batch,)
        places = np.arange(self.rows)
        hidden = (places >= slots) & (places < slots + padding[:, None])  # (batch, rows)
        positions = np.where(places < slots, places, np.maximum(places - padding[:, None], 0))
        token_ids = np.array([[settings["pad_token_id"]] * (longest - len(row)) + row for row in ids])
        capacity = (self.rows // CACHE_BLOCK + 1) * CACHE_BLOCK
        self.cache = np.zeros((2 * self.layers, batch, heads, capacity, settings["width"] // heads), np.float32)
        mask = np.full((batch, 1, self.rows, capacity), HIDDEN)
        mask[..., : self.rows] = np.where((places <= places[:, None]) & ~hidden[:, None, None], 0, HIDDEN)
        self.logits = np.empty((batch, 1, settings["vocab_size"]), np.float32)
        self._bind_cache()
        self._bind(logits=self.logits)
        self._bind(image_tokens=image_tokens, token_ids=token_ids, positions=positions, mask=mask)
        self._bind(start=np.zeros(batch, np.int64))
        self.session.run_with_iobinding(self.binding)
        # From here on one row a text, in arrays that stay.
        self._bind(image_tokens=image_tokens[:, :0], token_ids=token_ids[:, :1].copy())
        self._bind(positions=self.lengths[:, None].copy(), mask=mask[:, :, -1:].copy())

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Reads a token for each text (batch,) and gives the logits after it (batch, vocabulary)."""
        self._check_room(self.lengths + 1)
        if self.rows == self.cache.shape[3]:
            self._grow()
        self.bound["token_ids"][:, 0] = tokens
        self.bound["positions"][:, 0] = self.lengths
        self.bound["start"][:] = self.rows
        self.bound["mask"][..., self.rows] = 0
        self.session.run_with_iobinding(self.binding)
        self.rows += 1
        self.lengths += 1
        return self.logits[:, 0]

    def keep(self, rows: np.ndarray) -> None:
        """Goes on with some of the texts only: (batch,) of truth values."""
        self.cache = np.ascontiguousarray(self.cache[:, rows])  # as it is bound, and not a copy of it
        self.lengths, self.logits = self.lengths[rows], self.logits[rows]
        self._bind_cache()
        inputs = ("image_tokens", "token_ids", "positions", "mask", "start")
        self._bind(logits=self.logits, **{name: self.bound[name][rows] for name in inputs})

    def _check_room(self, lengths: np.ndarray) -> None:
        if lengths.max() > self.max_length:
            raise ValueError(
                f"The text decoder has {self.max_length} positions and was asked for more (image slots, style, prompt "
                "and new tokens): shorten the prompt or lower max_new_tokens."
            )

    def _grow(self) -> None:
        """A block more of empty places."""
        self.cache = np.pad(self.cache, ((0, 0), (0, 0), (0, 0), (0, CACHE_BLOCK), (0, 0)))
        mask = np.pad(self.bound["mask"], ((0, 0), (0, 0), (0, 0), (0, CACHE_BLOCK)), constant_values=HIDDEN)
        self._bind_cache()
        self._bind(mask=mask)

    def _bind_cache(self) -> None:
        for index in range(self.layers):
            for name, buffer in (
                (f"key_{index}", self.cache[2 * index]),
                (f"value_{index}", self.cache[2 * index + 1]),
            ):
                self._bind(**{name: buffer, f"new_{name}": buffer})  # in place

    def _bind(self, **arrays: np.ndarray) -> None:
        """Has the session read and write these arrays' own memory from now on."""
        for name, array in arrays.items():
            bind = self.binding.bind_output if name == "logits" or name.startswith("new_") else self.binding.bind_input
            self.bound[name] = array = np.ascontiguousarray(array)
            bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


class _Choice:
    """The next token of each text, by the settings and in the order of transformers' own processors."""

    def __init__(self, texts: list[list[int]], vocabulary: int, settings: dict[str, Any], seed: int):
        longest = max(map(len, texts))
        self.settings = settings
        self.texts = np.array([[-1] * (longest - len(text)) + text for text in texts])  # (batch, rows), -1 in front
        self.seen = np.zeros((len(texts), vocabulary), bool)
        for row, text in zip(self.seen, texts, strict=True):
            row[text] = True
        self.generators = [random.Random(seed + index) for index in range(len(texts))]

    def next(self, logits: np.ndarray) -> np.ndarray:
        """Logits (batch, vocabulary) to tokens (batch,), which are then part of the texts."""
        penalty = self.settings["repetition_penalty"]
        if penalty != 1.0:
            logits = np.where(self.seen, np.where(logits < 0, logits * penalty, logits / penalty), logits)
        if self.settings["no_repeat_ngram_size"]:
            logits = self._without_repeats(logits.copy(), self.settings["no_repeat_ngram_size"])
        if self.settings["do_sample"]:
            pairs = zip(logits, self.generators, strict=True)
            tokens = np.array([_sample(row, self.settings, generator) for row, generator in pairs])
        else:
            tokens = logits.argmax(-1)
        self.texts = np.column_stack([self.texts, tokens])
        self.seen[np.arange(len(tokens)), tokens] = True
        return self.texts[:, -1]

    def _without_repeats(self, logits: np.ndarray, size: int) -> np.ndarray:
        """Forbids each token that would end an n-gram which its text has already."""
        starts = self.texts.shape[1] - size + 1  # n-grams that are there
        if starts < 1:
            return logits
        same = self.texts[:, :starts] >= 0
        for offset in range(size - 1):
            same &= self.texts[:, offset : offset + starts] == self.texts[:, [starts + offset]]
        rows, places = same.nonzero()
        logits[rows, self.texts[rows, places + size - 1]] = -np.inf
        return logits

    def keep(self, rows: np.ndarray) -> None:
        self.texts, self.seen = self.texts[rows], self.seen[rows]
        self.generators = [generator for generator, kept in zip(self.generators, rows, strict=True) if kept]


def _sample(logits: np.ndarray, settings: dict[str, Any], generator: random.Random) -> int:
    order = np.argsort(-logits, kind="stable")[: settings["top_k"] or None]
    scores = logits[order].astype(np.float64) / settings["temperature"]
    shares = np.exp(scores - scores[0])
    shares /= shares.sum()
    if settings["top_p"] < 1.0:
        before = np.cumsum(shares) - shares  # of all that are likelier
        shares = np.where(before < settings["top_p"], shares, 0)
    bounds = np.cumsum(shares)
    return int(order[np.searchsorted(bounds, generator.random() * bounds[-1], side="right")])


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
    """Prints a description of each picture, in batches; one alone streams. Returns how many could not be read.

    Arguments and output are those of `nanovlm_hf.describe.describe_files`: one command serves both engines.
    """
    describer, failed = Describer(name_or_path), 0
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
        if len(images) == 1 and not as_json:
            _print_stream(describer, pictures, prompt, style, seed, generate)
            continue
        for name, text in zip(
            names, describer.describe(pictures, prompt, style, seed + start, **generate), strict=True
        ):
            if as_json:
                used = style or describer.settings["style"]
                record = {"image": name, "style": used, "prompt": prompt, "text": text}
                print(json.dumps(record, ensure_ascii=False), flush=True)
            else:
                print(f"{name}: {' '.join(text.split())}", flush=True)  # a line each, whatever the text
    return failed


def _print_stream(
    describer: Describer, pictures: list[Any], prompt: str, style: str | None, seed: int, settings: dict[str, Any]
) -> None:
    print(prompt.rstrip(), end="", flush=True)
    ids, printed = [], ""
    for tokens in describer.stream(pictures, prompt, style, seed, **settings):
        ids.append(int(tokens[0]))
        text = describer.decode(ids)
        if not text.endswith("\ufffd"):  # half a character
            print(text[len(printed) :], end="", flush=True)
            printed = text
    print(describer.decode(ids)[len(printed) :], flush=True)


def main() -> int:
    """The command; returns its exit status: 1 where a picture could not be read, 2 where nothing could be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+", help="pictures: paths, URLs, or - for standard input")
    parser.add_argument(
        "--model", default=str(Path(__file__).parent), help="the exported folder; this file's by default"
    )
    parser.add_argument("--prompt", default="", help="the beginning that the description continues")
    parser.add_argument("--style", help="caption, short, long or answer; as the checkpoint says by default")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    parser.add_argument("--temperature", type=float, help="sample at this temperature; 0 is greedy")
    parser.add_argument("--max-new-tokens", type=int, help="tokens to write at most")
    parser.add_argument("--seed", type=int, default=0, help="for sampling")
    parser.add_argument("--batch-size", type=int, default=16, help="pictures at once")
    options = parser.parse_args()
    settings: dict[str, Any] = {}
    if options.temperature is not None:
        settings = {"do_sample": options.temperature > 0}
        if options.temperature > 0:
            settings["temperature"] = options.temperature
    if options.max_new_tokens is not None:
        settings["max_new_tokens"] = options.max_new_tokens
    try:
        failed = describe_files(
            options.images,
            options.model,
            options.prompt,
            options.style,
            options.json,
            options.batch_size,
            options.seed,
            **settings,
        )
    except (ValueError, OSError) as error:
        print(f"nanovlm: {error}", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
