"""The files of a release's index as a manifest lists them: content-addressed, and cumulative.

A release adds one part for the rows that it adds, if any, and lists its parent's parts before it, unchanged.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.dedup.release import Kind, Part
from gristmill.dedup.rows import row_texts
from gristmill.dedup.write import PartWriter

INDEX = "index"


@dataclass(frozen=True)
class IndexFile:
    """One file; `path` is relative to the release's prefix, `rows` are those of the part."""

    path: str
    kind: str
    part: int
    rows: int
    bytes: int
    sha256: str


def index_files(manifest: Mapping[str, Any]) -> list[IndexFile]:
    """The files that a manifest lists."""
    return [IndexFile(**{name: entry[name] for name in IndexFile.__annotations__}) for entry in manifest[INDEX]]


def as_entries(files: Sequence[IndexFile]) -> list[dict[str, Any]]:
    """The files as they stand in a manifest."""
    return [asdict(file) for file in files]


def parts_of(files: Sequence[IndexFile], paths: Sequence[Path]) -> list[Part]:
    """The parts, from local copies of the files in the same order."""
    by_part = groupby(zip(files, paths, strict=True), key=lambda pair: pair[0].part)
    return [Part(**{file.kind: path for file, path in pairs}) for _, pairs in by_part]


class NewPart:
    """The part for the rows behind the first `known` ones, which the parent's parts hold already."""

    def __init__(self, folder: Path, known: int) -> None:
        """`folder` is the release's: the files come to lie in its `index`, and nothing else of this is left there."""
        self._folder, self._left = folder, known
        self._work = folder / f".{INDEX}"
        self._writer = PartWriter(self._work)

    def add(self, rows: pa.RecordBatch) -> None:
        """The next rows: `sample_id`, `text_hash` in hexadecimal digits, `prompt` and `response`."""
        skipped = min(self._left, rows.num_rows)
        self._left -= skipped
        fresh = rows.slice(skipped)
        if fresh.num_rows:
            hashes = pa.array([bytes.fromhex(value) for value in fresh["text_hash"].to_pylist()], pa.binary(16))
            self._writer.add(fresh["sample_id"], hashes, row_texts(fresh))

    def close(self, before: Sequence[IndexFile], copies: Sequence[Path]) -> list[IndexFile]:
        """All files of the release: the parent's, copied, and the new ones, if there are new rows."""
        part = self._writer.close()
        (self._folder / INDEX).mkdir()
        for file, copy in zip(before, copies, strict=True):
            shutil.copyfile(copy, self._folder / file.path)
        number = before[-1].part + 1 if before else 0
        fresh = [self._named(kind, number, getattr(part, kind)) for kind in Kind] if self._writer.rows else []
        shutil.rmtree(self._work)
        return [*before, *fresh]

    def _named(self, kind: Kind, number: int, file: Path) -> IndexFile:
        """Moves a file to the name that its content gives it."""
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        path = f"{INDEX}/{sha256}.parquet"
        size = file.stat().st_size
        file.replace(self._folder / path)
        return IndexFile(path, kind.value, number, self._writer.rows, size, sha256)
