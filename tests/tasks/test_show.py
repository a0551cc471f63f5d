"""What Prefect's UI shows of a run."""

from tasks.show import audit_page, funnel_table

STEP = {
    "stage": "filter",
    "unit": "samples",
    "in": 1200,
    "out": 1000,
    "rejected": {"short": 50, "form": 149},
    "failed": {"engine": 1},
}
VERDICT = {
    "rows": 1500,
    "new_rows": 1000,
    "requested": 1200,
    "accepted_share": 0.8333,
    "failed_share": None,
    "top_losses": [{"stage": "filter", "reason": "a|b <script>", "rows": 149}],
    "health": {"status": "baseline"},
}


def test_funnel_tells_losses_the_largest_first():
    assert funnel_table([STEP]) == [
        {"stage": "filter", "unit": "samples", "in": 1200, "out": 1000, "lost": "form 149, short 50, engine 1"}
    ]


def test_audit_page_tells_rows_shares_and_health_and_escapes():
    page = audit_page(VERDICT)

    assert "| rows | 1,500 |" in page
    assert "| accepted | 83.3% |" in page
    assert "| failed | unmeasured |" in page
    assert "| health | baseline |" in page
    assert page.endswith("* filter: a\\|b &lt;script>, 149")
