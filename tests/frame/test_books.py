"""The conservation law, as a stage meets it."""

import pytest

from gristmill.errors import BooksError
from gristmill.frame.books import Books


def test_books_that_balance_pass():
    books = Books()
    ledger = books.ledger("samples")
    ledger.entered, ledger.out = 10, 6
    ledger.rejected["too_short"] += 3
    ledger.failed["engine"] += 1

    books.check("filter")

    assert books.as_list() == [
        {"unit": "samples", "in": 10, "out": 6, "rejected": {"too_short": 3}, "failed": {"engine": 1}}
    ]


def test_books_with_a_lost_row_are_refused_with_the_figures():
    books = Books()
    ledger = books.ledger("samples")
    ledger.entered, ledger.out = 10, 9

    with pytest.raises(BooksError, match=r"stage filter: 10 samples came in, 9 went out.*\+1 unaccounted for"):
        books.check("filter")
