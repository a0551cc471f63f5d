"""Geometry of the report's small charts: numbers in, rectangles and labels out; the template draws them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDE, NARROW = 720.0, 320.0
"""Widths for a chart of many categories, and for one of few that stands beside others."""
_HEIGHT = 200.0
_LEFT, _BOTTOM, _TOP = 44.0, 34.0, 10.0
_GAP = 0.18
_TICKS = 4


@dataclass(frozen=True)
class Bar:
    """A rectangle, and what a reader who points at it is told."""

    x: float
    y: float
    width: float
    height: float
    series: int
    tip: str


@dataclass(frozen=True)
class Label:
    """A text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Columns:
    """A column chart: one group of bars for each category, one bar in it for each series."""

    bars: Sequence[Bar]
    categories: Sequence[Label]
    ticks: Sequence[Label]
    series: Sequence[str]
    width: float
    height: float = _HEIGHT
    left: float = _LEFT


def columns(categories: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], width: float = WIDE) -> Columns:
    """The chart of `series` (name, one count for each category)."""
    top = nice_ceiling(max((count for _, counts in series for count in counts), default=0))
    plot_height, group = _HEIGHT - _BOTTOM - _TOP, (width - _LEFT) / max(1, len(categories))
    bar = group * (1 - _GAP) / max(1, len(series))
    bars = []
    for s, (name, counts) in enumerate(series):
        for c, (category, count) in enumerate(zip(categories, counts, strict=True)):
            height = round(plot_height * count / top, 2)
            x = round(_LEFT + c * group + group * _GAP / 2 + s * bar, 2)
            tip = f"{name}, {category}: {count:,}"
            bars.append(Bar(x, round(_HEIGHT - _BOTTOM - height, 2), round(max(bar - 1, 1), 2), height, s, tip))
    labels = [Label(round(_LEFT + (c + 0.5) * group, 2), _HEIGHT - 16, text) for c, text in enumerate(categories)]
    return Columns(bars, labels, _ticks(top, plot_height), [name for name, _ in series], width)


def nice_ceiling(value: int) -> int:
    """The next of 4, 8, 20, 40, 80, 200, ...: divides evenly into the axis's ticks."""
    step = 1
    while True:
        for factor in (4, 8, 20):
            if factor * step >= value:
                return factor * step
        step *= 10


def _ticks(top: int, plot_height: float) -> list[Label]:
    values = [top * tick // _TICKS for tick in range(_TICKS + 1)]
    return [Label(_LEFT - 6, round(_HEIGHT - _BOTTOM - plot_height * value / top, 2), f"{value:,}") for value in values]
