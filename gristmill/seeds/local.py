"""Local files that a source's `path` names: one file, a folder, or a glob in which `**` stands for any folders.

A relative path is looked up below the workspace's root and can't leave it, neither by `..` nor by a
link. Linked folders are not entered, names that begin with a dot and the stages' own outs are not taken.
A folder gives the files whose names tell a format; a file or a glob gives what it names.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.layout import Stage
from gristmill.params.ingest import Format, Source
from gristmill.seeds.recognise import known_suffixes, named_format

_GLOB_MARKS = "*?["
_OUTS = frozenset(("data", stage.value) for stage in Stage)


@dataclass(frozen=True)
class LocalFile:
    """A file that was found. `address` is relative to the workspace's root where the source's path is."""

    address: str
    path: Path


def find_files(root: Path, source: Source) -> list[LocalFile]:
    """The source's files by address. Raises ProblemsError for files that must not be read, InputError for none."""
    pattern = source.path or ""
    absolute = Path(pattern).is_absolute()
    base, tail = _split(pattern if absolute else os.path.normpath(pattern), root)
    if not absolute:
        inside(root, base, source.name)
    matches = sorted(_matches(base, tail, source.format), key=str)
    files = [LocalFile(_address(path, root, absolute), path) for path in matches]
    problems = [problem for file in files for problem in _problems(root, file, absolute, source)]
    if problems:
        raise ProblemsError(problems)
    if not files:
        raise nothing_found(source, f"at {base}" if base.exists() else f"{base} does not exist")
    return files


def nothing_found(source: Source, detail: str) -> InputError:
    """The error for a source that holds nothing."""
    return InputError(
        f"{source.path!r} matches no file ({detail})",
        where=f"source {source.name!r}",
        expected=f"at least one file (in a folder, names that tell a format: {known_suffixes()})",
        do="correct ingest.sources.path in params.yaml; relative paths start at the workspace's root",
    )


def inside(root: Path, path: Path, source_name: str) -> Path:
    """`path`, whose real place is below the root. Raises InputError when `..` or a link leads out."""
    real = path.resolve()
    if not real.is_relative_to(root.resolve()):
        raise InputError(
            f"{path} leads out of the workspace, to {real}",
            where=f"source {source_name!r}",
            expected=f"a place below {root}, or an absolute path",
            do="give the absolute path in params.yaml if that file is meant",
        )
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's content, streamed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matches_glob(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path's parts match a pattern's; `**` matches any number of parts, none included."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return matches_glob(parts, pattern[1:]) or (bool(parts) and matches_glob(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches_glob(parts[1:], pattern[1:])


def _split(pattern: str, root: Path) -> tuple[Path, tuple[str, ...]]:
    """The part without wildcards, below `root`, and the parts from the first wildcard on."""
    if (root / pattern).exists():
        return root / pattern, ()
    parts = PurePath(pattern).parts
    first = next((i for i, part in enumerate(parts) if any(mark in part for mark in _GLOB_MARKS)), len(parts))
    return root.joinpath(*parts[:first]), parts[first:]


def _matches(base: Path, tail: tuple[str, ...], declared: Format) -> Iterator[Path]:
    if not base.is_dir():
        if not tail and (base.is_file() or base.is_symlink()):
            yield base
        return
    for path in _walk(base):
        if path.suffix == ".arrow" and not _is_shard(path):
            continue
        inside_folder = path.relative_to(base).parts
        if matches_glob(inside_folder, tail) if tail else (declared is not Format.AUTO or named_format(path.name)):
            yield path


def _is_shard(path: Path) -> bool:
    """Whether an Arrow file belongs to its folder's data set.

    In one that Hugging Face's `save_to_disk` wrote, those do that its state.json lists: neither caches nor shards of an
    earlier save. Elsewhere all do.
    """
    state = path.parent / "state.json"
    try:
        listed = json.loads(state.read_bytes())["_data_files"]
        return path.name in {file["filename"] for file in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return True  # no such data set


def _walk(base: Path) -> Iterator[Path]:
    """Files and links below `base` whose names don't begin with a dot."""
    for folder, folders, names in os.walk(base, onerror=_cannot_list):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _cannot_list(error: OSError) -> None:
    raise InputError(
        f"the folder cannot be listed: {error.strerror}",
        where=str(error.filename),
        do="allow reading it, or name another",
    )


def _address(path: Path, root: Path, absolute: bool) -> str:
    return path.as_posix() if absolute else path.relative_to(root).as_posix()


def _problems(root: Path, file: LocalFile, absolute: bool, source: Source) -> Iterator[Problem]:
    """What forbids reading this file."""
    where = f"source {source.name!r}"
    if any("\udc80" <= character <= "\udcff" for character in file.address):  # how Python shows such bytes
        yield Problem(where, f"the name {file.address!a} is not UTF-8", "a name in UTF-8", "rename it")
    elif not file.path.is_file():
        yield Problem(where, f"{file.address} is no file, or a link to nothing", "a file", "remove it, or name another")
    elif not os.access(file.path, os.R_OK):
        yield Problem(
            where, f"{file.address} cannot be read", "a readable file", f"allow reading: chmod u+r {file.path}"
        )
    elif tuple(PurePath(file.address).parts[:2]) in _OUTS:
        yield Problem(where, f"{file.address} is written by Gristmill itself", "files of your own", "narrow the path")
    elif not absolute:
        try:
            inside(root, file.path, source.name)
        except InputError as error:
            yield error.problem
