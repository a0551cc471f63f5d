"""Every recipe that ships with the real default model, from one start of the engine."""

import pytest

from bench.shipped import SEEDS, recipes, run
from gristmill.execution.place import namespaces_fault

pytestmark = [pytest.mark.e2e, pytest.mark.system, pytest.mark.engine, pytest.mark.timeout(900)]


def test_every_recipe_ends_each_sample_as_rows_or_with_a_reason() -> None:
    assert not namespaces_fault()

    outcomes = run(recipes(), SEEDS)

    ended = {name: [bool(each.rows) or bool(each.refused) for each in found] for name, found in outcomes.items()}
    assert ended == {name: [True, True] for name in recipes()}
    faults = {
        name: each.refused for name, found in outcomes.items() for each in found if each.refused and each.refused.failed
    }
    assert faults == {}
    assert sum(bool(each.rows) for found in outcomes.values() for each in found) >= 3
