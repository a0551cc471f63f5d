"""What answers cost, by recipe and step, and how the engine's time is shared out."""

import pytest

from gristmill.engine import account
from gristmill.engine.account import Account, BusyClock
from gristmill.params.journal import CostParams
from gristmill.recipes.outcome import Outcome, Trial
from gristmill.recipes.request import Answer, Answered, Request, Sampling

PRICES = CostParams(gpu_hour_usd=3.6, usd_per_million_prompt_tokens=1_000, usd_per_million_completion_tokens=10_000)


def outcome(*steps: str) -> Outcome:
    answer = Answer("text", "stop", 100, 10, 60, "e/1", 2.0, 4.0)
    return Outcome({}, [Trial(Request(step, Sampling()), Answered("k", answer)) for step in steps])


def test_account_sums_tokens_time_and_money_by_recipe_and_step() -> None:
    costs = Account()
    costs.add("qa", outcome("draft", "draft", "check"))
    costs.add("other", outcome("draft"))

    figures = costs.figures(PRICES, accepted=2)

    assert figures["by_recipe"]["qa"]["steps"]["draft"] == {
        "requests": 2,
        "prompt_tokens": 200,
        "completion_tokens": 20,
        "cached_tokens": 120,
        "engine_seconds": 4.0,
        "gpu_seconds": 8.0,
        "usd": 0.408,
    }
    assert figures["by_recipe"]["qa"]["requests"] == 3
    assert figures["total"]["usd"] == 0.816
    assert figures["per_accepted_row"] == {"tokens": 220.0, "gpu_seconds": 8.0, "usd": 0.408}
    assert costs.facts()["requests_by_step"] == {"draft": 3, "check": 1}


def test_prompt_that_was_too_long_is_a_request_that_cost_nothing() -> None:
    costs = Account()
    answer = Answer("", "prompt_too_long", 9000, 0, 0, "e/1", 1.0, 1.0)
    costs.add("qa", Outcome({}, [Trial(Request("draft", Sampling()), Answered("k", answer))]))
    total = costs.total()
    assert (total.requests, total.prompt_tokens, total.gpu_seconds) == (1, 0, 0.0)


def test_without_accepted_rows_there_is_no_price_per_row() -> None:
    assert Account().figures(PRICES, accepted=0)["per_accepted_row"] is None


def test_requests_share_the_engines_time_and_the_shares_add_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 12.0, 16.0, 17.0, 50.0, 51.0])
    monkeypatch.setattr(account.time, "monotonic", lambda: next(now))
    clock = BusyClock()

    first = clock.enter()  # at 10: alone for two seconds
    second = clock.enter()  # at 12: two for four seconds
    shares = [clock.leave(first), clock.leave(second)]  # at 16, and alone again until 17
    third = clock.enter()  # at 50
    shares.append(clock.leave(third))

    assert shares == [4.0, 3.0, 1.0]
    assert clock.busy_seconds == 8.0
