"""The gate: what it lets through, what it stops, and what it says then."""

import json

import pytest

from gristmill.errors import GateRefused
from gristmill.layout import Stage
from gristmill.stages import gate
from tests.samples import workspace

GOOD = {
    "rows": 120,
    "new_rows": 100,
    "parent_rows": 20,
    "requested": 400,
    "accepted": 100,
    "accepted_share": 0.25,
    "failed": 4,
    "failed_share": 0.01,
    "empty_rows": 0,
    "splits": {"train": 120},
    "top_losses": [{"stage": "filter", "reason": "response_not_in_evidence", "rows": 180}],
    "measures": {"new": 0.8, "whole": 0.8},
    "bias": [],
    "health": {"status": "baseline", "since": None, "recipes": {}, "trials": None, "history": []},
}


def gated(root, mode="block", **changed):
    layout = workspace(root, gate={"mode": mode, "min_rows": 50, "min_accepted_share": 0.1, "max_failed_share": 0.05})
    folder = layout.data(Stage.AUDIT)
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text(json.dumps({**GOOD, **changed}))
    gate.run(layout)
    return json.loads((layout.data(Stage.GATE) / "decision.json").read_text())


def test_gate_healthy_data_passes(tmp_path):
    decision = gated(tmp_path)

    assert (decision["passed"], decision["mode"], decision["reasons"]) == (True, "block", [])


@pytest.mark.parametrize(
    ("changed", "bound"),
    [
        ({"accepted": 9_996, "accepted_share": 0.1}, "gate.min_accepted_share"),
        ({"accepted": 50_000, "failed": 5_004, "failed_share": 0.05}, "gate.max_failed_share"),
    ],
)
def test_gate_goes_by_counts_not_by_rounded_shares(tmp_path, changed, bound):
    with pytest.raises(GateRefused, match=bound):
        gated(tmp_path, requested=100_000, **changed)


def test_gate_names_every_broken_bound_and_the_way_out(tmp_path):
    with pytest.raises(GateRefused) as raised:
        gated(tmp_path, rows=9, accepted=9, accepted_share=0.0225, failed=40, failed_share=0.1, empty_rows=2)

    assert str(raised.value) == (
        "gate: the data set does not pass:\n"
        "  - rows: 9, required: at least 50  (gate.min_rows)\n"
        "  - accepted share: 2.2% (9 of 400), required: at least 10.0%  (gate.min_accepted_share)\n"
        "  - failed share: 10.0% (40 of 400), required: at most 5.0%  (gate.max_failed_share)\n"
        "  - rows with an empty prompt or response: 2, required: 0\n"
        "    expected: all bounds kept\n"
        "    do: most samples were lost to filter: response_not_in_evidence 180; look at data/<stage>/rejected/ or"
        " `gristmill report`, then change the recipe, the filter or quota.seeds; `gate.mode: warn` lets it pass,"
        " marked in the manifest"
    )
    assert raised.value.exit_code == 3
    assert not (tmp_path / "data" / "gate").exists()


def test_gate_warn_passes_and_records_why_not(tmp_path):
    decision = gated(tmp_path, mode="warn", rows=9)

    assert decision["passed"] is False
    assert decision["reasons"] == ["rows: 9, required: at least 50"]


@pytest.mark.parametrize("mode", ["block", "warn"])
def test_gate_lets_nothing_empty_pass(tmp_path, mode):
    with pytest.raises(GateRefused, match="rows: 0, required: more than 0"):
        gated(tmp_path, mode=mode, rows=0, new_rows=0)


def test_gate_nothing_requested_is_no_acceptance(tmp_path):
    with pytest.raises(GateRefused, match="no samples were requested"):
        gated(tmp_path, requested=0, accepted=0, accepted_share=None, failed=0, failed_share=None)


def drifted(largest, trials=(2.0, 0.5), causes=(), changed=()):
    """A verdict's health in which one recipe moved."""
    moves = [
        {"measure": "unigram_kl", "before": 0.8, "after": 1.24, "spread": 0.05, "deviation": largest},
        {"measure": "mauve", "before": 0.9, "after": 0.89, "spread": 0.05, "deviation": 0.2},
    ]
    drift = {"rows": 90, "largest": largest, "moves": moves, "needs": ""}
    seeds = {"rows": 90, "measures": {"types_ratio": 0.9, "vendi_ratio": 0.8, "duplicate_rate": 0.0}, "needs": ""}
    recipe = {"seeds": seeds, "drift": {"new": drift}, "causes": list(causes), "changed": list(changed)}
    joint = {"count": 40, "mean": trials[0], "deviation": trials[1]}
    return {
        "status": "measured", "since": "dataset@v0.3.0", "recipes": {"qa": recipe}, "trials": joint, "history": []
    }  # fmt: skip


def test_gate_drift_within_the_stated_deviations_passes(tmp_path):
    assert gated(tmp_path, health=drifted(3.5))["passed"]


def test_gate_drift_beyond_them_says_what_moved_how_far_since_when_and_why(tmp_path):
    causes = [{"kind": "source", "name": "tickets", "explained": 0.82}]
    with pytest.raises(GateRefused) as raised:
        gated(tmp_path, health=drifted(8.8, causes=causes, changed=["sampling.pair.temperature: 0.7 -> 0.05"]))

    assert (
        "drift of qa, the new part: unigram_kl 1.24 against 0.8 in dataset@v0.3.0 (+8.8 standard deviations),"
        " required: a largest deviation of at most +3.5; changed since dataset@v0.3.0:"
        " sampling.pair.temperature: 0.7 -> 0.05; source tickets explains 82% of the loss  (gate.deviations)"
    ) in str(raised.value)


def test_gate_drift_under_warn_passes_and_is_marked(tmp_path):
    decision = gated(tmp_path, mode="warn", health=drifted(8.8))

    assert decision["passed"] is False
    assert decision["reasons"][0].startswith("drift of qa, the new part: unigram_kl 1.24")


@pytest.mark.parametrize(
    ("measure", "value", "bound"),
    [
        ("types_ratio", 0.2, "types_ratio of qa: 0.200, required: at least 0.25  (gate.min_types_ratio)"),
        ("vendi_ratio", 0.1, "vendi_ratio of qa: 0.100, required: at least 0.25  (gate.min_vendi_ratio)"),
        ("duplicate_rate", 0.5, "repeated texts of qa: 50.0%, required: at most 30.0%  (gate.max_duplicate_rate)"),
    ],
)
def test_gate_floors_hold_for_a_first_release_too(tmp_path, measure, value, bound):
    health = drifted(0.0)
    recipe = health["recipes"]["qa"]
    recipe["seeds"]["measures"][measure] = value
    baseline = {
        **health,
        "status": "baseline",
        "since": None,
        "trials": None,
        "recipes": {"qa": {**recipe, "drift": None}},
    }

    with pytest.raises(GateRefused) as raised:
        gated(tmp_path, health=baseline)

    assert bound in str(raised.value)


def test_gate_unmeasured_is_listed_and_no_pass_of_that_measure(tmp_path):
    health = drifted(0.0)
    health["recipes"]["qa"]["drift"] = {"new": {"moves": [], "needs": "50 rows; found 9"}}

    decision = gated(tmp_path, health={**health, "trials": None, "status": "unmeasured"})

    assert decision["unmeasured"] == ["qa, the new part: needs 50 rows; found 9"]


@pytest.mark.parametrize(("low", "passes"), [(0.09, True), (0.11, False)])
def test_gate_bias_breaks_its_bound_when_the_whole_interval_lies_above(tmp_path, low, passes):
    found = {"axis": "gender", "measure": "representation", "amplification": 0.2, "low": low, "high": 0.3}

    decision = gated(tmp_path, mode="warn", bias=[found])

    assert decision["passed"] is passes
    assert decision["reasons"] == (
        []
        if passes
        else ["bias by gender, representation: +0.20 against the seeds (+0.11 to +0.30), required: at most +0.10"]
    )
