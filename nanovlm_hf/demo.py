"""The first thing to try: draws a picture book, trains a small NanoVLM on it, and describes pictures it has not seen.

make demo                   # or: python -m nanovlm_hf.demo
"""

import json
from pathlib import Path
from typing import Any

ON_THE_SHEET = 12


def read_test_scenes(book: Path) -> list[dict[str, Any]]:
    """The picture book's test scenes: file, thing, colour, and whether that pair was kept out of training."""
    return json.loads((book / "annotations" / "captions_test.json").read_text(encoding="utf-8"))["images"]


def describe_scenes(model: Any, processor: Any, book: Path, scenes: list[dict[str, Any]]) -> list[str]:
    """A short description of each scene."""
    from rich.progress import track

    from nanovlm_hf.describe import describe

    texts = []
    for start in track(range(0, len(scenes), 50), description="Describing unseen scenes"):
        pictures = [str(book / "images" / scene["file_name"]) for scene in scenes[start : start + 50]]
        texts += describe(model, processor, pictures, style="short")
    return texts


def main() -> None:
    from PIL import Image
    from rich.console import Console
    from rich.table import Table

    from nanovlm_hf.contact_sheet import save_contact_sheet
    from nanovlm_hf.data.picture_book import COLOURS, THINGS, names_main_thing
    from nanovlm_hf.describe import load
    from nanovlm_hf.training.loop import train
    from nanovlm_hf.training.prepare import picture_book
    from nanovlm_hf.training.settings import parse_settings

    console = Console()
    settings = parse_settings([])
    book = picture_book(settings, show_progress=True)
    folder = Path(settings.output_dir)
    if (folder / "training_run.json").exists():
        console.print(f"{folder} holds the trained model already; remove the folder to train it again.")
    else:
        train(settings)
    model, processor = load(str(folder))
    scenes = read_test_scenes(book)
    texts = describe_scenes(model, processor, book, scenes)
    right = [
        names_main_thing(text, scene["thing"], scene["colour"]) for text, scene in zip(texts, scenes, strict=True)
    ]

    table = Table(title="Descriptions that name the right main thing and its colour")
    for column in ("unseen scenes", "right", "of", "share", "chance"):
        table.add_column(column)
    for label, is_new in (("pair of colour and thing trained", False), ("pair never trained together", True)):
        hits = [hit for hit, scene in zip(right, scenes, strict=True) if scene["new_pair"] == is_new]
        share, chance = sum(hits) / len(hits), 1 / (len(COLOURS) * len(THINGS))
        table.add_row(label, str(sum(hits)), str(len(hits)), f"{share:.1%}", f"{chance:.1%}")

    step = max(1, len(scenes) // ON_THE_SHEET)
    shown = list(range(0, len(scenes), step))[:ON_THE_SHEET]
    pictures = [Image.open(book / "images" / scenes[index]["file_name"]) for index in shown]
    for index in shown:
        console.print(f"{scenes[index]['file_name']}: {texts[index]}", highlight=False)
    console.print(table)
    titles = [f"{'right' if right[i] else 'wrong'}{', a new pair' if scenes[i]['new_pair'] else ''}" for i in shown]
    sheet = save_contact_sheet(folder / "contact_sheet.png", pictures, [texts[index] for index in shown], titles)
    console.print(f"Pictures and texts: {sheet}")
    console.print(f"Now your turn: nanovlm describe PICTURE --model {folder}")


if __name__ == "__main__":
    main()
