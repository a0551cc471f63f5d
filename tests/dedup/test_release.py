import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.dedup.near import NearDuplicates
from gristmill.dedup.release import ReleaseIndex
from gristmill.dedup.write import PartWriter
from gristmill.errors import InputError
from gristmill.identity import text_hash
from tests.dedup.test_near import dropped, resolved
from tests.dedup.texts import changed, passages


def written(folder, rows, batch=1000, entries=1 << 20):
    """A part that holds rows of (id, text)."""
    with PartWriter(folder, entries) as writer:
        for first in range(0, len(rows), batch):
            ids, texts = zip(*rows[first : first + batch], strict=True)
            digests = [bytes.fromhex(text_hash(text)) for text in texts]
            writer.add(pa.array(ids, pa.string()), pa.array(digests, pa.binary(16)), pa.array(texts, pa.string()))
        return writer.close()


def digests(part):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (part.bands, part.texts, part.rows)]


def test_a_row_that_resembles_a_released_one_is_refused_with_its_id(tmp_path):
    old, fresh, other = passages(3)
    part = written(tmp_path / "part", [("old", old), ("other", other)])

    found = resolved(tmp_path / "rows", [changed(old, 1), fresh], release=ReleaseIndex([part], tmp_path / "join"))

    assert dropped(found) == [0]
    assert found.released == {0: "old"}


def test_a_released_row_wins_over_a_longer_one(tmp_path):
    (old,) = passages(1)
    part = written(tmp_path / "part", [("old", old)])
    release = ReleaseIndex([part], tmp_path / "join")

    found = resolved(tmp_path / "rows", [f"{old} more", old], scores=[2.0, 1.0], release=release)

    assert dropped(found) == [0, 1]
    assert found.released == {0: "old", 1: "old"}


def test_the_released_sample_itself_stays_and_its_likes_go(tmp_path):
    old, fresh = passages(2)
    part = written(tmp_path / "part", [("old", old)])
    release = ReleaseIndex([part], tmp_path / "join")

    found = resolved(tmp_path / "rows", [changed(old, 1), old, fresh], ids=["new", "old", "fresh"], release=release)

    assert dropped(found) == [0]
    assert found.released == {0: "old"}


def test_every_part_of_the_release_counts(tmp_path):
    texts = passages(4)
    parts = [written(tmp_path / f"part{i}", [(f"old{i}", text)]) for i, text in enumerate(texts[:3])]

    found = resolved(tmp_path / "rows", list(texts[1:]), release=ReleaseIndex(parts, tmp_path / "join"))

    assert found.released == {0: "old1", 1: "old2"}


def test_many_row_groups_are_joined(tmp_path):
    texts = passages(2500)
    part = written(tmp_path / "part", [(f"old{i}", text) for i, text in enumerate(texts[:2400])])
    news = [texts[0], texts[2100], texts[2399], texts[2450]]

    found = resolved(tmp_path / "rows", news, release=ReleaseIndex([part], tmp_path / "join"))

    assert pq.ParquetFile(part.rows).num_row_groups == 2
    assert found.released == {0: "old0", 1: "old2100", 2: "old2399"}


def test_the_same_rows_give_the_same_bytes_however_they_come(tmp_path):
    rows = [(f"id{i}", text) for i, text in enumerate(passages(300))]

    assert digests(written(tmp_path / "a", rows)) == digests(written(tmp_path / "b", rows, batch=7, entries=500))


def test_an_index_of_another_scheme_is_refused_by_name(tmp_path):
    part = written(tmp_path / "part", [("old", "five words are in here")])
    pq.write_table(pq.read_table(part.rows).replace_schema_metadata({"gristmill.index": "words9"}), part.rows)

    with pytest.raises(InputError, match="words9"):
        ReleaseIndex([part], tmp_path / "join")


def test_rows_without_words_resemble_no_released_one(tmp_path):
    part = written(tmp_path / "part", [("old", "")])
    rows = NearDuplicates(tmp_path / "rows")
    rows.add(pa.array([""]), pa.array(["new"]), np.zeros(1))

    assert rows.resolve(ReleaseIndex([part], tmp_path / "join")).kept.tolist() == [True]
