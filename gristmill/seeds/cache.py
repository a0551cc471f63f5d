"""What `sync` keeps in the private state: files that it fetched, by SHA-256, and hashes that need no second reading.

A local file's hash is remembered by size, time of change and inode, as git and DVC do. A file that was changed less
than two seconds before it was hashed is not remembered: within that, two changes can have one time.
"""

import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from gristmill.layout import Layout
from gristmill.seeds.local import sha256_of

_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True)
class CachedFile:
    """A fetched file: where it came from and what it is."""

    address: str
    size: int
    sha256: str

    def pin(self) -> dict[str, Any]:
        """As it stands in sources.lock."""
        return {"address": self.address, "size": self.size, "sha256": self.sha256, "cached": True}


class SourceCache:
    """Fetched files in `.gristmill/sources`, each under the SHA-256 of its content."""

    def __init__(self, layout: Layout) -> None:
        self.folder = layout.state / "sources"

    def path(self, sha256: str) -> Path:
        """Where the file of this hash lies, or would."""
        return self.folder / "files" / sha256[:2] / sha256

    def has(self, file: CachedFile) -> bool:
        """Whether the file is there (its content is compared when it is read)."""
        path = self.path(file.sha256)
        return path.is_file() and path.stat().st_size == file.size

    def add(self, address: str, chunks: Iterable[bytes]) -> CachedFile:
        """Keeps a file; it appears when it is complete."""
        digest, size = hashlib.sha256(), 0
        with self.adding() as (private, stream):
            for chunk in chunks:
                digest.update(chunk)
                size += stream.write(chunk)
            stream.flush()
            place = self.path(digest.hexdigest())
            place.parent.mkdir(parents=True, exist_ok=True)
            private.replace(place)
        return CachedFile(address, size, digest.hexdigest())

    @contextmanager
    def adding(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A private file on the cache's own disk; gone afterwards unless it was moved."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".new")
        private = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield private, stream
        finally:
            private.unlink(missing_ok=True)

    def prune(self, pinned: Iterable[str]) -> None:
        """Forgets the files that no pin names."""
        kept = set(pinned)
        for path in (self.folder / "files").glob("*/*"):
            if path.name not in kept:
                path.unlink()


class FileHashes:
    """SHA-256 of local files; unchanged ones are not read again. Use as a context manager."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.state / "sources" / "hashes.sqlite"

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database = sqlite3.connect(self._path, timeout=60)
        self._database.execute("CREATE TABLE IF NOT EXISTS hash (path TEXT PRIMARY KEY, stat TEXT, sha256 TEXT)")
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._database.commit()
        self._database.close()

    def sha256(self, path: Path) -> str:
        """The file's hash, remembered or read."""
        stat = path.stat()
        key, seen = str(path.resolve()), f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
        row = self._database.execute("SELECT stat, sha256 FROM hash WHERE path = ?", (key,)).fetchone()
        if row and row[0] == seen:
            return str(row[1])
        now = time.time_ns()
        digest = sha256_of(path)
        if now - max(stat.st_mtime_ns, stat.st_ctime_ns) > _SETTLED_NS:
            self._database.execute("INSERT OR REPLACE INTO hash VALUES (?, ?, ?)", (key, seen, digest))
        return digest
