"""The report: what the stages left on disk, gathered into one page for a person.

Needs the audit; the gate and the export may be missing or may have refused: that is when a report
is wanted most. No figure is computed twice: measures come from data/audit, bounds from the gate's own code.
The page works from a file, without a network: scripts, style and data are in it, and its policy allows nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2

from gristmill.audit.funnel import SAMPLES
from gristmill.errors import GristmillError, InputError
from gristmill.layout import Layout, Stage
from gristmill.params.load import parse, read_yaml
from gristmill.params.root import Params
from gristmill.report.embedded import asset, library, safe_json, source_hash, within
from gristmill.report.excerpts import reject_views, sample_views
from gristmill.report.sections import bias_section, count_section, health_section, map_section, verdict_section

SAMPLES_SHOWN = REJECTS_SHOWN = 300
ROWS_BYTES = 1_300_000
"""Of rows, and of rejects, at most: with the library (0.9 MB) and the charts the page stays below 5 MB."""
LISTED = 50
"""Entries of a list in the provenance."""


def write_report(layout: Layout, path: Path) -> Path:
    """Writes the page about the present data set to `path`. Raises GristmillError before the audit has run."""
    page = _template().render(_content(layout))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(page, encoding="utf-8")
    return fresh.replace(path)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["share"] = _share
    environment.filters["count"] = _count
    return environment.from_string(asset("page.html.j2"))


def _content(layout: Layout) -> dict[str, Any]:
    """Everything that the template names."""
    audit = layout.data(Stage.AUDIT)
    measures, verdict = _needed(audit / "measures.json"), _needed(audit / "verdict.json")
    params = parse(Params, read_yaml(layout.params), layout.params.name)
    sections = {
        "title": params.export.title,
        "listed": LISTED,
        "verdict": verdict,
        "measures": measures,
        "funnel": [_step(step) for step in measures["funnel"] if step["in"] or step["unit"] == SAMPLES],
        "speeds": _speeds(layout),
        "manifest": _optional(layout.data(Stage.EXPORT) / "manifest.json", verdict),
        **verdict_section(verdict, params.gate),
        **health_section(verdict["health"], params.gate),
        **bias_section(measures["bias"], verdict["bias"], params.gate),
        **count_section(audit / "plots", measures),
        **map_section(layout),
    }
    return {**sections, **_rows(layout), **_scripts(sections)}


def _rows(layout: Layout) -> dict[str, Any]:
    """The rows of the browser, as many as the page has room for."""
    rejected = {stage.value: layout.data(stage) / "rejected" for stage in Stage}
    samples = within(sample_views(layout.data(Stage.COMPOSE), SAMPLES_SHOWN), ROWS_BYTES)
    rejects = within(reject_views(rejected, REJECTS_SHOWN), ROWS_BYTES)
    found = {"rows": [asdict(row) for row in samples], "rejects": [asdict(row) for row in rejects]}
    return {"rows_json": safe_json(found), "samples_shown": len(samples), "rejects_shown": len(rejects)}


def _scripts(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The page's scripts, all that its policy lets run, and the charts that they draw."""
    drawn = {one.name: one.spec for name, found in sections.items() if name.endswith("_drawings") for one in found}
    scripts = [library(), asset("charts.js"), asset("browser.js")]
    allowed = " ".join(source_hash(script) for script in scripts)
    return {"style": asset("page.css"), "scripts": scripts, "allowed": allowed, "charts_json": safe_json(drawn)}


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger with its losses as shares of what came in, the costliest first."""
    lost = [(reason, rows) for kind in ("rejected", "failed") for reason, rows in step[kind].items()]
    losses = [
        {"reason": reason, "rows": rows, "share": rows / max(1, step["in"])}
        for reason, rows in sorted(lost, key=lambda loss: (-loss[1], loss[0]))
    ]
    return {**step, "losses": losses, "share": step["out"] / max(1, step["in"])}


def _speeds(layout: Layout) -> list[dict[str, Any]]:
    """The volatile figures of the stages that went through rows."""
    found = ((stage.value, layout.metrics(stage)) for stage in Stage)
    speeds = [{"stage": name, **json.loads(path.read_text())} for name, path in found if path.is_file()]
    return [speed for speed in speeds if speed.get("in")]


def _needed(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GristmillError(
            "there is nothing to report on yet", where=str(path), do="run `dvc repro audit` or `gristmill run`"
        ) from None
    except ValueError as error:
        raise InputError(
            f"not readable as JSON: {error}", where=str(path), do="run `dvc repro`: it makes the file again"
        ) from None
    return content


def _optional(path: Path, verdict: Mapping[str, Any]) -> dict[str, Any] | None:
    """The manifest, if it is about this data set."""
    if not path.is_file():
        return None
    manifest = _needed(path)
    return manifest if manifest["verdict"] == verdict else None


def _share(value: float | None) -> str:
    return "unmeasured" if value is None else f"{value:.1%}"


def _count(value: float | None) -> str:
    if value is None:
        return "unmeasured"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.3g}"
