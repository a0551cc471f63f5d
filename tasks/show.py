"""What a run found, as artifacts of Prefect's UI: the funnel as a table, the audit as Markdown.

Both are made when `audit` is done, so that they are there also where the gate then says no.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from gristmill.layout import Stage
from tasks.workspace import workspace


@task(name="show audit")
def show_audit() -> None:
    """Makes the artifacts `funnel` and `audit` from data/audit."""
    layout, _ = workspace()
    folder = layout.data(Stage.AUDIT)
    verdict, measures = (json.loads((folder / f"{name}.json").read_text()) for name in ("verdict", "measures"))
    create_table_artifact(table=funnel_table(measures["funnel"]), key="funnel", description="What became of the rows")
    create_markdown_artifact(markdown=audit_page(verdict), key="audit", description=f"{verdict['rows']:,} rows")


def funnel_table(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line for each stage and unit: what came in and went out, and what was lost for which reason."""
    return [
        {"stage": step["stage"], "unit": step["unit"], "in": step["in"], "out": step["out"], "lost": _lost(step)}
        for step in steps
    ]


def audit_page(verdict: Mapping[str, Any]) -> str:
    """The verdict for people, as Markdown."""
    facts = {
        "rows": f"{verdict['rows']:,}",
        "new rows": f"{verdict['new_rows']:,}",
        "asked for": f"{verdict['requested']:,}",
        "accepted": _percent(verdict["accepted_share"]),
        "failed": _percent(verdict["failed_share"]),
    }
    facts["health"] = _cell(str(verdict["health"]["status"]))
    lines = ["# Audit", "", "| measure | value |", "|---|---:|", *(f"| {_cell(k)} | {v} |" for k, v in facts.items())]
    losses = [f"* {_cell(loss['stage'])}: {_cell(loss['reason'])}, {loss['rows']:,}" for loss in verdict["top_losses"]]
    return "\n".join([*lines, "", "## Commonest losses", "", *(losses or ["none"])])


def _lost(step: Mapping[str, Any]) -> str:
    lost = {**step["rejected"], **step["failed"]}
    return ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(lost.items(), key=lambda loss: -loss[1]))


def _percent(share: float | None) -> str:
    return "unmeasured" if share is None else f"{share:.1%}"


def _cell(text: str) -> str:
    """Text that ends neither its cell nor its line, and opens no tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
