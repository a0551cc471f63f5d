"""judge: annotates every row, rejects none."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from gristmill.frame.parquet import PartWriter
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.schema import SAMPLE
from gristmill.stages import generate, judge
from tests.stages.generation import RUBRIC, Workspace


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "counting_script", raising=False)
    made = Workspace(tmp_path / "ws")
    generate.run(made.layout)
    shutil.copytree(made.layout.data(Stage.GENERATE), made.layout.data(Stage.FILTER))
    made.forget_asked()
    yield made
    sys.modules.pop("counting_script", None)


def test_scores_and_faults_stand_beside_the_sample(ws: Workspace) -> None:
    judge.run(ws.layout)

    first, generated = ws.rows(Stage.JUDGE)[0], ws.rows(Stage.GENERATE)[0]
    assert {name: first[name] for name in generated} == generated
    assert (first["judge_status"], first["judge_faults"], first["judge_mean"]) == ("scored", "none", 4.0)
    assert first["judge_scores"] == [{"criterion": "mark", "score": 4}]
    assert len(first["judge_request_keys"]) == 1


def test_judgement_that_does_not_parse_marks_the_row_and_keeps_it(ws: Workspace) -> None:
    judge.run(ws.layout)

    fifth = next(row for row in ws.rows(Stage.JUDGE) if "topic5" in row["prompt"])
    assert (fifth["judge_status"], fifth["judge_faults"], fifth["judge_mean"]) == ("unparsed", None, None)
    assert fifth["judge_scores"] == []
    assert len(fifth["judge_request_keys"]) == 1
    books = read_books(ws.layout, Stage.JUDGE)
    assert books["books"][0] == {"unit": "samples", "in": 9, "out": 9, "rejected": {}, "failed": {}}
    assert books["used"]["unparsed"] == {"verdict_not_json": 1}


def test_score_outside_the_scale_is_no_score(ws: Workspace) -> None:
    rubric = RUBRIC.replace("scores: {mark: verdict.mark}", "scores: {mark: verdict.mark + 2}")
    (ws.root / "recipes" / "mark.yaml").write_text(rubric)
    judge.run(ws.layout)
    assert {row["judge_status"] for row in ws.rows(Stage.JUDGE)} == {"unparsed"}
    assert read_books(ws.layout, Stage.JUDGE)["used"]["unparsed"] == {"score_out_of_range": 8, "verdict_not_json": 1}


def test_second_run_asks_nothing_and_gives_the_same_bytes(ws: Workspace) -> None:
    judge.run(ws.layout)
    first = ws.contents(Stage.JUDGE)
    ws.forget_asked()
    judge.run(ws.layout)
    assert ws.asked() == []
    assert ws.contents(Stage.JUDGE) == first
    assert json.loads(ws.layout.metrics(Stage.JUDGE).read_text())["requests_from_journal"] == 9


def test_no_samples_to_judge_is_no_fault(ws: Workspace) -> None:
    shutil.rmtree(ws.layout.data(Stage.FILTER))
    with PartWriter(ws.layout.data(Stage.FILTER), SAMPLE):
        pass
    judge.run(ws.layout)
    assert ws.rows(Stage.JUDGE) == []
    assert ws.asked() == []
