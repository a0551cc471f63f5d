"""Errors as part of the product: what was found, where, what would be right, what to do.

Everything that a user can cause or mend is a `GristmillError`; the command line prints it
without a traceback and exits with its `exit_code`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its place, what stands there, what would be right, the way out."""

    where: str
    found: str
    expected: str = ""
    do: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.found}" if self.where else self.found]
        if self.expected:
            parts.append(f"    expected: {self.expected}")
        if self.do:
            parts.append(f"    do: {self.do}")
        return "\n".join(parts)


class GristmillError(Exception):
    """A fault that the reader can act on. `exit_code` is the process's status."""

    exit_code = 1

    def __init__(self, found: str, *, where: str = "", expected: str = "", do: str = "") -> None:
        self.problem = Problem(where, found, expected, do)
        super().__init__(str(self.problem))

    def __repr__(self) -> str:
        """As it is told: others log exceptions by this."""
        return f"{type(self).__name__}: {self}"


class InputError(GristmillError):
    """Wrong parameters or input, found before any work was done."""

    exit_code = 2


class ProblemsError(InputError):
    """Several problems at once, each with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        Exception.__init__(self, "\n".join(str(problem) for problem in self.problems))
        self.problem = self.problems[0]


class GateRefused(GristmillError):
    """The gate said no; the data stays, nothing is exported or released."""

    exit_code = 3


class BooksError(GristmillError):
    """A stage's books don't balance: rows were lost or made up. Always a bug of ours."""

    exit_code = 4


class BudgetExhausted(GristmillError):
    """The budget has no room for another request; what was answered is kept, and nothing was written."""

    exit_code = 5
