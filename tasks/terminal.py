"""What a person sees of a flow at the terminal: Prefect's log lines, one bar below them, and each failure once.

Prefect tells a failure four times, as a line of the task and of the flow, each with its exception. In
its UI they stay; here the flow's process says the message itself, last and whole.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prefect.logging.handlers import PrefectConsoleHandler
from rich.console import Console
from rich.theme import Theme

from gristmill.errors import GristmillError
from gristmill.frame.unexpected import explain_unexpected
from gristmill.layout import find_workspace

_TOLD_AT_THE_END = ("Task run failed with", "Finished in state Failed(", "Encountered exception during execution")
_NO_SERVER = ("Failed to reach API", "Timed out while attempting to connect to ephemeral")
_ENGINES = ("prefect.flow_engine", "prefect.flow_runs", "prefect.task_runs")


@cache
def console() -> Console:
    """The console that Prefect logs to: what is drawn there and its log lines keep out of each other's way."""
    handler = _handler()
    if handler is None:
        return Console(stderr=True)
    handler.console.push_theme(Theme())  # Prefect's own knows the styles of log lines and no others
    return handler.console


@contextmanager
def quiet_failures() -> Iterator[None]:
    """Ends the process with the message and exit code of whatever is raised within."""
    if handler := _handler():
        handler.addFilter(_not_told_at_the_end)
    for name in _ENGINES:
        logging.getLogger(name).addFilter(_without_traceback)
    try:
        yield
    except GristmillError as error:
        _fail(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the stage was ended; what is finished is kept, run again to go on\n")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last place before the user, where a bug becomes a message
        _fail(_unreachable(error) or explain_unexpected(error, "gristmill run", find_workspace()))


def _fail(error: GristmillError) -> None:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(error.exit_code)


def _unreachable(error: Exception) -> GristmillError | None:
    """The fault of a Prefect server that does not answer; None for any other."""
    if not (isinstance(error, RuntimeError) and str(error).startswith(_NO_SERVER)):
        return None
    if address := os.environ.get("PREFECT_API_URL"):
        do = "start it: `prefect server start`; or unset PREFECT_API_URL, and the run brings a server of its own"
        return GristmillError("Prefect's server does not answer", where=address, do=do)
    do = "see that the clone is writable and its disk has room, then run this again"
    return GristmillError(f"Prefect's own server did not start: {error}", where=".prefect", do=do)


def _handler() -> PrefectConsoleHandler | None:
    handlers = (*logging.getLogger("prefect").handlers, *logging.getLogger().handlers)
    return next((each for each in handlers if isinstance(each, PrefectConsoleHandler)), None)


def _not_told_at_the_end(record: logging.LogRecord) -> bool:
    """Drops a failure's lines, but for one that says when the task is tried again."""
    if not record.name.startswith(_ENGINES):
        return True
    message = record.getMessage()
    return not message.startswith(_TOLD_AT_THE_END) or " will start " in message


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], GristmillError | KeyboardInterrupt):
        record.exc_info, record.exc_text = None, None
    return True
