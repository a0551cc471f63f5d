"""`gristmill plan`: what the next run would do and cost, asked of DVC and of the journal, never of a model."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass

import typer

from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.cli.projection import checked, remember
from gristmill.engine.asker import LookUp
from gristmill.engine.budget import prompt_tokens, spent, used
from gristmill.engine.build import build_engine
from gristmill.engine.inventory import groups
from gristmill.engine.lookup import JournalReader
from gristmill.layout import Layout, Stage, find_workspace
from gristmill.lineage.dvc import status
from gristmill.params.journal import CostParams
from gristmill.params.root import Params
from gristmill.recipes.compile import generate_program
from gristmill.recipes.plan import planned_samples, read_quota
from gristmill.recipes.program import Program
from gristmill.recipes.request import NotAnswered, Request
from gristmill.text import estimate_tokens
from gristmill.validation import load_params

_REASONS_SHOWN = 3


@dataclass
class Forecast:
    """What `generate` would ask. Open figures are upper bounds: a refused sample asks no further steps.

    Expected ones go by the mean of the answers that the journal has for the same step and model, where it has any.
    """

    samples: int = 0
    samples_settled: int = 0
    """Of these, their end is known: every answer they need is in the journal."""
    requests_answered: int = 0
    requests_open: int = 0
    prompt_tokens_open: int = 0
    completion_tokens_open: int = 0
    usd_open: float = 0.0
    """At the prices of the section `cost`; GPU time as expected."""
    expected_completion_tokens: float = 0.0
    expected_gpu_seconds: float = 0.0
    expected_usd: float = 0.0


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(plan)


def plan(as_json: AsJson = False) -> None:
    """Which stages are stale, how much would be asked and cost, how much is answered already, and the budget left."""
    layout = find_workspace()
    params = load_params(layout)
    stale = status(layout)
    rows = [{"stage": stage.value, "state": _state(stale.get(stage, []))} for stage in Stage]
    forecast = forecast_generate(layout, params)
    limits, last = budget_rows(layout, params), checked(layout)
    if forecast:
        remember(layout, asdict(forecast))
    if as_json:
        generate = asdict(forecast) if forecast else None
        show_json({"stages": rows, "generate": generate, "budget": limits, "last_projection": last})
        return
    show_rows([{**row, "state": _shortened(row["state"])} for row in rows], as_json=False, title="stages")
    if forecast is None:
        out.print("\nhow much would be asked is known once the seeds are there: `gristmill sync`, `dvc repro ingest`")
        return
    figures = [{"generate": name.replace("_", " "), "count": count} for name, count in asdict(forecast).items()]
    show_rows(figures, as_json=False, title="\nwhat generate would ask (open: upper bounds)")
    if last:
        show_rows(last, as_json=False, title="\nthe last plan against the run that followed")
    if limits:
        show_rows(limits, as_json=False, title="\nbudget, generate and judge together")


def _state(reasons: list[str]) -> str:
    return "; ".join(reasons) or "up to date"


def _shortened(state: str) -> str:
    """The first reasons; after a change of code they are many, and alike."""
    reasons = state.split("; ")
    more = len(reasons) - _REASONS_SHOWN
    return state if more <= 0 else "; ".join(reasons[:_REASONS_SHOWN]) + f"; and {more} more (--json shows all)"


def budget_rows(layout: Layout, params: Params) -> list[dict[str, float | str]]:
    """Of each limit that is set: how much is spent, and what is left."""
    with closing(JournalReader(layout.journal)) as journal:
        so_far = spent(journal, params.budget)
    limits = used(params.budget, params.cost, so_far)
    return [
        {"limit": name, "budget": limit, "spent": round(amount, 6), "left": round(max(0.0, limit - amount), 6)}
        for name, (amount, limit) in limits.items()
    ]


def forecast_generate(layout: Layout, params: Params) -> Forecast | None:
    """Walks every planned sample as far as the journal has answers; None before there are seeds and a quota."""
    seeds = layout.data(Stage.INGEST)
    if not (seeds.exists() and layout.quota_lock.exists()):
        return None
    program = generate_program(layout.recipes, params.generate, params.execution)
    engine = build_engine(params.engine, params.model, layout.root)
    look = LookUp(JournalReader(layout.journal), engine.model.id, engine.context)
    forecast = Forecast()
    means = _means(layout, program.name, engine.model.id)

    async def walk() -> None:
        for sample in planned_samples(seeds, read_quota(layout.quota_lock, params.generate.recipe)):
            forecast.samples += 1
            try:
                outcome = await program.run(sample.inputs(), sample.draw, look)
            except NotAnswered as open_:
                _count_open(forecast, program, open_.request, means)
            else:
                forecast.samples_settled += 1
                forecast.requests_answered += len(outcome.trials)

    asyncio.run(walk())
    _price(forecast, params.cost)
    return forecast


def _price(forecast: Forecast, prices: CostParams) -> None:
    prompt, gpu_seconds = forecast.prompt_tokens_open, forecast.expected_gpu_seconds
    forecast.usd_open = round(prices.usd(prompt, forecast.completion_tokens_open, gpu_seconds), 6)
    forecast.expected_usd = round(prices.usd(prompt, forecast.expected_completion_tokens, gpu_seconds), 6)
    forecast.expected_completion_tokens = round(forecast.expected_completion_tokens)
    forecast.expected_gpu_seconds = round(gpu_seconds, 1)


def _means(layout: Layout, recipe: str, model: str) -> dict[str, tuple[float, float]]:
    """Completion tokens and GPU seconds of a mean answer, by step."""
    sums: dict[str, tuple[int, int, float]] = {}
    for group in groups(layout.journal):
        if (group.recipe, group.model) == (recipe, model):
            count, tokens, seconds = sums.get(group.step, (0, 0, 0.0))
            sums[group.step] = (count + group.answers, tokens + group.completion_tokens, seconds + group.gpu_seconds)
    return {step: (tokens / count, seconds / count) for step, (count, tokens, seconds) in sums.items()}


def _count_open(
    forecast: Forecast, program: Program, request: Request, means: Mapping[str, tuple[float, float]]
) -> None:
    """Counts the open request and one for each later step, with prompts as long as this one."""
    place = [asked.step for asked in program.asks].index(request.step)
    forecast.requests_answered += place
    prompt = prompt_tokens(request) or estimate_tokens(request.prompt_bytes().decode())
    for asked in program.asks[place:]:
        completion, gpu_seconds = means.get(asked.step, (asked.max_tokens, 0.0))
        forecast.requests_open += asked.times
        forecast.prompt_tokens_open += 0 if asked.runs else asked.times * prompt
        forecast.completion_tokens_open += asked.times * asked.max_tokens
        forecast.expected_completion_tokens += asked.times * completion
        forecast.expected_gpu_seconds += asked.times * gpu_seconds
