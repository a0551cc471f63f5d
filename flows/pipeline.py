"""The main job: sources looked at, every stale stage run, a version released.

python -m flows.pipeline            what `gristmill run` starts
prefect deploy --all                the same flow on a schedule (prefect.yaml)
"""

import json
import sys
from typing import Any

from prefect import flow

from gristmill.layout import Stage
from tasks.inputs import check_code, set_parameters, sync_inputs
from tasks.release import reach_store, release_version
from tasks.show import show_audit
from tasks.stages import run_stage, stale_stages
from tasks.terminal import quiet_failures


@flow(name="pipeline", log_prints=False)
def pipeline(parameters: dict[str, Any] | None = None, release: bool = True) -> dict[str, Any] | None:
    """Seeds in, a versioned release out; unchanged stages are left alone.

    Args:
        parameters: changes to params.yaml, dotted path to value, such as {"filter.filters.length.min_prompt_words": 5}.
            They are written to the clone's params.yaml and so reach DVC and the release.
        release: publish to S3 and record a version; without it, the data set is only computed.

    """
    check_code()
    set_parameters(parameters or {})
    if release:
        reach_store()
    sync_inputs()
    if not stale_stages():
        return release_version() if release else None
    for stage in Stage:
        run_stage(stage)
        if stage is Stage.AUDIT:
            show_audit()
    return release_version() if release else None


if __name__ == "__main__":
    with quiet_failures():
        pipeline(**json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
