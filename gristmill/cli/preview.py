"""`gristmill preview`: a few rows through every step, with prompts, answers and verdicts. Writes no version.

Answers are kept in the journal like any others: the run that asks the same has them already.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.markup import escape
from rich.panel import Panel

from gristmill.cli.output import AsJson, out, show_json
from gristmill.engine.asker import Asker
from gristmill.engine.budget import Budget, spent
from gristmill.engine.build import build_engine
from gristmill.engine.drive import run_samples
from gristmill.engine.open import workspace_journal
from gristmill.errors import InputError
from gristmill.filters.build import Surroundings, build_chain, recipe_changes, recipe_templates
from gristmill.layout import Layout, Stage, find_workspace
from gristmill.params.root import Params
from gristmill.recipes.compile import generate_program, rubric_program
from gristmill.recipes.format import SAMPLE_INPUTS
from gristmill.recipes.outcome import Outcome, Trial
from gristmill.recipes.plan import PlannedSample, Quota, planned_samples
from gristmill.recipes.program import Program
from gristmill.recipes.request import Answered, NotAnswered, Request, Role
from gristmill.recipes.rows import sample_rows, shared_columns
from gristmill.schema import SAMPLE
from gristmill.validation import load_params

_TRIED = 20
"""Seeds looked at for each sample shown."""


@dataclass
class Previewed:
    """One sample's way: what was asked and answered, what the filters and the judge said."""

    seed_id: str
    passage: str
    trials: list[dict[str, Any]]
    verdict: str
    prompt: str = ""
    response: str = ""
    evidence: str = ""
    judge: list[dict[str, Any]] = field(default_factory=list)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(preview)


def preview(
    rows: Annotated[int, typer.Option("-n", "--rows", min=1, max=100, help="How many samples.")] = 5,
    recipe: Annotated[str | None, typer.Option(help="Another recipe than generate.recipe.")] = None,
    as_json: AsJson = False,
) -> None:
    """A few samples through every step, shown with prompts, answers and verdicts."""
    layout = find_workspace()
    found = look(layout, _with_recipe(load_params(layout), recipe), rows)
    if as_json:
        show_json([asdict(each) for each in found])
        return
    for number, each in enumerate(found, 1):
        _show(number, each)


def _with_recipe(params: Params, recipe: str | None) -> Params:
    """The parameters with another recipe; those of the former recipe mean nothing to it."""
    if recipe in (None, params.generate.recipe):
        return params
    changed = params.generate.model_copy(update={"recipe": recipe, "parameters": {}, "inputs": {}})
    return params.model_copy(update={"generate": changed})


def look(layout: Layout, params: Params, rows: int) -> list[Previewed]:
    """The samples in order. Raises InputError when there are no seeds yet."""
    seeds = layout.data(Stage.INGEST)
    if not seeds.exists():
        raise InputError("there are no seeds yet", where=str(seeds), do="run `gristmill sync` and `dvc repro ingest`")
    recipe = generate_program(layout.recipes, params.generate, params.execution)
    rubric = rubric_program(layout.recipes, params.judge.rubric, params.judge.attempts)
    engine = build_engine(params.engine, params.model, layout.root)
    constants = shared_columns(recipe, engine.model.name, engine.model.revision)
    chain = build_chain(params.filter, _surroundings(layout, params))
    found: list[Previewed] = []

    async def walk(sample: PlannedSample, ask: Asker) -> tuple[Outcome, Outcome | None, str]:
        outcome = await recipe.run(sample.inputs(), sample.draw, ask.named(recipe.name))
        if outcome.refused is not None:
            return outcome, None, outcome.refused.reason
        row = sample_rows(sample, outcome, recipe, constants)[0]
        refused = chain.judge(pa.RecordBatch.from_pylist([row], schema=SAMPLE)).refused
        judged = await rubric.run(
            {name: row[name] or "" for name in SAMPLE_INPUTS}, sample.draw, ask.named(rubric.name)
        )
        return outcome, judged, f"filter: {refused[0].reason} ({refused[0].value})" if refused else "kept"

    def emit(sample: PlannedSample, result: tuple[Outcome, Outcome | None, str]) -> None:
        found.append(_previewed(sample, *result))

    with workspace_journal(layout) as journal:
        plan = asyncio.run(_asking(recipe, planned_samples(seeds, Quota(seeds=rows * _TRIED, draws=1)), rows))
        budget = Budget(params.budget, params.cost, spent(journal, params.budget))
        run_samples(plan, walk, emit, journal=journal, engine=engine, budget=budget)
    return found


async def _asking(recipe: Program, plan: Iterable[PlannedSample], rows: int) -> list[PlannedSample]:
    """The first samples for which the recipe has something to ask: a passage that it passes over shows nothing."""
    found: list[PlannedSample] = []
    for sample in plan:
        try:
            await recipe.run(sample.inputs(), sample.draw, _ask_nothing)
        except NotAnswered:
            found.append(sample)
        if len(found) == rows:
            break
    return found


async def _ask_nothing(request: Request) -> Answered:
    raise NotAnswered(request)


def _surroundings(layout: Layout, params: Params) -> Surroundings:
    """Filters that compare a row with all others are left out here, and so nothing is written to the folder."""
    names = [params.generate.recipe]
    return Surroundings(
        layout.root,
        layout.state / "tmp",
        templates=recipe_templates(layout.recipes, names),
        changes=recipe_changes(layout.recipes, names),
    )


def _previewed(sample: PlannedSample, outcome: Outcome, judged: Outcome | None, verdict: str) -> Previewed:
    output: Mapping[str, Any] = outcome.output or {}
    return Previewed(
        seed_id=sample.seed["seed_id"],
        passage=sample.seed["text"],
        trials=[_trial(trial) for trial in outcome.trials],
        verdict=verdict,
        prompt=output.get("prompt", ""),
        response=output.get("response", ""),
        evidence=output.get("evidence") or "",
        judge=[_trial(trial) for trial in judged.trials] if judged else [],
    )


def _trial(trial: Trial) -> dict[str, Any]:
    request = trial.request
    asked = request.prompt or "\n".join(f"{message.role}: {message.content}" for message in request.messages)
    asked += "\nuser:" * (request.write is Role.USER)
    if request.code is not None:
        asked = "\n".join(f"# {name}\n{text}" for name, text in request.code.files.items())
    answer = trial.answered.answer
    tokens = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
    shown = {"step": request.place, "attempt": request.attempt, "asked": asked, "answer": answer.text}
    return {**shown, "fault": trial.fault, **tokens}


def _show(number: int, each: Previewed) -> None:
    lines = [f"[bold]passage[/] {escape(each.passage)}"]
    for trial in (*each.trials, *each.judge):
        fault = f" [red]{escape(trial['fault'])}[/]" if trial["fault"] else ""
        lines.append(f"\n[bold cyan]{trial['step']}[/] attempt {trial['attempt'] + 1}{fault}")
        lines.append(f"[dim]{escape(trial['asked'])}[/]")
        lines.append(f"[green]{escape(trial['answer'])}[/]")
    if each.prompt:
        lines.append(f"\n[bold]prompt[/] {escape(each.prompt)}\n[bold]response[/] {escape(each.response)}")
        lines.append(f"[bold]evidence[/] {escape(each.evidence)}")
    colour = "green" if each.verdict == "kept" else "red"
    title = f"sample {number}: [{colour}]{escape(each.verdict)}[/]"
    out.print(Panel("\n".join(lines), title=title, title_align="left"), soft_wrap=False)
