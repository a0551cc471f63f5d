"""A stage runs as a small family of processes that lives and dies together.

    launcher (DVC, a shell)  ->  supervisor  ->  worker, and whatever it starts (an engine)

The supervisor is the process that DVC started. It gives the worker a process group of its own,
passes SIGINT and SIGTERM on, and ends the whole family when its launcher dies: DVC killed by
SIGKILL would otherwise leave the stage running beside the next one. Every member carries a token
in its environment. So a new run finds and ends what an earlier one left, even when the
supervisor itself was killed: process numbers are reused, tokens are not.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import psutil

from gristmill.errors import GristmillError
from gristmill.layout import Layout, Stage

TOKEN_VARIABLE = "GRISTMILL_STAGE_RUN"  # noqa: S105 - names a variable, holds no secret
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh"}
_POLL_SECONDS = 0.25
_GRACE_SECONDS = 10.0


def supervise(stage: Stage, layout: Layout, command: list[str]) -> int:
    """Runs `command` as the stage's worker and gives its exit status.

    Raises GristmillError when a living run of the same stage is under way.
    """
    record = layout.state / "run" / f"{stage.value}.json"
    end_leftovers(record, stage)
    token = uuid.uuid4().hex
    launcher = _launcher()
    _write_record(record, token, launcher)
    worker = subprocess.Popen(
        command, cwd=layout.root, env={**os.environ, TOKEN_VARIABLE: token}, start_new_session=True
    )
    status = _watch(worker, token, launcher)
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
    family = _family(former["token"])
    supervisor = _alive(former["supervisor"])
    if supervisor and _alive(former["launcher"]):
        raise GristmillError(
            f"stage {stage.value} is being run by process {former['supervisor']['pid']}",
            where=str(record),
            do="wait until it has ended, or end it with Ctrl-C or kill, and run this again",
        )
    if supervisor:
        family.append(psutil.Process(former["supervisor"]["pid"]))
    _end(family)
    record.unlink(missing_ok=True)


def _watch(worker: subprocess.Popen[bytes], token: str, launcher: Mapping[str, float]) -> int:
    """Waits for the worker; passes signals on; ends the family when the launcher is gone."""
    asked: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    while True:
        try:
            status = worker.wait(_POLL_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if asked or not _alive(launcher):
                _end([psutil.Process(worker.pid)], first=signal.SIGINT)
                status = worker.wait()
                break
    _end(_family(token))
    if asked:
        return 128 + asked[0]
    return status if status >= 0 else 128 - status


def _launcher() -> dict[str, float]:
    """Whoever asked for this stage: the parent, or the one behind a `sh -c`."""
    parent = psutil.Process().parent()
    if parent is None:
        return {"pid": 0, "started": 0.0}
    command = parent.cmdline() or [""]
    grandparent = parent.parent()
    if Path(command[0]).name in _SHELLS and command[1:2] == ["-c"] and grandparent is not None:
        parent = grandparent
    return {"pid": parent.pid, "started": parent.create_time()}


def _write_record(record: Path, token: str, launcher: Mapping[str, float]) -> None:
    me = psutil.Process()
    record.parent.mkdir(parents=True, exist_ok=True)
    fresh = record.with_suffix(".new")
    supervisor = {"pid": me.pid, "started": me.create_time()}
    fresh.write_text(json.dumps({"token": token, "supervisor": supervisor, "launcher": launcher}))
    fresh.replace(record)


def _alive(process: Mapping[str, float]) -> bool:
    """Whether that very process still runs: the number and the start time both agree."""
    try:
        found = psutil.Process(int(process["pid"]))
        same = abs(found.create_time() - process["started"]) < 1.0
        return bool(same and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _family(token: str) -> list[psutil.Process]:
    """Every process of ours that carries the token in its environment."""
    members = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(TOKEN_VARIABLE) == token:
                members.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
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
