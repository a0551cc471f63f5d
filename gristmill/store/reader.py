"""An object as a file: read from the store in ranges, forward in growing ones, and searched where a format needs it.

Nothing is copied to disk. Each range is asked for under the pinned ETag, so that an object that changes while it is
read is a fault, not a mixture.
"""

import io
from typing import Any

from gristmill.store.client import Store

_FIRST_BYTES = 1 << 18
_MOST_BYTES = 16 << 20


class ObjectFile(io.RawIOBase):
    """The object of `size` bytes at `address` that has this ETag. Faults while reading are StoreErrors."""

    def __init__(self, store: Store, address: str, size: int, etag: str) -> None:
        self._store, self._address, self._size, self._etag = store, address, size, etag
        self._at = 0
        self._held = b""
        self._held_from = 0
        self._ask = _FIRST_BYTES

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves the position; nothing is asked for before the next read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, empty at the end."""
        left = max(0, self._size - self._at)
        size = left if size < 0 else min(size, left)
        parts = []
        while size:
            inside = self._at - self._held_from
            if not 0 <= inside < len(self._held):
                self._fetch(size)
                inside = 0
            part = self._held[inside : inside + size]
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        """Fills `buffer` with what comes next."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _fetch(self, size: int) -> None:
        """Holds what stands at the position; a reader that goes on forward gets more each time."""
        forward = self._at == self._held_from + len(self._held)
        self._ask = min(2 * self._ask, _MOST_BYTES) if forward and self._held else _FIRST_BYTES
        end = min(self._size, self._at + max(min(size, _MOST_BYTES), self._ask))
        self._held = self._store.read_range(self._address, self._etag, self._at, end)
        self._held_from = self._at
