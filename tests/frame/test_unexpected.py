"""What nobody foresaw: a message with a way out, and the traceback in a file."""

import errno

from gristmill.frame.unexpected import explain_unexpected
from gristmill.layout import Layout


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_full_disk_names_the_file_and_asks_for_room(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", "data/part.parquet")

    told = explain_unexpected(raised(error), "stage filter", Layout(tmp_path))

    assert told.exit_code == 1
    assert str(told) == (
        "stage filter: data/part.parquet: No space left on device\n"
        "    do: free some room on that disk and run this again; what is finished is kept"
    )
    assert list(tmp_path.iterdir()) == []


def test_read_only_folder_is_the_users_to_mend(tmp_path):
    error = OSError(errno.EROFS, "Read-only file system", "metrics/filter.json")

    told = explain_unexpected(raised(error), "stage filter", Layout(tmp_path))

    assert told.exit_code == 1
    assert "mounted read-only" in told.problem.do


def test_bug_keeps_its_traceback_in_a_file_that_the_message_names(tmp_path):
    told = explain_unexpected(raised(KeyError("started")), "gristmill plan", Layout(tmp_path))

    [log] = (tmp_path / ".gristmill" / "logs").iterdir()
    assert told.exit_code == 70
    assert "unexpected KeyError: 'started'" in str(told)
    assert str(log) in told.problem.do
    assert "raise error" in log.read_text()


def test_bug_where_no_file_can_be_written_is_told_whole(tmp_path):
    (tmp_path / ".gristmill").write_text("not a folder")

    told = explain_unexpected(raised(KeyError("started")), "gristmill plan", Layout(tmp_path))

    assert "raise error" in told.problem.do
