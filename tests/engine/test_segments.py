"""Segments: what is in them comes back, and what is not whole is refused."""

import stat
from pathlib import Path

import pytest

from gristmill.engine.segments import DamagedSegment, is_segment, read_segment, write_segment
from gristmill.recipes.request import request_key
from tests.engine.recorded import content


def rows(*numbers: int) -> list[tuple]:
    asked = [content(number) for number in numbers]
    return [
        (request_key(each), each, f"Answer {n}.", "stop", 10, 4, 2, "scripted/1", 0.5, 1.0, "qa", 1_700_000_000.25 + n)
        for n, each in zip(numbers, asked, strict=True)
    ]


def test_segment_gives_back_its_rows_in_order(tmp_path: Path) -> None:
    path = write_segment(tmp_path, rows(3, 1, 2))
    assert [row for part in read_segment(path) for row in part] == rows(3, 1, 2)


def test_segment_is_named_by_its_first_answers_time_and_its_content(tmp_path: Path) -> None:
    first, again, other = (write_segment(tmp_path / str(n), rows(n % 2, 5)) for n in (0, 2, 3))
    assert first.name == again.name != other.name
    assert first.name.startswith("20231114T221320-")
    assert is_segment(first.name)
    assert not is_segment("notes.parquet")


def test_segment_is_private_to_its_owner(tmp_path: Path) -> None:
    path = write_segment(tmp_path / "segments", rows(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_segment_whose_bytes_changed_is_refused_with_its_name(tmp_path: Path) -> None:
    path = write_segment(tmp_path, rows(1, 2))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedSegment, match=f"segment {path.name} of the journal is damaged: its SHA-256 is"):
        list(read_segment(path))


def test_segment_with_a_key_that_is_not_its_requests_is_refused(tmp_path: Path) -> None:
    first, second = rows(1, 2)
    path = write_segment(tmp_path, [(second[0], *first[1:])])
    with pytest.raises(DamagedSegment, match="a key is not that of its request"):
        list(read_segment(path))
