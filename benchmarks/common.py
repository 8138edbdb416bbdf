"""What the benchmarks share: sides timed in turn, medians with their spread, rows for the table.

    found = in_turn({"ours": ours, "theirs": theirs}, rounds=15, clock=clock_for(threads))
    Row("90 tokens", "theirs", *spread(found["theirs"], 1e3), "ms").over("ours", ratio(found, "theirs", "ours"), (">=", 15))

All sides run within one process and one run, in turns, so that a busy machine slows them alike. A product of matrices
before and after says how busy it was. Nothing here imports torch: a process that starts others must be small, because on
Linux a child's peak memory counts from its parent's.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """A line of the table and a bar of the plot: a median with its quartiles, and what it is over another row.

    `group` is the heading of the table and the panel of the plot; `side`: ours, peer, or limit (of the machine).
    """

    group: str
    name: str
    value: float
    low: float
    high: float
    unit: str
    side: str = "ours"
    than: str = ""
    ratio: tuple[float, float, float] | None = None  # over `than`: median and 95% interval
    bar: tuple[str, float] | None = None  # what the ratio has to be, or where there is none the value
    note: str = ""

    def over(self, than: str, ratio: tuple[float, float, float], bar: tuple[str, float] | None = None) -> "Row":
        self.than, self.ratio, self.bar = than, ratio, bar
        return self

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met, on the median; None without a bar."""
        if self.bar is None:
            return None
        measured, (sense, wanted) = self.ratio[0] if self.ratio else self.value, self.bar
        return measured >= wanted if sense == ">=" else measured <= wanted


def parser_for(doc: str | None, rounds: int, threads: int | None = None) -> argparse.ArgumentParser:
    """The flags that all benchmarks take; a benchmark adds its own."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"Turns that each side takes. Default: {rounds}.")
    cores = available_cores()
    parser.add_argument(
        "--threads",
        type=int,
        default=threads or cores,
        help=f"To compute with, all sides. Default: {threads or cores}.",
    )
    parser.add_argument("--json", type=Path, help="Where to write the rows, besides printing them.")
    return parser


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None = None) -> argparse.Namespace:
    """The flags; libraries that are imported after this compute with as many threads as they say."""
    options = parser.parse_args(arguments)
    if options.threads < 1 or options.rounds < 2:
        parser.error("--threads must be at least 1 and --rounds at least 2 (a spread needs two).")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    return options


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def clock_for(threads: int) -> Callable[[], float]:
    """CPU seconds where one thread works, as another program's turns do not count then; else those of the wall."""
    return time.process_time if threads == 1 else time.perf_counter


def clock_name(threads: int) -> str:
    return "CPU seconds of the one thread" if threads == 1 else "seconds by the clock"


def in_turn(
    sides: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    burst: int = 1,
    warming: int = 0,
) -> dict[str, list[float]]:
    """Seconds of each side in each round; the order turns, so that no side always follows the same one.

    Args:
        sides: what to time. A side that returns a float has timed itself (a process, say), and that is what counts.
        burst: calls a turn, of which the median counts, without the first `warming`, in which caches fill.
    """
    from rich.progress import track

    names = list(sides)
    found: dict[str, list[float]] = {name: [] for name in names}
    for index in track(range(rounds), "Timing", transient=True):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            seconds = []
            for _ in range(burst):
                start = clock()
                own = sides[name]()
                seconds.append(own if isinstance(own, float) else clock() - start)
            found[name].append(statistics.median(seconds[warming:]))
    return found


def spread(values: Sequence[float], scale: float = 1.0) -> tuple[float, float, float]:
    """Median and quartiles, each times `scale`."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return scale * middle, scale * low, scale * high


def rate(found: Sequence[float], amount: float) -> tuple[float, float, float]:
    """Median and quartiles of `amount` a second."""
    return spread([amount / seconds for seconds in found])


def ratio(found: dict[str, list[float]], name: str, other: str, draws: int = 2000) -> tuple[float, float, float]:
    """The median of name / other over the rounds, with a bootstrapped 95% interval: (median, low, high)."""
    ratios = [one / two for one, two in zip(found[name], found[other], strict=True)]
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(draws))
    return statistics.median(ratios), medians[int(0.025 * draws)], medians[int(0.975 * draws)]


def calibrate() -> dict[str, float]:
    """A product of the encoder's size, again and again: on a busy machine it takes longer by the clock than of CPU."""
    import numpy as np

    first, second = np.ones((197, 512), np.float32), np.ones((512, 2048), np.float32)
    seconds = []
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(100):
        begun = time.perf_counter()
        first @ second
        seconds.append(time.perf_counter() - begun)
    clock, cpu = time.perf_counter() - start, time.process_time() - cpu
    threads = int(os.environ.get("OPENBLAS_NUM_THREADS", 1))
    return {
        "gflops": 2 * 197 * 512 * 2048 / statistics.median(seconds) / 1e9,
        "clock_over_cpu": threads * clock / cpu,
        "load_average": os.getloadavg()[0],
    }


def calibration_line(before: dict[str, float], after: dict[str, float]) -> str:
    busy = max(before["clock_over_cpu"], after["clock_over_cpu"])
    state = "quiet" if busy < 1.1 else "BUSY: trust the ratios, not the absolute figures"
    return (
        f"A product (197, 512, 2048) before and after: {before['gflops']:.0f} and {after['gflops']:.0f} GFLOP/s, "
        f"{before['clock_over_cpu']:.2f} and {after['clock_over_cpu']:.2f} times its CPU time by the clock, load average "
        f"{before['load_average']:.1f} and {after['load_average']:.1f}: {state}."
    )


def table_of(rows: list[Row]) -> Any:
    """Rows under their headings, as a table of rich."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "median", "quartiles", "", "over", "95%", "asked", ""):
        table.add_column(name, justify="right" if name in ("median", "quartiles", "95%") else "left")
    for index, row in enumerate(rows):
        if index == 0 or row.group != rows[index - 1].group:
            table.add_row()
            table.add_row(f"[bold cyan]{row.group}")
        times, interval = "", ""
        if row.ratio:
            times, interval = f"{row.ratio[0]:.2f}x {row.than}", f"[{row.ratio[1]:.2f}, {row.ratio[2]:.2f}]"
        asked = f"{row.bar[0]} {row.bar[1]:g}" if row.bar else ""
        verdict = {None: "", True: "[green]holds", False: "[red]falls short"}[row.holds]
        quartiles = f"\\[{number(row.low)}, {number(row.high)}]" if row.low != row.high else ""
        interval = interval.replace("[", "\\[")
        name = f"  {row.name}" + (f" [dim]({row.note})[/dim]" if row.note else "")
        table.add_row(name, number(row.value), quartiles, row.unit, times, interval, asked, verdict)
    return table


def number(value: float) -> str:
    """Three figures: 1,234 · 123 · 12.3 · 1.23 · 0.123."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def finish(
    rows: list[Row], options: argparse.Namespace, before: dict[str, float], how: str | None = None, **more: Any
) -> None:
    """Prints the rows, `how` they were measured and the calibration; writes all as JSON where that is asked."""
    from rich.console import Console

    from nanovlm_hf.files import write_atomically

    after = calibrate()
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table_of(rows))
    how = (
        how
        or f"Medians of {options.rounds} rounds in turn; threads: {options.threads}; {clock_name(options.threads)}."
    )
    console.print(f"\n{how}", calibration_line(before, after), highlight=False)
    if options.json:
        record = {
            "rows": [{**asdict(row), "holds": row.holds} for row in rows],
            "threads": options.threads,
            "rounds": options.rounds,
            "how": how,
            "calibration": {"before": before, "after": after},
            **more,
        }
        write_atomically(options.json, json.dumps(record, indent=1))
