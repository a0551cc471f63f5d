"""The recursion's closed forms against literal values and small simulations."""

import numpy as np
import pytest

from gristmill.health.closed_forms import (
    concentration,
    regression_error,
    simulate_concentration,
    simulate_majority,
    simulate_regression,
    tolerable_wrong,
)


def test_regression_error_grows_without_end_only_where_replacing():
    case = {"samples": 100, "dimensions": 20, "noise": 1.0}

    assert regression_error(10, **case, accumulate=False) == pytest.approx(10 * 20 / 79)
    assert regression_error(1, **case, accumulate=True) == pytest.approx(20 / 79)
    assert regression_error(10_000, **case, accumulate=True) < np.pi**2 / 6 * 20 / 79


def test_simulated_regression_gives_the_formula():
    rng = np.random.default_rng(0)

    mean = np.mean([simulate_regression(5, 60, 5, 1.0, rng, accumulate=False) for _ in range(300)])

    assert mean == pytest.approx(regression_error(5, 60, 5, 1.0, accumulate=False), rel=0.1)


def test_concentration_goes_from_the_start_to_one_word():
    assert concentration(0, 100, 0.02) == pytest.approx(0.02)
    assert concentration(1, 2, 0.0) == 0.5
    assert concentration(100_000, 100, 0.02) == pytest.approx(1)


def test_simulated_concentration_gives_the_formula():
    rng = np.random.default_rng(0)

    mean = np.mean([simulate_concentration(30, 20, np.full(10, 0.1), rng)[-1] for _ in range(500)])

    assert mean == pytest.approx(concentration(30, 20, 0.1), abs=0.03)


@pytest.mark.parametrize(("phi", "psi", "expected"), [(1, 1, 0.5), (0.9, 0.3, 0.75), (0.7, 0.05, 0.9333)])
def test_tolerable_wrong_share_is_the_papers(phi, psi, expected):
    assert tolerable_wrong(phi, psi) == pytest.approx(expected, abs=1e-4)


def test_judge_that_keeps_no_right_answer_has_no_bound():
    with pytest.raises(ValueError, match="keeps no right answer"):
        tolerable_wrong(0, 0.5)


def test_majority_of_what_a_judge_keeps_turns_at_the_bound():
    rng = np.random.default_rng(0)

    assert simulate_majority(0.73, 0.9, 0.3, 50_000, rng) > 0.5 > simulate_majority(0.77, 0.9, 0.3, 50_000, rng)
