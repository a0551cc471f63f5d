"""A fact is a statement of a passage with what its grammar offers to ask."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from gristmill.recipes.questions.grammar import pairs
from gristmill.recipes.questions.statements import statements


@dataclass(frozen=True)
class Fact:
    """What to ask about a statement, and what answers it."""

    evidence: str
    """The sentence as it stands in the passage."""
    statement: str
    """The same as one line, with code between backticks."""
    opening: str
    """First words of the question."""
    answer: str
    """Part of the statement."""


def nth_fact(passage: str, number: int) -> Fact | None:
    """The passage's fact of that number, counted from 0; None when it has no more.

    Each statement's first pair comes before any statement's second, so that few draws cover much.
    """
    found, more = _begun(passage)
    found += islice(more, max(0, number + 1 - len(found)))
    return found[number] if number < len(found) else None


def facts(passage: str) -> Iterator[Fact]:
    """All facts of a passage, in the order in which draws take them; the passage is read no further than they need."""
    seconds: list[Fact] = []
    for found in statements(passage):
        offered = [Fact(found.verbatim, found.line, pair.opening, pair.answer) for pair in pairs(found.line)]
        yield from offered[:1]
        seconds += offered[1:]
    yield from seconds


@lru_cache(maxsize=1024)
def _begun(passage: str) -> tuple[list[Fact], Iterator[Fact]]:
    """The facts found so far, and those to come. Kept a while: draws of a passage come together."""
    return [], facts(passage)
