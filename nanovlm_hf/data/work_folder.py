"""What the runs in a work folder agree on.

    generation = agreed(work, Generation(absolute(CaptionSource("photos/")), ("short",), "gpt-4o"), is_begun=True)

A run with other settings would mix texts of two teachers.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nanovlm_hf.data.prompts import PROMPT_VERSION
from nanovlm_hf.data.sources import CaptionSource


@dataclass(frozen=True)
class Generation:
    """`generation.json`: what the runs in a work folder agree on. A later run may add styles."""

    captions: CaptionSource
    styles: tuple[str, ...]
    teacher: str
    prompt_version: str = PROMPT_VERSION


def absolute(captions: CaptionSource) -> CaptionSource:
    """The paths of a source as they hold from any folder; names for `datasets.load_dataset` stay."""
    paths = {"captions": captions.captions, "images": captions.images}
    found = {name: str(Path(path).resolve()) for name, path in paths.items() if path and Path(path).exists()}
    return replace(captions, **found)


def read_generation(work: Path) -> Generation | None:
    path = work / "generation.json"
    if not path.exists():
        return None
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        return Generation(CaptionSource(**entry.pop("captions")), tuple(entry.pop("styles")), **entry)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: broken ({error}). Correct it, or begin in another folder.") from None


def agreed(work: Path, ours: Generation, is_begun: bool) -> Generation:
    """The settings of this run, with the styles of earlier ones.

    Raises:
        ValueError: earlier runs had other settings; says which, and what to do.
    """
    theirs = read_generation(work)
    if theirs is None:
        if is_begun:
            raise ValueError(f"{work} has a journal and no generation.json. Bring it back, or choose another --out.")
        return ours
    before, now = ({**asdict(one), **asdict(one.captions)} for one in (theirs, ours))
    names = [*asdict(ours.captions), "teacher", "prompt_version"]
    differences = [f"{name}: {before[name]!r} -> {now[name]!r}" for name in names if before[name] != now[name]]
    if differences and is_begun:
        raise ValueError(
            f"{work} was begun with other settings ({'; '.join(differences)}). Go on there with the first ones, or "
            "choose another --out."
        )
    styles = theirs.styles + tuple(style for style in ours.styles if style not in theirs.styles)
    return replace(ours, styles=styles if is_begun else ours.styles)
