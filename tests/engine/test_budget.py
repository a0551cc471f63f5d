"""The hard budget: reserved before anything is sent, kept across runs, and what was answered is kept."""

import asyncio
from pathlib import Path

import pytest

from gristmill.engine.asker import Asker
from gristmill.engine.budget import Budget, Spent, spent
from gristmill.engine.drive import run_samples
from gristmill.engine.inventory import Match, prune
from gristmill.engine.journal import open_journal
from gristmill.engine.lookup import JournalReader
from gristmill.engine.protocol import ModelIdentity
from gristmill.engine.scripted import ScriptedEngine
from gristmill.errors import BudgetExhausted
from gristmill.params.journal import BudgetParams, CostParams
from gristmill.recipes.request import Answer, Request, Sampling
from tests.engine.recorded import record


class Engine(ScriptedEngine):
    """Takes a moment for each answer of 5 tokens to a prompt of 3, and keeps count."""

    def __init__(self, width: int = 4) -> None:
        answer = Answer("Yes.", "stop", 3, 5)
        super().__init__(lambda _: answer, ModelIdentity("script", "1"), max_in_flight=width)
        self.asked: list[str] = []
        self.started = 0

    async def start(self) -> None:
        self.started += 1

    async def ask(self, request: Request) -> Answer:
        self.asked.append(request.prompt or "")
        await asyncio.sleep(0)
        return await super().ask(request)


def run(path: Path, limits: BudgetParams, rows: int, prices: CostParams | None = None, width: int = 4) -> Engine:
    engine = Engine(width)

    async def walk(number: int, ask: Asker) -> None:
        await ask(Request("step", Sampling(max_tokens=20), prompt=f"Is it {number}?"))

    with open_journal(path) as journal:
        budget = Budget(limits, prices or CostParams(), spent(journal, limits))
        run_samples(range(rows), walk, lambda *_: None, journal=journal, engine=engine, budget=budget)
    return engine


def test_budget_of_requests_is_used_up_to_the_last_and_not_beyond(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with pytest.raises(BudgetExhausted, match=r"requests 10 of 10 \(the next request may take 1\)") as raised:
        run(path, BudgetParams(requests=10), rows=30)
    assert JournalReader(path).count() == 10
    assert "nothing is paid for twice" in raised.value.problem.do
    assert raised.value.exit_code == 5


def test_raised_budget_asks_only_what_was_open(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with pytest.raises(BudgetExhausted):
        run(path, BudgetParams(requests=10), rows=30)
    assert len(run(path, BudgetParams(requests=30), rows=30).asked) == 20


def test_spent_budget_is_found_before_the_engine_starts(tmp_path: Path) -> None:
    path = tmp_path / "j"
    run(path, BudgetParams(), rows=10)
    engine = Engine()
    limits = BudgetParams(requests=10)
    with open_journal(path) as journal:
        asker = Asker(journal, engine, Budget(limits, CostParams(), spent(journal, limits)))
        with pytest.raises(BudgetExhausted):
            asyncio.run(asker(Request("step", Sampling(), prompt="Another?")))
    assert engine.started == 0


def test_spent_budget_lets_a_run_through_that_finds_everything_in_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "j"
    run(path, BudgetParams(), rows=10)
    assert run(path, BudgetParams(requests=1), rows=10).asked == []


def test_tokens_are_reserved_at_their_most_and_settled_at_what_they_were(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with pytest.raises(BudgetExhausted, match=r"tokens \d+ of 200"):
        run(path, BudgetParams(tokens=200), rows=100, width=50)
    # A request may take about 25 tokens and takes 8: all but the room that the last one would need is used.
    used = 8 * JournalReader(path).count()
    assert 200 - 26 < used <= 200


def test_money_counts_tokens_at_their_prices(tmp_path: Path) -> None:
    path = tmp_path / "j"
    prices = CostParams(usd_per_million_completion_tokens=100_000)  # 0.5 an answer, 2 at most
    with pytest.raises(BudgetExhausted, match=r"usd 8.5 of 10 \(the next request may take 2\)"):
        run(path, BudgetParams(usd=10), rows=100, prices=prices)
    assert JournalReader(path).count() == 17


def test_several_limits_hold_at_once(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with pytest.raises(BudgetExhausted, match=r"requests 3 of 3.*tokens 24 of 1,000"):
        run(path, BudgetParams(requests=3, tokens=1000), rows=9)


def test_gpu_time_that_is_used_up_lets_nothing_more_through() -> None:
    budget = Budget(BudgetParams(gpu_seconds=5), CostParams(), Spent(gpu_seconds=5.0))
    with pytest.raises(BudgetExhausted, match="gpu_seconds 5 of 5"):
        asyncio.run(budget.reserve(Request("step", Sampling(), prompt="Is it?")))


def test_spent_counts_what_others_recorded_and_what_was_pruned(tmp_path: Path) -> None:
    path = tmp_path / "j"
    record(path, range(10))
    prune(path, Match(recipe="qa"))
    assert spent(JournalReader(path), BudgetParams()) == Spent(10, 100, 40, 10.0)


def test_only_the_last_days_count_where_days_are_given(tmp_path: Path) -> None:
    path = tmp_path / "j"
    record(path, range(10))  # years ago
    run(path, BudgetParams(requests=5, days=1), rows=5)
    assert spent(JournalReader(path), BudgetParams(days=1)).requests == 5
    assert spent(JournalReader(path), BudgetParams()).requests == 15


def test_journal_that_is_not_there_has_spent_nothing(tmp_path: Path) -> None:
    assert spent(JournalReader(tmp_path / "none"), BudgetParams()) == Spent()
