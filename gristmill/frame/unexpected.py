"""The last place before the user: whatever nobody foresaw becomes a message with a way out.

A full disk or a folder that may not be written is the user's to mend; anything else is a bug of
ours, whose traceback is kept in `.gristmill/logs/`.
"""

import errno
import time
import traceback

from gristmill.errors import GristmillError
from gristmill.layout import Layout

_DO = {
    errno.ENOSPC: "free some room on that disk and run this again; what is finished is kept",
    errno.EDQUOT: "free some room in your quota and run this again; what is finished is kept",
    errno.EROFS: "that file system is mounted read-only: make it writable, or work in a clone elsewhere",
    errno.EACCES: "make it readable and writable for you, then run this again",
    errno.EPERM: "make it readable and writable for you, then run this again",
}


class UnexpectedError(GristmillError):
    """A bug of ours."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h


def explain_unexpected(error: Exception, what: str, layout: Layout) -> GristmillError:
    """The exception as an error for people; `what` was being done. Keeps a bug's traceback in a file."""
    if isinstance(error, OSError) and error.errno in _DO:
        where = f"{what}: {error.filename}" if error.filename else what
        return GristmillError(error.strerror or str(error), where=where, do=_DO[error.errno])
    return UnexpectedError(
        f"unexpected {type(error).__name__}: {error}",
        where=what,
        do=f"this is a bug of Gristmill's, nothing is lost: please report it with {_keep(error, what, layout)}",
    )


def _keep(error: Exception, what: str, layout: Layout) -> str:
    """Where the traceback now stands: in a file, or right here when none can be written."""
    told = "".join(traceback.format_exception(error))
    path = layout.state / "logs" / f"{what.replace(' ', '-')}-{time.strftime('%Y%m%dT%H%M%S')}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told)
    except OSError:
        return f"this:\n{told}"
    return str(path)
