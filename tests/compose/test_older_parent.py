"""A parent release that is older than some columns: its rows come in all the same."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.compose.parent import read_composed
from gristmill.errors import GristmillError
from gristmill.schema import COMPOSED
from tests.samples import judged, samples

YOUNGER = ("type", "chosen", "rejected", "conversation", "tools", "reference", "verifier")


def _shard(tmp_path, without):
    row = {**judged(samples(1)[0]), "split": "train", "text_hash": "0" * 32}
    table = pa.Table.from_pylist([row], schema=COMPOSED)
    pq.write_table(table.drop_columns(list(without)), tmp_path / "old.parquet")
    return tmp_path / "old.parquet"


def test_columns_that_the_release_did_not_know_are_filled_in(tmp_path):
    (batch,) = read_composed([_shard(tmp_path, YOUNGER)])
    assert batch.schema.equals(COMPOSED)
    (row,) = batch.to_pylist()
    assert (row["type"], row["chosen"], row["prompt"]) == ("sft", None, samples(1)[0]["prompt"])


def test_column_that_every_release_has_cannot_be_missing(tmp_path):
    with pytest.raises(GristmillError, match="no column prompt"):
        list(read_composed([_shard(tmp_path, ["prompt"])]))
