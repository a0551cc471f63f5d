"""`gristmill label`: what a person says, where it is kept, and what it says of the judge."""

import json

import pytest
from typer.testing import CliRunner

from gristmill.audit.labels import Label, calibrate_judge, read_labels
from gristmill.cli.main import app
from gristmill.errors import InputError
from tests.samples import judged, samples, workspace, write_judged


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A workspace with 40 judged rows: every other one has a high mean."""
    layout = workspace(tmp_path)
    write_judged(layout, [judged(row, 5.0 if i % 2 else 2.0) for i, row in enumerate(samples(40))])
    monkeypatch.chdir(tmp_path)
    return layout


def label(*arguments, keys=""):
    return CliRunner().invoke(app, ["label", *map(str, arguments)], input="".join(f"{key}\n" for key in keys))


def give(layout, verdict):
    """Labels every row by a function of its number."""
    path = layout.root / "labels" / "judge.jsonl"
    path.parent.mkdir()
    rows = [{"sample_id": row["sample_id"], "label": verdict(i)} for i, row in enumerate(samples(40))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_label_keeps_answers_in_a_file_and_asks_each_row_once(clone):
    first = label("-n", 3, keys="gbs")
    second = label("-n", 40, keys="g" * 38)

    kept = read_labels(clone.root / "labels" / "judge.jsonl")
    assert first.exit_code == second.exit_code == 0
    assert len(kept) == 40
    assert list(kept.values()).count(Label.BAD) == 1
    assert "unmeasured: needs 10 good and 10 bad rows" in first.stdout


def test_label_asks_again_after_another_key_and_quits_at_q(clone):
    done = label("-n", 5, keys="xgq")

    assert done.exit_code == 0
    assert len(read_labels(clone.root / "labels" / "judge.jsonl")) == 1


def test_label_of_a_judge_that_is_right_gives_its_rates_and_the_distance(clone):
    give(clone, lambda i: "good" if i % 2 else "bad")

    done = label("-n", 0)

    assert "phi (good rows kept) 1.00, psi (bad rows kept) 0.00" in done.stdout
    assert "p* 1.00, bad rows 0.50, distance +0.50: training on what it keeps works" in done.stdout
    assert "CHANCE" not in done.output


def test_label_of_a_judge_no_better_than_chance_says_so_loudly(clone):
    give(clone, lambda i: "good" if i % 4 < 2 else "bad")

    done = label("-n", 0, "--json")

    assert "THIS JUDGE IS NO BETTER THAN CHANCE" in done.output
    assert '"no_better_than_chance": true' in done.stdout


def test_calibration_of_known_rates_gives_the_tolerable_share():
    labels = {f"g{i}": Label.GOOD for i in range(100)} | {f"b{i}": Label.BAD for i in range(100)}
    scores = [(f"g{i}", 5.0 if i < 90 else 1.0) for i in range(100)] + [
        (f"b{i}", 4.0 if i < 30 else None) for i in range(100)
    ]

    found = calibrate_judge(labels, scores, 4.0)

    assert (found.phi, found.psi, found.tolerable) == (0.9, 0.3, pytest.approx(0.75))
    assert 0.45 < found.advantage_low < 0.6
    assert not found.no_better_than_chance


def test_calibration_of_a_judge_that_keeps_no_good_row_has_no_tolerable_share():
    labels = {f"g{i}": Label.GOOD for i in range(10)} | {f"b{i}": Label.BAD for i in range(10)}

    found = calibrate_judge(labels, [(identity, 1.0) for identity in labels], 3.5)

    assert (found.phi, found.tolerable, found.no_better_than_chance) == (0.0, None, True)


@pytest.mark.parametrize("line", ["{", '{"sample_id": "a"}', '{"sample_id": "a", "label": "fine"}', "[]"])
def test_labels_that_are_none_are_named_by_their_line(tmp_path, line):
    path = tmp_path / "judge.jsonl"
    path.write_text('{"sample_id": "a", "label": "good"}\n' + line + "\n")

    with pytest.raises(InputError, match="line 2"):
        read_labels(path)
