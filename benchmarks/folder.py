"""A folder of pictures to a file of descriptions, beside the same engine one picture at a time: pictures a second.

    python -m benchmarks.folder [--count 2000] [--batch-size 64] [--rounds 10]
    python -m benchmarks.folder --model checkpoints/nanovlm-mini --pictures photos/images

Checks first that both ways give the same texts (int8 products round otherwise for one row than for many: there it says
how many differ). Each round takes the next part of the folder: `describe_folder` with all
that it does (journal, output), and a plain loop that describes one picture after the other. Fresh weights write 35
tokens a picture, as many as a short description has; a checkpoint's texts end where they end.
"""

import itertools
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import SHAPES, SIZES, make_in_child
from benchmarks.common import Row, calibrate, clock_for, finish, in_turn, parse, parser_for, rate, ratio

TOKENS = 35
BAR = (">=", 2.5)
FLOOR = "onnx, reading and encoding"  # the same work for a picture alone and in a batch: no batching is faster


def draw_pictures(folder: Path, count: int) -> list[str]:
    """JPEG files of a photograph's size and about its detail."""
    import numpy as np
    from PIL import Image
    from rich.progress import track

    folder.mkdir()
    random = np.random.default_rng(0)
    for index in track(range(count), "Drawing pictures", transient=True):
        pixels = random.integers(0, 256, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).resize((640, 480)).save(folder / f"{index:06}.jpg")
    return [str(folder / f"{index:06}.jpg") for index in range(count)]


def sides_of(
    name: str, engine: Any, alone: Callable[[str], str], parts: list[list[str]], out: Path, batch_size: int
) -> dict[str, Callable[[], Any]]:
    """Both ways through the folder's parts, a part a call; raises RuntimeError where fp32 texts differ."""
    from pyarrow.parquet import read_table
    from rich.console import Console

    from nanovlm_hf.describe_folder import describe_folder

    quiet = Console(quiet=True)

    def folder(part: list[str]) -> None:
        for path in (out, out.with_name(f"{out.name}.journal")):
            path.unlink(missing_ok=True)
        if describe_folder(part, out, engine, batch_size, console=quiet).new != len(part):
            raise RuntimeError(f"{name}: pictures that cannot be read are no benchmark; use others.")

    folder(parts[0])
    differing = sum(row["text"] != alone(row["image"]) for row in read_table(out).to_pylist())
    print(f"{name}: {len(parts[0]) - differing} of {len(parts[0])} texts agree")
    if differing and "int8" not in name:
        raise RuntimeError(f"{name}: {differing} of {len(parts[0])} texts are others in batches of {batch_size}.")
    in_folder, in_loop = itertools.cycle(parts), itertools.cycle(parts)
    return {
        f"{name}, folder": lambda: folder(next(in_folder)),
        f"{name}, one at a time": lambda: [alone(path) for path in next(in_loop)] and None,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = parser_for(__doc__, rounds=10)
    parser.add_argument("--size", default="mini", choices=SIZES)
    parser.add_argument("--image-tokens", default="pooled", choices=SHAPES)
    parser.add_argument("--model", type=Path, help="A checkpoint, instead of fresh weights.")
    parser.add_argument("--pictures", type=Path, help="A folder of pictures, instead of drawn ones.")
    parser.add_argument("--count", type=int, default=2000, help="Pictures, over all rounds.")
    parser.add_argument("--batch-size", type=int, default=64)
    options = parse(parser, arguments)
    if hasattr(os, "sched_setaffinity"):  # what counts its cores for itself takes as many as there are threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])
    before = calibrate()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if options.model:
            from nanovlm_hf.edge.export import export

            checkpoint, length = options.model, {}
            exported = {label: export(str(checkpoint), place / label, label == "int8") for label in ("fp32", "int8")}
        else:
            make_in_child(place, options.size, options.image_tokens)
            checkpoint, length = place / "checkpoint", {"max_new_tokens": TOKENS}
            exported = {label: place / label for label in ("fp32", "int8")}
        if options.pictures:
            from nanovlm_hf.picture_list import list_pictures

            pictures = [picture.path for picture in list_pictures([str(options.pictures)])][: options.count]
        else:
            pictures = draw_pictures(place / "pictures", options.count)
        size = len(pictures) // options.rounds
        parts = [pictures[start : start + size] for start in range(0, size * options.rounds, size)]
        sides = all_sides(checkpoint, exported, length, parts, place / "out.parquet", options)
        found = in_turn(sides, options.rounds, clock_for(options.threads))
    rows = []
    for label in ("torch", "onnx fp32", "onnx int8"):
        folder, alone = f"{label}, folder", f"{label}, one at a time"
        model = options.model.name if options.model else options.size
        group = f"{size * options.rounds:,} pictures, {model}, {label}"
        rows += [
            Row(group, f"folder, batches of {options.batch_size}", *rate(found[folder], size), "pictures/s").over(
                "one at a time", ratio(found, alone, folder), BAR
            ),
            Row(group, "one at a time", *rate(found[alone], size), "pictures/s"),
        ]
    rows.append(Row(group, "reading and encoding, no text", *rate(found[FLOOR], size), "pictures/s", side="limit"))
    finish(rows, options, before)


def all_sides(
    checkpoint: Path,
    exported: dict[str, Path],
    length: dict[str, int],
    parts: list[list[str]],
    out: Path,
    options: Any,
) -> dict[str, Callable[[], Any]]:
    import torch

    from nanovlm_hf.describe import describe
    from nanovlm_hf.describe_folder import OnnxEngine, TorchEngine
    from nanovlm_hf.edge.describe import Describer

    torch.set_num_threads(options.threads)
    ours = TorchEngine(str(checkpoint), **length)
    sides = sides_of(
        "torch",
        ours,
        lambda path: describe(ours.model, ours.processor, [path], **length)[0],
        parts,
        out,
        options.batch_size,
    )
    for label, folder in exported.items():
        single = Describer(folder, options.threads)
        engine = OnnxEngine(str(folder), **length)
        sides |= sides_of(
            f"onnx {label}",
            engine,
            lambda path, single=single: single.describe([path], **length)[0],  # type: ignore[misc]
            parts,
            out,
            options.batch_size,
        )
    in_floor, pool = itertools.cycle(parts), ThreadPoolExecutor(options.threads)
    sides[FLOOR] = lambda: list(pool.map(lambda path: engine.see(engine.read(path)), next(in_floor))) and None
    return sides


if __name__ == "__main__":
    main()
