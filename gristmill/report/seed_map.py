"""The map of seeds and rows: where in the seeds' world something was written, and where nothing was.

WordLlama's vectors, laid flat by the two directions in which the *seeds* differ most (principal components by singular
value decomposition; Pearson 1901). Rows are projected into that plane. At most `SEEDS` and `ROWS` of them, chosen by
their identities, so that the same data gives the same map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from gristmill.embed import NoVector, Vectors, embed
from gristmill.frame.parquet import read_rows
from gristmill.frame.redact import redact
from gristmill.health.rows import Smallest
from gristmill.report.drawing import ONE, QUIET, TWO, Drawing, colours, drawing, legend, points

SEEDS, ROWS = 600, 900
LEAST = 10
"""Seeds below which there are no directions to speak of."""
_EMBEDDED_CHARACTERS, _TIP_CHARACTERS = 2_000, 90
_USED, _UNUSED, _ROW = "seeds with rows", "seeds without", "rows"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeedMap:
    """The drawing, or why there is none."""

    drawing: Drawing | None
    note: str = ""


@dataclass(frozen=True)
class _Point:
    kind: str
    text: str


def seed_map(seeds: Path, rows: Path) -> SeedMap:
    """The map of the data sets in two folders, data/ingest and data/compose."""
    sampled = _seeds(seeds)
    if len(sampled) < LEAST:
        return SeedMap(None, f"a map needs {LEAST} seeds; found {len(sampled)}")
    written, used = _rows(rows, {identity for identity, _ in sampled})
    found = [
        *(_Point(_USED if identity in used else _UNUSED, text) for identity, text in sampled),
        *(_Point(_ROW, text) for text in written),
    ]
    try:
        vectors = embed([point.text[:_EMBEDDED_CHARACTERS] for point in found])
    except NoVector as error:
        return SeedMap(None, str(error))
    flat, shares = plane(vectors[: len(sampled)], vectors)
    return SeedMap(_draw(found, flat, shares, len(used)))


def plane(basis: Vectors, vectors: Vectors) -> tuple[Floats, Floats]:
    """`vectors` in the two principal components of `basis` (n x 2), and each component's share of its variance.

    A component's sign is chosen so that its largest entry is positive: decompositions leave it open.
    """
    centre = basis.mean(axis=0, dtype=np.float64)
    with threadpool_limits(1):
        _, values, directions = np.linalg.svd(basis - centre, full_matrices=False)
    two = directions[:2]
    two = two * np.sign(two[np.arange(2), np.abs(two).argmax(axis=1)])[:, None]
    total = float((values**2).sum())
    return (vectors - centre) @ two.T, values[:2] ** 2 / total if total else np.zeros(2)


def _seeds(folder: Path) -> list[tuple[str, str]]:
    kept: Smallest[tuple[str, str]] = Smallest(SEEDS)
    for seed in read_rows(folder, ("seed_id", "text")):
        kept.offer(seed["seed_id"], partial(_same, (seed["seed_id"], seed["text"])))
    return kept.kept()


def _rows(folder: Path, seeds: set[str]) -> tuple[list[str], set[str]]:
    """A sample of the rows' texts, and those of the seeds that any row was written from."""
    kept: Smallest[str] = Smallest(ROWS)
    used: set[str] = set()
    for row in read_rows(folder, ("sample_id", "prompt", "response", "seed_ids")):
        kept.offer(row["sample_id"], partial(_text, row))
        used.update(seeds.intersection(row["seed_ids"] or ()))
    return kept.kept(), used


def _same(pair: tuple[str, str]) -> tuple[str, str]:
    return pair


def _text(row: Mapping[str, Any]) -> str:
    return f"{row['prompt']}\n{row['response']}"


def _draw(found: Sequence[_Point], flat: Floats, shares: Floats, used: int) -> Drawing:
    rows = [
        {"x": round(float(x), 4), "y": round(float(y), 4), "kind": point.kind, "text": _tip(point.text)}
        for point, (x, y) in zip(found, flat, strict=True)
    ]
    kinds = [_UNUSED, _USED, _ROW]
    chart = (
        alt.Chart(points(rows))
        .mark_point(filled=True, size=26, opacity=0.6, aria=False)
        .encode(
            alt.X("x:Q", title=None, axis=None, scale=alt.Scale(zero=False)),
            alt.Y("y:Q", title=None, axis=None, scale=alt.Scale(zero=False)),
            alt.Color("kind:N", scale=colours(kinds, (QUIET, TWO, ONE)), legend=legend(columns=3)),
            alt.Shape(
                "kind:N", scale=alt.Scale(domain=kinds, range=["cross", "circle", "triangle"]), legend=legend(columns=3)
            ),
            tooltip=["kind:N", "text:N"],
        )
    )
    seeds = sum(point.kind != _ROW for point in found)
    caption = (
        f"{seeds:,} seeds and {len(found) - seeds:,} rows in the plane of the seeds' two main directions"
        f" ({shares.sum():.0%} of their variance); {used:,} of these seeds have rows ({used / seeds:.0%})"
    )
    return drawing("map", caption, chart, 380)


def _tip(text: str) -> str:
    shown = redact(" ".join(text[: 4 * _TIP_CHARACTERS].split()))
    return shown if len(shown) <= _TIP_CHARACTERS else shown[:_TIP_CHARACTERS] + " ..."
