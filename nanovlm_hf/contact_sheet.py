"""Pictures with text under each, on one sheet: where people look rather than read."""

from pathlib import Path
from textwrap import fill
from typing import Any

COLUMNS, TEXT_WIDTH = 4, 38


def save_contact_sheet(
    path: str | Path, pictures: list[Any], texts: list[str], titles: list[str] | None = None
) -> Path:
    """Saves a PNG.

    Args:
        pictures: PIL images or arrays (height, width, 3).
        texts: one under each picture.
        titles: one above each, such as what is right or wrong with the text.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    lines = max(fill(text, TEXT_WIDTH).count("\n") + 1 for text in texts)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.9 * columns, rows * (2.7 + 0.15 * lines)), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for index, (axis, picture, text) in enumerate(zip(axes.flat, pictures, texts, strict=False)):
        axis.imshow(picture)
        # Dollar signs would start a formula.
        axis.text(
            0.5,
            -0.04,
            fill(text, TEXT_WIDTH).replace("$", r"\$"),
            transform=axis.transAxes,
            ha="center",
            va="top",
            fontsize=8,
        )
        if titles:
            axis.set_title(titles[index], fontsize=8)
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    figure.savefig(part, dpi=120, bbox_inches="tight")
    plt.close(figure)
    return part.replace(path)
