"""A small process that ends an engine's processes when their owner is gone, however it went.

vLLM's EngineCore survives an owner that was killed with SIGKILL, and keeps the device. The guard holds the other end of
a pipe: when that closes and nobody has let it go, it ends every engine process that it has seen below the owner. It
stands in a session of its own, so that what kills the owner's whole group leaves it alive.

`python -m gristmill.engine.guard OWNER` is the guard itself.
"""

import os
import select
import subprocess
import sys

import psutil

from gristmill.engine.children import end_children, engine_children

_STDIN, _STDOUT = 0, 1
_POLL_SECONDS = 0.5
_KNOWN = b"k"
"""All processes are there: there is nothing more to look for."""
_LET_GO = b"l"


class Guard:
    """The owner's side."""

    def __init__(self) -> None:
        owner = str(psutil.Process().pid)
        command = [sys.executable, "-m", "gristmill.engine.guard", owner]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)

    def engine_is_up(self) -> None:
        """All of the engine's processes are there now. Returns when the guard knows them."""
        assert self._process.stdout is not None
        self._say(_KNOWN)
        self._process.stdout.read(1)

    def let_go(self) -> None:
        """The engine has ended; the guard ends too."""
        self._say(_LET_GO)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()

    def _say(self, word: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(word)
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # somebody ended the guard; the owner goes on without it


def watch(owner: psutil.Process) -> None:
    """Returns when the owner has let go, or when its engine's processes are gone after it."""
    seen: set[psutil.Process] = set()
    looking = True
    while True:
        if looking:
            seen |= set(engine_children(owner))
        ready, _, _ = select.select([_STDIN], [], [], _POLL_SECONDS if looking else None)
        if not ready:
            continue
        word = os.read(_STDIN, 1)
        if word == _KNOWN:
            seen |= set(engine_children(owner))
            looking = False
            os.write(_STDOUT, _KNOWN)
        elif word == _LET_GO:
            return
        else:
            end_children([process for process in seen if process.is_running()])
            return


if __name__ == "__main__":
    watch(psutil.Process(int(sys.argv[1])))
