"""verdict.json: everything that the gate needs, and no more, so that a change of its bounds measures nothing again."""

from collections.abc import Mapping
from typing import Any

from gristmill.audit.bias import amplifications
from gristmill.audit.funnel import Funnel
from gristmill.audit.measure import share

_TOP_LOSSES = 8


def verdict_of(
    funnel: Funnel,
    whole: Mapping[str, Any],
    diversity: Mapping[str, Any],
    health: Mapping[str, Any],
    bias: Mapping[str, Any],
) -> dict[str, Any]:
    """Sizes, shares of what was requested, emptiness, where rows were lost, the measures' values, the health."""
    losses = [{"stage": loss.stage, "reason": loss.reason, "rows": loss.rows} for loss in funnel.losses()]
    return {
        "rows": whole["rows"],
        "new_rows": funnel.new_rows,
        "parent_rows": funnel.parent_rows,
        "requested": funnel.requested,
        "accepted": funnel.accepted,
        "accepted_share": share(funnel.accepted, funnel.requested),
        "failed": funnel.failed,
        "failed_share": share(funnel.failed, funnel.requested),
        "empty_rows": whole["empty"],
        "splits": whole["splits"],
        "top_losses": losses[:_TOP_LOSSES],
        "measures": {name: part["types_ratio"]["value"] for name, part in diversity["parts"].items()},
        "health": dict(health),
        "bias": amplifications(bias),
    }
