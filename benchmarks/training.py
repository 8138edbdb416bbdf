"""Training speed: ours against a plain loop, what our loop adds to a bare one, and how long it waits for data.

    python -m benchmarks.training [--size base] [--dataset PHOTOS]

1. Plain loop: the same model in fp32, all rows of every encoder block, fused attention as torch has it, AdamW as it
   comes, a picture and a text a time; ours is `train.py`'s step on the same batches. Ratio of pictures per second.
2. Bare loop: our step's operations with nothing around them: no progress, no settings, no accelerate.
3. Waiting: the share of our loop's time in which the step had no data yet.
"""

import argparse
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from benchmarks.timing import interleaved, median_ratio
from nanovlm_hf.data.batches import Batch
from nanovlm_hf.training.loop import Trainer, keep_freed_memory, share_of_peak
from nanovlm_hf.training.prepare import prepare
from nanovlm_hf.training.settings import TrainingSettings


def plain_step(model: Any, optimizer: torch.optim.Optimizer, image_processor: Any, batch: Batch) -> float:
    """A straightforward step in fp32; `pixel_values` and texts row by row."""
    pixel_values = image_processor.normalize(batch.pixels)
    loss = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        pixel_values=pixel_values[batch.image_index],
        labels=batch.labels,
    ).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def bare_step(trainer: Trainer, items: list[int], batch: Batch) -> float:
    """The arithmetic of our step, written out without the loop."""
    settings = trainer.settings
    for group in trainer.optimizer.param_groups:
        group["lr"] = group["peak"] * share_of_peak(trainer.progress.step, trainer.num_steps, settings)
    pixels = trainer.data.processor.image_processor.normalize(batch.pixels)
    with torch.autocast("cpu", torch.bfloat16, enabled=trainer.bf16):
        loss, _ = trainer.module(
            pixel_values=pixels,
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            image_index=batch.image_index,
            labels=batch.labels,
            num_items_in_batch=trainer.data.train.num_targets(items),
        )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trainer.module.parameters(), settings.max_grad_norm)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()
    return loss.item()


def make_trainer(size: str, dataset: list[str] | None, folder: str, texts_per_image: int) -> Trainer:
    settings = TrainingSettings(
        dataset=dataset,
        size=size,
        image_tokens="cls",
        texts_per_image=texts_per_image,
        output_dir=folder,
        styles="caption,short",
        epochs=100,
    )
    accelerator = Accelerator(mixed_precision="no")
    trainer = Trainer(settings, accelerator, prepare(settings, show_progress=True))
    trainer.wrapped.train()
    return trainer


def compare_with_plain(size: str, dataset: list[str] | None, folder: str, pairs: int) -> None:
    ours, plain = make_trainer(size, dataset, folder, 1), make_trainer(size, dataset, folder, 1)
    plain.model.set_attn_implementation("sdpa")
    vision = plain.model.vision_model
    forward = vision.forward
    # The plain model computes every row of the last block, and then takes [CLS].
    vision.forward = lambda pixels, cls_only=False, **kwargs: _first_row(forward(pixels, **kwargs))
    optimizer = torch.optim.AdamW(plain.model.parameters(), lr=1e-3)
    batches = list(islice(ours.batches(), pairs))
    image_processor = ours.data.processor.image_processor

    ours.model.eval(), plain.model.eval()  # without dropout both give the same loss on the same weights
    plain.model.load_state_dict(ours.model.state_dict())
    _, (batch,) = batches[0]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=ours.bf16):
        pixels = image_processor.normalize(batch.pixels)
        texts = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "labels": batch.labels}
        our_loss, _ = ours.module(pixel_values=pixels, image_index=batch.image_index, **texts)
    with torch.no_grad():
        plain_loss = plain.model(pixel_values=pixels[batch.image_index], **texts).loss
    print(f"losses on the same weights: ours {our_loss.item():.4f} (bf16), plain {plain_loss.item():.4f} (fp32)")
    ours.model.train(), plain.model.train()

    timings = interleaved(
        lambda i: ours.step(*batches[i]),
        lambda i: plain_step(plain.model, optimizer, image_processor, batches[i][1][0]),
        pairs,
    )
    ratio, low, high = median_ratio(timings)
    rates = [len(batches[i][0]) / statistics.median(t[side] for t in timings) for side in (0, 1) for i in (0,)]
    print(
        f"{size}: ours {rates[0]:.1f} pictures/s, plain fp32 loop {rates[1]:.1f}: {ratio:.2f}x [{low:.2f}, {high:.2f}]"
    )


def _first_row(output: Any) -> Any:
    output.last_hidden_state = output.last_hidden_state[:, :1]
    return output


def compare_with_bare(size: str, dataset: list[str] | None, folder: str, pairs: int) -> None:
    trainer = make_trainer(size, dataset, folder, 6)
    batches = list(islice(trainer.batches(), pairs))
    timings = interleaved(
        lambda i: bare_step(trainer, batches[i][0], batches[i][1][0]), lambda i: trainer.step(*batches[i]), pairs
    )
    ratio, low, high = median_ratio(timings)
    print(
        f"{size}: our step over the bare operations: {ratio - 1:+.1%} [{low - 1:+.1%}, {high - 1:+.1%}], {pairs} pairs"
    )

    waiting, stepping, source = 0.0, 0.0, trainer.batches()
    for _ in range(pairs):
        start = time.perf_counter()
        items, parts = next(source)
        fetched = time.perf_counter()
        trainer.step(items, parts)
        waiting, stepping = waiting + fetched - start, stepping + time.perf_counter() - fetched
    print(f"{size}: waiting for data {waiting / (waiting + stepping):.2%} of the time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="base", choices=["mini", "base", "large"])
    parser.add_argument("--dataset", action="append", help="As for train.py; the picture book by default.")
    parser.add_argument("--pairs", type=int, default=30, help="Of steps; a third as many with the slow plain loop.")
    options = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        compare_with_plain(options.size, options.dataset, str(Path(folder) / "plain"), options.pairs // 3)
        compare_with_bare(options.size, options.dataset, str(Path(folder) / "bare"), options.pairs)


if __name__ == "__main__":
    main()
