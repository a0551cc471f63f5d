"""Retraction: tombstones in inputs/retracted.yaml, and the rows that they keep out of every later data set.

A row falls when any of its origins is of a retracted source or licence, or any of its seeds is retracted: also where
the same text stands in another source too. The file is part of the graph: `compose` depends on it, git tracks it,
and each release records it. A tombstone is never removed: what came from there may come again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, model_validator

from gristmill.filters.verdict import Finding
from gristmill.params.load import parse, read_yaml
from gristmill.params.section import Section

REASON = "retracted"
_HEAD = (
    "# What must not stand in any later release: `gristmill retract` adds to it. Commit it; a line stays for good,\n"
    "# or what came from there may come again.\n"
)


class Tombstone(Section):
    """One retraction: a source, a seed or a licence."""

    source: str | None = Field(default=None, min_length=1)
    """Name of a source; `real` are the rows that `compose.mix` adds."""
    seed: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    """A seed's id."""
    licence: str | None = Field(default=None, min_length=1)
    """A licence, as the sources state it."""
    why: str = ""
    """For people: who asked for it, and when."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.source, self.seed, self.licence)) != 1:
            raise ValueError("one of source, seed and licence")
        return self

    @property
    def name(self) -> str:
        """For books, cards and messages: its kind and what it retracts."""
        kind = next(kind for kind in ("source", "seed", "licence") if getattr(self, kind) is not None)
        return f"{kind} {getattr(self, kind)}"


class Tombstones(Section):
    """inputs/retracted.yaml."""

    tombstones: list[Tombstone] = Field(default_factory=list)
    """In the order in which they were set."""


class Retraction:
    """The tombstones, asked row by row, with the rows that fell by each."""

    def __init__(self, tombstones: Iterable[Tombstone]) -> None:
        self._names = {each.name for each in tombstones}
        self.fallen: Counter[str] = Counter()

    @property
    def names(self) -> list[str]:
        """All tombstones."""
        return sorted(self._names)

    def refuse(self, row: Mapping[str, Any]) -> Finding | None:
        """Why the row is retracted, or None; it needs `origins` and `seed_ids`."""
        for name in _names_of(row) if self._names else ():
            if name in self._names:
                return Finding(REASON, name, "nothing that inputs/retracted.yaml names")
        return None

    def count(self, finding: Finding) -> None:
        """Books a row that fell."""
        self.fallen[finding.value] += 1


def read_tombstones(path: Path) -> list[Tombstone]:
    """The tombstones. Raises InputError when the file is missing: without it what was retracted would come back."""
    return parse(Tombstones, read_yaml(path), "inputs/retracted.yaml:").tombstones


def set_tombstone(path: Path, tombstone: Tombstone) -> bool:
    """Adds it; False, and nothing written, when what it names is retracted already."""
    held = read_tombstones(path)
    if tombstone.name in {each.name for each in held}:
        return False
    entries = [each.model_dump(exclude_defaults=True) for each in (*held, tombstone)]
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(_HEAD + yaml.safe_dump({"tombstones": entries}, sort_keys=False, allow_unicode=True))
    fresh.replace(path)
    return True


def _names_of(row: Mapping[str, Any]) -> Iterator[str]:
    """All names under which a tombstone may stand for the row."""
    for origin in row["origins"]:
        yield f"source {origin['source']}"
        if origin["licence"] is not None:
            yield f"licence {origin['licence']}"
    yield from (f"seed {seed}" for seed in row["seed_ids"])
