"""Charts of health: how far each measure has moved from the parent, and its distance to the seeds over the releases."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt

from gristmill.audit.health_bounds import PARTS
from gristmill.health.measures import GATING, KINDS
from gristmill.report.drawing import LOST, ONE, QUIET, TWO, Drawing, colours, drawing, legend, points

RECIPES_DRAWN = 8
"""Recipes with charts of their own, those that moved furthest; the tables name all."""
RELEASES_DRAWN = 30
NOW = "now"
_DUPLICATES = "duplicate_rate"
_LIKELY = 2.0
"""Standard deviations between which 95% of a normal variable lie."""
_ROW = 26


def limit_of(health: Mapping[str, Any], deviations: float) -> float | None:
    """The bound on the largest deviation: mean + deviations x standard deviation of the parent's own trials."""
    trials = health["trials"]
    return None if trials is None else float(trials["mean"] + deviations * trials["deviation"])


def drifted(health: Mapping[str, Any]) -> list[str]:
    """The recipes that could be measured against the parent, the one that moved furthest first."""
    largest = {
        name: max((part["largest"] for part in (recipe["drift"] or {}).values() if part["moves"]), default=None)
        for name, recipe in health["recipes"].items()
    }
    found = {name: value for name, value in largest.items() if value is not None}
    return sorted(found, key=lambda name: (-found[name], name))


def drift(health: Mapping[str, Any], limit: float) -> list[Drawing]:
    """A chart for each measured recipe: its deviations, the band of the parent against itself, the bound."""
    return [
        _drift(number, name, list(moves(health["recipes"][name])), limit, health["since"])
        for number, name in enumerate(drifted(health)[:RECIPES_DRAWN])
    ]


def moves(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every measure's move, of the new part and of the whole."""
    for part, found in (recipe["drift"] or {}).items():
        for move in found["moves"]:
            yield {"part": PARTS[part], **move}


def _drift(number: int, name: str, rows: Sequence[Mapping[str, Any]], limit: float, since: str) -> Drawing:
    band = alt.Chart(points([{"low": -_LIKELY, "high": _LIKELY}])).mark_rect(color=QUIET, opacity=0.16)
    bound = alt.Chart(points([{"bound": limit}])).mark_rule(color=LOST, strokeDash=[5, 3], size=1.5)
    dots = alt.Chart(points(rows)).mark_point(filled=True, size=75, opacity=0.9)
    layers = alt.layer(
        band.encode(alt.X("low:Q", title="standard deviations"), alt.X2("high:Q")),
        bound.encode(alt.X("bound:Q")),
        dots.encode(
            alt.X("deviation:Q"),
            alt.Y("measure:N", sort=[measure.value for measure in GATING], title=None),
            alt.Color("part:N", scale=colours(list(PARTS.values()), (ONE, TWO)), legend=legend()),
            alt.Shape(
                "part:N", scale=alt.Scale(domain=list(PARTS.values()), range=["circle", "square"]), legend=legend()
            ),
            tooltip=["measure:N", "part:N", "before:Q", "after:Q", alt.Tooltip("deviation:Q", format="+.1f")],
        ),
    )
    caption = (
        f"{name}, since {since}. Grey: two standard deviations of the parent's parts from each other."
        f" Dashed: the gate's bound on the largest, {limit:+.1f}. Right is worse"
    )
    return drawing(f"drift-{number}", caption, layers, _ROW * len(GATING))


def history(health: Mapping[str, Any], floors: Mapping[str, float]) -> list[Drawing]:
    """A chart for each measure of the distance to the seeds, over the releases; none before there are two."""
    names = _recipes_drawn(health)
    releases = [*health["history"], {"release": NOW, "recipes": _present(health)}][-RELEASES_DRAWN:]
    if len(releases) < 2:
        return []
    order = [entry["release"] for entry in releases]
    found = ((measure, _series(releases, names, measure)) for measure in (*(m.value for m in GATING), _DUPLICATES))
    return [_line(measure, rows, order, names, floors.get(measure)) for measure, rows in found if rows]


def _recipes_drawn(health: Mapping[str, Any]) -> list[str]:
    first = drifted(health)
    return [*first, *(name for name in sorted(health["recipes"]) if name not in first)][:RECIPES_DRAWN]


def _present(health: Mapping[str, Any]) -> dict[str, Any]:
    return {name: recipe["seeds"] for name, recipe in health["recipes"].items()}


def _series(releases: Sequence[Mapping[str, Any]], names: Sequence[str], measure: str) -> list[dict[str, Any]]:
    """The points that were measured: a release without enough rows of a recipe has none."""
    return [
        {"release": entry["release"], "recipe": name, "value": entry["recipes"][name]["measures"][measure]}
        for entry in releases
        for name in names
        if measure in entry["recipes"].get(name, {"measures": {}})["measures"]
    ]


def _line(
    measure: str, rows: Sequence[Mapping[str, Any]], order: Sequence[str], names: Sequence[str], floor: float | None
) -> Drawing:
    line = (
        alt.Chart(points(rows))
        .mark_line(point=alt.OverlayMarkDef(filled=True, size=45), strokeWidth=2)
        .encode(
            alt.X("release:O", sort=list(order), scale=alt.Scale(domain=list(order)), title=None, axis=_releases()),
            alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)),
            alt.Color("recipe:N", scale=colours(names), legend=legend() if len(names) > 1 else None),
            tooltip=["recipe:N", "release:O", alt.Tooltip("value:Q", format=".4f")],
        )
    )
    caption = f"{measure} ({_direction(measure)} is worse)"
    if floor is None:
        return drawing(f"history-{measure}", caption, line, 130)
    bound = alt.Chart(points([{"bound": floor}])).mark_rule(color=LOST, strokeDash=[5, 3], size=1.5)
    chart = alt.layer(line, bound.encode(alt.Y("bound:Q")))
    return drawing(f"history-{measure}", f"{caption}; dashed: the gate's bound, {floor:g}", chart, 130)


def _releases() -> alt.Axis:
    """`dataset@v1.2.0` as `v1.2.0`."""
    return alt.Axis(labelAngle=0, labelOverlap="greedy", labelExpr="split(datum.label, '@')[1] || datum.label")


def _direction(measure: str) -> str:
    worse = {name.value: kind.worse for name, kind in KINDS.items()}[measure]
    return "higher" if worse > 0 or measure == _DUPLICATES else "lower"
