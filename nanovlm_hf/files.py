"""Files that appear whole or not at all, lines that do, and one run at a time that writes them."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import FileIO
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes beside `path` and moves it there, so that neither a kill nor a full disk leaves half a file.

    Raises:
        OSError: as the system says (a full disk, no permission); what was at `path` is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def append_durably(file: FileIO, data: bytes) -> None:
    """Appends to an unbuffered file; when it returns, the data is on disk.

    Raises:
        OSError: it could not be written (a full disk); the file is as before.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(size)
        raise


@contextmanager
def alone(lock: Path, place: str) -> Iterator[None]:
    """Holds `place` against other runs by a lock file. Raises ValueError where one is at work "in" or "on" it."""
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"Another run is at work {place}. Wait for it, or choose another --out.") from None
    try:
        yield
    finally:
        held.release()


def alone_in(folder: Path) -> AbstractContextManager[None]:
    """See [`alone`]."""
    return alone(folder / ".lock", f"in {folder}")
