"""The figures of a report as SVG that takes the reader's text colour: originality, curves, sight.

Panel("mini, short", "A histogram ...", originality_svg([0.41, 0.38], [0.40, 0.44]))
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nanovlm_hf.evaluation.report_blocks import INK

BLUE, ORANGE = "#3d8bd4", "#e07b28"  # told apart by every kind of eye, and on light and dark
GREY = "#9a9a9a"


def _svg(draw: Callable[[Any], None], height: float = 2.6) -> str:
    """What `draw` puts on matplotlib's axes; equal input gives equal output."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "nanovlm",
        "font.size": 10,
        "axes.linewidth": 0.8,
    }
    settings.update(dict.fromkeys(inked, INK))
    with rc_context(settings):
        figure = Figure(figsize=(4.4, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        content = io.StringIO()
        about = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(content, format="svg", transparent=True, metadata=about)
    svg = content.getvalue()
    svg = re.sub(r' id="[A-Za-z]+\d*_\d+"', "", svg[svg.index("<svg") :])  # they would stand in a page many times
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1
    )


def originality_svg(values: Sequence[float], held_out: Sequence[float]) -> str:
    """Figure 8 of the paper: a histogram of ROUGE-1 of each text against the nearest training text.

    Args:
        values: of a model's texts, 0 to 1.
        held_out: of the held-out texts, as an outline.
    """
    import numpy as np

    bins = np.linspace(0, 1, 41)

    def draw(axes: Any) -> None:
        for texts, style in (
            (values, {"color": BLUE, "alpha": 0.75, "label": "the model's"}),
            (held_out, {"color": ORANGE, "histtype": "step", "linewidth": 1.5, "label": "held-out texts"}),
        ):
            axes.hist(texts, bins, weights=np.full(len(texts), 100 / len(texts)), **style)
        axes.set(xlabel="ROUGE-1 F, nearest training text", ylabel="% of texts", xlim=(0, 1))
        axes.legend(frameon=False, fontsize=9, loc="upper right")

    return _svg(draw)


def curve_svg(history: Sequence[Mapping[str, Any]]) -> str:
    """Figure 6 of the paper: training and validation loss, and that with wrong pictures.

    Args:
        history: the lines of a run's metrics.jsonl.
    """
    training = [(entry["step"], entry["train_loss"]) for entry in history if "train_loss" in entry]
    validation = [entry for entry in history if "loss" in entry]

    def draw(axes: Any) -> None:
        if training:
            axes.plot(*zip(*training, strict=True), color=GREY, linewidth=1, label="training")
        steps = [entry["step"] for entry in validation]
        for name, label, colour, line in (
            ("loss", "validation", BLUE, "o-"),
            ("shuffled_loss", "validation, wrong pictures", ORANGE, "o--"),
        ):
            axes.plot(steps, [entry[name] for entry in validation], line, color=colour, markersize=3, label=label)
        if validation:
            axes.set_ylim(top=1.15 * max(entry["shuffled_loss"] for entry in validation))
        axes.set(xlabel="step", ylabel="nats per token")
        axes.legend(frameon=False, fontsize=9)

    return _svg(draw)


def sight_svg(figures: Mapping[str, Mapping[str, dict[str, Any]]]) -> str:
    """How often each model finds the right picture, and the right text, with intervals and chance.

    Args:
        figures: by model, those of results.json of one style.
    """
    names = list(figures)[::-1]

    def draw(axes: Any) -> None:
        for measure, label, colour, offset in (
            ("right_picture", "right picture of 10", BLUE, 0.12),
            ("right_text", "right text of 10", ORANGE, -0.12),
        ):
            found = [figures[name][measure] for name in names]
            means = [100 * one["mean"] for one in found]
            low, high = (
                [100 * (one[end] if one[end] is not None else one["mean"]) for one in found] for end in ("low", "high")
            )
            reach = [
                [max(0, m - a) for m, a in zip(means, low, strict=True)],
                [max(0, b - m) for m, b in zip(means, high, strict=True)],
            ]
            places = [place + offset for place in range(len(names))]
            axes.errorbar(means, places, xerr=reach, fmt="o", color=colour, capsize=3, label=label)
        chance = 100 * figures[names[0]]["chance"]["mean"]
        axes.axvline(chance, color=GREY, linestyle=":", label="chance")
        axes.set_yticks(range(len(names)), [name if len(name) <= 24 else f"…{name[-23:]}" for name in names])
        axes.set(xlabel="% of items", xlim=(0, 100), ylim=(-0.6, len(names) - 0.4))
        axes.legend(
            frameon=False,
            fontsize=9,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=3,
            handletextpad=0.3,
            columnspacing=1,
        )

    return _svg(draw, height=1.5 + 0.45 * len(names))
