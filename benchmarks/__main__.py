"""Our speed beside published models' and beside the machine's own limits: a table, a plot and a record, in one run.

    python -m benchmarks                          # all; `make bench` does this
    python -m benchmarks peers edge --threads 2   # some
    python -m benchmarks --quick                  # all, roughly, in a few minutes

Each benchmark runs in a process of its own, one after the other, and has more flags by itself: `python -m
benchmarks.peers --help`. They write bench.json and bench.png to runs/bench/.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.common import Row, number
from benchmarks.machine import describe

# What each takes with --quick. Those at the end run when named: they check rather than compare.
QUICK = {
    "machine": [],
    "peers": ["--peers", "BLIP-base", "GIT-base"],
    "edge": [],
    "start": [],
    "folder": ["--count", "256"],
    "training": ["--sizes", "mini", "--batch-size", "16"],
    "reading": [],
    "processes": ["--steps", "5"],
}
WHEN_NAMED = ("processes",)
COLOURS = {"ours": "#1f77b4", "peer": "#9a9a9a", "limit": "#e3b341"}


def run(name: str, options: argparse.Namespace) -> dict[str, Any] | None:
    """A benchmark's record; None where it failed, which it has said itself."""
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    rounds = options.rounds or (2 if options.quick else None)
    if rounds:
        command += ["--rounds", str(rounds)]
    if options.threads and name != "edge":  # whose bars are those of one thread
        command += ["--threads", str(options.threads)]
    if options.quick:
        command += QUICK[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        done = subprocess.run([*command, "--json", str(path)])
        return json.loads(path.read_text()) if path.exists() and not done.returncode else None


def commit() -> str | None:
    try:
        command = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def rows_in(record: dict[str, Any]) -> list[Row]:
    return [Row(**{name: value for name, value in row.items() if name != "holds"}) for row in record["rows"]]


def bars_table(rows: list[Row]) -> Any:
    from rich.table import Table

    table = Table(title="What is asked", title_justify="left", box=None, pad_edge=False)
    for name in ("", "asked", "measured", ""):
        table.add_column(name)
    for row in rows:
        if row.bar is None:
            continue
        measured = f"{row.ratio[0]:.2f}x {row.than}" if row.ratio else f"{number(row.value)} {row.unit}"
        verdict = "[green]holds" if row.holds else "[red]falls short"
        table.add_row(f"{row.group}: {row.name}", f"{row.bar[0]} {row.bar[1]:g}", measured, verdict)
    return table


def draw(rows: list[Row], title: str, path: Path) -> None:
    """A panel for each group, in two columns; ours, peers and the machine's limits in colours of their own."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    columns: list[list[str]] = [[], []]
    for group in groups:
        min(columns, key=lambda column: sum(len(groups[name]) + 2 for name in column)).append(group)
    columns = [column for column in columns if column]
    tallest = max(sum(len(groups[name]) + 2 for name in column) for column in columns)
    figure = plt.figure(figsize=(8 * len(columns), 0.3 * tallest + 1), layout="constrained")
    figure.suptitle(title, fontsize=10)
    for side, column in zip(figure.subfigures(1, len(columns), squeeze=False)[0], columns, strict=True):
        heights = [len(groups[name]) + 2 for name in column]
        panels = side.subplots(len(column), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, name in zip(panels, column, strict=True):
            _draw_group(axes, name, groups[name])
    names = {"ours": "ours", "peer": "others", "limit": "the machine"}
    figure.legend(
        handles=[Patch(color=colour, label=names[side]) for side, colour in COLOURS.items()],
        loc="outside lower center",
        ncols=3,
        frameon=False,
    )
    part = path.with_name(f"{path.name}.part")
    figure.savefig(part, format="png", dpi=130)
    plt.close(figure)
    part.replace(path)


def _draw_group(axes: Any, name: str, rows: list[Row]) -> None:
    values = [row.value for row in rows]
    axes.barh(
        range(len(rows)),
        values,
        color=[COLOURS[row.side] for row in rows],
        xerr=[[max(0, row.value - row.low) for row in rows], [max(0, row.high - row.value) for row in rows]],
        error_kw={"elinewidth": 0.8},
    )
    if min(values) > 0 and max(values) > 20 * min(values):
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 2, max(values) * 8)
    else:
        axes.set_xlim(0, max(values) * 1.45 or 1)
    for index, row in enumerate(rows):
        beside = f"  {row.ratio[0]:.3g}x {row.than}" if row.ratio else ""
        axes.annotate(
            f"{number(row.value)}{beside}", (row.high, index), (5, 0), textcoords="offset points", va="center", size=7
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows], size=8)
    axes.invert_yaxis()
    axes.set_title(f"{name}, {rows[0].unit}", size=9, loc="left")
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [name for name in QUICK if name not in WHEN_NAMED]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"Of {', '.join(QUICK)}. Default: all but {', '.join(WHEN_NAMED)}."
    )
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="Folder for bench.json and bench.png.")
    parser.add_argument("--threads", type=int, help="To compute with. Default: this machine's cores.")
    parser.add_argument("--rounds", type=int, help="Turns that each side takes. Default: each benchmark's own.")
    parser.add_argument("--quick", action="store_true", help="Fewer peers, sizes and rounds: a first look.")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(QUICK))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}: take some of {', '.join(QUICK)}.")
    from rich.console import Console
    from rich.rule import Rule

    from nanovlm_hf.files import write_atomically

    console = Console(width=None if Console().is_terminal else 160)
    machine, start, records, failed = describe(), time.perf_counter(), {}, []
    for name in options.names or default:
        console.print(Rule(name))
        record = run(name, options)
        if record is None:
            failed.append(name)
        else:
            records[name] = record
    rows = [row for record in records.values() for row in rows_in(record)]
    if rows:
        title = f"{machine['processor']}, {machine['cores_allowed']} of {machine['cores']} cores, torch {machine['versions']['torch']}"
        whole = {
            "machine": machine,
            "commit": commit(),
            "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "minutes": round((time.perf_counter() - start) / 60, 1),
            "benchmarks": records,
        }
        write_atomically(options.out / "bench.json", json.dumps(whole, indent=1) + "\n")
        draw(rows, title, options.out / "bench.png")
        console.print(Rule(), bars_table(rows), f"\n{options.out / 'bench.json'}, {options.out / 'bench.png'}")
    if failed:
        console.print(f"[red]Failed: {', '.join(failed)}; what each said stands above.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
