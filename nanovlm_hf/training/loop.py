"""The training loop: on a CPU, a GPU, several of them, several machines; `accelerate launch train.py` runs it.

    train(TrainingSettings(dataset=["photos/"], size="mini", output_dir="runs/mini"))

A step's numbers depend on the settings alone, not on interruptions or the number of processes: the order of the data,
augmentation and dropout are functions of (seed, step), and the loss is the mean over the whole step's target tokens.
"""

import logging
import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from nanovlm_hf.data.batches import IGNORED, Batch, micro_batches
from nanovlm_hf.training import report
from nanovlm_hf.training.augmentation import UNTRUE_WHEN_FLIPPED, UNTRUE_WHEN_RECOLOURED, augment, token_ids_of
from nanovlm_hf.training.memory_and_threads import keep_freed_memory, set_threads
from nanovlm_hf.training.optimizer import build_optimizer
from nanovlm_hf.training.prepare import Prepared, build_model, prepare
from nanovlm_hf.training.settings import TrainingSettings
from nanovlm_hf.training.state import STATE_FILE, load_state, publish, read_progress, save_state
from nanovlm_hf.training.validation import validate
from nanovlm_hf.training.word_loss import UNSURE, TrainingModule

logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far a run has come; saved with its state."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    seconds: float = 0.0
    waiting_seconds: float = 0.0  # for data
    history: list[dict[str, Any]] = field(default_factory=list)


def use_bf16(setting: str, device: torch.device) -> bool:
    """`auto`: bf16 where the processor computes in it, which is about twice as fast; elsewhere it is far slower."""
    if setting != "auto":
        return setting == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def share_of_peak(step: int, num_steps: int, settings: TrainingSettings) -> float:
    """The learning rate: linear warm-up, then a cosine from the peak to a tenth; once for the encoder alone, once for all."""
    if step < settings.encoder_steps:
        num_steps = settings.encoder_steps
    else:
        step, num_steps = step - settings.encoder_steps, num_steps - settings.encoder_steps
    warmup = min(settings.warmup_steps, num_steps // 10)
    if step < warmup:
        return (step + 1) / warmup
    share = (step - warmup) / max(1, num_steps - warmup)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * share))


class Trainer:
    """One run: model, optimizer, data and progress, and the steps they take together."""

    def __init__(self, settings: TrainingSettings, accelerator: Any, data: Prepared):
        self.settings = settings
        self.accelerator = accelerator
        self.data = data
        self.folder = Path(settings.output_dir)
        self.bf16 = use_bf16(settings.mixed_precision, accelerator.device)
        self.model = build_model(settings, len(data.processor.tokenizer))
        # On CPUs the backward pass of fused attention is many times slower than plain products at these widths.
        self.model.set_attn_implementation("sdpa" if accelerator.device.type == "cuda" else "eager")
        num_words = len(data.words.vocabulary) if data.words else 0
        self.module = TrainingModule(self.model, num_words, shares=settings.word_targets == "shares")
        self.optimizer = build_optimizer(
            self.module,
            settings.learning_rate,
            settings.muon_learning_rate,
            settings.weight_decay,
            settings.adam_beta2,
        )
        self.colour_ids = token_ids_of(UNTRUE_WHEN_RECOLOURED, data.processor.tokenizer)
        self.side_ids = token_ids_of(UNTRUE_WHEN_FLIPPED, data.processor.tokenizer)
        self.progress = Progress()
        saved = read_progress(self.folder) if settings.resume else None
        if saved is not None:
            _check_resumable(settings, data, saved, self.folder)
            saved = load_state(self.folder, self.module, self.optimizer)
            self.progress = Progress(**saved["progress"])
        self.wrapped, self.optimizer = accelerator.prepare(self.module, self.optimizer)
        self.steps_per_epoch = len(data.train.epoch_batches(settings.batch_size, settings.seed, 0))
        self.num_steps = settings.encoder_steps + max(1, round(settings.epochs * self.steps_per_epoch))
        full_steps = round(min(settings.full_side_epochs, settings.epochs) * self.steps_per_epoch)
        self.first_full_step = self.num_steps - full_steps
        self.num_parts = accelerator.num_processes * settings.gradient_accumulation_steps

    def batches(self) -> Any:
        """From the next step to the last: (items of the whole batch, this process's micro-batches) for each step."""
        rank, parts_each = self.accelerator.process_index, self.settings.gradient_accumulation_steps
        parts = range(rank * parts_each, (rank + 1) * parts_each)
        step = self.progress.step
        while step < self.num_steps:
            epoch, start = divmod(step, self.steps_per_epoch)
            batches = self.data.train.epoch_batches(self.settings.batch_size, self.settings.seed, epoch)[start:]
            batches = batches[: self.num_steps - step]
            loader = micro_batches(self.data.train, batches, self.num_parts, parts, self.settings.num_workers)
            for items in batches:
                yield items, [next(loader) for _ in parts]
            step += len(batches)

    def step(self, items: list[int], parts: list[Batch]) -> torch.Tensor:
        """One optimizer step; returns this process's share of the loss: nats per target token of the whole step.

        While the encoder learns alone, the loss is the words', in nats per picture.
        """
        accelerator, step = self.accelerator, self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share_of_peak(step, self.num_steps, self.settings)
            if group["encoder"] and step >= self.settings.encoder_steps:
                group["lr"] *= self.settings.encoder_rate
        num_targets = self.data.train.num_targets(items)
        total = torch.zeros((), device=accelerator.device)
        for index, part in enumerate(parts):
            torch.manual_seed(hash((self.settings.seed, step, accelerator.process_index, index)))  # dropout
            last = index == len(parts) - 1
            with nullcontext() if last else accelerator.no_sync(self.wrapped):
                text_loss, word_loss = self.losses(part.to(accelerator.device), num_targets)
                word_loss = word_loss / len(items)
                loss = text_loss + self.settings.word_loss * word_loss
                # Gradients are averaged over processes, and each loss is a share of the whole step's already.
                accelerator.backward(loss * accelerator.num_processes)
            total += (word_loss if step < self.settings.encoder_steps else text_loss).detach()
        accelerator.clip_grad_norm_(self.wrapped.parameters(), self.settings.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def losses(self, part: Batch, num_targets: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The texts' loss of a micro-batch, over the step's `num_targets` tokens, and its words' loss."""
        settings, step = self.settings, self.progress.step
        pixels = self.data.processor.image_processor.normalize(part.pixels)
        pixels, is_recoloured, is_flipped = augment(
            pixels,
            part.positions,
            settings.seed,
            step,
            settings.min_crop,
            settings.flip,
            settings.recolour,
            settings.small_side if step < self.first_full_step else 0,
        )
        labels, word_targets = self.true_targets(part, is_recoloured, is_flipped)
        image_index = part.image_index
        if settings.blind:  # pictures are all alike, so that one serves all texts
            pixels, image_index = pixels[:1], torch.zeros_like(image_index)
        texts = None
        if step >= settings.encoder_steps:
            input_ids = self.hide_words(part)
            texts = [
                {
                    "input_ids": input_ids[rows, :length],
                    "attention_mask": part.attention_mask[rows, :length],
                    "labels": labels[rows, :length],
                    "image_index": image_index[rows],
                }
                for rows, length in part.groups
            ]
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bf16):
            return self.wrapped(pixel_values=pixels, word_targets=word_targets, texts=texts, num_targets=num_targets)

    def true_targets(
        self, part: Batch, is_recoloured: torch.Tensor, is_flipped: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Labels and word targets without what augmentation made untrue: colours, or sides."""
        labels, words = part.labels.clone(), self.data.words
        targets = words.targets(part.pictures) if words else None
        index = part.image_index.cpu()
        for changed, ids, names in (
            (is_recoloured, self.colour_ids, UNTRUE_WHEN_RECOLOURED),
            (is_flipped, self.side_ids, UNTRUE_WHEN_FLIPPED),
        ):
            if changed.any():
                untrue = torch.isin(labels, ids.to(labels.device)) & changed[index].to(labels.device)[:, None]
                labels = labels.masked_fill(untrue, IGNORED)
            if changed.any() and words is not None and targets is not None:
                columns = [place for place, word in enumerate(words.vocabulary) if word in names]
                targets[changed.nonzero(), columns] = UNSURE
        return labels, None if targets is None else targets.to(labels.device)

    def hide_words(self, part: Batch) -> torch.Tensor:
        """Puts padding in the place of some tokens to be written, as far as they are read; the loss still asks for all."""
        if not self.settings.word_dropout:
            return part.input_ids
        chosen = torch.rand(part.input_ids.shape, device=part.input_ids.device) < self.settings.word_dropout
        return part.input_ids.masked_fill(chosen & (part.labels != IGNORED), self.data.train.pad_token_id)

    def evaluate(self) -> dict[str, Any]:
        """Validates, keeps the model if it is the best so far, and records both."""
        progress, image_processor = self.progress, self.data.processor.image_processor
        results, seen = (
            validate(self.model, data, image_processor, self.accelerator, self.bf16)
            for data in (self.data.validation, self.data.seen)
        )
        results["seen_loss"] = seen["loss"]
        progress.history.append({"step": progress.step, "seconds": round(progress.seconds, 1), **results})
        if results["loss"] < progress.best_loss:
            progress.best_loss, progress.best_step = results["loss"], progress.step
            if self.accelerator.is_main_process:
                publish(self.folder, self.model, self.data.processor)
        if self.accelerator.is_main_process:
            report.write_history(self.folder, progress.history)
        return results

    def save(self) -> None:
        if self.accelerator.is_main_process:
            kept = {"settings": asdict(self.settings), "fingerprint": self.data.fingerprint}
            save_state(self.folder, self.module, self.optimizer, {**kept, "progress": asdict(self.progress)})

    def sample(self) -> list[str]:
        """Descriptions of a few validation pictures, for a person to judge the run by."""
        from nanovlm_hf.describe import describe

        items = {item.picture: index for index, item in enumerate(self.data.validation.items)}
        pictures = sorted(items)[:: max(1, len(items) // max(1, self.settings.sample_texts))]
        pictures = pictures[: self.settings.sample_texts]
        if not pictures:
            return []
        style = "short" if "short" in self.data.validation.styles else self.data.validation.styles[0]
        self.model.eval()
        texts = describe(self.model, self.data.processor, list(self.data.validation.pixels[pictures]), style=style)
        self.model.train()
        return texts


def train(settings: TrainingSettings) -> Path:
    """Trains a model and returns the folder that holds it: the best step's, complete, ready for `from_pretrained`.

    Raises:
        ValueError: settings, data or an earlier run in `output_dir` do not fit; the message says how to mend it.
    """
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs
    from transformers.utils.logging import disable_progress_bar

    # Some sizes leave parameters without a gradient ([CLS] where patches are read).
    accelerator = Accelerator(
        mixed_precision="no", kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)]
    )
    keep_freed_memory()
    set_threads(settings.num_threads)
    disable_progress_bar()  # the library's own, for writing weights, would break ours
    folder = Path(settings.output_dir)
    if (folder / "training_run.json").exists():
        raise ValueError(f"{folder} holds a finished run: name another --output_dir, or remove that folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with accelerator.main_process_first():
        data = prepare(settings, show_progress=accelerator.is_main_process)
    trainer = Trainer(settings, accelerator, data)
    if accelerator.is_main_process:
        report.write_recipe(folder, settings)
    try:
        run(trainer)
    except KeyboardInterrupt:
        trainer.save()
        if accelerator.is_main_process:
            logger.warning("Interrupted at step %d, which is saved: the same command goes on.", trainer.progress.step)
        raise
    if accelerator.is_main_process:
        finish(trainer)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return folder


def run(trainer: Trainer) -> None:
    """Steps to the end, with a progress bar, validations and saves on the way."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    settings, progress, accelerator = trainer.settings, trainer.progress, trainer.accelerator
    eval_steps = max(1, round(settings.eval_epochs * trainer.steps_per_epoch))
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    columns.append(TextColumn("loss {task.fields[loss]}  {task.fields[speed]}"))
    trainer.wrapped.train()
    total, saved_at, window = torch.zeros((), device=accelerator.device), time.monotonic(), progress.step
    with Bar(*columns, console=Console(), disable=not accelerator.is_main_process) as bar:
        task = bar.add_task("Training", total=trainer.num_steps, completed=progress.step, loss="-", speed="")
        batches = trainer.batches()
        while progress.step < trainer.num_steps:
            started = time.perf_counter()
            items, parts = next(batches)
            fetched = time.perf_counter()
            total += trainer.step(items, parts)
            progress.step += 1
            progress.waiting_seconds += fetched - started
            progress.seconds += time.perf_counter() - started
            bar.advance(task)
            if progress.step % settings.log_steps == 0:
                loss = (accelerator.reduce(total, reduction="sum") / (progress.step - window)).item()
                name = "word_loss" if progress.step <= settings.encoder_steps else "train_loss"
                progress.history.append({"step": progress.step, name: round(loss, 4)})
                speed = f"{settings.batch_size * progress.step / progress.seconds:.0f} pictures/s"
                bar.update(task, loss=f"{loss:.3f}", speed=speed)
                to_log = (
                    accelerator.is_main_process and not bar.console.is_terminal
                )  # a bar is drawn on terminals only
                if to_log and progress.step % (10 * settings.log_steps) == 0:
                    bar.console.print(f"step {progress.step} of {trainer.num_steps}: {name} {loss:.3f}, {speed}")
                total.zero_()
                window = progress.step
                if not math.isfinite(loss):
                    raise ValueError(f"The loss is {loss} at step {progress.step}: lower --learning_rate.")
            since = progress.step - settings.encoder_steps
            if since > 0 and (since % eval_steps == 0 or progress.step == trainer.num_steps):
                _show(bar.console, trainer, trainer.evaluate())
            if time.monotonic() - saved_at > 60 * settings.save_minutes:
                trainer.save()
                saved_at = time.monotonic()


def _show(console: Any, trainer: Trainer, results: dict[str, float]) -> None:
    """A line of losses and a few descriptions, above the progress bar."""
    if not trainer.accelerator.is_main_process:
        return
    step, best = trainer.progress.step, " (best so far)" if trainer.progress.best_step == trainer.progress.step else ""
    console.print(
        f"step {step}: validation loss {results['loss']:.3f}, with wrong pictures {results['shuffled_loss']:.3f}{best}",
        highlight=False,
    )
    for text in trainer.sample():
        console.print(f"  {text}", style="dim", highlight=False)


def finish(trainer: Trainer) -> None:
    """The record of the run; the state to resume from goes, as nothing is left to do."""
    progress, data = trainer.progress, trainer.data
    best = next(entry for entry in progress.history if entry["step"] == progress.best_step and "loss" in entry)
    report.write_record(
        trainer.folder,
        {
            "steps": trainer.num_steps,
            "best": best,
            "seconds": round(progress.seconds, 1),
            **report.energy(progress.seconds, trainer.accelerator),
            "pictures_per_second": round(trainer.settings.batch_size * progress.step / progress.seconds, 1),
            "waiting_for_data_share": round(progress.waiting_seconds / progress.seconds, 4),
            "parameters": trainer.model.num_parameters(),
            "training_pictures": len({item.picture for item in data.train.items}),
            "training_texts": len(data.train.ids),
            "target_tokens": data.train.num_targets(list(range(len(data.train)))),
            "pictures_left_out": data.skipped,
            "data_fingerprint": data.fingerprint,
            "pictures_by_source": data.sources,
            "processes": trainer.accelerator.num_processes,
            "bf16": trainer.bf16,
        },
    )
    (trainer.folder / STATE_FILE).unlink(missing_ok=True)
    print(
        f"Best step {best['step']} of {trainer.num_steps}: validation loss {best['loss']:.3f}, with wrong pictures "
        f"{best['shuffled_loss']:.3f}. The model is in {trainer.folder}, its curve in {trainer.folder / 'curve.png'}."
    )
    if data.skipped:
        print(f"{len(data.skipped)} pictures could not be read and were left out; training_run.json lists them.")


def _check_resumable(settings: TrainingSettings, data: Prepared, saved: dict[str, Any], folder: Path) -> None:
    differences = settings.differences(saved["settings"])
    if saved["fingerprint"] != data.fingerprint:
        differences.append(f"data: {saved['fingerprint']} -> {data.fingerprint}")
    if differences:
        raise ValueError(
            f"{folder} holds an unfinished run with other settings ({'; '.join(differences)}): go on with those, name "
            "another --output_dir, or start over with --resume false."
        )
