"""The health of a release, recipe by recipe: the new part and the composed whole, against the parent release.

status `baseline`: there is no parent, or none of its rows are of this recipe; the next release is measured against
it, and this one only held to the floors. `unmeasured`: too few rows. `measured`: the gate
decides. The distance to the seeds is given for reading, with that of the releases before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from gristmill.embed import NoVector
from gristmill.health.causes import causes, changes
from gristmill.health.drift import MAX_ROWS, VECTORS, Drift, compared, drifts
from gristmill.health.measures import GATING
from gristmill.health.rows import Row, RowSample
from gristmill.health.surface import duplicate_rate

HISTORY = 200
"""Releases whose figures are carried along."""
_EXPLAIN_FROM = 2.0
"""Standard deviations above the mean from which on causes are looked for: below any bound one would set."""


class Status(StrEnum):
    """What is known of a recipe's rows, or of a release."""

    BASELINE = "baseline"
    UNMEASURED = "unmeasured"
    MEASURED = "measured"


@dataclass(frozen=True)
class Before:
    """The parent release: its name, a sample of its rows by recipe, its verdict's health."""

    release: str
    rows: Mapping[str, RowSample]
    health: Mapping[str, Any]


@dataclass(frozen=True)
class Now:
    """The present release: samples by recipe of the new part and of the whole, rejects by recipe and reason."""

    new: Mapping[str, RowSample]
    whole: Mapping[str, RowSample]
    rejected: Mapping[str, Mapping[str, RowSample]]


def health_of(before: Before | None, now: Now, min_rows: int) -> dict[str, Any]:
    """The health as it stands in verdict.json. Equal inputs give equal answers."""
    recipes = {name: _recipe(name, before, now, min_rows) for name in sorted(now.new)}
    statuses = {recipe["status"] for recipe in recipes.values()}
    return {
        "status": str(min(statuses, key=_GRAVITY.index)) if statuses else Status.UNMEASURED.value,
        "since": before.release if before else None,
        "min_rows": min_rows,
        "recipes": recipes,
        "trials": _joint(
            [drift["trials"] for recipe in recipes.values() for drift in (recipe["drift"] or {}).values()]
        ),
        "history": _history(before),
    }


_GRAVITY = [Status.UNMEASURED, Status.MEASURED, Status.BASELINE]


def _recipe(name: str, before: Before | None, now: Now, min_rows: int) -> dict[str, Any]:
    new = now.new[name].rows
    seeds = distance_to_seeds(new, min_rows)
    if before is None or name not in before.rows:
        status = Status.BASELINE if seeds["rows"] else Status.UNMEASURED
        return {"status": status.value, "seeds": seeds, "drift": None}
    parent = before.rows[name].rows
    part, whole = drifts(parent, [new, now.whole[name].rows], min_rows)
    found = {"new": _as_dict(part), "whole": _as_dict(whole)}
    if not part.moves:
        return {"status": Status.UNMEASURED.value, "seeds": seeds, "drift": found}
    explained = _explained(part, parent, now, name, min_rows) if _looks_bad(part) else {"changed": [], "causes": []}
    return {"status": Status.MEASURED.value, "seeds": seeds, "drift": found, **explained}


def distance_to_seeds(rows: Sequence[Row], min_rows: int) -> dict[str, Any]:
    """The gating measures of at most `MAX_ROWS` rows against their anchors, and the share of repeated texts."""
    anchored = [row for row in rows if row.anchor][:MAX_ROWS]
    if len(anchored) < min_rows:
        needs = f"{min_rows:,} rows that were written from text; found {len(anchored):,}"
        return {"rows": 0, "measures": {}, "needs": needs}
    try:
        sides = compared([anchored])
    except NoVector:
        return {"rows": 0, "measures": {}, "needs": VECTORS}
    everything = np.arange(len(anchored))
    with threadpool_limits(1):
        values = sides.value(0, everything, everything, np.random.default_rng(0))
    measures = {name.value: round(values[name], 4) for name in GATING}
    measures["duplicate_rate"] = round(duplicate_rate([row.text for row in anchored]), 4)
    return {"rows": len(anchored), "measures": measures, "needs": ""}


def _explained(part: Drift, parent: Sequence[Row], now: Now, name: str, min_rows: int) -> dict[str, Any]:
    found = causes(part, parent, now.new[name], now.rejected.get(name, {}), min_rows)
    return {"changed": changes(parent, now.new[name].rows), "causes": [asdict(cause) for cause in found]}


def _looks_bad(drift: Drift) -> bool:
    return bool(drift.largest > np.mean(drift.trials) + _EXPLAIN_FROM * np.std(drift.trials, ddof=1))


def _as_dict(drift: Drift) -> dict[str, Any]:
    moves = [
        {
            "measure": move.measure.value,
            **{name: round(value, 4) for name, value in asdict(move).items() if name != "measure"},
        }
        for move in drift.moves
    ]
    return {
        "rows": drift.rows,
        "unit": drift.unit,
        "anchored": drift.anchored,
        "largest": round(drift.largest, 4) if drift.moves else None,
        "moves": moves,
        "trials": [round(value, 4) for value in drift.trials],
        "length_divergence": None if drift.length_divergence is None else round(drift.length_divergence, 4),
        "needs": drift.needs,
    }


def _joint(trials: Sequence[Sequence[float]]) -> dict[str, float | int] | None:
    """Mean and deviation of the largest deviation over all recipes: more recipes make no more false alarms."""
    measured = [found for found in trials if found]
    if not measured:
        return None
    largest = np.max(np.array(measured), axis=0)
    return {
        "count": len(largest),
        "mean": round(float(largest.mean()), 4),
        "deviation": round(float(largest.std(ddof=1)), 4),
    }


def _history(before: Before | None) -> list[dict[str, Any]]:
    """The distance to the seeds of the releases before, the oldest first."""
    if before is None:
        return []
    own = {name: recipe["seeds"] for name, recipe in before.health.get("recipes", {}).items()}
    return [*before.health.get("history", []), {"release": before.release, "recipes": own}][-HISTORY:]
