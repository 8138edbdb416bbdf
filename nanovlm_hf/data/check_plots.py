"""The plots of a report on descriptions: lengths, vocabulary, openings; a column a style."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanovlm_hf.files import write_atomically

COLOURS = {"short": "tab:blue", "long": "tab:orange"}


def write_plots(report: dict[str, Any], folder: Path) -> None:
    """Writes `words.png`, `vocabulary.png` and `openings.png`.

    Args:
        report: what `check_report.dataset_report` returns.
    """
    _write(report, folder / "words.png", _plot_words, width=4.8, height=3.2)
    _write(report, folder / "vocabulary.png", _plot_vocabulary, width=4.8, height=3.2)
    _write(report, folder / "openings.png", _plot_openings, width=5.4, height=3.6)


def _write(report: dict[str, Any], path: Path, plot: Callable, width: float, height: float) -> None:
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * len(report), height), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (style, figures) in zip(figure.subplots(1, len(report), squeeze=False)[0], report.items(), strict=True):
        plot(axes, figures, COLOURS[style])
        axes.set_title(f"{figures['texts']:,} {style} descriptions", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png", metadata={"Software": None})
    write_atomically(path, content.getvalue())


def _plot_words(axes: Any, figures: dict[str, Any], colour: str) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    words = figures["words"]
    least, most = words["range"]
    axes.axvspan(least - 0.5, most + 0.5, color="0.92", label=f"{least}-{most}, as asked for")
    numbers = [int(number) for number in words["counts"]]
    axes.bar(numbers, [count / figures["texts"] for count in words["counts"].values()], width=0.9, color=colour)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="words in the text", ylabel="share of texts")
    axes.set_xlim(min(least, numbers[0]) - 2, max(most, numbers[-1]) + 2)
    axes.set_ylim(top=1.25 * max(words["counts"].values()) / figures["texts"])
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def _plot_vocabulary(axes: Any, figures: dict[str, Any], colour: str) -> None:
    texts, different = zip(*figures["vocabulary"]["growth"], strict=True)
    axes.plot((0, *texts), (0, *different), color=colour)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="texts read, in random order", ylabel="different words")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def _plot_openings(axes: Any, figures: dict[str, Any], colour: str) -> None:
    commonest = figures["openings"]["commonest"][::-1]
    phrases = [phrase if len(phrase) < 30 else phrase[:28] + "..." for phrase, _ in commonest]
    axes.barh(range(len(commonest)), [count / figures["texts"] for _, count in commonest], color=colour)
    axes.set_yticks(range(len(commonest)), phrases, fontsize=8)
    axes.xaxis.set_major_formatter("{x:.1%}")
    axes.set(xlabel="share of texts that begin so")
