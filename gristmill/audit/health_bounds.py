"""The gate's bounds on health, read from the verdict: drift from the parent release, and floors for every release.

Drift is bounded by mean + k deviations of the largest deviation that parts of the parent have from
each other, over all measures and recipes: the more is looked at, the wider the bound. What was
unmeasured breaks no bound and passes none: it is listed as such, and the floors decide.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gristmill.audit.bound import Bound
from gristmill.params.publish import GateParams

PARTS = {"new": "the new part", "whole": "the whole"}
_MOVES_SHOWN = 3


def health_bounds(health: Mapping[str, Any], params: GateParams) -> list[Bound]:
    """All that could be measured, held or broken."""
    return [*_drift_bounds(health, params), *_floors(health, params)]


def unmeasured(health: Mapping[str, Any]) -> list[str]:
    """A line for each recipe that could not be measured against the parent, or not at all."""
    lines = []
    for name, recipe in health["recipes"].items():
        parts = recipe["drift"] or {"new": recipe["seeds"]}
        lines += [f"{name}, {PARTS[part]}: needs {found['needs']}" for part, found in parts.items() if found["needs"]]
    return lines


def _drift_bounds(health: Mapping[str, Any], params: GateParams) -> Iterator[Bound]:
    trials = health["trials"]
    if trials is None:
        return
    limit = trials["mean"] + params.deviations * trials["deviation"]
    for name, recipe in health["recipes"].items():
        for part, drift in (recipe["drift"] or {}).items():
            if drift["moves"]:
                holds = drift["largest"] <= limit
                yield Bound(
                    f"drift of {name}, {PARTS[part]}",
                    _moved(drift, health["since"], limit),
                    f"a largest deviation of at most {limit:+.1f}",
                    "gate.deviations",
                    holds,
                    because="" if holds else _because(recipe, health["since"]),
                )


def _moved(drift: Mapping[str, Any], since: str, limit: float) -> str:
    """The measures beyond the limit, else the one that moved furthest."""
    moves = sorted(drift["moves"], key=lambda move: -move["deviation"])
    shown = [move for move in moves if move["deviation"] > limit][:_MOVES_SHOWN] or moves[:1]
    return "; ".join(
        f"{move['measure']} {move['after']:.3g} against {move['before']:.3g} in {since}"
        f" ({move['deviation']:+.1f} standard deviations)"
        for move in shown
    )


def _because(recipe: Mapping[str, Any], since: str) -> str:
    """What was changed, and what explains the loss when it is left out."""
    changed = [f"changed since {since}: {'; '.join(recipe['changed'])}"] if recipe["changed"] else []
    causes = [
        f"{cause['kind']} {cause['name']} explains {min(cause['explained'], 1):.0%} of the loss"
        for cause in recipe["causes"]
    ]
    none = "no source and no filter explains it: the recipe, its sampling or the model does"
    return "; ".join([*changed, *(causes or [none])])


def _floors(health: Mapping[str, Any], params: GateParams) -> Iterator[Bound]:
    for name, recipe in health["recipes"].items():
        found = recipe["seeds"]["measures"]
        if not found:
            continue
        for measure, least in (("types_ratio", params.min_types_ratio), ("vendi_ratio", params.min_vendi_ratio)):
            parameter = f"gate.min_{measure}"
            yield Bound(
                f"{measure} of {name}", f"{found[measure]:.3f}", f"at least {least}", parameter, found[measure] >= least
            )
        most = params.max_duplicate_rate
        yield Bound(
            f"repeated texts of {name}",
            f"{found['duplicate_rate']:.1%}",
            f"at most {most:.1%}",
            "gate.max_duplicate_rate",
            found["duplicate_rate"] <= most,
        )
