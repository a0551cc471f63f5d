"""What a recipe may name at one place of its file, and what was found wrong so far.

Inputs, parameters and earlier steps are known; a loop or fan-out adds names that are known inside it
alone. Problems are kept until the end, so that all are told together.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from gristmill.errors import InputError, Problem
from gristmill.recipes.functions import FUNCTIONS
from gristmill.recipes.load import Source
from gristmill.recipes.sandbox import Evaluate, Render, compile_expression, compile_template
from gristmill.recipes.steps import Check
from gristmill.recipes.stepspec import CheckSpec

T = TypeVar("T")
Loc = list[str | int]

_RESERVED = frozenset(
    (
        *("fault", "round", "index", "rounds", "met", "history"),
        *("true", "false", "none", "not", "and", "or", "if", "else", "in", "is", "for"),
    )
)
"""Words that expressions or blocks give a meaning of their own."""


class Scope:
    """The names known now, and the problems of the whole file."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self.steps: set[str] = set()
        """Names of all steps so far, at any depth: each is used once, for journal and books count by them."""
        self._source = source
        self._known: list[str] = []

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What becomes known in the body is forgotten after it."""
        outer = list(self._known)
        yield
        self._known = outer

    @contextmanager
    def without(self, names: set[str]) -> Iterator[None]:
        """These names are unknown in the body."""
        outer, self._known = self._known, [name for name in self._known if name not in names]
        yield
        self._known = outer

    def know(self, name: str) -> None:
        """Makes a name known that was looked at before."""
        if name not in self._known:
            self._known.append(name)

    def declare(self, name: str, loc: Loc) -> None:
        """Makes a new name known; keeps a problem where it is taken."""
        self.assert_free(name, loc)
        self._known.append(name)

    def assert_free(self, name: str, loc: Loc) -> None:
        """Keeps a problem where the name is taken."""
        taken = "an input, a parameter or an earlier step" if name in self._known else ""
        taken = "a step in another place" if name in self.steps and not taken else taken
        taken = "a function" if name in FUNCTIONS else taken
        taken = "a word of the format" if name in _RESERVED else taken
        if taken:
            self.problem(loc, f"the name {name!r} is taken: it is {taken}", "a name of its own")

    def problem(self, loc: Loc, found: str, expected: str) -> None:
        """Keeps a problem at this place of the file."""
        self.problems.append(Problem(self._source.place(loc), found, expected))

    def template(self, text: str | None, loc: Loc, also: tuple[str, ...] = ()) -> Render | None:
        """The template compiled; None where there is none, or where it is wrong and the problem kept."""
        if text is None:
            return None
        return self.attempt(lambda place: compile_template(text, [*self._known, *also], place), loc)

    def expression(self, text: str | None, loc: Loc, also: tuple[str, ...] = ()) -> Evaluate | None:
        """The expression compiled; None where there is none, or where it is wrong and the problem kept."""
        if text is None:
            return None
        return self.attempt(lambda place: compile_expression(text, [*self._known, *also], place), loc)

    def checks(self, specs: tuple[CheckSpec, ...], loc: Loc, also: tuple[str, ...] = ()) -> tuple[Check, ...]:
        """The checks compiled, without those that are wrong."""
        found: list[Check] = []
        for i, spec in enumerate(specs):
            form, source = ("require", spec.require) if spec.require else ("fault", spec.fault or "")
            evaluate = self.expression(source, [*loc, i, form], also)
            if evaluate:
                found.append(Check(spec.reason or "", source, evaluate, spec.kind))
        return tuple(found)

    def attempt(self, build: Callable[[str], T], loc: Loc) -> T | None:
        """What `build` gives, or None with its problem kept."""
        try:
            return build(self._source.place(loc))
        except InputError as error:
            self.problems.append(error.problem)
            return None
