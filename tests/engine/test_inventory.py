"""What the journal holds: counted, thrown away, written out."""

import json
import stat
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.engine import inventory
from gristmill.engine.inventory import Files, Group, Match
from gristmill.engine.lookup import JournalReader
from gristmill.errors import GristmillError, InputError
from tests.engine.recorded import BEGAN, DAY, answers, content, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three answers of one model and recipe, then two of others."""
    path = tmp_path / "journal.sqlite"
    record(path, range(3))
    record(path, range(3, 5), step="mark", model="other@2", recipe="judge")
    return path


def test_groups_count_answers_tokens_and_bytes_by_recipe_step_model_and_engine(path: Path) -> None:
    judge, qa = inventory.groups(path)
    size = sum(len(content(n)) + len(f"Answer {n}.") for n in range(3))
    assert qa == Group("qa", "ask", "model@1", "scripted/1", 3, 30, 12, 6, 1.5, 3.0, size)
    assert (judge.recipe, judge.step, judge.model, judge.answers) == ("judge", "mark", "other@2", 2)


def test_journal_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    none = tmp_path / "none.sqlite"
    assert inventory.groups(none) == []
    assert inventory.files(none) == Files(0, 0, 0, 0, 0)
    assert inventory.would_prune(none, Match(recipe="qa")).answers == 0


@pytest.mark.parametrize(
    ("match", "left"),
    [
        (Match(model="model"), 2),
        (Match(model="model@1"), 2),
        (Match(model="model@2"), 5),
        (Match(recipe="judge"), 3),
        (Match(recipe="judge", model="model"), 5),
        (Match(older_than_days=1), 0),
        (Match(older_than_days=30_000), 5),
    ],
)
def test_prune_takes_what_meets_all_conditions(path: Path, match: Match, left: int) -> None:
    would = inventory.would_prune(path, match)
    assert JournalReader(path).count() == 5
    done = inventory.prune(path, match)
    assert (done.answers, done.bytes) == (would.answers, would.bytes)
    assert JournalReader(path).count() == left == 5 - done.answers


def test_prune_without_a_condition_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="no condition is given"):
        inventory.prune(path, Match())


def test_prune_gives_the_room_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    record(path, range(5000))
    record(path, range(5000, 5010), recipe="kept", began=BEGAN + DAY)
    before = path.stat().st_size
    done = inventory.prune(path, Match(recipe="qa"))
    assert done.freed_bytes == before - path.stat().st_size > 0.8 * before
    assert answers(path, range(5000, 5002)) == ["Answer 5000.", "Answer 5001."]


def test_prune_beside_a_run_is_refused(path: Path) -> None:
    from gristmill.engine.journal import open_journal

    with open_journal(path), pytest.raises(GristmillError, match="the journal is in use"):
        inventory.prune(path, Match(recipe="qa"))


def test_export_writes_whole_entries_for_their_owner_alone(path: Path, tmp_path: Path) -> None:
    table, lines = tmp_path / "all.parquet", tmp_path / "all.jsonl"
    assert inventory.export(path, table) == inventory.export(path, lines) == 5

    first = json.loads(lines.read_text().splitlines()[0])
    assert (first["text"], first["step"], first["recipe"], first["model"]) == ("Answer 0.", "ask", "qa", "model@1")
    assert first["asked"] == [{"role": "user", "content": "Question 0?"}]
    assert pq.read_table(table)["text"].to_pylist() == [f"Answer {n}." for n in range(5)]
    assert {stat.S_IMODE(each.stat().st_mode) for each in (table, lines)} == {0o600}


@pytest.mark.parametrize("name", ["there.jsonl", "notes.txt"])
def test_export_overwrites_nothing_and_knows_two_forms(path: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "there.jsonl").write_text("mine")
    with pytest.raises(InputError):
        inventory.export(path, tmp_path / name)
    assert (tmp_path / "there.jsonl").read_text() == "mine"
