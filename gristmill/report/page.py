"""The report: what the stages left on disk, gathered into one page for a person.

Needs the audit; the gate and the export may be missing or may have refused: that is when a report
is wanted most. No figure is computed twice: measures come from data/audit, bounds from the gate's own code.
"""

import csv
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from gristmill.audit.bounds import bounds_of
from gristmill.audit.funnel import SAMPLES
from gristmill.errors import GristmillError, InputError
from gristmill.layout import Layout, Stage
from gristmill.params.load import parse, read_yaml
from gristmill.params.root import Params
from gristmill.report.charts import NARROW, Columns, columns
from gristmill.report.excerpts import reject_views, sample_views

SAMPLES_SHOWN = 20
REJECTS_SHOWN = 20


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
    return environment.from_string(files("gristmill.report").joinpath("page.html.j2").read_text(encoding="utf-8"))


def _content(layout: Layout) -> dict[str, Any]:
    """Everything that the template names."""
    audit = layout.data(Stage.AUDIT)
    measures, verdict = _needed(audit / "measures.json"), _needed(audit / "verdict.json")
    params = parse(Params, read_yaml(layout.params), layout.params.name)
    rejected = {stage.value: layout.data(stage) / "rejected" for stage in Stage}
    return {
        "title": params.export.title,
        "verdict": verdict,
        "bounds": bounds_of(verdict, params.gate),
        "mode": params.gate.mode.value,
        "measures": measures,
        "funnel": [_step(step) for step in measures["funnel"] if step["in"] or step["unit"] == SAMPLES],
        "lengths": _lengths(audit / "plots" / "lengths.csv"),
        "scores": _scores(audit / "plots" / "scores.csv"),
        "openings": _table(audit / "plots" / "openings.csv"),
        "speeds": _speeds(layout),
        "manifest": _optional(layout.data(Stage.EXPORT) / "manifest.json", verdict),
        "samples": sample_views(layout.data(Stage.COMPOSE), SAMPLES_SHOWN),
        "rejects": reject_views(rejected, REJECTS_SHOWN),
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger with its losses as shares of what came in, the costliest first."""
    lost = [(reason, rows) for kind in ("rejected", "failed") for reason, rows in step[kind].items()]
    losses = [
        {"reason": reason, "rows": rows, "share": rows / max(1, step["in"])}
        for reason, rows in sorted(lost, key=lambda loss: (-loss[1], loss[0]))
    ]
    return {**step, "losses": losses, "share": step["out"] / max(1, step["in"])}


def _lengths(path: Path) -> Columns:
    table = _table(path)
    series = [(name, [int(line[name]) for line in table]) for name in ("prompts", "responses")]
    return columns([line["words"] for line in table], series)


def _scores(path: Path) -> dict[str, Columns]:
    """A chart for each criterion of the judge's, and for the mean."""
    by_criterion: dict[str, list[tuple[str, int]]] = {}
    for line in _table(path):
        by_criterion.setdefault(line["criterion"], []).append((line["score"], int(line["rows"])))
    return {
        name: columns([score for score, _ in points], [("rows", [rows for _, rows in points])], NARROW)
        for name, points in by_criterion.items()
    }


def _speeds(layout: Layout) -> list[dict[str, Any]]:
    """The volatile figures of the stages that went through rows."""
    found = ((stage.value, layout.metrics(stage)) for stage in Stage)
    speeds = [{"stage": name, **json.loads(path.read_text())} for name, path in found if path.is_file()]
    return [speed for speed in speeds if speed.get("in")]


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
