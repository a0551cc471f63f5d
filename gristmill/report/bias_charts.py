"""Charts of bias: what generation added to the seeds' unevenness, and who is spoken of on each axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from gristmill.report.drawing import LOST, ONE, QUIET, TWO, Drawing, colours, drawing, legend, points

_SIDES = {"seeds": "seeds", "samples": "new rows"}
_ROW = 24


def bias_charts(
    bias: Mapping[str, Mapping[str, Any]], found: Sequence[Mapping[str, Any]], most: float
) -> list[Drawing]:
    """All of it for the axes that could be measured; nothing where none could."""
    measured = {axis: entry for axis, entry in bias.items() if entry["status"] == "measured"}
    amplified = [_amplification(found, most)] if found else []
    return [*amplified, *(_groups(axis, entry["shares"]) for axis, entry in measured.items())]


def _amplification(found: Sequence[Mapping[str, Any]], most: float) -> Drawing:
    """Each axis's amplification with its interval, and the gate's bound."""
    rows = [{**entry, "what": f"{_spoken(entry['axis'])}, {entry['measure']}"} for entry in found]
    base = alt.Chart(points(rows)).encode(alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=150)))
    rules = alt.Chart(points([{"at": 0.0}])).mark_rule(color=QUIET).encode(alt.X("at:Q"))
    bound = alt.Chart(points([{"at": most}])).mark_rule(color=LOST, strokeDash=[5, 3], size=1.5).encode(alt.X("at:Q"))
    chart = alt.layer(
        rules,
        bound,
        base.mark_rule(color=ONE, size=3).encode(
            alt.X("low:Q", title="amplification; right is worse"), alt.X2("high:Q")
        ),
        base.mark_point(color=ONE, filled=True, size=75).encode(
            alt.X("amplification:Q"),
            tooltip=["what:N", *(alt.Tooltip(f"{name}:Q", format="+.3f") for name in ("amplification", "low", "high"))],
        ),
    )
    caption = (
        "Distance of the groups' shares from even, new rows less seeds, with the 95% interval."
        f" The gate breaks when a whole interval lies right of the dashed bound, {most:+.2f}"
    )
    return drawing("amplification", caption, chart, _ROW * len(rows) + 20)


def _groups(axis: str, shares: Mapping[str, Mapping[str, float]]) -> Drawing:
    rows = [
        {"group": _spoken(group), "of": _SIDES[side], "share": share}
        for side, own in shares.items()
        for group, share in own.items()
    ]
    order = list(_SIDES.values())
    chart = (
        alt.Chart(points(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=110)),
            alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=4)),
            alt.YOffset("of:N", sort=order),
            alt.Color("of:N", scale=colours(order, (TWO, ONE)), legend=legend()),
            tooltip=["group:N", "of:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return drawing(f"bias-{axis}", f"{_spoken(axis)}: share of the mentions", chart, 34 * len(shares["seeds"]))


def _spoken(name: str) -> str:
    return name.replace("_", " ")
