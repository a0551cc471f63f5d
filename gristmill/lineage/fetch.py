"""Seeds from repositories: what git or DVC tracks at a revision, brought into the workspace's cache by `sync`.

The revision becomes a commit, which is pinned; what a commit holds never changes, so it is fetched once. Reading a
repository runs no code of it, but DVC follows the remotes that its configuration names: take only those you trust.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gristmill.errors import InputError
from gristmill.identity import content_hash, text_hash
from gristmill.layout import Layout
from gristmill.lineage.git import GitError, git
from gristmill.lineage.process import DvcError, run_dvc
from gristmill.params.ingest import Format, Source, SourceKind
from gristmill.seeds.cache import CachedFile, SourceCache
from gristmill.seeds.local import matches_glob
from gristmill.seeds.recognise import named_format
from gristmill.seeds.sources import Checkout

_HEAD = "refs/gristmill/head"
_LFS = b"version https://git-lfs"
_PROTOCOLS = {"GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_TERMINAL_PROMPT": "0"}
_PLAIN = ("100644", "100755")
_SECONDS = 600
_CHUNK_BYTES = 1 << 20
_DO = "correct url, rev and path of the source in params.yaml"


def fetch(source: Source, layout: Layout) -> Checkout:
    """What the source names in its repository, each file in the cache. Raises InputError when it cannot be had."""
    cache = SourceCache(layout)
    url = _absolute(source.url or "", layout.root)
    where = f"source {source.name!r}: {source.url}"
    try:
        mirror = cache.folder / "git" / text_hash(url)
        commit = _resolve(mirror, url, source.rev or "HEAD")
        files = _remembered(cache, [source.kind, url, commit, source.path, source.format])
        if files is None:
            taken = _from_git(mirror, commit, source, cache)
            files = list(taken if source.kind is SourceKind.GIT else _from_dvc(url, commit, source, cache))
            _remember(cache, [source.kind, url, commit, source.path, source.format], files)
    except (GitError, DvcError) as error:
        raise InputError(error.problem.found, where=where, do=_DO) from None
    if not files:
        raise InputError(f"{source.path!r} matches no file at {commit[:12]}", where=where, do=_DO)
    return Checkout(commit, files)


def _note(cache: SourceCache, asked: list[str | None]) -> Path:
    return cache.folder / "commits" / f"{content_hash(asked)}.json"


def _remembered(cache: SourceCache, asked: list[str | None]) -> list[CachedFile] | None:
    """The files, when they were fetched before and are all there."""
    note = _note(cache, asked)
    files = [CachedFile(**file) for file in json.loads(note.read_text())] if note.exists() else None
    return files if files is not None and all(map(cache.has, files)) else None


def _remember(cache: SourceCache, asked: list[str | None], files: list[CachedFile]) -> None:
    note = _note(cache, asked)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps([vars(file) for file in files]))


def _absolute(url: str, root: Path) -> str:
    """A folder's path made absolute; other addresses as they are."""
    local = root / url
    return str(local.resolve()) if "://" not in url and local.exists() else url


def _resolve(mirror: Path, url: str, rev: str) -> str:
    """The commit of a revision, in a mirror that holds it."""
    if not mirror.exists():
        mirror.mkdir(parents=True)
        git(mirror, "init", "--quiet", "--bare")
    wanted = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{_HEAD}")
    git(mirror, "fetch", "--quiet", "--force", "--", url, *wanted, env=_PROTOCOLS, seconds=_SECONDS)
    name = _HEAD if rev == "HEAD" else rev
    try:
        return git(mirror, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    except GitError:
        raise GitError(f"there is no revision {rev!r}") from None


def _from_git(mirror: Path, commit: str, source: Source, cache: SourceCache) -> Iterator[CachedFile]:
    """The plain files that git itself tracks; links are left alone."""
    listing = git(mirror, "ls-tree", "-r", "-z", "--full-tree", commit)
    for line in filter(None, listing.split("\0")):
        about, _, path = line.partition("\t")
        mode, kind, blob = about.split()
        if kind == "blob" and mode in _PLAIN and _wanted(path, source):
            address = f"git:{source.url}:{path}"
            yield cache.add(address, _checked(_blob(mirror, blob), address))


def _checked(content: Iterator[bytes], address: str) -> Iterator[bytes]:
    for number, chunk in enumerate(content):
        if number == 0 and chunk.startswith(_LFS):
            raise InputError("the file is a pointer of Git LFS", where=address, do="name the data's own address")
        yield chunk


def _blob(mirror: Path, blob: str) -> Iterator[bytes]:
    """A file's content, streamed."""
    command = ["git", "-C", str(mirror), "cat-file", "blob", blob]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while chunk := process.stdout.read(_CHUNK_BYTES):
            yield chunk
    if process.returncode != 0:
        raise GitError(f"`git cat-file` failed for {blob}")


def _from_dvc(url: str, commit: str, source: Source, cache: SourceCache) -> Iterator[CachedFile]:
    """What `dvc get` brings of the path (of a glob: of the folder before its first wildcard)."""
    base = _before_wildcards(source.path or "")
    cache.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=cache.folder) as folder:
        target = Path(folder) / "got"
        run_dvc(Path(folder), ["get", "--quiet", "--rev", commit, "--out", str(target), url, base.as_posix()])
        files = [target] if target.is_file() else sorted(path for path in target.rglob("*") if path.is_file())
        for file in files:
            path = base / file.relative_to(target) if file != target else base
            if _wanted(path.as_posix(), source) and not file.is_symlink():
                with file.open("rb") as stream:
                    chunks = iter(lambda stream=stream: stream.read(_CHUNK_BYTES), b"")  # type: ignore[misc]
                    yield cache.add(f"dvc:{source.url}:{path.as_posix()}", chunks)


def _before_wildcards(pattern: str) -> PurePosixPath:
    parts = PurePosixPath(pattern).parts
    first = next((i for i, part in enumerate(parts) if any(mark in part for mark in "*?[")), len(parts))
    return PurePosixPath(*parts[:first])


def _wanted(path: str, source: Source) -> bool:
    """Whether the source names this file: itself, by its glob, or in its folder with a name that tells a format."""
    here, wanted = PurePosixPath(path), PurePosixPath(source.path or "")
    if here == wanted or matches_glob(here.parts, wanted.parts):
        return True
    below = wanted == PurePosixPath(".") or here.is_relative_to(wanted)
    return below and (source.format is not Format.AUTO or named_format(path) is not None)
