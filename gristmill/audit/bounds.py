"""The gate's bounds, held against a verdict: which are broken, with what was measured and what is required."""

from collections.abc import Mapping
from typing import Any

from gristmill.audit.bound import Bound
from gristmill.audit.health_bounds import health_bounds
from gristmill.params.publish import GateParams


def bounds_of(verdict: Mapping[str, Any], params: GateParams) -> list[Bound]:
    """Every bound, held or broken."""
    return [
        Bound("rows", f"{verdict['rows']:,}", "more than 0", holds=verdict["rows"] > 0, absolute=True),
        Bound(
            "rows",
            f"{verdict['rows']:,}",
            f"at least {params.min_rows:,}",
            "gate.min_rows",
            verdict["rows"] >= params.min_rows,
        ),
        _accepted(verdict, params),
        _failed(verdict, params),
        Bound(
            "rows with an empty prompt or response", f"{verdict['empty_rows']:,}", "0", holds=not verdict["empty_rows"]
        ),
        *health_bounds(verdict["health"], params),
        *[_bias(found, params) for found in verdict["bias"]],
    ]


def _accepted(verdict: Mapping[str, Any], params: GateParams) -> Bound:
    accepted = _share(verdict, "accepted")
    return Bound(
        "accepted share",
        _of(verdict, "accepted"),
        f"at least {params.min_accepted_share:.1%}",
        "gate.min_accepted_share",
        accepted is not None and accepted >= params.min_accepted_share,
    )


def _failed(verdict: Mapping[str, Any], params: GateParams) -> Bound:
    failed = _share(verdict, "failed")
    return Bound(
        "failed share",
        _of(verdict, "failed"),
        f"at most {params.max_failed_share:.1%}",
        "gate.max_failed_share",
        failed is not None and failed <= params.max_failed_share,
    )


def _bias(found: Mapping[str, Any], params: GateParams) -> Bound:
    """Broken when the whole of the interval lies above the bound."""
    return Bound(
        f"bias by {found['axis']}, {found['measure']}",
        f"{found['amplification']:+.2f} against the seeds ({found['low']:+.2f} to {found['high']:+.2f})",
        f"at most {params.max_bias_amplification:+.2f}",
        "gate.max_bias_amplification",
        found["low"] <= params.max_bias_amplification,
    )


def _share(verdict: Mapping[str, Any], count: str) -> float | None:
    """From the counts: the verdict's own shares are rounded, and would let a little too much pass."""
    return verdict[count] / verdict["requested"] if verdict["requested"] else None


def _of(verdict: Mapping[str, Any], count: str) -> str:
    found = _share(verdict, count)
    if found is None:
        return "no samples were requested"
    return f"{found:.1%} ({verdict[count]:,} of {verdict['requested']:,})"
