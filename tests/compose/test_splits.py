"""Splits by source document: no leak, shares, and stability when rows are added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.compose.splits import Splits, side_of
from gristmill.params.compose import SplitParams

SHARES = SplitParams(train=0.6, validation=0.2, test=0.2)
DOCUMENTS = st.lists(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=3), max_size=20)


@given(rows=DOCUMENTS)
def test_splits_documents_of_one_row_are_on_one_side(rows):
    splits = Splits(SHARES)
    for documents in rows:
        splits.join(documents)

    for documents in rows:
        assert len({splits.side(document) for document in documents}) == 1


@given(rows=DOCUMENTS, seed=st.randoms(use_true_random=False))
def test_splits_do_not_depend_on_the_order_of_rows(rows, seed):
    shuffled = list(rows)
    seed.shuffle(shuffled)
    one, other = Splits(SHARES), Splits(SHARES)
    for documents in rows:
        one.join(documents)
    for documents in shuffled:
        other.join(documents)

    assert [one.side(d) for d in "abcdefghij"] == [other.side(d) for d in "abcdefghij"]


def test_splits_new_documents_leave_others_where_they_were():
    before, after = Splits(SHARES), Splits(SHARES)
    for number in range(100):
        before.join([f"document {number}"])
    for number in range(200):
        after.join([f"document {number}"])

    assert all(before.side(f"document {n}") == after.side(f"document {n}") for n in range(100))


def test_splits_shares_are_met_on_many_documents():
    sides = [side_of(f"document {number}", SHARES) for number in range(5000)]

    assert sides.count("train") / 5000 == pytest.approx(0.6, abs=0.02)
    assert sides.count("validation") / 5000 == pytest.approx(0.2, abs=0.02)


def test_splits_parent_document_takes_its_component_along():
    splits = Splits(SplitParams(train=1, validation=0, test=0))
    splits.fix(["old"], "test")

    assert splits.join(["new", "old"])
    assert splits.join(["newer", "new"])
    assert splits.side("newer") == "test"


def test_splits_row_between_two_fixed_sides_is_refused():
    splits = Splits(SHARES)
    splits.fix(["left"], "train")
    splits.fix(["right"], "test")

    assert not splits.join(["left", "right"])
    assert splits.sides_of(["left", "right"]) == ["test", "train"]
    assert splits.side("left") == "train"
    assert splits.side("right") == "test"
