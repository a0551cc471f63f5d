"""Charts of counts: lengths, the judge's scores, tokens by stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from gristmill.report.drawing import ONE, TWO, Drawing, colours, drawing, legend, points

_LENGTHS = ("prompts", "responses")
_TOKENS = ("prompt", "completion")
_BAR = 34


def lengths(table: Sequence[Mapping[str, str]]) -> Drawing:
    """Rows by the number of words in prompt and response, from lengths.csv."""
    rows = [{"words": line["words"], "of": of, "rows": int(line[of])} for line in table for of in _LENGTHS]
    chart = (
        alt.Chart(points(rows))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            alt.X("words:O", sort=None, title="words, from", axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            alt.Y("rows:Q", title="rows", axis=alt.Axis(tickCount=5)),
            alt.XOffset("of:N", sort=list(_LENGTHS)),
            alt.Color("of:N", scale=colours(_LENGTHS), legend=legend()),
            tooltip=["of:N", "words:O", alt.Tooltip("rows:Q", format=",")],
        )
    )
    return drawing("lengths", "Rows by words in prompt and response; a bin begins at the number below it", chart, 220)


def scores(table: Sequence[Mapping[str, str]]) -> list[Drawing]:
    """Rows by score, one chart for each of the judge's criteria, from scores.csv."""
    names = list(dict.fromkeys(line["criterion"] for line in table))
    return [
        _scores(number, name, [line for line in table if line["criterion"] == name])
        for number, name in enumerate(names)
    ]


def _scores(number: int, name: str, table: Sequence[Mapping[str, str]]) -> Drawing:
    rows = [{"score": line["score"], "rows": int(line["rows"])} for line in table]
    chart = (
        alt.Chart(points(rows))
        .mark_bar(color=ONE, cornerRadiusEnd=2)
        .encode(
            alt.X("score:O", sort=None, title=None, axis=alt.Axis(labelAngle=0)),
            alt.Y("rows:Q", title=None, axis=alt.Axis(tickCount=4)),
            tooltip=["score:O", alt.Tooltip("rows:Q", format=",")],
        )
    )
    return drawing(f"score-{number}", f"{name}: rows by score", chart, 140)


def tokens(stages: Mapping[str, Mapping[str, Any]]) -> Drawing:
    """Tokens that each stage sent and got back, from the audit's cost."""
    rows = [
        {"stage": stage, "kind": kind, "tokens": cost[f"{kind}_tokens"]}
        for stage, cost in stages.items()
        for kind in _TOKENS
    ]
    chart = (
        alt.Chart(points(rows))
        .mark_bar(cornerRadius=1)
        .encode(
            alt.Y("stage:N", sort=None, title=None),
            alt.X("tokens:Q", title=None, axis=alt.Axis(tickCount=4, labelExpr="format(datum.value, '~s')")),
            alt.Color("kind:N", scale=colours(_TOKENS, (ONE, TWO)), legend=legend()),
            alt.Order("kind:N", sort="descending"),
            tooltip=["stage:N", "kind:N", alt.Tooltip("tokens:Q", format=",")],
        )
    )
    caption = "Tokens that each stage sent to a model and got back, rejected samples included"
    return drawing("tokens", caption, chart, _BAR * len(stages))
