"""What every task needs: the clone it works in, its parameters, and failures that read like messages."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gristmill.errors import GristmillError
from gristmill.layout import Layout, find_workspace
from gristmill.params.load import parse, read_yaml
from gristmill.params.root import Params


def workspace() -> tuple[Layout, Params]:
    """The clone around the current folder and its parameters. Raises ProblemsError when these are wrong."""
    layout = find_workspace()
    return layout, parse(Params, read_yaml(layout.params), "params.yaml:")


@contextmanager
def quiet_failures() -> Iterator[None]:
    """At a terminal the message is enough: Prefect has logged the failed task already, a traceback adds nothing."""
    logging.getLogger("prefect.flow_engine").addFilter(_without_traceback)
    logging.getLogger("prefect.flow_runs").addFilter(_without_traceback)
    logging.getLogger("prefect.task_runs").addFilter(_without_traceback)
    try:
        yield
    except GristmillError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the stage was ended; what is finished is kept, run again to go on\n")
        sys.exit(130)


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], GristmillError | KeyboardInterrupt):
        record.exc_info, record.exc_text = None, None
    return True
