"""A line chart as an SVG file that reads in light and in dark: few lines, each named at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 800, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 250, 48, 48
_COLOURS = ("#d1495b", "#c77d0a", "#8f6bd6", "#3a86c8", "#2a9d6f")
_LABEL_GAP = 18
_STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2328; }
  .axis { stroke: #8c959f; stroke-width: 1; }
  .grid { stroke: #8c959f; stroke-opacity: .3; stroke-width: 1; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .title { font-weight: 600; font-size: 16px; }
  .sheet { fill: #ffffff; }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .sheet { fill: #0d1117; } }
"""


@dataclass(frozen=True)
class Line:
    """A name and one value for each place on the x axis, from 0 on."""

    name: str
    values: Sequence[float]


def draw(lines: Sequence[Line], *, title: str, across: str) -> str:
    """The chart. All lines have the same number of values, at least two."""
    low = int(min(min(line.values) for line in lines))
    high = int(max(max(line.values) for line in lines)) + 1
    last = len(lines[0].values) - 1
    step = 1 if high - low <= 8 else 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="sheet" width="{_WIDTH}" height="{_HEIGHT}"/>',
        _text(_LEFT, 26, title, "title"),
        *(_grid(value, _y(value, low, high)) for value in range(low, high + 1, step)),
        *(_text(_x(place, last), _HEIGHT - _BOTTOM + 20, str(place), anchor="middle") for place in range(last + 1)),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, across, anchor="middle"),
    ]
    ends = _apart([_y(line.values[-1], low, high) for line in lines])
    for line, colour, end in zip(lines, _COLOURS, ends, strict=False):
        points = " ".join(f"{_x(i, last):.1f},{_y(value, low, high):.1f}" for i, value in enumerate(line.values))
        parts.append(f'<polyline class="line" stroke="{colour}" points="{points}"/>')
        label = f"{line.name} {line.values[-1]:.1f}"
        parts.append(f'<circle cx="{_WIDTH - _RIGHT + 12}" cy="{end - 5:.1f}" r="5" fill="{colour}"/>')
        parts.append(_text(_WIDTH - _RIGHT + 22, end, label))
    return "\n".join([*parts, "</svg>", ""])


def _x(place: int, last: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * place / last


def _y(value: float, low: int, high: int) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)


def _apart(places: Sequence[float]) -> list[float]:
    """The label places in the order given, moved up where they would overlap the one below."""
    moved = dict.fromkeys(range(len(places)), 0.0)
    below = float("inf")
    for index in sorted(moved, key=lambda i: -places[i]):
        below = min(places[index] + 5, below - _LABEL_GAP)
        moved[index] = below
    return list(moved.values())


def _grid(value: int, y: float) -> str:
    line = f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + _text(_LEFT - 8, y + 5, str(value), anchor="end")


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    chosen = f' class="{kind}"' if kind else ""
    return f'<text{chosen} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
