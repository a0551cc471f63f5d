"""A small process beside an actor, or beside the stage's own: when that is gone, what it started goes too.

Started as `python guard.py GROUP [FOLDER]` with a pipe as its input, whose other end the guarded process holds open for
as long as it lives. An actor killed by SIGKILL, by Ray or by the kernel cannot end its EngineCore itself, and on
another machine there is no supervisor that would; a stage so killed leaves Ray's folder. Imports nothing of ours: it
has to be small and sure.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_RELEASE = b"released"
_PATIENCE_SECONDS = 10.0
"""How long processes that are being killed may still write into the folder."""


class Guard:
    """Stands from its making until `release`, or until this process is gone."""

    def __init__(self, folder: Path | None = None) -> None:
        """Guards this process's group, where it is its own, and removes `folder` afterwards."""
        group = os.getpid() if os.getpgid(0) == os.getpid() else 0
        command = [sys.executable, "-S", "-E", __file__, str(group), *([str(folder)] if folder else [])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
        )

    def release(self) -> None:
        """All ended well: the guard goes and touches nothing."""
        self._process.communicate(_RELEASE)


def main() -> int:
    """Waits for the end of the input, kills what is left of the group, removes the folder."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == _RELEASE:
        return 0
    group, folders = int(sys.argv[1]), sys.argv[2:]
    if group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    until = time.monotonic() + _PATIENCE_SECONDS
    while any(Path(folder).exists() for folder in folders) and time.monotonic() < until:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
