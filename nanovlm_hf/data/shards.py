"""A split's rows become Parquet files of a wanted size, with the features that `datasets` reads from their metadata.

with ShardWriter(folder, "train", features_of(with_images=True), shard_bytes=500_000_000) as shards:
    shards.add({"image_id": "9", ...})          # data/train-00000-of-00001.parquet
"""

from pathlib import Path
from typing import Any

BUFFER_ROWS, BUFFER_BYTES = 100, 32_000_000  # a row group has at most as many, so memory stays flat


def features_of(with_images: bool) -> Any:
    """The columns of our datasets, as `datasets.Features`."""
    from datasets import Features, Image, List, Value

    text = Value("string")
    return Features(
        {
            "image_id": text,
            **({"image": Image()} if with_images else {}),
            "image_url": text,
            "file_name": text,
            "captions": List(text),
            "captions_by": text,
            "text": text,
            "style": text,
            "words": Value("int32"),
            "sentences": Value("int32"),
            "source": text,
            "teacher": text,
            "written_from": text,
            "flags": List(text),
            "attribution": text,
        }
    )


class ShardWriter:
    """Writes rows of one split. On leaving, the files get the names that say of how many each is.

    Args:
        folder: where the files go; made if it is not there.
        shard_bytes: a file is closed before its rows, uncompressed, take more; one row always fits.

    `rows` and `size` (bytes, uncompressed) count what was added.
    """

    def __init__(self, folder: Path, split: str, features: Any, shard_bytes: int):
        self.folder, self.split, self.shard_bytes = folder, split, shard_bytes
        self.schema = features.arrow_schema
        self.rows = self.size = self._shard_size = self._buffer_size = 0
        self._buffer: list[dict[str, Any]] = []
        self._writer: Any = None
        self._paths: list[Path] = []

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._flush()
        self._close()
        for number, path in enumerate(self._paths):
            path.rename(self.folder / f"{self.split}-{number:05d}-of-{len(self._paths):05d}.parquet")

    def add(self, row: dict[str, Any]) -> None:
        size = _size_of(row)
        if self._shard_size and self._shard_size + size > self.shard_bytes:
            self._flush()
            self._close()
        self._buffer.append(row)
        self.rows, self.size = self.rows + 1, self.size + size
        self._shard_size, self._buffer_size = self._shard_size + size, self._buffer_size + size
        if len(self._buffer) == BUFFER_ROWS or self._buffer_size > BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow
        from pyarrow.parquet import ParquetWriter

        if not self._buffer:
            return
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._paths.append(self.folder / f"{self.split}-{len(self._paths):05d}.parquet")
            self._writer = ParquetWriter(self._paths[-1], self.schema, compression="zstd")
        self._writer.write_table(pyarrow.Table.from_pylist(self._buffer, self.schema))
        self._buffer, self._buffer_size = [], 0

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._shard_size = None, 0


def _size_of(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_size_of, value.values()))
    if isinstance(value, list):
        return sum(map(_size_of, value))
    return len(value.encode()) if isinstance(value, str) else len(value) if isinstance(value, bytes) else 4
