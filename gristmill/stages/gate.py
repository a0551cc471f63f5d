"""gate: lets the data set pass, or says which bounds it breaks; depends on the verdict and these bounds only."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.audit.bound import Bound
from gristmill.audit.bounds import bounds_of
from gristmill.audit.health_bounds import unmeasured
from gristmill.errors import GateRefused, GristmillError
from gristmill.frame.stage import stage_run
from gristmill.identity import content_hash
from gristmill.layout import Layout, Stage
from gristmill.params.load import load_section
from gristmill.params.publish import GateMode, GateParams

log = logging.getLogger(__name__)


def run(layout: Layout) -> None:
    """Writes data/gate/decision.json. Raises GateRefused, and writes nothing, when the data set must not pass."""
    params = load_section(GateParams, layout.params, "gate")
    with stage_run(Stage.GATE, layout) as run:
        verdict = _verdict(layout)
        broken = [bound for bound in bounds_of(verdict, params) if not bound.holds]
        if any(params.mode is GateMode.BLOCK or bound.absolute for bound in broken):
            raise _refusal(broken, verdict, params)
        unknown = unmeasured(verdict["health"])
        for line in unknown:
            log.warning("unmeasured, which is no pass (the floors decide): %s", line)
        decision = {
            "passed": not broken,
            "mode": params.mode.value,
            "reasons": [str(bound) for bound in broken],
            "unmeasured": unknown,
            "baseline": verdict["health"]["since"] is None,
            "verdict": content_hash(verdict),
        }
        (run.folder / "decision.json").write_text(json.dumps(decision, indent=1, sort_keys=True) + "\n")
        run.used(bounds=[str(bound) for bound in bounds_of(verdict, params)])


def _verdict(layout: Layout) -> dict[str, Any]:
    path = layout.data(Stage.AUDIT) / "verdict.json"
    try:
        verdict: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise GristmillError("there is no verdict", where=str(path), do="run `dvc repro audit`") from None
    return verdict


def _refusal(broken: Sequence[Bound], verdict: Mapping[str, Any], params: GateParams) -> GateRefused:
    """All broken bounds at once; of the two on `rows` the absolute one, when broken, says it all."""
    empty = any(bound.absolute for bound in broken)
    shown = [bound for bound in broken if not (empty and bound.parameter == "gate.min_rows")]
    return GateRefused(
        "the data set does not pass:\n" + "\n".join(f"  - {bound}{_parameter(bound)}" for bound in shown),
        where="gate",
        expected="all bounds kept" if params.mode is GateMode.BLOCK else "rows: `mode: warn` lets nothing empty pass",
        do=_way_out(verdict, params, empty),
    )


def _parameter(bound: Bound) -> str:
    return f"  ({bound.parameter})" if bound.parameter else ""


def _way_out(verdict: Mapping[str, Any], params: GateParams, empty: bool) -> str:
    losses = ", ".join(f"{loss['stage']}: {loss['reason']} {loss['rows']:,}" for loss in verdict["top_losses"])
    lines = [
        f"most samples were lost to {losses}" if losses else "no sample was lost to a check: too few were requested",
        "look at data/<stage>/rejected/ or `gristmill report`, then change the recipe, the filter or quota.seeds",
    ]
    if params.mode is GateMode.BLOCK and not empty:
        lines.append("`gate.mode: warn` lets it pass, marked in the manifest")
    return "; ".join(lines)
