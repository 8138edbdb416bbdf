"""Pictures in folders, each with what tells that it has changed.

list_pictures(["photos/", "more/cat.jpg"])[0]        # Picture("photos/1.jpg", "photos/1.jpg", "48213-17320...", 0)
"""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm")


class Picture(NamedTuple):
    """`name` stands for it in results; `version` changes when the file does; `place` is its place in the list."""

    path: str
    name: str
    version: str
    place: int


def list_pictures(sources: Iterable[str]) -> list[Picture]:
    """Every picture once, in the order of sources and names.

    Args:
        sources: folders, with all that is beneath and is named like a picture, and files.

    Raises:
        FileNotFoundError: no such folder or file.
        ValueError: no pictures at all.
    """
    sources = [os.path.normpath(source) for source in sources]
    paths: dict[str, None] = {}
    for source in sources:
        if os.path.isdir(source):
            paths.update(dict.fromkeys(_pictures_in(source, set())))
        elif os.path.isfile(source):
            paths[source] = None
        else:
            raise FileNotFoundError(f"{source}: no such folder or picture. Check the path.")
    if not paths:
        raise ValueError(f"{', '.join(sources)}: no pictures. They are told by their endings: {', '.join(ENDINGS)}.")
    return [Picture(path, as_text(path), _version_of(path), place) for place, path in enumerate(paths)]


def _pictures_in(folder: str, walked: set[tuple[int, int]]) -> Iterator[str]:
    """Pictures beneath a folder; hidden ones are left out, and folders that links lead back to."""
    stat = os.stat(folder)
    if (stat.st_dev, stat.st_ino) in walked:
        return
    walked.add((stat.st_dev, stat.st_ino))
    with os.scandir(folder) as entries:
        found = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir():
            yield from _pictures_in(entry.path, walked)
        elif entry.name.lower().endswith(ENDINGS) and (entry.is_file() or entry.is_symlink()):
            yield entry.path


def as_text(path: str) -> str:
    """A path, or what holds one, as text that can be written, even where a path's bytes are none."""
    return path if path.isascii() else path.encode("utf-8", "backslashreplace").decode("utf-8")


def _version_of(path: str) -> str:
    try:
        stat = os.stat(path)
    except OSError:  # a link that leads nowhere: it cannot be read either
        return ""
    return f"{stat.st_size}-{stat.st_mtime_ns}"
