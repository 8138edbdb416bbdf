"""Where pictures lie: found in folders and zips by file name; COCO's and Flickr8k's by id, under any name they go by.

rows, missing = find_pictures(rows, [Path("coco"), Path("flickr8k/Images"), Path("train2017.zip")])
"""

import functools
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nanovlm_hf.data.sources import Row

# COCO 2017 and 2014 (COCO_train2014_...), Flickr8k, and both with the collection's name in front.
_COCO_NAME = re.compile(r"(?:COCO_[a-z]+\d{4}_|coco_)?0{6}(\d{6})\.jpg")
_FLICKR8K_NAME = re.compile(r"(?:flickr8k_)?(\d+)_[0-9a-f]{10}\.jpg")


def origin_of(file_name: str) -> tuple[str, str] | None:
    """The collection and image_id that a file name tells: `("coco", "9")`, `("flickr8k", "1000268201")`, or None."""
    name = file_name.rpartition("/")[2]
    if match := _COCO_NAME.fullmatch(name):
        return "coco", str(int(match[1]))
    if match := _FLICKR8K_NAME.fullmatch(name):
        return "flickr8k", match[1]
    return None


@dataclass(frozen=True, slots=True)
class ZipPicture:
    """A picture in a zip: called, it gives the file's bytes, in any thread or process. `version` is its checksum."""

    path: str
    member: str
    version: str

    def __call__(self) -> bytes:
        try:
            return _open_zip(self.path, os.getpid()).read(self.member)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
            raise ValueError(
                f"{self}: cannot be unpacked ({error}). Is the zip whole, and the same as before?"
            ) from error

    def __str__(self) -> str:
        return f"{self.path}/{self.member}"


@functools.lru_cache(maxsize=8)
def _open_zip(path: str, process: int) -> zipfile.ZipFile:
    """Its directory is read once for each process: a forked one would share the place in the file."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: not a whole zip ({error}). Get it again.") from error


class PictureIndex:
    """Pictures by name, in folders with all that is beneath, and in zips.

    Args:
        places: folders and zips; they are listed when the first picture is asked for.
    """

    def __init__(self, places: Iterable[Path]):
        self.places = list(places)

    def find(self, names: Iterable[str], origin: tuple[str, str] | None = None) -> Path | ZipPicture | None:
        """The first of `names` that is there, or COCO's or Flickr8k's picture of that `origin`.

        A name may have a folder before it ("train/1.jpg"), which then must be the picture's.

        Raises:
            FileNotFoundError: one of the places is not there.
            ValueError: a broken zip; a name that several pictures have, unless it is COCO's or Flickr8k's.
        """
        keys = [origin_of(name) or "/".join(name.split("/")[-2:]) for name in names]
        for key in [*keys, origin]:
            if key is None or (found := self._pictures.get(key)) is None:
                continue
            if len(found) > 1:
                raise ValueError(f"{key} is the name of {found[0]} and of {found[1]}: say which folder is meant.")
            return Path(found[0]) if isinstance(found[0], str) else found[0]
        return None

    def of(self, row: Row) -> Path | ZipPicture | None:
        """A row's picture, by its `file_name`, or its image_id where it is of COCO or Flickr8k."""
        return self.find([row.file_name] if row.file_name else [], origin=(row.source, row.image_id))

    @functools.cached_property
    def _pictures(self) -> dict[str | tuple[str, str], tuple[str | ZipPicture, ...]]:
        pictures: dict[str | tuple[str, str], tuple[str | ZipPicture, ...]] = {}
        walked: set[tuple[int, int]] = set()
        for place in self.places:
            for path, found in _files_in(place, walked):
                if origin := origin_of(path):
                    pictures.setdefault(origin, (found,))  # the same photograph wherever it lies
                else:
                    *_, folder, name = path.split("/")
                    for key in (name, f"{folder}/{name}"):
                        pictures[key] = (*pictures.get(key, ())[:1], found)
        return pictures


def with_picture(row: Row, picture: Path | ZipPicture) -> Row:
    """The row with this picture, named and told apart from other states by it."""
    version = picture.version if isinstance(picture, ZipPicture) else row.version
    return replace(row, picture=picture, name=str(picture), version=version)


def find_pictures(rows: Iterable[Row], folders: Sequence[Path]) -> tuple[list[Row], list[str]]:
    """Joins rows with a user's own pictures, such as ShortDesc's, which come without, with COCO and Flickr8k.

    Args:
        rows: with a `file_name`, or of the source "coco" or "flickr8k" with the collection's image_id.
        folders: where pictures lie, with all that is beneath, or zips of them.

    Returns:
        The rows that have a picture, in their order: the one found, else their own. And the names of those without.

    Raises:
        FileNotFoundError, ValueError: see `PictureIndex.find`.
    """
    index = PictureIndex(folders)
    found, missing = [], []
    for row in rows:
        if picture := index.of(row):
            found.append(with_picture(row, picture))
        elif row.picture is not None:
            found.append(row)
        else:
            missing.append(row.file_name or f"{row.source} {row.image_id}")
    return found, missing


def _files_in(place: Path, walked: set[tuple[int, int]]) -> Iterator[tuple[str, str | ZipPicture]]:
    """(path with folders and "/", where it is) of every file in a folder or zip, hidden ones left out.

    `walked`: folders that were listed, so that none is twice, reached through links or named twice.
    """
    if place.is_dir():
        for root, folders, names in os.walk(place, followlinks=True):
            stat = os.stat(root)
            if (stat.st_dev, stat.st_ino) in walked:
                folders.clear()
                continue
            walked.add((stat.st_dev, stat.st_ino))
            folders[:] = sorted(folder for folder in folders if folder[0] != "." and folder != "__MACOSX")
            parent = Path(root).resolve().name
            for name in sorted(name for name in names if name[0] != "."):
                yield f"{parent}/{name}", os.path.join(root, name)
    elif place.is_file():
        for member in _open_zip(str(place), os.getpid()).infolist():
            parts = member.filename.split("/")
            if parts[-1] and parts[-1][0] != "." and parts[0] != "__MACOSX":
                yield f"{place.stem}/{member.filename}", ZipPicture(str(place), member.filename, f"{member.CRC:08x}")
    else:
        raise FileNotFoundError(f"{place}: no such folder or zip of pictures. Check the path.")
