"""The start of a cycle: parameters from the UI, and what the world holds now."""

from typing import Any

from prefect import get_run_logger, task
from prefect.context import FlowRunContext

from gristmill.lineage.inputs import sync
from gristmill.lineage.snapshot import require_committed
from gristmill.params.edit import edit_parameters, parameter_at
from tasks.workspace import workspace


@task(name="check code")
def check_code() -> None:
    """A run by the clock refuses code that is not committed: nobody watches it. One by hand marks its release."""
    context = FlowRunContext.get()
    if context and context.flow_run and context.flow_run.auto_scheduled:
        require_committed(workspace()[0])


@task(name="set parameters")
def set_parameters(changes: dict[str, Any]) -> None:
    """Writes the changes into params.yaml, all or none; an empty mapping leaves the file alone."""
    layout, _ = workspace()
    for line in edit_parameters(layout.params, changes):
        get_run_logger().info("params.yaml: %s", line)


def present_parameter(path: str) -> Any:
    """What params.yaml says at a dotted path, entries of lists by their `name`. Raises InputError where it has none."""
    return parameter_at(workspace()[0].params, path)


@task(name="sync")
def sync_inputs() -> None:
    """Writes inputs/*.lock: what the sources hold, the parent release, how much is asked for."""
    layout, params = workspace()
    for line in sync(layout, params).lines():
        get_run_logger().info(line)
