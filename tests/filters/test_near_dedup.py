"""near_dedup in the chain: what stays, why others go, and the parent release's rows."""

import pyarrow as pa
import pytest

from gristmill.dedup.release import ReleaseIndex
from gristmill.errors import InputError
from gristmill.filters.build import Surroundings, build_chain
from gristmill.params.filters import FilterParams
from tests.closure import ROOT
from tests.dedup.test_release import written
from tests.dedup.texts import changed, passages
from tests.filters.chains import chain_of, outcome
from tests.samples import batch_of, sample, seeds


def rows_of(*texts):
    """Rows whose responses are the texts, with ids 00, 11, ..."""
    return [
        sample(seed, prompt="Why?", response=text, sample_id=f"{number}{number}")
        for number, (seed, text) in enumerate(zip(seeds(len(texts)), texts, strict=True))
    ]


def findings(chain, rows, folder):
    return [finding for done in chain.run([batch_of(rows)], folder) for finding in done.findings]


def test_near_dedup_keeps_the_longest_of_rows_that_resemble_each_other(tmp_path):
    one, other = passages(2)
    rows = rows_of(changed(one, 1, "x"), other, one + " and then some more")

    kept, refused = outcome(chain_of("near_dedup", folder=tmp_path), rows, tmp_path)

    assert [row["sample_id"] for row in kept] == ["11", "22"]
    assert refused == {"00": ("near_dedup", "near_duplicate")}


def test_near_dedup_names_the_row_that_stays(tmp_path):
    one, other = passages(2)

    (found,) = findings(chain_of("near_dedup", folder=tmp_path), rows_of(other, one, one + " more"), tmp_path)

    assert (found.value, found.threshold) == ("22", "Jaccard similarity below 0.72")


def test_near_dedup_keeps_by_a_column_of_numbers(tmp_path):
    one, _ = passages(2)
    rows = rows_of(one, one, one + " more")
    for row, tokens in zip(rows, (3, 9, 5), strict=True):
        row["completion_tokens"] = tokens
    chain = chain_of({"name": "near_dedup", "keep_by": "completion_tokens"}, folder=tmp_path)

    kept, _ = outcome(chain, rows, tmp_path)

    assert [row["sample_id"] for row in kept] == ["11"]


@pytest.mark.parametrize(("column", "message"), [("nothing", "no column 'nothing'"), ("recipe", "'recipe' is string")])
def test_near_dedup_refuses_a_column_that_is_no_number(tmp_path, column, message):
    chain = chain_of({"name": "near_dedup", "keep_by": column}, folder=tmp_path)

    with pytest.raises(InputError, match=message):
        outcome(chain, rows_of(*passages(2)), tmp_path)


def test_near_dedup_a_released_row_wins(tmp_path):
    old, fresh = passages(2)
    part = written(tmp_path / "part", [("released", f"Why?\n{old}")])
    around = Surroundings(ROOT, tmp_path, release=lambda folder: ReleaseIndex([part], folder))
    chain = build_chain(FilterParams.model_validate({"filters": [{"name": "near_dedup"}]}), around)

    (found,) = findings(chain, rows_of(changed(old, 1), fresh), tmp_path)

    assert (found.reason, found.value) == ("near_duplicate_of_release", "released")


def test_near_dedup_judges_across_batches_in_their_order(tmp_path):
    texts = passages(30)
    rows = rows_of(*texts, *(changed(text, 1, "later") for text in texts))

    whole = outcome(chain_of("near_dedup", folder=tmp_path / "a"), rows, tmp_path)
    parts = outcome(chain_of("near_dedup", folder=tmp_path / "b"), rows, tmp_path, batch_rows=7)

    assert len(whole[1]) == 30
    assert whole == parts


def test_near_dedup_without_rows_decides_nothing(tmp_path):
    assert list(chain_of("near_dedup", folder=tmp_path).run([], tmp_path)) == []


def test_near_dedup_on_a_table_names_rows_by_its_id_column(tmp_path):
    (one,) = passages(1)
    batch = pa.record_batch({"prompt": pa.nulls(2, pa.string()), "response": [one, f"{one} more"], "id": [7, 8]})
    chain = chain_of("near_dedup", folder=tmp_path)

    assert [f.value for done in chain.run([batch], tmp_path) for f in done.findings] == ["8"]
