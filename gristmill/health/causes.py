"""Where a drift comes from: each source left out, each filter's rejects put back, measured again; and what was changed.

The share of a loss that something explains is 1 - (loss without it) / (loss with it), both measured on equally
many rows. What was *changed* since the parent is read from the rows themselves: recipe's hash, model, sampling.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from gristmill.health.drift import MAX_ROWS, Drift, Move, Sides, compared, difference
from gristmill.health.measures import KINDS
from gristmill.health.rows import Row, RowSample, without

LEAST_EXPLAINED = 0.25
"""Smaller shares are not worth a line, and within the error of so few draws."""
_MOST = 6
"""Sources, and reasons of rejection, that are tried: the most frequent."""
_DRAWS = 4


@dataclass(frozen=True)
class Cause:
    """Something that explains a share of the loss in one measure."""

    kind: str
    """`source` or `filter`."""
    name: str
    explained: float


def causes(
    drift: Drift, parent: Sequence[Row], new: RowSample, rejected: Mapping[str, RowSample], min_rows: int
) -> list[Cause]:
    """What explains the measure that moved furthest, the best explanation first; empty when nothing does."""
    worst = max(drift.moves, key=lambda move: move.deviation)
    trials = _trials(new, rejected)
    usable = {key: rows for key, rows in trials.items() if len(rows) >= min_rows}
    if not usable:
        return []
    sides = compared([parent, new.rows, *usable.values()])
    rng = np.random.default_rng(0)
    with threadpool_limits(1):
        found = [
            Cause(*key, round(_explained(sides, place, worst, rng), 2)) for place, key in enumerate(usable, start=2)
        ]
    return sorted((one for one in found if one.explained >= LEAST_EXPLAINED), key=lambda one: -one.explained)


def _trials(new: RowSample, rejected: Mapping[str, RowSample]) -> dict[tuple[str, str], list[Row]]:
    """The new part without each source, and with each filter's rejects."""
    rows = new.rows
    sources = Counter(source for row in rows for source in row.sources)
    reasons = Counter({reason: sample.seen for reason, sample in rejected.items()})
    left_out = {("source", name): without(rows, name) for name, _ in sources.most_common(_MOST)}
    put_back = {("filter", name): new.joined(rejected[name]) for name, _ in reasons.most_common(_MOST)}
    return {**left_out, **put_back}


def _explained(sides: Sides, place: int, worst: Move, rng: np.random.Generator) -> float:
    rows = min(MAX_ROWS, *(len(sides.texts[one]) for one in (0, 1, place)))
    loss, rest = (_loss(sides, one, rows, worst, rng) for one in (1, place))
    return 1 - rest / loss if loss > 0 else 0.0


def _loss(sides: Sides, place: int, rows: int, worst: Move, rng: np.random.Generator) -> float:
    before, after = difference(sides, place, rows, rng, _DRAWS)
    return KINDS[worst.measure].worse * (after[worst.measure] - before[worst.measure])


def changes(parent: Sequence[Row], new: Sequence[Row]) -> list[str]:
    """What most rows are made with now, where it is not what most of the parent's were made with: a line each."""
    before, now = (Counter(row.making for row in rows).most_common(1)[0][0] for rows in (parent, new))
    lines = [f"model {before[1]} -> {now[1]}"] if before[1] != now[1] else []
    lines += differences(json.loads(before[2]), json.loads(now[2]), "sampling")
    if before[0] != now[0] and not lines:
        lines.append("its text or steps (another recipe hash, the same sampling)")
    return lines


def differences(before: object, now: object, path: str) -> list[str]:
    """A line for each value that differs, `path: old -> new`, in nested mappings."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = sorted({*before, *now})
        return [line for key in keys for line in differences(before.get(key), now.get(key), f"{path}.{key}")]
    return [] if before == now else [f"{path}: {_short(before)} -> {_short(now)}"]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:57]}..."
