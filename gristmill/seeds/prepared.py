"""What was prepared from a file is kept, so that an unchanged file is not read again.

One file of entries (zstd, one JSON array a line) for each source file, in `.gristmill/seeds`, named by everything that
decides them: the file's pin and address, its source, the parameters, the code, the versions of what reads it. Nothing
but time is lost with it. It appears whole or not at all; what no run has used for 30 days goes.
"""

import os
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import orjson
import xxhash
import zstandard

import gristmill
from gristmill.frame.stage import Refusal
from gristmill.identity import content_hash
from gristmill.params.ingest import IngestParams, Source
from gristmill.seeds.mill import Entry, Passed, Read, Refused
from gristmill.seeds.pinned import PinnedFile
from gristmill.seeds.rows import split_lines
from gristmill.seeds.spill import Candidate, Origin

_LIBRARIES = (
    "charset-normalizer",
    "detect-secrets",
    "lxml",
    "orjson",
    "phonenumbers",
    "py3langid",
    "pyarrow",
    "pypdfium2",
    "trafilatura",
    "warcio",
)
_KEPT_SECONDS = 30 * 86400
_LINE_BYTES = 1 << 40


class PreparedFiles:
    """The folder of kept entries, under the parameters of this run."""

    def __init__(self, folder: Path, ingest: IngestParams) -> None:
        self._folder = folder
        shared = ingest.model_dump(mode="json", exclude={"sources", "sample", "http_hosts", "max_download_bytes"})
        self._shared = content_hash([shared, _program()])
        self.reused = 0
        """Files whose entries were there."""

    def entries(self, file: PinnedFile, source: Source, fresh: Iterable[Entry]) -> Iterator[Entry]:
        """The file's entries: those kept, else `fresh`, which are then kept."""
        path = self._folder / f"{self._key(file, source)}.zst"
        if path.exists():
            path.touch()  # when it was last used
            self.reused += 1
            yield from _read(path)
        else:
            yield from _written(path, fresh)

    def prune(self) -> None:
        """Forgets what was not used for long."""
        limit = time.time() - _KEPT_SECONDS
        for path in self._folder.glob("*"):
            if path.stat().st_mtime < limit:
                path.unlink()

    def _key(self, file: PinnedFile, source: Source) -> str:
        about = source.model_dump(mode="json", exclude={"path", "url", "rev", "weight"})
        return content_hash([self._shared, file.address, file.size, file.sha256, file.etag, about])


@cache
def _program() -> list[str]:
    """Python, the libraries that read, and a hash of all our own code: more than what decides, never less."""
    root = Path(gristmill.__file__).parent
    code = xxhash.xxh3_128()
    for path in sorted(root.rglob("*.py")):
        code.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return [python_version(), code.hexdigest(), *(version(name) for name in _LIBRARIES)]


def _read(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        for line in split_lines(stream, _LINE_BYTES):
            yield _decoded(orjson.loads(line.data or b""))


def _written(path: Path, fresh: Iterable[Entry]) -> Iterator[Entry]:
    """The entries, kept when the last one has come."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = path.with_suffix(f".{os.getpid()}.new")
    try:
        with private.open("wb") as file, zstandard.ZstdCompressor(3).stream_writer(file) as stream:
            for entry in fresh:
                stream.write(orjson.dumps(_encoded(entry)) + b"\n")
                yield entry
        private.replace(path)
    finally:
        private.unlink(missing_ok=True)


def _encoded(entry: Entry) -> list[Any]:
    match entry:
        case Read():
            return ["read", entry.private]
        case Refused():
            return ["refused", entry.unit, list(vars(entry.refusal).values()), entry.private]
        case Passed():
            return ["passed", list(vars(entry.candidate).values()), list(vars(entry.origin).values())]


def _decoded(row: list[Any]) -> Entry:
    kind, *rest = row
    if kind == "read":
        return Read(*rest)
    if kind == "refused":
        return Refused(rest[0], Refusal(*rest[1]), rest[2])
    return Passed(Candidate(*rest[0]), Origin(*rest[1]))
