"""Where the rows come from, read off the rows themselves: with a parent release they tell more than parameters do."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

EXAMPLES = 3


@dataclass
class Provenance:
    """Counts rows by recipe, model, engine and source; keeps a few examples (those with the smallest sample ids)."""

    recipes: Counter[tuple[str, str]] = field(default_factory=Counter)
    models: Counter[tuple[str, str]] = field(default_factory=Counter)
    engines: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    examples: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Counts COMPOSED rows. A row written from two sources counts for both."""
        rows = list(rows)
        for row in rows:
            self.recipes[row["recipe"], row["recipe_hash"]] += 1
            self.models[row["model"], row["model_revision"]] += 1
            self.engines[row["engine"], row["engine_version"]] += 1
            self.depths[row["depth"]] += 1
            self.sources.update({(origin["source"], origin["licence"] or "not stated") for origin in row["origins"]})
        self.examples = nsmallest(EXAMPLES, [*self.examples, *rows], key=lambda row: row["sample_id"])

    def as_dict(self) -> dict[str, Any]:
        """The counts as they stand in the manifest."""
        return {
            "recipes": _named(self.recipes, "name", "hash"),
            "models": _named(self.models, "name", "revision"),
            "engines": _named(self.engines, "name", "version"),
            "sources": _named(self.sources, "name", "licence"),
            "depths": {str(depth): rows for depth, rows in sorted(self.depths.items())},
        }


def _named(counts: Counter[tuple[str, str]], first: str, second: str) -> list[dict[str, Any]]:
    return [{first: a, second: b, "rows": rows} for (a, b), rows in sorted(counts.items())]
