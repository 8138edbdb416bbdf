"""Offline measures as `evaluate.Metric` modules; each folder loads by its path, offline, and stands alone on the Hub.

    load_metric("originality").compute(predictions=texts, training_texts=training_texts)

Every `compute` returns its figures by name, `items` with a value for each text by name, and `ratios`: a figure in it is
the sum of its first item over that of its second, and its interval comes from resampling both. Other figures with an
item of their name are its mean.
"""

from pathlib import Path
from typing import Any


def load_metric(name: str) -> Any:
    """The metric of that name, from this package's files, with its data kept in memory.

    Raises:
        ValueError: no such metric.
    """
    import evaluate

    folder = Path(__file__).parent
    names = sorted(path.parent.name for path in folder.glob("*/README.md"))
    if name not in names:
        raise ValueError(f"No metric {name!r}. There are {', '.join(names)}.")
    return evaluate.load(str(folder / name), keep_in_memory=True)
