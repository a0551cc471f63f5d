"""The pinned files as `ingest` sees them: compared with their pins before anything is read, then opened one by one."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.layout import Layout
from gristmill.params.ingest import IngestParams, Source
from gristmill.seeds import python_docs
from gristmill.seeds.cache import FileHashes, SourceCache
from gristmill.seeds.local import inside

if TYPE_CHECKING:
    from gristmill.store.client import Store

_SYNC = "run `gristmill sync` to take the sources as they are now, or bring back what was pinned"


@dataclass(frozen=True)
class PinnedFile:
    """One file, object or built-in text: its address and what it must be."""

    address: str
    size: int
    sha256: str | None = None
    etag: str | None = None
    cached: bool = False
    """Whether `sync` brought it here: then its content lies in the workspace's cache, under its hash."""

    @property
    def remote(self) -> bool:
        """Whether it is an object in a store."""
        return self.address.startswith("s3://")


@dataclass(frozen=True)
class PinnedSource:
    """A source of params.yaml and its files, in the lock's order."""

    source: Source
    files: tuple[PinnedFile, ...]
    vanished: tuple[str, ...] = ()
    """Addresses that it once held."""


def pinned_sources(lock: dict[str, Any], ingest: IngestParams, where: str) -> list[PinnedSource]:
    """The lock's sources with their parameters. Raises InputError when it was written for other sources."""
    try:
        pinned = [(s["name"], s["kind"], s["path"], s.get("url"), s.get("rev")) for s in lock["sources"]]
        files = [tuple(PinnedFile(**file) for file in s["files"]) for s in lock["sources"]]
        vanished = [tuple(s.get("vanished", ())) for s in lock["sources"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"damaged: {error!r}", where=where, do="run `gristmill sync`") from None
    wanted = [(s.name, s.kind.value, s.path, s.url, s.rev) for s in ingest.sources]
    if pinned != wanted:
        raise InputError(
            f"pins {_listed(pinned)}",
            where=where,
            expected=f"the sources of params.yaml: {_listed(wanted)}",
            do="run `gristmill sync`",
        )
    return [PinnedSource(*held) for held in zip(ingest.sources, files, vanished, strict=True)]


def verify(sources: list[PinnedSource], layout: Layout, store: Callable[[], "Store"]) -> None:
    """Raises ProblemsError naming every file that is not what was pinned."""
    problems = []
    with FileHashes(layout) as hashes:
        for pinned in sources:
            for file in pinned.files:
                found = _difference(file, layout, store, pinned.source.name, hashes)
                if found:
                    where = f"source {pinned.source.name!r}: {file.address}"
                    problems.append(Problem(where, found, _pin(file), _SYNC))
    if problems:
        raise ProblemsError(problems)


def place_of(file: PinnedFile, layout: Layout) -> Path:
    """Where a file that is no object lies."""
    return SourceCache(layout).path(file.sha256 or "") if file.cached else layout.root / file.address


@contextmanager
def opened(file: PinnedFile, place: Path, store: Callable[[], "Store"]) -> Iterator[BinaryIO]:
    """The file's content, seekable. An object is read from the store in ranges, under its ETag; nothing is copied."""
    if not file.remote:
        with place.open("rb") as stream:
            yield stream
        return
    from gristmill.store.reader import ObjectFile

    yield cast(BinaryIO, ObjectFile(store(), file.address, file.size, file.etag or ""))


def _difference(file: PinnedFile, layout: Layout, store: Callable[[], "Store"], name: str, hashes: FileHashes) -> str:
    """How the file differs from its pin; empty when it does not."""
    if file.address == python_docs.ADDRESS:
        same = file.sha256 == python_docs.fingerprint()
        return "" if same else f"this Python's topics have the sha256 {python_docs.fingerprint()}"
    if file.remote:
        head = store().head_address(file.address)
        if head is None:
            return "there is no such object"
        return "" if (head.size, head.etag) == (file.size, file.etag) else f"{head.size} bytes, etag {head.etag}"
    path = place_of(file, layout)
    if not file.cached and not Path(file.address).is_absolute():
        inside(layout.root, path, name)
    if not path.is_file():
        return "it is not in this workspace's cache" if file.cached else "there is no such file"
    size = path.stat().st_size
    if size != file.size:
        return f"{size} bytes"
    digest = hashes.sha256(path)
    return "" if digest == file.sha256 else f"{size} bytes, sha256 {digest}"


def _pin(file: PinnedFile) -> str:
    mark = f"sha256 {file.sha256}" if file.sha256 else f"etag {file.etag}"
    return f"{file.size} bytes, {mark}"


def _listed(sources: Iterable[tuple[str | None, ...]]) -> str:
    """The sources in words."""
    shown = ((name, " ".join(filter(None, (url, rev, path))) or kind) for name, kind, path, url, rev in sources)
    return ", ".join(f"{name} ({place})" for name, place in shown) or "none"
