"""A stage runs as a small family of processes that lives and dies together.

    launcher (DVC, a shell)  ->  supervisor  ->  worker, and whatever it starts (an engine)

The supervisor is the process that DVC started. It gives the worker a process group of its own,
passes SIGINT and SIGTERM on, and ends the whole family when its launcher dies: DVC killed by
SIGKILL would otherwise leave the stage running beside the next one. Every member carries a token
in its environment. So a new run finds and ends what an earlier one left, even when the
supervisor itself was killed: process numbers are reused, tokens are not. A process that gives itself
a title (vLLM's do) writes it over its environment; it is known by the worker's session instead.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from gristmill.errors import GristmillError
from gristmill.layout import Layout, Stage

TOKEN_VARIABLE = "GRISTMILL_STAGE_RUN"  # noqa: S105 - names a variable, holds no secret
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish"}
_POLL_SECONDS = 0.25
_GRACE_SECONDS = 10.0


def supervise(stage: Stage, layout: Layout, command: list[str]) -> int:
    """Runs `command` as the stage's worker and gives its exit status.

    Raises GristmillError when a living run of the same stage is under way.
    """
    record = layout.state / "run" / f"{stage.value}.json"
    end_leftovers(record, stage)
    launcher, asked = _launcher(), _listen()
    run = _Run(record, uuid.uuid4().hex, launcher)
    run.write()
    worker = subprocess.Popen(
        command, cwd=layout.root, env={**os.environ, TOKEN_VARIABLE: run.token}, start_new_session=True
    )
    run.write(worker.pid)
    status = _watch(worker, run.token, launcher, asked)
    record.unlink(missing_ok=True)
    return status


def end_leftovers(record: Path, stage: Stage) -> None:
    """Ends what an earlier, killed run of the stage left behind, and waits for it.

    Raises GristmillError when that run is alive and has its launcher: then it is no leftover.
    """
    try:
        former = json.loads(record.read_text())
    except FileNotFoundError:
        return
    family = _family(former["token"], former.get("worker"))
    supervisor = _alive(former["supervisor"])
    if supervisor and (former["launcher"] is None or _alive(former["launcher"])):
        raise GristmillError(
            f"stage {stage.value} is being run by process {former['supervisor']['pid']}",
            where=str(record),
            do="wait until it has ended, or end it with Ctrl-C or kill, and run this again",
        )
    if supervisor:
        family.append(psutil.Process(former["supervisor"]["pid"]))
    _end(family)
    record.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Run:
    """What the next run needs to know about this one, kept in `record`."""

    record: Path
    token: str
    launcher: psutil.Process | None

    def write(self, worker: int | None = None) -> None:
        """Replaces the record; it stands before there is a worker."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.record.with_suffix(".new")
        content = {
            "token": self.token,
            "supervisor": _described(psutil.Process()),
            "launcher": self.launcher and _described(self.launcher),
            "worker": worker,
        }
        fresh.write_text(json.dumps(content))
        fresh.replace(self.record)


def _listen() -> list[int]:
    """Signals that ask for an end, as they come. One that the launcher ignores (`nohup`) stays ignored."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, note)
    return asked


def _watch(worker: subprocess.Popen[bytes], token: str, launcher: psutil.Process | None, asked: Sequence[int]) -> int:
    """Waits for the worker; passes signals on; ends the family when the launcher is gone."""
    while True:
        try:
            status = worker.wait(_POLL_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if asked or _gone(launcher):
                _end([psutil.Process(worker.pid)], first=signal.SIGINT)
                status = -signal.SIGHUP  # psutil may have taken the real one
                break
    _end(_family(token, worker.pid))
    if asked:
        return 128 + asked[0]
    return status if status >= 0 else 128 - status


def _launcher() -> psutil.Process | None:
    """Whoever asked for this stage: the parent, or the one behind a `sh -c`; None where it cannot be seen from here."""
    parent = psutil.Process().parent()
    if parent is None:
        return None  # in a container, started from outside
    command = parent.cmdline() or [""]
    grandparent = parent.parent()
    if Path(command[0]).name in _SHELLS and "-c" in command[1:] and grandparent is not None:
        return grandparent
    return parent


def _gone(launcher: psutil.Process | None) -> bool:
    """Whether the launcher has ended; not by start time, which shifts when the clock is set."""
    if launcher is None:
        return False
    try:
        return not launcher.is_running() or bool(launcher.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _described(process: psutil.Process) -> dict[str, float]:
    return {"pid": process.pid, "started": process.create_time()}


def _alive(process: Mapping[str, float]) -> bool:
    """Whether that very process still runs: the number and the start time both agree."""
    try:
        found = psutil.Process(int(process["pid"]))
        same = abs(found.create_time() - process["started"]) < 1.0
        return bool(same and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _family(token: str, worker: int | None) -> list[psutil.Process]:
    """Every process of ours that carries the token, or is of the worker's session and has lost its environment."""
    members = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            ours = environment.get(TOKEN_VARIABLE) == token or (not environment and os.getsid(process.pid) == worker)
            if ours and process.pid != os.getpid():
                members.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            continue  # gone, or another user's: not of this family
    return members


def _end(processes: list[psutil.Process], first: signal.Signals = signal.SIGTERM) -> None:
    """Asks politely, waits, then kills; returns when all are gone."""
    for process in processes:
        _signal(process, first)
    _, alive = psutil.wait_procs(processes, timeout=_GRACE_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def worker_command(stage: Stage) -> list[str]:
    """The worker's command line: the same Python, the stages' entry point."""
    return [sys.executable, "-m", "gristmill.stages", stage.value]


def die_with_parent() -> None:
    """On Linux, asks the kernel for SIGTERM when the parent dies (prctl(2), PR_SET_PDEATHSIG = 1).

    Elsewhere a parent killed by SIGKILL leaves this process to the next run's `end_leftovers`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)
