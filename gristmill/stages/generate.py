"""generate: seeds -> samples, written by a model as the recipe says.

Which seeds and how many draws of each stands in inputs/quota.lock. All samples are under way
together, as many as the engine takes; rows come out in the order of the plan, so that the data
depends on the answers alone, not on when they came.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.distribute.work import Walk, Work, run_work
from gristmill.engine.account import Account
from gristmill.engine.budget import Budget, spent
from gristmill.engine.build import assert_can_ask, build_engine
from gristmill.engine.open import workspace_journal
from gristmill.engine.protocol import Engine
from gristmill.errors import GristmillError
from gristmill.frame.books import Ledger
from gristmill.frame.parquet import count_rows
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.execution import ExecutionParams
from gristmill.params.generate import EngineParams, GenerateParams, ModelParams
from gristmill.params.journal import BudgetParams, CostParams
from gristmill.params.load import load_section
from gristmill.recipes.compile import generate_program
from gristmill.recipes.outcome import NoteCounts, Outcome, Verdict
from gristmill.recipes.plan import PlannedSample, planned_samples, read_quota
from gristmill.recipes.program import Program
from gristmill.recipes.rows import identity_of, sample_rows, shared_columns
from gristmill.recipes.walk import Ask
from gristmill.schema import SAMPLE


def run(layout: Layout) -> None:
    """Runs the stage. Raises GristmillError when not one sample was accepted."""
    params = load_section(GenerateParams, layout.params, "generate")
    engine_params = load_section(EngineParams, layout.params, "engine")
    limits = load_section(BudgetParams, layout.params, "budget")
    prices = load_section(CostParams, layout.params, "cost")
    execution = load_section(ExecutionParams, layout.params, "execution")
    program = generate_program(layout.recipes, params, execution)
    assert_can_ask(engine_params, program)
    quota = read_quota(layout.quota_lock, params.recipe)
    model_params = load_section(ModelParams, layout.params, "model")
    engine = build_engine(engine_params, model_params, layout.root)
    work = Work(program.name, sample_walk, (params, execution), engine_params, model_params, layout, expected_size)
    seeds = layout.data(Stage.INGEST)
    with stage_run(Stage.GENERATE, layout) as stage, workspace_journal(layout) as journal:
        books = _Books(stage, program, engine)
        stage.progress.unit, stage.progress.total = "samples", quota.samples(seeds)
        stage.progress.publish()

        figures = run_work(
            planned_samples(seeds, quota),
            work,
            books.settle,
            stage.progress.advance,
            journal=journal,
            engine=engine,
            budget=Budget(limits, prices, spent(journal, limits)),
        )
        books.close(figures, prices)
        stage.used(seeds=quota.seeds_of(count_rows(seeds)), draws=quota.draws)


def expected_size(sample: PlannedSample) -> float:
    """Long passages take longer to read, and most recipes write more from them."""
    return float(sample.seed["tokens"])


def sample_walk(recipes: Path, params: GenerateParams, execution: ExecutionParams) -> Walk[PlannedSample]:
    """What is done to each sample, here or on an actor."""
    program = generate_program(recipes, params, execution)

    async def walk(sample: PlannedSample, ask: Ask) -> Outcome:
        return await program.run(sample.inputs(), sample.draw, ask)

    return walk


class _Books:
    """Turns outcomes into rows and refusals, and counts what the answers cost, whoever gave them."""

    def __init__(self, stage: StageRun, program: Program, engine: Engine) -> None:
        self._stage = stage
        self._program = program
        self._engine = engine
        self._columns = shared_columns(program, engine.model.name, engine.model.revision)
        self._ledger = stage.ledger("samples")
        self._out = stage.writer(SAMPLE)
        self._draws = stage.ledger("draws") if program.output.items else None
        self._account = Account()
        self._notes = NoteCounts()

    def settle(self, sample: PlannedSample, outcome: Outcome) -> None:
        """Books one sample."""
        self._account.add(self._program.name, outcome)
        self._notes.add(outcome)
        if self._draws is not None:
            self._settle_draw(self._draws, outcome)
        for row in sample_rows(sample, outcome, self._program, self._columns):
            self._out.append(row)
            self._ledger.out += 1
        refused = [(None, outcome.refused)] if outcome.refused else outcome.refused_rows
        for number, verdict in refused:
            identity = identity_of(sample, self._columns, number)
            self._stage.reject(self._ledger, _refusal(identity, sample, verdict))
        self._ledger.entered += len(outcome.rows) + len(refused)

    def _settle_draw(self, draws: Ledger, outcome: Outcome) -> None:
        """Books the side that the rows of a fan-out come from: a draw goes out when it gave at least one."""
        draws.entered += 1
        if outcome.refused is None:
            draws.out += 1
        else:
            (draws.failed if outcome.refused.failed else draws.rejected)[outcome.refused.reason] += 1

    def close(self, figures: Mapping[str, Any], prices: CostParams) -> None:
        """States what was used. Raises GristmillError when nothing was accepted."""
        if self._ledger.out == 0:
            raise _nothing_accepted(self._ledger)
        model = self._engine.model
        self._stage.used(
            model=model.name,
            revision=model.revision,
            engine=self._engine.name,
            recipe=self._program.name,
            recipe_hash=self._program.hash,
            **self._account.facts(),
            **self._notes.facts(),
        )
        cost = self._account.figures(prices, self._ledger.out)
        self._stage.metric(**figures, **self._account.facts(), cost=cost)


def _refusal(identity: str, sample: PlannedSample, verdict: Verdict) -> Refusal:
    return Refusal(
        id=identity,
        reason=verdict.reason,
        value=verdict.found,
        threshold=verdict.expected,
        where=f"seed {sample.seed['seed_id']}, draw {sample.draw}",
        text=verdict.text,
        outcome="failed" if verdict.failed else "rejected",
    )


def _nothing_accepted(ledger: Ledger) -> GristmillError:
    reasons = (ledger.rejected + ledger.failed).most_common(5)
    found = ", ".join(f"{reason} ({count})" for reason, count in reasons)
    return GristmillError(
        f"not one of {ledger.entered} samples was accepted: {found or 'there are no seeds'}",
        where="stage generate",
        expected="at least one accepted sample",
        do="look at rows with `gristmill preview`, then mend the recipe, the sampling or the seeds",
    )
