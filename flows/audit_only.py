"""The audit by itself: what is in data/ measured again, and shown in Prefect's UI."""

from typing import Any

from prefect import flow

from gristmill.layout import Stage
from tasks.inputs import set_parameters
from tasks.show import show_audit
from tasks.stages import run_stage


@flow(name="audit-only", log_prints=False)
def audit_only(parameters: dict[str, Any] | None = None) -> None:
    """Measures the data set that is there with the present parameters; asks no model, releases nothing.

    Args:
        parameters: changes to params.yaml, dotted path to value, such as {"audit.token_budget": 200000}.

    """
    set_parameters(parameters or {})
    run_stage(Stage.AUDIT)
    show_audit()
