"""What travels between the driver, which is the stage's process, and its actors.

All of it is content: an actor reads no file of the driver's.

    driver -> actor   Job once, then Shards; a Reply for each key that the actor asked about
    actor -> driver   Parcels: answers to record, keys asked about; at a shard's end its outcomes, or a Fault
"""

import hashlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import gristmill
from gristmill.distribute.work import Walk
from gristmill.engine.protocol import ModelIdentity
from gristmill.errors import GristmillError, InputError, Problem, ProblemsError
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Answer, Request

T = TypeVar("T")


@dataclass(frozen=True)
class Job(Generic[T]):
    """Everything an actor needs to know before its first shard."""

    recipe: str
    """Who asks, for the journal."""
    compile: Callable[..., Walk[T]]
    """A module's function: the folder of recipes and `arguments` in, the sample program out."""
    arguments: tuple[Any, ...]
    recipes: Mapping[str, bytes]
    """The folder of recipes: content by relative path."""
    engine: EngineParams
    model: ModelParams
    root: Path
    identity: ModelIdentity
    """The model as the driver knows it; an actor that finds another one refuses to work."""
    code: str
    """`code_identity` of the driver."""
    quarantined: frozenset[str]
    """Keys of requests that are not asked again (hexadecimal)."""
    cpus: float
    """Cores for an engine that computes on them."""


@dataclass(frozen=True)
class Shard(Generic[T]):
    """Rows of the plan from number `first` to `last`, counted from 1; all of them, or those that are open."""

    first: int
    last: int
    rows: tuple[T, ...]

    def __str__(self) -> str:
        return f"samples {self.first} to {self.last}"

    def only(self, places: Sequence[int]) -> "Shard[T]":
        """The rows at these places."""
        return replace(self, rows=tuple(self.rows[place] for place in places))


@dataclass(frozen=True, slots=True)
class Want:
    """An actor is about to ask, and wants to know whether it has been answered or somebody else is asking."""

    key: bytes
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """To a Want: the recorded answer, or None: ask yourself, nobody else does."""

    key: bytes
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer to be recorded."""

    key: bytes
    content: bytes
    answer: Answer
    recipe: str
    """Who asked."""
    answered_at: float
    """Seconds since 1970, on the actor's machine."""


@dataclass(frozen=True, slots=True)
class Convicted:
    """A request that killed the engine, asked alone too; for the driver's quarantine."""

    request: Request
    model_id: str
    engine: str


@dataclass(frozen=True)
class Parcel:
    """What an actor has to tell, all that came together since the last one."""

    entries: tuple[Entry, ...] = ()
    wants: tuple[Want, ...] = ()
    given_up: tuple[bytes, ...] = ()
    """Keys that it was to ask and could not."""
    convicted: tuple[Convicted, ...] = ()
    rows: int = 0
    """Rows finished."""
    tokens: int = 0
    """Output tokens of theirs."""
    engine_start_seconds: float = 0.0


@dataclass(frozen=True)
class Fault:
    """What went wrong in an actor, to be told by the driver in the same words."""

    problems: tuple[Problem, ...] = ()
    wrong_input: bool = False
    unforeseen: str = ""
    """A bug of ours, with its traceback; `problems` is empty then."""

    def error(self, place: str) -> Exception:
        """The exception for the driver to raise."""
        if not self.problems:
            return UnforeseenError(
                f"in the actor on {place}: {self.unforeseen.strip().splitlines()[-1]}", self.unforeseen
            )
        if len(self.problems) > 1:
            return ProblemsError(self.problems)
        (problem,) = self.problems
        kind = InputError if self.wrong_input else GristmillError
        return kind(problem.found, where=problem.where, expected=problem.expected, do=problem.do)


class UnforeseenError(Exception):
    """A bug in an actor; its traceback there is the cause's text."""

    def __init__(self, told: str, remote_traceback: str) -> None:
        super().__init__(told)
        self.__cause__ = Exception(f"\n{remote_traceback}")


def fault_of(error: Exception) -> Fault:
    """The exception, in a form that can travel."""
    if isinstance(error, ProblemsError):
        return Fault(error.problems, wrong_input=True)
    if isinstance(error, GristmillError):
        return Fault((error.problem,), isinstance(error, InputError))
    return Fault(unforeseen="".join(traceback.format_exception(error)))


def shards(rows: Iterator[T], size: int) -> Iterator[Shard[T]]:
    """The rows in shards of `size`; the last one may be smaller."""
    last = 0
    while taken := tuple(islice(rows, size)):
        first, last = last + 1, last + len(taken)
        yield Shard(first, last, taken)


def folder_content(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@cache
def code_identity() -> str:
    """sha256 (16 digits) over the library's own source: data are a function of code, on every node the same."""
    home = Path(gristmill.__file__).parent
    total = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        total.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]
