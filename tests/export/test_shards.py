"""Shards: the same bytes for the same rows, however they come in."""

import pyarrow as pa
import pytest

from gristmill.export.card import fenced, size_category
from gristmill.export.shards import write_shards
from gristmill.schema import COMPOSED
from tests.samples import judged, samples

ROWS = [{**judged(row), "split": "train", "text_hash": "0" * 32} for row in samples(200)] * 15


def batches(size, rows=ROWS):
    for start in range(0, len(rows), size):
        yield pa.RecordBatch.from_pylist(rows[start : start + size], schema=COMPOSED)


def hashes(folder, stream, shard_bytes=1 << 28, cuts=()):
    return [(file.rows, file.sha256) for file in write_shards(stream, folder, shard_bytes, {"train": cuts})]


@pytest.mark.parametrize("size", [1, 7, 1024, 3000])
def test_shards_do_not_show_how_rows_were_batched(tmp_path, size):
    rows = ROWS[:1500] if size == 1 else ROWS

    assert hashes(tmp_path / "a", batches(size, rows)) == hashes(tmp_path / "b", batches(2000, rows))


def test_shards_are_closed_at_their_size(tmp_path):
    files = hashes(tmp_path / "a", batches(1000), shard_bytes=1 << 20)

    assert len(files) > 1
    assert sum(rows for rows, _ in files) == 3000


def test_shards_of_one_release_are_cut_again_in_the_next(tmp_path):
    old = hashes(tmp_path / "old", batches(999), shard_bytes=1 << 20)

    new = hashes(tmp_path / "new", batches(512, ROWS * 2), shard_bytes=1 << 20, cuts=[rows for rows, _ in old])

    assert len(old) > 1
    assert new[: len(old)] == old


def test_shards_cut_like_the_parent_are_its_files(tmp_path):
    old = hashes(tmp_path / "old", batches(999, ROWS[:1300]))

    new = hashes(tmp_path / "new", batches(512), cuts=[1300])

    assert old[0] == new[0]
    assert [rows for rows, _ in new] == [1300, 1700]


def test_shards_cuts_of_several_releases_are_kept(tmp_path):
    first = hashes(tmp_path / "a", batches(100, ROWS[:10]))
    second = hashes(tmp_path / "b", batches(100, ROWS[:40]), cuts=[10])

    third = hashes(tmp_path / "c", batches(100, ROWS[:60]), cuts=[10, 30])

    assert third[:2] == second
    assert second[:1] == first
    assert [rows for rows, _ in third] == [10, 30, 20]


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (1000, "1K<n<10K"), (5_000_000, "1M<n<10M"), (2_000_000_000, "n>1B")]
)
def test_size_category_is_hugging_faces(rows, name):
    assert size_category(rows) == name


def test_fence_is_longer_than_any_run_of_backticks():
    assert fenced("a ```` b") == "`````text\na ```` b\n`````"
