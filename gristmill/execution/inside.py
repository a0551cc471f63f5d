"""The first program inside the sandbox: sets the limits, runs the code, and ends it when there are too many processes.

Runs by itself (`python -I -S -c SOURCE`), with nothing but the standard library: it is sent into the sandbox as
text. The number of processes is counted as well as limited, since the kernel does not hold root to RLIMIT_NPROC;
whoever counts has real-time priority then (`place.command` allows it), or a thousand processes would starve it.
Its exit status is the code's; 128 + n for signal n.
"""

import os
import resource
import signal
import sys
import time

TOO_MANY = 120
"""Exit status that tells of too many processes."""
_LOOK_SECONDS = 0.005
_KINDNESS = 10
"""Niceness of the code: whoever waits for it comes first."""


def main(arguments: list[str]) -> int:
    """Runs the interpreter with `arguments[5:]`.

    Before them: cpu seconds, memory MiB, processes, file MiB, and 1 where every process in sight is ours, else 0.
    """
    cpu, memory, processes, file_size, counted = (int(text) for text in arguments[:5])
    child = os.fork()
    if child == 0:
        _limit(cpu, memory << 20, processes, file_size << 20)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.nice(_KINDNESS)
        os.execv(sys.executable, [sys.executable, *arguments[5:]])  # noqa: S606 - no shell is what is wanted
    return _wait(child, processes if counted else sys.maxsize)


def _limit(cpu: int, memory: int, processes: int, file_size: int) -> None:
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, processes),
    ):
        resource.setrlimit(kind, (value, value))


def _wait(child: int, processes: int) -> int:
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if processes < sys.maxsize and _tasks() > processes:
            os.kill(-1, signal.SIGKILL)  # everyone in this process namespace but its first process and ourselves
            return TOO_MANY
        time.sleep(_LOOK_SECONDS)


def _tasks() -> int:
    """Processes in this namespace, this one and the namespace's first left out."""
    return sum(name.isdigit() for name in os.listdir("/proc")) - 2  # noqa: PTH208 - counted fifty times a second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
