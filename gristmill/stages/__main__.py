"""The worker of a stage: `python -m gristmill.stages NAME`, started by its supervisor.

Each stage is a module of this package with one function, `run(layout)`. Only that module and
what it imports is loaded, so that a stage's dependencies in dvc.yaml are its own.
"""

import importlib
import logging
import signal
import sys
from types import FrameType

from gristmill.errors import GristmillError
from gristmill.frame.progress import clear_progress
from gristmill.frame.supervise import die_with_parent
from gristmill.frame.unexpected import explain_unexpected
from gristmill.layout import Stage, find_workspace


def main() -> int:
    """Runs the stage named on the command line; gives the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("httpx", "botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _interrupt)
    die_with_parent()
    stage, layout = Stage(sys.argv[1]), find_workspace()
    clear_progress(layout.progress(stage))
    try:
        importlib.import_module(f"gristmill.stages.{stage.value}").run(layout)
    except GristmillError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say(f"{stage.value}: interrupted; nothing was written, answers already given are kept in the journal")
        return 130
    except Exception as error:  # noqa: BLE001 - the last place before the user, where a bug becomes a message
        told = explain_unexpected(error, f"stage {stage.value}", layout)
        _say(f"error: {told}")
        return told.exit_code
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
