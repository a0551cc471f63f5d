"""The journal: what is committed stays, whoever dies; what is wrong is said."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.engine.journal import open_journal
from gristmill.engine.lookup import JournalReader
from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer, Message, Request, Sampling, request_key

REQUEST = Request("ask", Sampling(temperature=0.5, max_tokens=9), (Message("user", "Why?"),), draw=2, attempt=1)
CONTENT = REQUEST.content("model@1")
KEY = request_key(CONTENT)
ANSWER = Answer("Because.", "stop", 7, 2, 5, "scripted/1")


def test_answer_recorded_is_found_at_once_and_by_a_later_run(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "journal.sqlite"
    with open_journal(path) as journal:
        assert journal.get(KEY) is None
        journal.append(KEY, CONTENT, ANSWER)
        assert journal.get(KEY) == ANSWER

    with open_journal(path) as journal:
        assert journal.get(KEY) == ANSWER


def test_reader_beside_the_writer_sees_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.append(KEY, CONTENT, ANSWER)
        journal.flush()
        reader = JournalReader(path)
        assert reader.get(KEY) == ANSWER
        reader.close()


def test_entry_tells_what_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.append(KEY, CONTENT, ANSWER)

    entry = JournalReader(path).entry(KEY.hex())

    assert entry is not None
    assert entry.answer == ANSWER
    assert entry.asked == {
        "model": "model@1",
        "asked": [{"role": "user", "content": "Why?"}],
        "sampling": {"temperature": 0.5, "max_tokens": 9},
        "constraint": None,
        "step": "ask",
        "draw": 2,
        "attempt": 1,
    }


def test_journal_that_is_not_there_reads_as_empty(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path / "none.sqlite")
    assert reader.get(KEY) is None
    assert reader.count() == 0
    assert not (tmp_path / "none.sqlite").exists()


def test_journal_is_private_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "journal.sqlite"
    with open_journal(path) as journal:
        journal.append(KEY, CONTENT, ANSWER)
        journal.flush()
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.glob("journal.sqlite*")}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_second_run_at_once_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with (
        open_journal(path),
        pytest.raises(GristmillError, match=f"the journal is in use by process {os.getpid()}"),
        open_journal(path),
    ):
        pass


def test_full_disk_is_a_clear_error_and_what_was_committed_stays(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.append(KEY, CONTENT, ANSWER)

    with pytest.raises(GristmillError, match="database or disk is full"):
        _fill(path, max_pages=20)

    with open_journal(path) as journal:
        assert journal.get(KEY) == ANSWER


def _fill(path: Path, max_pages: int) -> None:
    with open_journal(path, max_pages=max_pages) as journal:
        for i in range(100):
            journal.append(i.to_bytes(16, "big"), CONTENT, Answer("x" * 4000))


def test_damaged_journal_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this was never a database, whatever its name says" * 100)
    with pytest.raises(GristmillError, match="the journal is damaged") as raised, open_journal(path):
        pass
    assert raised.value.problem.where == str(path)
    assert "move it away" in raised.value.problem.do


def test_journal_of_another_format_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(GristmillError, match="format 99"), open_journal(path):
        pass


_KILLED = """
import os, signal, sys
from pathlib import Path
from gristmill.engine.journal import open_journal
from gristmill.recipes.request import Answer
with open_journal(Path(sys.argv[1])) as journal:
    for i in range(300):
        journal.append(i.to_bytes(16, "big"), b"[]", Answer(str(i)))
    journal.flush()
    journal.append(bytes(15) + b"x", b"[]", Answer("open"))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_keeps_every_committed_answer(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(path)])
    assert killed.returncode == -signal.SIGKILL

    with open_journal(path) as journal:
        found = [journal.get(i.to_bytes(16, "big")) for i in range(300)]
    assert [answer.text for answer in found if answer] == [str(i) for i in range(300)]


def test_answer_that_cannot_be_written_ends_the_run_instead_of_hanging_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with (
        pytest.raises(GristmillError, match="an answer could not be recorded: UnicodeEncodeError"),
        open_journal(path) as journal,
    ):
        journal.append(KEY, CONTENT, Answer("half of a pair: \ud800"))
    with open_journal(path) as journal:
        assert journal.get(KEY) is None


def test_first_answer_recorded_under_a_key_stays(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for text in ("first", "second"):
        with open_journal(path) as journal:
            journal.append(KEY, CONTENT, Answer(text))
    assert JournalReader(path).get(KEY) == Answer("first")


def test_prompt_that_was_too_long_gives_way_to_an_answer_and_never_the_other_way(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    for answer in (Answer("", "prompt_too_long", 900), ANSWER, Answer("", "prompt_too_long", 900)):
        with open_journal(path) as journal:
            journal.append(KEY, CONTENT, answer)
    assert JournalReader(path).get(KEY) == ANSWER
    assert JournalReader(path).count() == 1


def test_entry_from_elsewhere_keeps_its_time_and_who_asked(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.append(KEY, CONTENT, ANSWER, "qa-from-docs", answered_at=1_700_000_000.5)
    entry = JournalReader(path).entry(KEY.hex())
    assert entry is not None
    assert (entry.recipe, entry.answered_at, entry.answer) == ("qa-from-docs", 1_700_000_000.5, ANSWER)


_FILLS = """
import resource, sys
from pathlib import Path
from gristmill.engine.journal import open_journal
from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    with open_journal(Path(sys.argv[1])) as journal:
        for i in range(2000):
            journal.append(i.to_bytes(16, "big"), b"[]", Answer("x" * 1000))
            if i == 99:
                journal.flush()
except GristmillError as error:
    print(error)
"""


def test_file_that_may_not_grow_is_a_clear_error_and_nothing_is_damaged(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "journal.sqlite"
    said = subprocess.run([sys.executable, "-c", _FILLS, str(path)], capture_output=True, text=True).stdout

    assert "the journal could not be written" in said
    assert "what was answered and committed is kept" in said
    with open_journal(path) as journal:
        assert all(journal.get(i.to_bytes(16, "big")) for i in range(100))
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
