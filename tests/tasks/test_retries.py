"""Which failures of a stage are tried again."""

import pytest
from prefect.states import Failed

from gristmill.errors import BooksError, BudgetExhausted, GateRefused, GristmillError, InputError
from gristmill.lineage.dvc import StageFailed
from tasks.stages import worth_retrying


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (GateRefused("too few rows"), False),
        (InputError("no such file"), False),
        (BudgetExhausted("spent"), False),
        (BooksError("3 rows came in"), False),
        (StageFailed("3 rows came in", where="stage filter", exit_code=BooksError.exit_code), False),
        (StageFailed("the endpoint is down", where="stage generate", exit_code=1), True),
        (GristmillError("the store does not answer"), True),
        (TimeoutError("took too long"), True),
    ],
)
def test_failure_is_tried_again_where_that_can_help(error, again):
    assert worth_retrying(None, None, Failed(data=error)) is again
