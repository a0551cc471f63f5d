"""The audit stage on real rows, on few, and on none."""

import csv
import json

import pytest

from gristmill.errors import GateRefused
from gristmill.layout import Stage
from gristmill.stages import audit, gate
from tests.release import Shelf, through_audit, through_export
from tests.samples import samples, workspace

ANY_PROMPT = {"filters": [{"name": "length"}, {"name": "boilerplate"}, {"name": "language"}, {"name": "exact_dedup"}]}


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


def child_of(shelf, root, monkeypatch, rows, **sections):
    """A workspace that builds on the shelf's release, through the audit."""
    root.mkdir()
    layout = workspace(root, **sections)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    through_audit(layout, rows)
    return layout


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A release of 300 rows, on a shelf."""
    shelf = Shelf()
    root = tmp_path_factory.mktemp("parent")
    layout = workspace(root)
    through_export(layout, samples(300))
    shelf.put(layout)
    return shelf


def test_audit_first_release_is_marked_as_the_baseline(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, samples(60))

    health = read(layout, "verdict.json")["health"]

    assert (health["status"], health["since"]) == ("baseline", None)
    assert health["recipes"]["qa-from-docs"]["seeds"]["rows"] == 60


def test_audit_healthy_release_has_not_drifted_and_passes(tmp_path, monkeypatch, parent):
    layout = child_of(parent, tmp_path / "new", monkeypatch, samples(400)[300:])

    verdict = read(layout, "verdict.json")
    gate.run(layout)

    assert (verdict["health"]["status"], verdict["health"]["since"]) == ("measured", "dataset@v0.1.0")
    assert verdict["health"]["recipes"]["qa-from-docs"]["drift"]["new"]["rows"] == 100
    assert json.loads((layout.data(Stage.GATE) / "decision.json").read_text())["passed"]


def test_audit_narrowed_release_is_refused_by_the_gate_with_measure_parent_and_what_was_changed(
    tmp_path, monkeypatch, parent
):
    changed = {"sampling": '{"question": {"temperature": 0.01}}', "response": "one of those that it names"}
    rows = [
        {**row, **changed, "prompt": f"What is a thing that we say about it {i}?"}
        for i, row in enumerate(samples(400)[300:])
    ]
    layout = child_of(parent, tmp_path / "new", monkeypatch, rows, filter=ANY_PROMPT)

    with pytest.raises(GateRefused) as raised:
        gate.run(layout)

    message = str(raised.value)
    assert "drift of qa-from-docs, the new part: " in message
    assert "in dataset@v0.1.0 (+" in message
    assert "a largest deviation of at most +" in message
    assert "changed since dataset@v0.1.0: sampling.question: null -> {" in message
    assert "no source and no filter explains it" in message


def test_audit_release_narrowed_by_a_filter_names_the_filter(tmp_path, monkeypatch, parent):
    """All that is left are questions on one sentence; the others were too long for the filter."""
    rows = samples(440)[300:]
    seed = rows[0]
    kept = [
        {**row, "sample_id": f"{i:032x}", "prompt": f"What is it {i}?", "response": seed["response"]}
        | {key: seed[key] for key in ("evidence", "context", "seed_ids", "origins")}
        for i, row in enumerate(rows[:60])
    ]
    limits = {"filters": [{"name": "length", "min_prompt_words": 2, "max_prompt_words": 5}]}
    layout = child_of(parent, tmp_path / "new", monkeypatch, [*kept, *rows[1:]], filter=limits)

    recipe = read(layout, "verdict.json")["health"]["recipes"]["qa-from-docs"]

    assert [(cause["kind"], cause["name"]) for cause in recipe["causes"]] == [("filter", "prompt_too_long")]


def test_audit_few_new_rows_are_unmeasured_and_the_gate_says_so(tmp_path, monkeypatch, parent):
    layout = child_of(parent, tmp_path / "new", monkeypatch, samples(320)[300:])

    gate.run(layout)

    decision = json.loads((layout.data(Stage.GATE) / "decision.json").read_text())
    assert read(layout, "verdict.json")["health"]["status"] == "unmeasured"
    assert decision["unmeasured"] == [
        "qa-from-docs, the new part: needs 50 rows, and 125 in the parent release; found 20 and 299"
    ]
