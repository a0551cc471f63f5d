"""The journal's copy in a real S3 store: what one clone paid for, no other pays for again."""

import logging
import sqlite3
import threading
from pathlib import Path

import pytest

from gristmill.engine import mirror
from gristmill.engine.journal import open_journal
from gristmill.engine.lookup import JournalReader
from gristmill.engine.mirror import Fetched, Mirror, mirrored
from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer, request_key
from gristmill.store.client import Store
from gristmill.store.faults import StoreError
from tests.engine.recorded import BEGAN, answers, content, record
from tests.store.server import own_state, state_folder, store, store_params

__all__ = ["own_state", "state_folder", "store", "store_params"]


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return tmp_path / "ours" / "journal.sqlite"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return tmp_path / "theirs" / "journal.sqlite"


def bring(path: Path, store: Store) -> tuple[Fetched, int]:
    """A fetch and a push, as `gristmill journal sync` does them."""
    with open_journal(path):
        pass
    both = Mirror(path, store)
    found = both.fetch(), both.push()
    both.close()
    return found


def test_second_clone_finds_every_answer_with_its_time_and_origin(ours: Path, theirs: Path, store: Store) -> None:
    record(ours, range(20))
    assert bring(ours, store) == (Fetched(0, 0, ()), 1)

    assert bring(theirs, store) == (Fetched(1, 20, ()), 0)

    assert answers(theirs, range(21)) == [f"Answer {n}." for n in range(20)] + [None]
    entry = JournalReader(theirs).entry(request_key(content(7)).hex())
    assert entry is not None
    assert (entry.recipe, entry.answered_at, entry.answer.gpu_seconds) == ("qa", BEGAN + 7, 1.0)


def test_bringing_up_to_date_twice_moves_nothing(ours: Path, theirs: Path, store: Store) -> None:
    record(ours, range(5))
    bring(ours, store)
    bring(theirs, store)
    assert bring(ours, store) == bring(theirs, store) == (Fetched(0, 0, ()), 0)
    assert not list(ours.parent.glob("segments/*"))


def test_two_clones_with_answers_of_their_own_have_all_of_them_afterwards(
    ours: Path, theirs: Path, store: Store
) -> None:
    record(ours, range(10))
    record(theirs, range(5, 15), began=BEGAN + 100)
    bring(ours, store)
    assert bring(theirs, store) == (Fetched(1, 5, ()), 1)
    assert bring(ours, store) == (Fetched(1, 5, ()), 0)
    assert None not in answers(ours, range(15)) + answers(theirs, range(15))


def test_answer_recorded_here_stays_when_another_comes_in(ours: Path, theirs: Path, store: Store) -> None:
    record(ours, range(1))
    bring(ours, store)
    with open_journal(theirs) as journal:
        journal.append(request_key(content(0)), content(0), Answer("My own."))
    bring(theirs, store)
    assert answers(theirs, range(1)) == ["My own."]


def test_damaged_segment_is_refused_by_name_and_the_others_are_used(ours: Path, theirs: Path, store: Store) -> None:
    record(ours, range(3))
    bring(ours, store)
    record(ours, range(3, 6))
    bring(ours, store)
    first, second = [head.key for head in store.list("journal/")]
    store.put_bytes(first, store.get_bytes(first)[:-7])
    store.put_bytes("journal/notes.txt", b"not ours")

    fetched, _ = bring(theirs, store)

    assert (fetched.segments, fetched.answers) == (1, 3)
    assert [first.removeprefix("journal/") in str(fault) for fault in fetched.refused] == [True]
    assert answers(theirs, range(6)) == [None, None, None, "Answer 3.", "Answer 4.", "Answer 5."]
    assert second in [head.key for head in store.list("journal/")]


def test_what_was_pruned_here_does_not_come_back(ours: Path, store: Store) -> None:
    record(ours, range(3))
    bring(ours, store)
    with sqlite3.connect(ours) as database:
        database.execute("DELETE FROM answers")
    assert bring(ours, store) == (Fetched(0, 0, ()), 0)
    assert answers(ours, range(1)) == [None]


def test_segment_that_was_lost_before_its_upload_is_made_again(ours: Path, store: Store) -> None:
    record(ours, range(3))
    both = Mirror(ours, store)
    both._close_segments()
    for path in ours.parent.glob("segments/*"):
        path.unlink()
    assert both.push() == 1
    both.close()


def test_long_journal_makes_several_segments(
    ours: Path, theirs: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "SEGMENT_BYTES", 1000)
    record(ours, range(20))
    _, uploaded = bring(ours, store)
    assert uploaded > 2
    assert bring(theirs, store)[0] == Fetched(uploaded, 20, ())


def test_run_uploads_at_its_end_though_its_body_fails(ours: Path, theirs: Path, store: Store) -> None:
    def fails_after_an_answer() -> None:
        with open_journal(ours) as journal, mirrored(journal, lambda: store, 60):
            journal.append(request_key(content(1)), content(1), Answer("Yes."))
            journal.flush()
            raise GristmillError("no room")

    with pytest.raises(GristmillError, match="no room"):
        fails_after_an_answer()
    bring(theirs, store)
    assert answers(theirs, range(2)) == [None, "Yes."]


def test_run_uploads_while_it_lasts(ours: Path, store: Store) -> None:
    arrived = threading.Event()

    class Watched(_Full):
        def put_file(self, *given: object) -> None:
            self._store.put_file(*given)  # type: ignore[arg-type]
            arrived.set()

    with open_journal(ours) as journal, mirrored(journal, lambda: Watched(store), 0.05):  # type: ignore[arg-type, return-value]
        journal.append(request_key(content(1)), content(1), Answer("Yes."))
        journal.flush()
        assert arrived.wait(20)


class _Full:
    """A store that refuses every upload, until it is told otherwise."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put_file(self, *_: object) -> None:
        raise StoreError("the store is full")

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_upload_that_fails_is_told_and_brought_later_and_the_run_goes_on(
    ours: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        open_journal(ours) as journal,
        mirrored(journal, lambda: _Full(store), 60),  # type: ignore[arg-type, return-value]
    ):
        journal.append(request_key(content(1)), content(1), Answer("Yes."))
    assert "not uploaded, will be tried again: the store is full" in caplog.text
    assert len(list(ours.parent.glob("segments/*.parquet"))) == 1

    assert bring(ours, store) == (Fetched(0, 0, ()), 1)


def test_store_that_does_not_answer_ends_the_run_before_it_asks_anything(ours: Path, store: Store) -> None:
    class Silent:
        def list(self, _: str) -> list[object]:
            raise StoreError("the store does not answer")

    with (
        pytest.raises(StoreError, match="does not answer"),
        open_journal(ours) as journal,
        mirrored(journal, Silent, 60),  # type: ignore[arg-type]
    ):
        raise AssertionError("the run began")
