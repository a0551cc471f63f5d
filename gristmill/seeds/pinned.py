"""The pinned files as `ingest` sees them: compared with their pins before anything is read, then opened one by one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.params.ingest import IngestParams, Source
from gristmill.seeds import python_docs
from gristmill.seeds.local import inside, sha256_of

if TYPE_CHECKING:
    from gristmill.store.client import Store

_SYNC = "run `gristmill sync` to take the sources as they are now, or bring back what was pinned"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class PinnedFile:
    """One file, object or built-in text: its address and what it must be."""

    address: str
    size: int
    sha256: str | None = None
    etag: str | None = None

    @property
    def remote(self) -> bool:
        """Whether it is an object in a store."""
        return self.address.startswith("s3://")


@dataclass(frozen=True)
class PinnedSource:
    """A source of params.yaml and its files, in the lock's order."""

    source: Source
    files: tuple[PinnedFile, ...]


def pinned_sources(lock: dict[str, Any], ingest: IngestParams, where: str) -> list[PinnedSource]:
    """The lock's sources with their parameters. Raises InputError when it was written for other sources."""
    try:
        pinned = [(s["name"], s["kind"], s["path"]) for s in lock["sources"]]
        files = [tuple(PinnedFile(**file) for file in s["files"]) for s in lock["sources"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"damaged: {error!r}", where=where, do="run `gristmill sync`") from None
    wanted = [(source.name, source.kind.value, source.path) for source in ingest.sources]
    if pinned != wanted:
        raise InputError(
            f"pins {_listed(pinned)}",
            where=where,
            expected=f"the sources of params.yaml: {_listed(wanted)}",
            do="run `gristmill sync`",
        )
    return [PinnedSource(source, held) for source, held in zip(ingest.sources, files, strict=True)]


def verify(sources: list[PinnedSource], root: Path, store: Callable[[], "Store"]) -> None:
    """Raises ProblemsError naming every file that is not what was pinned."""
    problems = []
    for pinned in sources:
        for file in pinned.files:
            found = _difference(file, root, store, pinned.source.name)
            if found:
                problems.append(Problem(f"source {pinned.source.name!r}: {file.address}", found, _pin(file), _SYNC))
    if problems:
        raise ProblemsError(problems)


@contextmanager
def opened(file: PinnedFile, root: Path, store: Callable[[], "Store"], folder: Path) -> Iterator[Path]:
    """A local path with the file's content; an object is copied into `folder` for the time of the body."""
    if not file.remote:
        yield root / file.address
        return
    copy = folder / "object"
    with store().read_address(file.address) as stream, copy.open("wb") as target:
        while chunk := stream.read(_COPY_BYTES):
            target.write(chunk)
    if copy.stat().st_size != file.size:
        raise InputError(f"found {copy.stat().st_size} bytes", where=file.address, expected=_pin(file), do=_SYNC)
    yield copy
    copy.unlink()


def _difference(file: PinnedFile, root: Path, store: Callable[[], "Store"], name: str) -> str:
    """How the file differs from its pin; empty when it does not."""
    if file.address == python_docs.ADDRESS:
        same = file.sha256 == python_docs.fingerprint()
        return "" if same else f"this Python's topics have the sha256 {python_docs.fingerprint()}"
    if file.remote:
        head = store().head_address(file.address)
        if head is None:
            return "there is no such object"
        return "" if (head.size, head.etag) == (file.size, file.etag) else f"{head.size} bytes, etag {head.etag}"
    path = root / file.address
    if not Path(file.address).is_absolute():
        inside(root, path, name)
    if not path.is_file():
        return "there is no such file"
    size = path.stat().st_size
    if size != file.size:
        return f"{size} bytes"
    digest = sha256_of(path)
    return "" if digest == file.sha256 else f"{size} bytes, sha256 {digest}"


def _pin(file: PinnedFile) -> str:
    mark = f"sha256 {file.sha256}" if file.sha256 else f"etag {file.etag}"
    return f"{file.size} bytes, {mark}"


def _listed(sources: list[tuple[str, str, str | None]]) -> str:
    return ", ".join(f"{name} ({path or kind})" for name, kind, path in sources) or "none"
