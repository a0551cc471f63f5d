"""A chart as the page embeds it: a Vega-Lite specification made by Altair, and the sentence below it.

Colours are named by the page's CSS custom properties (`--one`); the page's script puts the values of the present
colour scheme in their place. Widths are the container's, so that one specification serves desk and phone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

ONE, TWO, LOST, QUIET = "--one", "--two", "--lost", "--quiet"
SERIES = (ONE, TWO, "--three", "--four", "--five", "--six", "--seven", "--eight")
"""Colours of up to eight series."""
AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart
"""What Altair calls the sum of layers may be either of the latter two."""


@dataclass(frozen=True)
class Drawing:
    """One chart. `name` is unique on the page."""

    name: str
    caption: str
    spec: Mapping[str, Any]


def drawing(name: str, caption: str, chart: AnyChart, height: int) -> Drawing:
    """The chart at its container's width and `height` pixels; the caption is read out to those who do not see it."""
    sized = chart.properties(width="container", height=height, description=caption)
    return Drawing(name, caption, sized.to_dict())


def points(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """The rows as inline data."""
    return alt.InlineData(values=[dict(row) for row in rows])


def colours(names: Sequence[str], chosen: Sequence[str] = SERIES) -> alt.Scale:
    """A fixed colour for each name, in their order."""
    return alt.Scale(domain=list(names), range=list(chosen[: len(names)]))


def legend(columns: int = 2) -> alt.Legend:
    """Above the plot, without a title: room is short on a phone."""
    return alt.Legend(title=None, orient="top", direction="horizontal", columns=columns, labelLimit=160)
