"""Folders of pictures to a file of descriptions: the code behind `nanovlm describe folder/ --out descriptions.parquet`.

    engine = OnnxEngine("runs/picture-book-onnx", style="short")
    describe_folder(["photos/"], Path("descriptions.parquet"), engine, batch_size=64)

Other threads read pictures while the model writes. Each batch is on disk, in a journal beside the output, before the next
one is begun: a run that was killed goes on with the same command, to the same file. The output appears whole, at the end.
"""

import csv
import itertools
import json
import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from nanovlm_hf.description_journal import DescriptionJournal
from nanovlm_hf.files import alone
from nanovlm_hf.fingerprint import folder_fingerprint
from nanovlm_hf.picture_list import Picture, as_text, list_pictures

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("image", "style", "prompt", "text", "error")
BATCHES_AHEAD = 2  # are read while one is written
ROWS_AT_ONCE = 4096  # of the output, in memory
SHOWN = 5  # of the pictures that could not be read


class Engine(Protocol):
    """A model that writes. `about` is what its texts depend on besides the pictures, style and prompt included."""

    about: dict[str, Any]

    def read(self, path: str) -> np.ndarray:
        """A picture's pixels; raises what a broken file makes its decoder raise."""

    def see(self, pixels: np.ndarray) -> np.ndarray:
        """What is as quick a picture at a time, in the thread that read it, as in a batch."""

    def write(self, seen: list[np.ndarray], seed: int) -> list[str]:
        """The texts of a batch."""


class TorchEngine:
    """A checkpoint's folder, or a repository on the Hub.

    Args:
        prompt, style, generate: as for `nanovlm_hf.describe.describe`.
    """

    def __init__(self, name_or_path: str, prompt: str = "", style: str | None = None, **generate: Any):
        from transformers.utils.logging import disable_progress_bar

        from nanovlm_hf.describe import load

        disable_progress_bar()  # of loading weights, which takes no time here
        self.model, self.processor = load(name_or_path)
        self.generate = generate
        generation = {**self.model.generation_config.to_diff_dict(), **generate}
        generation.pop("transformers_version", None)
        self.about: dict[str, Any] = {
            "model": folder_fingerprint(Path(name_or_path))
            if Path(name_or_path).is_dir()
            else self.model.config._commit_hash,
            "engine": "torch",
            "style": style or self.processor.style,
            "prompt": prompt,
            "generation": generation,
        }

    def read(self, path: str) -> np.ndarray:
        return self.processor.image_processor.resize(path)

    def see(self, pixels: np.ndarray) -> np.ndarray:
        return pixels  # the encoder has all threads, and a GPU wants a batch

    def write(self, seen: list[np.ndarray], seed: int) -> list[str]:
        import torch

        from nanovlm_hf.describe import describe

        torch.manual_seed(seed)
        return describe(self.model, self.processor, seen, self.about["prompt"], self.about["style"], **self.generate)


class OnnxEngine:
    """A folder that `nanovlm export` wrote.

    Args:
        prompt, style, generate: as for `nanovlm_hf.edge.describe.Describer.describe`.
    """

    def __init__(self, folder: str, prompt: str = "", style: str | None = None, **generate: Any):
        from nanovlm_hf.edge.describe import Describer

        # As many pictures go through the encoder as there are cores, each on one.
        self.describer = Describer(folder, threads=1)
        self.generate = generate
        self.about: dict[str, Any] = {
            "model": folder_fingerprint(Path(folder)),
            "engine": "onnx",
            "style": style or self.describer.settings["style"],
            "prompt": prompt,
            "generation": {**self.describer.settings["generation"], **generate},
        }

    def read(self, path: str) -> np.ndarray:
        return self.describer.pixels(path)

    def see(self, pixels: np.ndarray) -> np.ndarray:
        return self.describer.encode(pixels[None])[0]

    def write(self, seen: list[np.ndarray], seed: int) -> list[str]:
        prompt, style = self.about["prompt"], self.about["style"]
        return self.describer.describe(np.stack(seen), prompt, style, seed, **self.generate)


class Summary(NamedTuple):
    """Pictures with a text, how many of them are of this run, and why each of the others has none."""

    described: int
    new: int
    bad: dict[str, str]


def describe_folder(
    sources: Sequence[str],
    out: Path,
    engine: Engine,
    batch_size: int = 64,
    seed: int = 0,
    console: "Console | None" = None,
) -> Summary:
    """Describes all pictures in folders, or those that earlier runs with this `out` have not, and writes one file.

    Args:
        sources: folders and files, see `list_pictures`.
        out: .parquet, .jsonl or .csv: image, style, prompt, text and error of every picture; one that cannot be read
            has no text. What a next run goes on from lies beside it: `out`.journal.
        batch_size: pictures at once.
        seed: for sampling; together with the picture's place in the list it decides what is drawn.
        console: where progress shows.

    Raises:
        FileNotFoundError: no such folder or picture.
        ValueError: no pictures, another kind of file, a run at work on it, or one begun by other means (the model, its
            prompt or settings).
        OSError: journal or output cannot be written (a full disk); what was described is kept.
    """
    from rich.console import Console

    check_output(out)
    console = console or Console(stderr=True)
    with console.status("Listing pictures"):
        pictures = list_pictures(sources)
    out.parent.mkdir(parents=True, exist_ok=True)
    about = {**engine.about, "seed": seed}
    lock, kept = out.with_name(f".{out.name}.lock"), out.with_name(f"{out.name}.journal")
    with alone(lock, f"on {out}"), DescriptionJournal(kept, about) as journal:
        states = [journal.state(picture) for picture in pictures]
        _describe_missing(pictures, states, journal, engine, batch_size, seed, console)
        with console.status("Writing the output"):
            bad = _write_output(out, pictures, journal, engine.about)
    return Summary(len(pictures) - len(bad), len(pictures) - len(bad) - states.count("described"), bad)


def check_output(out: Path) -> None:
    """Raises ValueError where descriptions cannot be written to a file of this name."""
    if out.suffix not in (".parquet", ".jsonl", ".csv"):
        raise ValueError(f"{out}: descriptions are written as .parquet, .jsonl or .csv.")
    if out.suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ModuleNotFoundError:
            raise ValueError(
                f"{out}: Parquet needs pyarrow. `pip install pyarrow`, or write .jsonl or .csv."
            ) from None


def _describe_missing(
    pictures: list[Picture],
    states: list[str],
    journal: DescriptionJournal,
    engine: Engine,
    batch_size: int,
    seed: int,
    console: "Console",
) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    batches: list[list[Picture]] = []
    # What failed before is tried again, last: so the other batches are those of a run that was never stopped.
    for wanted in ("new", "failed"):
        chosen = [picture for picture, state in zip(pictures, states, strict=True) if state == wanted]
        batches += [chosen[start : start + batch_size] for start in range(0, len(chosen), batch_size)]
    columns = (TextColumn("Describing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=len(pictures), completed=states.count("described"))
        start, done = time.monotonic(), 0
        with closing(_prepared(batches, engine)) as prepared:
            for batch, seen in prepared:
                journal.add(_write_batch(batch, seen, engine, seed))
                done += len(batch)
                speed = f"{done / (time.monotonic() - start):.1f} pictures/s"
                progress.update(task, advance=len(batch), description=speed)


def _prepared(
    batches: Iterable[list[Picture]], engine: Engine
) -> Generator[tuple[list[Picture], list[np.ndarray | str]], None, None]:
    """Batches with what the engine saw of each picture, or why it could not be read: by other threads, some ahead."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(cores)
    ahead: deque[tuple[list[Picture], list[Future[np.ndarray | str]]]] = deque()
    try:
        for batch in batches:
            ahead.append((batch, [pool.submit(_prepare, picture, engine) for picture in batch]))
            if len(ahead) > BATCHES_AHEAD:
                first, futures = ahead.popleft()
                yield first, [future.result() for future in futures]
        while ahead:
            first, futures = ahead.popleft()
            yield first, [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(picture: Picture, engine: Engine) -> np.ndarray | str:
    try:
        pixels = engine.read(picture.path)
    except (ValueError, OSError) as error:
        return as_text(str(error).removeprefix(f"{picture.path}: "))
    except Exception as error:  # a broken file makes some decoders raise anything
        return as_text(f"not a readable picture ({type(error).__name__}: {error}).")
    return engine.see(pixels)


def _write_batch(
    batch: list[Picture], seen: list[np.ndarray | str], engine: Engine, seed: int
) -> list[dict[str, Any]]:
    good = [one for one in seen if not isinstance(one, str)]
    texts = iter(engine.write(good, seed + batch[0].place) if good else [])
    return [
        {
            "image": picture.name,
            "version": picture.version,
            **({"error": one} if isinstance(one, str) else {"text": next(texts)}),
        }
        for picture, one in zip(batch, seen, strict=True)
    ]


def _write_output(
    out: Path, pictures: list[Picture], journal: DescriptionJournal, about: dict[str, Any]
) -> dict[str, str]:
    """Writes beside `out` and moves it there; returns the errors by picture."""
    bad: dict[str, str] = {}

    def rows() -> Iterator[dict[str, str | None]]:
        for picture in pictures:
            row = journal.row(picture)
            if "error" in row:
                bad[picture.name] = row["error"]
            text, error = row.get("text"), row.get("error")
            yield dict(zip(COLUMNS, (picture.name, about["style"], about["prompt"], text, error), strict=True))

    part = out.with_name(f".{out.name}.part")
    try:
        {".parquet": _write_parquet, ".jsonl": _write_jsonl, ".csv": _write_csv}[out.suffix](part, rows())
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return bad


def _write_parquet(path: Path, rows: Iterator[dict[str, str | None]]) -> None:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, pyarrow.string()) for name in COLUMNS])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        while some := list(itertools.islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))


def _write_jsonl(path: Path, rows: Iterator[dict[str, str | None]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_csv(path: Path, rows: Iterator[dict[str, str | None]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def describe_to_file(
    sources: Sequence[str], out: Path, engine: type[TorchEngine] | type[OnnxEngine], model: str, **settings: Any
) -> int:
    """What the command does: describes, and says how it went. Returns how many pictures could not be read.

    Args:
        settings: prompt, style, batch_size and seed; the rest is for the engine's generation.
    """
    from rich.console import Console

    check_output(out)  # before a model is loaded
    batch_size, seed = settings.pop("batch_size"), settings.pop("seed")
    console = Console(stderr=True, highlight=False, markup=False)
    start = time.monotonic()
    summary = describe_folder(sources, out, engine(model, **settings), batch_size, seed, console)
    seconds, earlier = time.monotonic() - start, summary.described - summary.new
    told = (
        f"{out}: {summary.described:,} descriptions, {summary.new:,} of them new, {summary.new / seconds:.1f} a second"
    )
    console.print(told + (f"; {earlier:,} are of earlier runs." if earlier else "."), soft_wrap=True)
    if summary.bad:
        pictures = "1 picture" if len(summary.bad) == 1 else f"{len(summary.bad):,} pictures"
        console.print(f"{pictures} could not be read (the column `error` says why):", soft_wrap=True)
        for name, error in itertools.islice(summary.bad.items(), SHOWN):
            console.print(f"  {name}: {error}", soft_wrap=True)
        if len(summary.bad) > SHOWN:
            console.print("  ...")
    return len(summary.bad)
