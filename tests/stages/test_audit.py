"""The audit stage on real rows, on few, and on none."""

import csv
import json

from gristmill.layout import Stage
from gristmill.stages import audit
from tests.release import through_audit
from tests.samples import samples, workspace


def read(layout, name):
    return json.loads((layout.data(Stage.AUDIT) / name).read_text())


def lines(layout, name):
    with (layout.data(Stage.AUDIT) / "plots" / name).open() as file:
        return list(csv.reader(file))


def test_audit_verdict_holds_what_the_gate_needs(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(40)
    rows[0]["prompt"] = "Why?"

    through_audit(layout, rows)

    verdict = read(layout, "verdict.json")
    assert (verdict["rows"], verdict["requested"], verdict["accepted_share"]) == (39, 40, 0.975)
    assert (verdict["failed_share"], verdict["empty_rows"]) == (0.0, 0)
    assert sum(verdict["splits"].values()) == 39
    assert verdict["top_losses"] == [{"stage": "filter", "reason": "prompt_too_short", "rows": 1}]
    assert 0.3 < verdict["measures"]["new"] < 1.2


def test_audit_plots_have_headers_and_every_row(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, samples(30))

    lengths, funnel = lines(layout, "lengths.csv"), lines(layout, "funnel.csv")

    assert lengths[0] == ["words", "prompts", "responses"]
    assert sum(int(line[1]) for line in lengths[1:]) == 30
    assert funnel == [
        ["step", "rows"],
        ["requested", "30"],
        ["generate", "30"],
        ["filter", "30"],
        ["judge", "30"],
        ["compose", "30"],
    ]
    assert lines(layout, "scores.csv")[1:6] == [
        ["accuracy", score, rows] for score, rows in zip("12345", ("0", "0", "0", "30", "0"), strict=True)
    ]
    assert lines(layout, "openings.csv")[1] == ["what does", "30", "1.0"]


def test_audit_few_rows_are_unmeasured_not_healthy(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, samples(2))

    found = read(layout, "measures.json")["diversity"]["parts"]["new"]["types_ratio"]

    assert found["status"] == "unmeasured"
    assert found["value"] is None
    assert read(layout, "verdict.json")["measures"]["new"] is None


def test_audit_of_nothing_succeeds(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, [])

    verdict = read(layout, "verdict.json")

    assert (verdict["rows"], verdict["requested"], verdict["accepted_share"]) == (0, 0, None)


def test_audit_run_twice_gives_the_same_bytes(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, samples(20))
    first = {path.name: path.read_bytes() for path in layout.data(Stage.AUDIT).rglob("*.*")}

    audit.run(layout)

    assert {path.name: path.read_bytes() for path in layout.data(Stage.AUDIT).rglob("*.*")} == first
