"""Zip and tar: their members one after the other, never unpacked to disk.

Only plain files are read. A member that is a link or a device, leaves its folder (`..`, an absolute name), is
encrypted or is larger than `max_member_bytes` is refused by itself; an archive may expand as far as a compressed file.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from stat import S_ISLNK
from typing import BinaryIO, cast

from gristmill.frame.stage import Refusal
from gristmill.params.ingest import Format
from gristmill.seeds.codecs import limited
from gristmill.seeds.document import Reading

FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,
    ValueError,  # places before the file's beginning
)
"""What zipfile and tarfile raise on damaged archives, at opening and while a member is read."""
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Member:
    """A file in an archive; to be read before the next one is asked for."""

    name: str
    size: int
    stream: BinaryIO


def within(reading: Reading, name: str) -> Reading:
    """How a member is read: its address is the archive's and its own name."""
    return replace(reading, address=f"{reading.address}!{name}")


def members(stream: BinaryIO, kind: Format, reading: Reading, expansion: tuple[int, str]) -> Iterator[Member | Refusal]:
    """The files in the archive, and refusals for what is not to be read. Raises OSError for a broken archive."""
    try:
        yield from _zip(stream, reading, expansion) if kind is Format.ZIP else _tar(stream, reading, expansion)
    except FAULTS as error:
        raise OSError(f"{kind.value}: {error}") from None


def _zip(stream: BinaryIO, reading: Reading, expansion: tuple[int, str]) -> Iterator[Member | Refusal]:
    left, allowed = expansion
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            link = S_ISLNK(info.external_attr >> 16)
            why = "a link" if link else "encrypted" if info.flag_bits & _ENCRYPTED else _leaves(info.filename)
            if refusal := _refused(reading, info.filename, info.file_size, why):
                yield refusal
                continue
            if info.file_size > left:
                raise OSError(f"{info.filename!r} goes beyond {expansion[0]} bytes in all, {allowed}")
            left -= info.file_size
            with archive.open(info) as member:
                yield Member(info.filename, info.file_size, limited(cast(BinaryIO, member), info.file_size, "its size"))


def _tar(stream: BinaryIO, reading: Reading, expansion: tuple[int, str]) -> Iterator[Member | Refusal]:
    left, allowed = expansion
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            if info.isdir():
                continue
            why = "" if info.isreg() and not info.issparse() else "no plain file"
            if refusal := _refused(reading, info.name, info.size, why or _leaves(info.name)):
                yield refusal
                continue
            if info.size > left:
                raise OSError(f"{info.name!r} goes beyond {expansion[0]} bytes in all, {allowed}")
            left -= info.size
            member = archive.extractfile(info)
            assert member is not None  # a regular file
            yield Member(info.name, info.size, cast(BinaryIO, member))


def _leaves(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    return "leads out of the archive" if path.is_absolute() or ".." in path.parts else ""


def _refused(reading: Reading, name: str, size: int, why: str) -> Refusal | None:
    inside, limit = within(reading, name), reading.ingest.max_member_bytes
    if why:
        return inside.refuse(None, "unsafe_member", value=why, threshold="a plain file inside the archive")
    if size > limit:
        return inside.refuse(None, "member_too_large", value=f"{size} bytes", threshold=f"{limit} bytes")
    return None
