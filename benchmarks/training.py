"""Training speed: each size and form beside the machine's products, a plain loop, and the bare operations of our step.

    python -m benchmarks.training [--sizes mini base] [--image-tokens pooled] [--dataset PHOTOS] [--compile]

1. Sizes: `train.py`'s step with the recipe of each size, as pictures a second and as the share of what products of
   matrices alone reach on this machine in the same precision, timed in turn. All products that a step computes count, the
   optimizer's own too.
2. Plain loop: the same model in fp32, all rows of every encoder block, fused attention as torch has it, AdamW as it comes,
   a picture and a text a time; ours is `train.py`'s step on the same batches.
3. Bare loop: our step's operations with nothing around them: no progress, no settings, no accelerate.
4. Waiting: the share of our loop's time in which the step had no data yet.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.checkpoint import SHAPES, SIZES
from benchmarks.common import Row, calibrate, clock_for, finish, in_turn, parse, parser_for, rate, ratio, spread
from benchmarks.machine import PRODUCTS, product

BATCHES = 3  # that the steps of one side go through
GPU_PRODUCT = (8192, 8192, 8192)  # smaller ones do not fill one


def make_trainer(settings: Any, prepared: Any = None) -> Any:
    """A trainer as `train.py` makes it, before its first step."""
    from accelerate import Accelerator

    from nanovlm_hf.training.loop import Trainer
    from nanovlm_hf.training.prepare import prepare

    trainer = Trainer(settings, Accelerator(mixed_precision="no"), prepared or prepare(settings, show_progress=True))
    trainer.wrapped.train()
    return trainer


def recipe_of(size: str, image_tokens: str, options: argparse.Namespace, folder: Path) -> Any:
    """The settings of a size's recipe, in this form."""
    from nanovlm_hf.training.settings import parse_settings

    flags = ["--config", str(resources.files("nanovlm_hf.recipes") / f"{size}.yaml"), "--image_tokens", image_tokens]
    if options.batch_size:
        flags += ["--batch_size", str(options.batch_size)]
    for name in options.dataset or []:
        flags += ["--dataset", name]
    return parse_settings([*flags, "--output_dir", str(folder)])


def synchronise(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()


def stepper(trainer: Any, batches: Iterator[Any], stage: int, bf16: bool, threads: int) -> Callable[[], float]:
    """A step of a stage of the run (the step that it begins with), and its seconds."""
    import torch

    clock, device = clock_for(threads), trainer.accelerator.device
    if device.type == "cuda":
        clock = time.perf_counter

    def step() -> float:
        torch.set_num_threads(threads)
        trainer.progress.step, trainer.bf16 = stage, bf16
        batch = next(batches)
        start = clock()
        trainer.step(*batch)
        synchronise(device)
        return clock() - start

    return step


def multiplier(device: Any, precision: str, threads: int) -> Callable[[], float]:
    """Seconds for one floating-point operation of a product of matrices, of the fastest shape."""
    import torch

    shapes = (GPU_PRODUCT,) if device.type == "cuda" else PRODUCTS
    calls = [(2 * shape[0] * shape[1] * shape[2], product(precision, shape, device.type)) for shape in shapes]
    clock = time.perf_counter if device.type == "cuda" else clock_for(threads)

    def multiply() -> float:
        torch.set_num_threads(threads)
        found = []
        for operations, call in calls:
            call()
            synchronise(device)
            start = clock()
            for _ in range(5):
                call()
            synchronise(device)
            found.append((clock() - start) / 5 / operations)
        return min(found)

    return multiply


def count_operations(step: Callable[[], Any]) -> int:
    """Floating-point operations in all products and convolutions of a step, forward, backward and the optimizer's."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def measure_size(size: str, options: argparse.Namespace, folder: Path, prepared: dict[str, Any]) -> list[Row]:
    """All forms of a size in turn, and products of matrices between them."""
    sides: dict[str, Callable[[], float]] = {}
    operations: dict[str, list[int]] = {}
    products: dict[str, str] = {}
    pictures: dict[str, int] = {}
    for form in options.image_tokens:
        trainer = make_trainer(recipe_of(size, form, options, folder / f"{size}-{form}"), prepared.get(form))
        prepared[form] = trainer.data
        batches = list(islice(trainer.batches(), BATCHES))
        device, settings = trainer.accelerator.device, trainer.settings
        for name, stage, precision, threads in variants(form, trainer, options):
            label = f"{size}, {form}{name}"
            step = stepper(trainer, cycle(batches), stage, precision == "bf16", threads)
            operations[label], pictures[label] = [count_operations(step) for _ in batches], settings.batch_size
            sides[label], products[label] = step, f"{precision}, threads: {threads}"
            sides.setdefault(products[label], multiplier(device, precision, threads))
        if options.compile and form == options.image_tokens[-1]:
            label = f"{size}, {form}, blocks compiled"
            trainer = make_trainer(settings, trainer.data)
            compile_blocks(trainer.model)
            step = stepper(trainer, cycle(batches), trainer.first_full_step, trainer.bf16, options.threads)
            for _ in batches:
                step()
            operations[label], pictures[label] = operations[f"{size}, {form}"], settings.batch_size
            sides[label], products[label] = step, products[f"{size}, {form}"]
    found = in_turn(sides, options.rounds)
    rows = []
    for label, counts in operations.items():
        row = Row("training", label, *rate(found[label], pictures[label]), "pictures/s")
        # Each round took the next batch.
        shares = {
            "a step": [seconds / count for seconds, count in zip(found[label], cycle(counts), strict=False)],
            "products": found[products[label]],
        }
        each = sum(counts) / len(counts) / pictures[label] / 1e9
        row.note = f"{each:.1f} GFLOP a picture, {pictures[label]} a step, {products[label]}"
        rows.append(row.over("the machine's products", ratio(shares, "products", "a step")))
    for name in dict.fromkeys(products.values()):
        rows.append(Row(f"products, between the steps of {size}", name, *rate(found[name], 1e-9), "GFLOP/s", "limit"))
    return rows


def variants(form: str, trainer: Any, options: argparse.Namespace) -> list[tuple[str, int, str, int]]:
    """(name, first step of the stage, precision, threads) of what to measure of a form: most of it of the last one."""
    precision, full = "bf16" if trainer.bf16 else "fp32", trainer.first_full_step
    found = [("", full, precision, options.threads)]
    if form == options.image_tokens[-1]:
        if trainer.settings.encoder_steps:
            found.append((", encoder alone", 0, precision, options.threads))
        if trainer.bf16:
            found.append((", fp32", full, "fp32", options.threads))
        if options.threads > 1 and trainer.accelerator.device.type == "cpu":
            found.append((", 1 thread", full, precision, 1))
    return found


def compile_blocks(model: Any) -> None:
    """The encoder's blocks for their one shape, the decoder's for any length."""
    for layer in model.vision_model.layers:
        layer.compile(dynamic=False)
    for layer in model.language_model.layers:
        layer.compile(dynamic=True)


def simple_settings(size: str, options: argparse.Namespace, folder: Path, texts_per_image: int) -> Any:
    """AdamW and texts alone, so that a plain loop can do the same."""
    from nanovlm_hf.training.settings import TrainingSettings

    return TrainingSettings(
        dataset=options.dataset,
        size=size,
        image_tokens="cls",
        texts_per_image=texts_per_image,
        output_dir=str(folder),
        styles="caption,short",
        epochs=100,
    )


def plain_step(model: Any, optimizer: Any, image_processor: Any, batch: Any) -> None:
    """A straightforward step in fp32; pictures and texts row by row."""
    import torch

    plain_loss(model, image_processor, batch).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def plain_loss(model: Any, image_processor: Any, batch: Any) -> Any:
    return model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        pixel_values=image_processor.normalize(batch.pixels)[batch.image_index],
        labels=batch.labels,
    ).loss


def compare_with_plain(size: str, options: argparse.Namespace, folder: Path) -> list[Row]:
    import torch

    settings = simple_settings(size, options, folder, texts_per_image=1)
    ours = make_trainer(settings)
    model = make_trainer(settings, ours.data).model
    model.set_attn_implementation("sdpa")
    vision = model.vision_model
    forward = vision.forward
    # The plain model computes every row of the last block, and then takes [CLS].
    vision.forward = lambda pixels, cls_only=False, **kwargs: _first_row(forward(pixels, **kwargs))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batches = list(islice(ours.batches(), BATCHES))
    image_processor = ours.data.processor.image_processor

    ours.model.eval(), model.eval()  # without dropout both give the same loss on the same weights
    model.load_state_dict(ours.model.state_dict())
    items, (batch,) = batches[0]
    with torch.no_grad():
        losses = ours.losses(batch, ours.data.train.num_targets(items))[0], plain_loss(model, image_processor, batch)
    torch.testing.assert_close(*losses, rtol=5e-3, atol=0)
    ours.model.train(), model.train()

    our_batches, their_batches = cycle(batches), cycle(batches)
    sides = {
        "ours": lambda: ours.step(*next(our_batches)) and None,
        "plain fp32 loop": lambda: plain_step(model, optimizer, image_processor, next(their_batches)[1][0]),
    }
    for side in sides.values():
        side()
    found = in_turn(sides, options.rounds, clock_for(options.threads))
    group, pictures = f"training {size}, cls, a text a picture", len(items)
    plain = Row(group, "plain fp32 loop", *rate(found["plain fp32 loop"], pictures), "pictures/s", "peer")
    speed = Row(group, "ours", *rate(found["ours"], pictures), "pictures/s")
    speed.note = f"loss {losses[0]:.4f} on the weights that give the plain loop {losses[1]:.4f}"
    return [plain, speed.over("plain fp32 loop", ratio(found, "plain fp32 loop", "ours"))]


def _first_row(output: Any) -> Any:
    output.last_hidden_state = output.last_hidden_state[:, :1]
    return output


def bare_step(trainer: Any, items: list[int], batch: Any) -> None:
    """The arithmetic of our step, written out without the loop."""
    import torch

    from nanovlm_hf.training.loop import share_of_peak

    settings = trainer.settings
    for group in trainer.optimizer.param_groups:
        group["lr"] = group["peak"] * share_of_peak(trainer.progress.step, trainer.num_steps, settings)
    pixels = trainer.data.processor.image_processor.normalize(batch.pixels)
    names = ("input_ids", "attention_mask", "labels")
    texts = [
        {**{name: getattr(batch, name)[rows, :length] for name in names}, "image_index": batch.image_index[rows]}
        for rows, length in batch.groups
    ]
    with torch.autocast(trainer.accelerator.device.type, torch.bfloat16, enabled=trainer.bf16):
        loss, _ = trainer.module(pixel_values=pixels, texts=texts, num_targets=trainer.data.train.num_targets(items))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trainer.module.parameters(), settings.max_grad_norm)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()


def compare_with_bare(size: str, options: argparse.Namespace, folder: Path) -> list[Row]:
    trainer = make_trainer(simple_settings(size, options, folder, texts_per_image=6))
    batches = list(islice(trainer.batches(), BATCHES))
    # Pair by pair on the same batch: batches differ more than the loops do.
    bare, whole = cycle(batches), cycle(batches)

    def run_bare() -> None:
        items, (batch,) = next(bare)
        bare_step(trainer, items, batch)

    sides = {"bare operations": run_bare, "our step": lambda: trainer.step(*next(whole)) and None}
    for side in sides.values():
        side()
    found = in_turn(sides, 2 * options.rounds, clock_for(options.threads))
    group = f"what our loop adds, {size}, cls"
    rows = [Row(group, "bare operations", *spread(found["bare operations"], 1e3), "ms", "limit")]
    row = Row(group, "our step", *spread(found["our step"], 1e3), "ms")
    rows.append(row.over("bare operations", ratio(found, "our step", "bare operations")))
    waiting, working, source = [], [], trainer.batches()
    for _ in range(2 * options.rounds):
        start = time.perf_counter()
        batch = next(source)
        fetched = time.perf_counter()
        trainer.step(*batch)
        waiting.append(fetched - start)
        working.append(time.perf_counter() - fetched)
    share = [100 * one / (one + other) for one, other in zip(waiting, working, strict=True)]
    return [*rows, Row(group, "waiting for data, of the time", *spread(share), "%")]


def main() -> None:
    parser = parser_for(__doc__, rounds=5)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument(
        "--image-tokens", nargs="+", choices=SHAPES, default=["cls", "patches", "pooled"], help="The last in detail."
    )
    parser.add_argument("--dataset", action="append", help="As for train.py; the picture book by default.")
    parser.add_argument("--batch-size", type=int, help="Pictures a step; as the recipes say by default.")
    parser.add_argument("--compile", action="store_true", help="With torch.compile beside it: takes minutes to begin.")
    options = parse(parser)
    import torch

    from nanovlm_hf.training.memory_and_threads import keep_freed_memory

    torch.set_num_threads(options.threads)
    keep_freed_memory()
    before = calibrate()
    rows: list[Row] = []
    prepared: dict[str, Any] = {}  # the data of each form serves all sizes
    with tempfile.TemporaryDirectory() as name:
        for size in options.sizes:
            rows += measure_size(size, options, Path(name), prepared)
        torch.set_num_threads(options.threads)
        rows += compare_with_plain(options.sizes[0], options, Path(name))
        rows += compare_with_bare(options.sizes[0], options, Path(name))
    finish(rows, options, before)


if __name__ == "__main__":
    main()
