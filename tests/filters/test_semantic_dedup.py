"""semantic_dedup in the chain, with the embedded model."""

import pytest

from gristmill.errors import GristmillError
from tests.filters.chains import chain_of, outcome
from tests.samples import sample, seeds

SAME = ("The cat sat on the mat.", "The cat sat on a mat, quietly.", "Interest rates rose sharply in May.")


def rows_of(*texts):
    return [
        sample(seed, prompt="Why?", response=text, sample_id=f"{number}{number}")
        for number, (seed, text) in enumerate(zip(seeds(len(texts)), texts, strict=True))
    ]


def test_semantic_dedup_keeps_the_longest_of_rows_that_say_the_same(tmp_path):
    chain = chain_of({"name": "semantic_dedup", "threshold": 0.8}, folder=tmp_path)

    kept, refused = outcome(chain, rows_of(*SAME), tmp_path)

    assert [row["sample_id"] for row in kept] == ["11", "22"]
    assert refused == {"00": ("semantic_dedup", "semantic_duplicate")}


def test_semantic_dedup_whose_endpoint_fails_is_an_error_and_no_pass(tmp_path):
    chain = chain_of({"name": "semantic_dedup", "endpoint": "http://127.0.0.1:9/v1", "model": "m"}, folder=tmp_path)

    with pytest.raises(GristmillError, match="no embeddings"):
        outcome(chain, rows_of(*SAME), tmp_path)
