"""Table 3 of the NanoVLMs paper as data, to be printed beside one's own: their judge (GPT-4o), their data, 25 items.

    TABLE_3["short"][0].total                                  # 31.92, of mini on ShortDesc

Source: NanoVLMs (arXiv 2502.07838), Table 3. The paper prints no intervals.
"""

from typing import NamedTuple


class PaperRow(NamedTuple):
    """Mean scores out of 10, and the total as printed."""

    model: str
    parameters: str
    grammar: float
    creativity: float
    consistency: float
    meaningfulness: float
    plot: float
    total: float


TABLE_3 = {
    "short": (
        PaperRow("NanoVLM-mini", "5M", 6.36, 7.44, 6.28, 6.12, 5.72, 31.92),
        PaperRow("NanoVLM-base", "16M", 8.36, 8.00, 8.20, 7.68, 6.56, 38.80),
        PaperRow("NanoVLM-large", "25M", 8.20, 8.00, 7.83, 7.79, 7.75, 39.39),
        PaperRow("BLIP-base", "223M", 7.88, 5.08, 8.52, 7.16, 4.36, 33.00),
        PaperRow("GIT", "350M", 6.31, 3.18, 7.90, 4.22, 2.81, 24.42),
        PaperRow("Kosmos-2", "1.3B", 8.73, 7.15, 9.15, 8.15, 6.68, 39.86),
    ),
    "long": (
        PaperRow("NanoVLM-mini", "5M", 5.92, 7.36, 5.36, 5.72, 4.56, 28.92),
        PaperRow("NanoVLM-base", "16M", 7.56, 8.32, 7.40, 7.40, 6.76, 37.44),
        PaperRow("NanoVLM-large", "25M", 8.24, 8.52, 7.84, 8.08, 7.16, 39.84),
        PaperRow("BLIP-base", "223M", 7.28, 5.36, 8.62, 6.41, 4.50, 32.17),
        PaperRow("GIT", "350M", 6.83, 4.54, 7.62, 5.75, 4.04, 28.78),
        PaperRow("Kosmos-2", "1.3B", 8.90, 7.70, 8.95, 8.30, 6.80, 40.65),
    ),
}
NAMES = {"short": "ShortDesc", "long": "LongDesc"}
PROVENANCE = (
    "Printed in the paper: its judge (GPT-4o, without the picture), its data, means over 25 items, no intervals."
)
