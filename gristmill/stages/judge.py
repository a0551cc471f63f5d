"""judge: samples -> samples with a model's judgement: faults first, then scores.

The judgement annotates and rejects nothing: a small model's scores say little, and `compose` may
select by them where they do. A judgement that could not be had leaves the row marked `unparsed`.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.distribute.work import Walk, Work, run_work
from gristmill.engine.account import Account
from gristmill.engine.budget import Budget, spent
from gristmill.engine.build import build_engine
from gristmill.engine.open import workspace_journal
from gristmill.engine.protocol import Engine
from gristmill.frame.parquet import count_rows, read_rows
from gristmill.frame.stage import StageRun, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.params.journal import BudgetParams, CostParams
from gristmill.params.load import load_section
from gristmill.params.select import JudgeParams
from gristmill.recipes.compile import rubric_program
from gristmill.recipes.format import SAMPLE_INPUTS
from gristmill.recipes.outcome import NoteCounts, Outcome
from gristmill.recipes.outputspec import FAULTS
from gristmill.recipes.program import Program
from gristmill.recipes.walk import Ask
from gristmill.schema import JUDGED

Sample = Mapping[str, Any]


def run(layout: Layout) -> None:
    """Judges data/filter into data/judge."""
    params = load_section(JudgeParams, layout.params, "judge")
    engine_params = load_section(EngineParams, layout.params, "engine")
    limits = load_section(BudgetParams, layout.params, "budget")
    prices = load_section(CostParams, layout.params, "cost")
    program = rubric_program(layout.recipes, params.rubric, params.attempts)
    model_params = load_section(ModelParams, layout.params, "model")
    engine = build_engine(engine_params, model_params, layout.root)
    work = Work(program.name, judgement_walk, (params,), engine_params, model_params, layout)
    source = layout.data(Stage.FILTER)
    with stage_run(Stage.JUDGE, layout) as stage, workspace_journal(layout) as journal:
        books = _Books(stage, program, engine)
        stage.progress.unit, stage.progress.total = "samples", count_rows(source)
        stage.progress.publish()

        figures = run_work(
            read_rows(source),
            work,
            books.settle,
            stage.progress.advance,
            journal=journal,
            engine=engine,
            budget=Budget(limits, prices, spent(journal, limits)),
        )
        books.close(figures, prices)


def judgement_walk(recipes: Path, params: JudgeParams) -> Walk[Sample]:
    """What is done to each sample, here or on an actor."""
    program = rubric_program(recipes, params.rubric, params.attempts)

    async def walk(sample: Sample, ask: Ask) -> Outcome:
        return await program.run(_inputs(sample), sample["draw"], ask)

    return walk


class _Books:
    """Writes every sample with what the judge said, and counts."""

    def __init__(self, stage: StageRun, program: Program, engine: Engine) -> None:
        self._stage = stage
        self._program = program
        self._engine = engine
        self._ledger = stage.ledger("samples")
        self._out = stage.writer(JUDGED)
        self._account = Account()
        self._notes = NoteCounts()
        self._unparsed: Counter[str] = Counter()

    def settle(self, sample: Sample, outcome: Outcome) -> None:
        """Books one sample."""
        self._account.add(self._program.name, outcome)
        self._notes.add(outcome)
        scores = _scores(outcome)
        if scores is None:
            self._unparsed[outcome.refused.reason if outcome.refused else "score_out_of_range"] += 1
        self._out.append({**sample, **_judgement(outcome, scores)})
        self._ledger.entered += 1
        self._ledger.out += 1

    def close(self, figures: Mapping[str, Any], prices: CostParams) -> None:
        """States what was used."""
        model = self._engine.model
        self._stage.used(
            model=model.name,
            revision=model.revision,
            engine=self._engine.name,
            rubric=self._program.name,
            rubric_hash=self._program.hash,
            unparsed=dict(sorted(self._unparsed.items())),
            **self._notes.facts(),
            **self._account.facts(),
        )
        cost = self._account.figures(prices, self._ledger.out)
        self._stage.metric(**figures, **self._account.facts(), cost=cost)


def _inputs(sample: Sample) -> dict[str, Any]:
    return {name: sample[name] or "" for name in SAMPLE_INPUTS}


def _scores(outcome: Outcome) -> dict[str, int] | None:
    """Score by criterion; None when there is no judgement, or a score is no whole number from 1 to 5."""
    if outcome.output is None:
        return None
    scores = {name: score for name, score in outcome.output.items() if name != FAULTS}
    return scores if all(type(score) is int and 1 <= score <= 5 for score in scores.values()) else None


def _judgement(outcome: Outcome, scores: dict[str, int] | None) -> dict[str, Any]:
    """The judge's columns."""
    keys = [trial.answered.key for trial in outcome.trials]
    if outcome.output is None or scores is None:
        return {
            "judge_status": "unparsed",
            "judge_faults": None,
            "judge_scores": [],
            "judge_mean": None,
            "judge_request_keys": keys,
        }
    return {
        "judge_status": "scored",
        "judge_faults": outcome.output[FAULTS],
        "judge_scores": [{"criterion": name, "score": score} for name, score in scores.items()],
        "judge_mean": sum(scores.values()) / len(scores),
        "judge_request_keys": keys,
    }
