"""A plan's projection, kept until the run that it was made for, and held against what that run paid.

The last plan with something open stands in .gristmill/forecast.json; metrics/generate.json of a later run tells what
was asked. The error is (measured - projected) / projected.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.layout import Layout, Stage

_PAIRS = (
    ("requests", "requests_open"),
    ("prompt_tokens", "prompt_tokens_open"),
    ("completion_tokens", "expected_completion_tokens"),
    ("usd", "expected_usd"),
)


def remember(layout: Layout, forecast: Mapping[str, Any]) -> None:
    """Keeps a projection of which something is open."""
    if forecast["requests_open"]:
        _file(layout).parent.mkdir(parents=True, exist_ok=True)
        _file(layout).write_text(json.dumps(dict(forecast)) + "\n")


def checked(layout: Layout) -> list[dict[str, Any]]:
    """Projected against measured, a row for each figure; empty unless `generate` ran and asked after the last plan."""
    plan, metrics = _file(layout), layout.metrics(Stage.GENERATE)
    if not (plan.exists() and metrics.exists()) or metrics.stat().st_mtime_ns < plan.stat().st_mtime_ns:
        return []
    projected, measured = json.loads(plan.read_text()), json.loads(metrics.read_text())
    paid = measured.get("paid_by_this_run", {})
    return [_row(name, projected[open_], paid[name]) for name, open_ in _PAIRS] if paid.get("requests") else []


def _row(name: str, projected: float, measured: float) -> dict[str, Any]:
    error = f"{(measured - projected) / projected:+.0%}" if projected else ""
    return {"figure": name.replace("_", " "), "projected": projected, "measured": measured, "error": error}


def _file(layout: Layout) -> Path:
    return layout.state / "forecast.json"
