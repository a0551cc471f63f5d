"""A stage's work on its rows, wherever it is done: in this process, or on the actors that the parameters ask for."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from gristmill.engine.asker import Asker
from gristmill.engine.budget import Budget
from gristmill.engine.drive import run_samples
from gristmill.engine.journal import Journal
from gristmill.engine.protocol import Engine
from gristmill.errors import InputError
from gristmill.layout import Layout
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.walk import Ask

T = TypeVar("T")
Walk: TypeAlias = Callable[[T, Ask], Awaitable[Outcome]]
"""Takes a row through its steps."""


@dataclass(frozen=True)
class Work(Generic[T]):
    """What is done to each row."""

    recipe: str
    """Who asks, for the journal."""
    compile: Callable[..., Walk[T]]
    """A module's function that makes the sample program from a folder of recipes and `arguments`."""
    arguments: tuple[Any, ...]
    engine: EngineParams
    model: ModelParams
    layout: Layout
    size: Callable[[T], float] | None = None
    """What the length of a row's answers is expected to go by."""


def run_work(
    rows: Iterable[T],
    work: Work[T],
    emit: Callable[[T, Outcome], None],
    advance: Callable[[int, int], None],
    *,
    journal: Journal,
    engine: Engine,
    budget: Budget,
) -> dict[str, Any]:
    """Walks all rows, emits each with its outcome in their order, and gives the run's own figures.

    `advance` hears of finished rows and their output tokens. Raises the first exception of the work, of `emit` or of
    the engine; what was answered stays in the journal.
    """
    if work.engine.distribute is not None:
        from gristmill.distribute.run import run_distributed

        if budget.bounded:
            raise _not_kept()
        return run_distributed(
            rows,
            work,
            work.engine.distribute,
            emit,
            advance,
            journal=journal,
            engine=engine,
            prices=budget.prices,
        )
    walk = work.compile(work.layout.recipes, *work.arguments)

    async def finish(row: T, ask: Asker) -> Outcome:
        outcome = await walk(row, ask.named(work.recipe))
        advance(1, outcome.completion_tokens)
        return outcome

    asker = run_samples(rows, finish, emit, journal=journal, engine=engine, budget=budget, size=work.size)
    return asker.figures(budget.prices)


def _not_kept() -> InputError:
    return InputError(
        "a budget cannot be kept over several actors",
        where="params.yaml: budget, engine.distribute",
        expected="one of the two",
        do="set engine.distribute to null, or the limits of the budget",
    )
