"""One DVC stage as a Prefect task: its log lines and its live progress pass through."""

from collections.abc import Callable
from uuid import UUID

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gristmill.errors import BooksError, BudgetExhausted, GateRefused, GristmillError, InputError
from gristmill.frame.progress import Snapshot
from gristmill.layout import Stage
from gristmill.lineage.dvc import run_stage as run_dvc_stage
from gristmill.lineage.dvc import status
from tasks.terminal import console
from tasks.workspace import workspace

_HINTS = (
    "To track the changes",
    "git add",
    "To enable auto staging",
    "dvc config",
    "Use `dvc push`",
    "Updating lock file",
    "Generating lock file",
    "Data and pipelines are up to date",
)

_FINAL = {kind.exit_code for kind in (InputError, GateRefused, BooksError, BudgetExhausted)}
"""The gate said no, the input is wrong, the books don't balance, the budget is spent: the same again would follow."""


def worth_retrying(_task: "Task[..., object]", _run: TaskRun, state: State[object]) -> bool:
    """Whether another try could help: by the error's exit code, which is also that of the stage's process."""
    error = state.result(raise_on_failure=False)
    return not (isinstance(error, GristmillError) and error.exit_code in _FINAL)


def run_stage(stage: Stage) -> None:
    """The stage, tried again as params' `run` section says."""
    _, params = workspace()
    stage_task.with_options(
        task_run_name=stage.value,
        retries=params.run.retries,
        retry_delay_seconds=params.run.retry_delay_seconds,
        timeout_seconds=params.run.timeout_seconds,
    )(stage)


@task(name="look for work")
def stale_stages() -> list[str]:
    """The stages that have to run; says so when there are none."""
    layout, _ = workspace()
    stale = list(status(layout))
    if not stale:
        get_run_logger().info("nothing new in sources, parameters, recipes and code: no stage runs")
    return stale


@task(name="stage", retry_condition_fn=worth_retrying)
def stage_task(stage: Stage) -> None:
    """`dvc repro --single-item`: runs the stage if it is stale, else leaves it alone."""
    layout, _ = workspace()
    logger = get_run_logger()
    with Watcher(stage) as watcher:
        result = run_dvc_stage(layout, stage, on_line=without_hints(logger.info), on_progress=watcher.show)
    logger.info("%s: %s", stage.value, "done" if result.ran else "unchanged")


def without_hints(say: Callable[[str], None]) -> Callable[[str], None]:
    """Passes on a stage's lines, without DVC's advice to add and push by hand: the release does that."""

    def pass_on(line: str) -> None:
        if line.strip() and not line.strip().startswith(_HINTS):
            say(line)

    return pass_on


class Watcher:
    """Shows a stage's progress: an artifact in Prefect's UI, and a bar when a person watches the terminal."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._artifact: UUID | None = None
        terminal = console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=terminal,
            transient=True,
            disable=not terminal.is_terminal,
        )
        self._row = self._bar.add_task(stage.value, total=None, figures="")

    def __enter__(self) -> "Watcher":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, now: Snapshot) -> None:
        """Publishes one state."""
        figures = describe(now)
        self._bar.update(self._row, completed=now.done, total=now.total, figures=figures)
        percent = min(100.0, 100 * now.done / now.total) if now.total else 0.0
        if self._artifact is None:
            key = f"progress-{self._stage.value}"
            self._artifact = create_progress_artifact(progress=percent, key=key, description=figures)
        else:
            update_progress_artifact(self._artifact, progress=percent, description=figures)


def describe(now: Snapshot) -> str:
    """One line for people: rows done, rates, time left."""
    parts = [f"{now.done:,}{f' of {now.total:,}' if now.total else ''} {now.unit}", f"{now.rows_per_s:,.1f}/s"]
    if now.tokens_per_s:
        parts.append(f"{now.tokens_per_s:,.0f} tokens/s")
    if now.seconds_left is not None:
        parts.append(f"{now.seconds_left:.0f} s left")
    return ", ".join(parts)
