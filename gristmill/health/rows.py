"""Rows of a release as the health measures see them, sampled so that memory is bounded and every run draws the same.

A row's *anchor* is one sentence of the real text that it was written from, picked by the row's identity. What is
measured of a recipe's rows is how rich they are *against their own anchors*: new seeds on new
subjects move the anchors too, and are not mistaken for a loss.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from gristmill.identity import text_hash
from gristmill.text import sentences, words

COLUMNS = (
    "sample_id",
    "recipe",
    "recipe_hash",
    "prompt",
    "response",
    "context",
    "origins",
    "seed_ids",
    "model",
    "model_revision",
    "sampling",
)
"""What `row_of` needs of a row."""
NO_SOURCE = "no source"
BEYOND = 1 << 128
"""Larger than any hash."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it says, the real sentence beside it, and where it came from."""

    id: str
    text: str
    anchor: str | None
    """None for a row that was written from no text."""
    document: str
    seed: str
    sources: frozenset[str]
    making: tuple[str, str, str]
    """Recipe's hash, model and its revision, sampling as JSON."""


@dataclass(frozen=True)
class RowSample:
    """A uniform sample of `seen` rows, in the order of their identities' hashes."""

    rows: Sequence[Row]
    edge: int
    """Below this hash no row was left out."""
    seen: int

    def joined(self, other: "RowSample") -> list[Row]:
        """A uniform sample of both sets together: up to the hash below which neither left a row out."""
        edge = min(self.edge, other.edge)
        both = {row.id: row for row in (*self.rows, *other.rows) if _rank(row.id) <= edge}
        return sorted(both.values(), key=lambda row: (_rank(row.id), row.id))


@dataclass
class Smallest(Generic[T]):
    """Keeps what belongs to the `limit` identities with the smallest hashes: whatever the order, in bounded memory."""

    limit: int
    seen: int = 0
    _heap: list[tuple[int, str, T]] = field(default_factory=list)

    def offer(self, identity: str, make: Callable[[], T]) -> None:
        """Offers something that is only made if it is kept."""
        self.seen += 1
        rank = -_rank(identity)
        if len(self._heap) < self.limit:
            heapq.heappush(self._heap, (rank, identity, make()))
        elif rank > self._heap[0][0]:
            heapq.heapreplace(self._heap, (rank, identity, make()))

    def kept(self) -> list[T]:
        """What is kept, in the order of the hashes."""
        return [one for _, _, one in sorted(self._heap, key=lambda entry: (-entry[0], entry[1]))]

    @property
    def edge(self) -> int:
        """The largest hash that is kept; beyond all hashes when nothing was left out."""
        return BEYOND if self.seen <= len(self._heap) else -self._heap[0][0]


def row_of(row: Mapping[str, Any]) -> Row:
    """A row of the SAMPLE schema, `COLUMNS` at least."""
    origins, seeds = row["origins"], row["seed_ids"]
    return Row(
        id=row["sample_id"],
        text=f"{row['prompt']}\n{row['response']}",
        anchor=anchor(row["context"], row["sample_id"]),
        document=min((origin["document_id"] for origin in origins), default=f"sample:{row['sample_id']}"),
        seed=min(seeds, default=row["sample_id"]),
        sources=frozenset(origin["source"] for origin in origins) or frozenset((NO_SOURCE,)),
        making=(row["recipe_hash"], f"{row['model']}@{row['model_revision']}", row["sampling"]),
    )


def anchor(context: str | None, identity: str) -> str | None:
    """One sentence of the context, picked by the row's identity; None when it has none with words."""
    found = [sentence for sentence in sentences(context or "") if words(sentence)]
    return found[_rank(f"anchor:{identity}") % len(found)] if found else None


@dataclass
class Sampler:
    """Samples of rows, one for each recipe."""

    limit: int
    _recipes: dict[str, Smallest[Row]] = field(default_factory=dict)

    def offer(self, row: Mapping[str, Any]) -> None:
        """Offers a row; one without a word holds nothing to measure."""
        if words(row["prompt"]) or words(row["response"]):
            recipe = self._recipes.setdefault(row["recipe"], Smallest(self.limit))
            recipe.offer(row["sample_id"], lambda: row_of(row))

    def samples(self) -> dict[str, RowSample]:
        """The samples by recipe."""
        return {name: RowSample(rows.kept(), rows.edge, rows.seen) for name, rows in sorted(self._recipes.items())}


def rejected_rows(
    rejects: Iterable[tuple[str, str]], rows: Iterable[Mapping[str, Any]], limit: int
) -> dict[str, dict[str, RowSample]]:
    """Samples by recipe and reason of what was rejected: `rejects` gives reason and identity, `rows` the rows.

    At most `limit` rows for each reason.
    """
    picked: dict[str, Smallest[str]] = {}
    for reason, identity in rejects:
        picked.setdefault(reason, Smallest(limit)).offer(identity, partial(str, identity))
    reason_of = {identity: reason for reason, ids in picked.items() for identity in ids.kept()}
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if (why := reason_of.get(row["sample_id"])) and words(f"{row['prompt']} {row['response']}"):
            found.setdefault(row["recipe"], {}).setdefault(why, []).append(row_of(row))
    return {
        recipe: {reason: _sample(own, picked[reason].edge) for reason, own in sorted(reasons.items())}
        for recipe, reasons in found.items()
    }


def _sample(rows: list[Row], edge: int) -> RowSample:
    return RowSample(sorted(rows, key=lambda row: (_rank(row.id), row.id)), edge, len(rows))


def without(rows: Sequence[Row], source: str) -> list[Row]:
    """The rows that owe nothing to the source."""
    return [row for row in rows if source not in row.sources]


def _rank(identity: str) -> int:
    return int(text_hash(identity), 16)
