"""What each section of the page says: figures of the audit, ordered for a reader, and the drawings beside them.

A section is a mapping from the names that the template uses to their values; its drawings are a list, under a name
that ends in `_drawings`.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.audit.bounds import bounds_of
from gristmill.audit.health_bounds import PARTS, unmeasured
from gristmill.health.measures import GATING, KINDS
from gristmill.layout import Layout, Stage
from gristmill.params.publish import GateParams
from gristmill.report.bias_charts import bias_charts
from gristmill.report.charts import lengths, scores, tokens
from gristmill.report.health_charts import RECIPES_DRAWN, drift, drifted, history, limit_of, moves
from gristmill.report.seed_map import seed_map

Section = dict[str, Any]


def verdict_section(verdict: Mapping[str, Any], gate: GateParams) -> Section:
    """The gate's bounds, broken ones first, and what could not be measured."""
    bounds = bounds_of(verdict, gate)
    shown = [bound for bound in bounds if not bound.absolute]
    return {
        "mode": gate.mode.value,
        "bounds": sorted(shown, key=lambda bound: bound.holds),
        "passes": all(bound.holds for bound in bounds),
        "unmeasured": unmeasured(verdict["health"]),
    }


def health_section(health: Mapping[str, Any], gate: GateParams) -> Section:
    """Drift from the parent release, and the distance to the seeds with its history."""
    floors = {
        "types_ratio": gate.min_types_ratio,
        "vendi_ratio": gate.min_vendi_ratio,
        "duplicate_rate": gate.max_duplicate_rate,
    }
    limit = limit_of(health, gate.deviations)
    recipes = [_recipe(name, health["recipes"][name]) for name in health["recipes"]]
    return {
        "limit": limit,
        "recipes": recipes,
        "kinds": {name.value: KINDS[name] for name in GATING},
        "drift_drawings": [] if limit is None else drift(health, limit),
        "drift_left_out": max(0, len(drifted(health)) - RECIPES_DRAWN),
        "history_drawings": history(health, floors),
    }


def _recipe(name: str, recipe: Mapping[str, Any]) -> Section:
    """A recipe's distance to the seeds, its moves by measure, and what its losses come from."""
    table: dict[str, dict[str, Any]] = {}
    for move in moves(recipe):
        table.setdefault(move["measure"], {})[move["part"]] = move
    return {
        "name": name,
        "status": recipe["status"],
        "seeds": recipe["seeds"],
        "parts": list(PARTS.values()),
        "moves": table,
        "changed": recipe.get("changed", []),
        "causes": recipe.get("causes", []),
    }


def bias_section(bias: Mapping[str, Any], found: list[Mapping[str, Any]], gate: GateParams) -> Section:
    """Bias by axis, of the new rows: the part that the gate looks at."""
    new = bias["new"]
    return {
        "axes": {axis.replace("_", " "): entry for axis, entry in new.items()},
        "bias_drawings": bias_charts(new, found, gate.max_bias_amplification),
    }


def count_section(plots: Path, measures: Mapping[str, Any]) -> Section:
    """Lengths, openings, the judge's scores and tokens."""
    rows = measures["parts"]["whole"]["rows"]
    return {
        "openings": _table(plots / "openings.csv"),
        "length_drawings": [lengths(_table(plots / "lengths.csv"))] if rows else [],
        "score_drawings": scores(_table(plots / "scores.csv")),
        "cost_drawings": [tokens(measures["cost"]["stages"])],
    }


def map_section(layout: Layout) -> Section:
    """The map of seeds and rows."""
    found = seed_map(layout.data(Stage.INGEST), layout.data(Stage.COMPOSE))
    return {"map_drawings": [found.drawing] if found.drawing else [], "map_note": found.note}


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
