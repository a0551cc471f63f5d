"""What is around a file's content: gzip, zstd, bz2 or xz, told by its first bytes, undone chunk by chunk.

A compressed file may expand to `max_expansion` times its size (or to one document, where that is more) and not
further; its decompressor may take `_MEMORY_BYTES`. Whatever is wrong with it is an OSError.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import pyarrow as pa

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_MEMORY_BYTES = 256 << 20
_CHUNK_BYTES = 1 << 16
_ZSTD_BYTES = 1 << 14
"""What is decompressed of zstd at a time: of a file that is cut short, up to this much is lost before the cut."""
_RAW_BYTES = 1 << 18


def codec_of(head: bytes) -> str | None:
    """The codec that a file beginning so is compressed with; None for a plain one."""
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def decompressed(file: BinaryIO, codec: str, limit: int, allowed: str) -> BinaryIO:
    """The content of a compressed file, not seekable. Reading raises OSError where it is broken, cut or too large."""
    return limited(cast(BinaryIO, _Decompressed(file, codec)), limit, allowed)


def limited(stream: BinaryIO, limit: int, allowed: str) -> BinaryIO:
    """The stream, which raises OSError beyond `limit` bytes; `allowed` says in the message what that is."""
    return cast(BinaryIO, _Limited(stream, limit, allowed))


class Peeked(io.RawIOBase):
    """A stream whose first bytes were looked at; they are read again."""

    def __init__(self, stream: BinaryIO, count: int) -> None:
        self._stream = stream
        parts, size = [], 0
        while size < count and (chunk := stream.read(count - size)):
            parts.append(chunk)
            size += len(chunk)
        self.head = self._held = b"".join(parts)

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, empty at the end."""
        if self._held:
            size = size if size >= 0 else len(self._held)
            data, self._held = self._held[:size], self._held[size:]
            return data
        return self._stream.read(size)

    def readinto(self, buffer: Any, /) -> int:
        """Fills `buffer`."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Limited(io.RawIOBase):
    def __init__(self, stream: BinaryIO, limit: int, allowed: str) -> None:
        self._stream, self._limit, self._allowed, self._read = stream, limit, allowed, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size if size >= 0 else self._limit + 1)
        self._read += len(data)
        if self._read > self._limit:
            raise OSError(f"expands to more than {self._limit} bytes, {self._allowed}")
        return data

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Decompressed(io.RawIOBase):
    def __init__(self, file: BinaryIO, codec: str) -> None:
        self._codec = codec
        if codec == "zstd":
            source = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)
            self._pull: Callable[[], bytes] = lambda: bytes(source.read(_ZSTD_BYTES))
        else:
            self._pull = _Members(file, _DECODERS[codec]).read
        self._held = b""

    def read(self, size: int = -1, /) -> bytes:
        with _explained(self._codec):
            self._held = self._held or self._pull()
        size = size if size >= 0 else len(self._held)
        data, self._held = self._held[:size], self._held[size:]
        return data


class _Gzip:
    """zlib's decoder with the interface of those of bz2 and lzma."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_MEMORY_BYTES),
}


class _Members:
    """A file of gzip, bz2 or xz streams, one after the other, perhaps padded with zeros."""

    def __init__(self, file: BinaryIO, new: Callable[[], Any]) -> None:
        self._file, self._new = file, new
        self._decoder = new()

    def read(self) -> bytes:
        """The next chunk, empty at the end. Raises EOFError when the file is cut short."""
        while True:
            if self._decoder.eof:
                data = self._decoder.unused_data.lstrip(b"\0") or self._file.read(_RAW_BYTES).lstrip(b"\0")
                if not data:
                    return b""
                self._decoder = self._new()
            else:
                data = self._file.read(_RAW_BYTES) if self._decoder.needs_input else b""
                if self._decoder.needs_input and not data:
                    raise EOFError("the file ends before its end-of-stream mark")
            if out := self._decoder.decompress(data, max_length=_CHUNK_BYTES):
                return bytes(out)


@contextmanager
def _explained(codec: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, pa.ArrowException, ValueError) as error:
        raise OSError(f"{codec}: {error}") from None
