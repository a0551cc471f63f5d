"""Running the real `dvc` of this environment, and ending it with everything that it started.

DVC gets a session of its own: a Ctrl-C on the terminal reaches us, not it, and whatever makes us
stop (a signal, a cancelled flow) ends DVC's process group, in which the stage's supervisor is;
the supervisor ends its worker.
"""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from gristmill.errors import GristmillError

_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.5
_LOCATIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "DVC_ROOT")


class DvcError(GristmillError):
    """DVC could not do what it was asked."""


def run_dvc(root: Path, arguments: Sequence[str], env: Mapping[str, str | None] | None = None) -> str:
    """What `dvc` says on stdout. `env` changes variables; None takes one away. Raises DvcError with the way out."""
    environment = {**dvc_environment(), **(env or {})}
    done = subprocess.run(
        _command(arguments),
        check=False,
        cwd=root,
        env={name: value for name, value in environment.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        verb = next(argument for argument in arguments if not argument.startswith("-"))
        raise explain(root, verb, f"{done.stdout}\n{done.stderr}")
    return done.stdout


def stream_dvc(
    root: Path, arguments: Sequence[str], on_line: Callable[[str], None], on_tick: Callable[[], None]
) -> tuple[int, list[str]]:
    """Runs `dvc`, passing its lines on as they come and ticking twice a second; its exit status and lines.

    Whatever is raised here (by a callback, by a signal, into this thread) ends DVC and its stage first.
    """
    process = subprocess.Popen(
        _command(arguments),
        cwd=root,
        env=dvc_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    )
    try:
        lines = _pass_on(process, on_line, on_tick)
        return process.wait(), lines
    except BaseException:
        _end_group(process)
        raise


def dvc_environment() -> dict[str, str]:
    """Ours, with this environment's programs first: the commands in dvc.yaml are `gristmill stage NAME`."""
    ours = {name: value for name, value in os.environ.items() if name not in _LOCATIONS}
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    return {**ours, "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}


def explain(root: Path, verb: str, output: str) -> DvcError:
    """DVC's complaint as an error with a way out."""
    if "Unable to acquire lock" in output or "it is being blocked by" in output:
        busy = re.search(r"PID (\d+)", output)
        return DvcError(
            "another DVC command is at work in this clone" + (f": process {busy[1]}" if busy else ""),
            where=str(root / ".dvc" / "tmp" / "lock"),
            do="wait until it has ended, then run this again",
        )
    if re.search(r"dvc\.lock' (is invalid|validation failed)|unable to read: '.*dvc\.lock'", output):
        return DvcError(
            "dvc.lock can't be read" + _conflict(root / "dvc.lock"),
            where=str(root / "dvc.lock"),
            do="delete it (where git tracks it: `git checkout dvc.lock`) and run this again; nothing is lost:"
            " DVC's cache and the journal give back what was already made",
        )
    if "not inside of a DVC repository" in output:
        return DvcError(
            "there is no .dvc folder",
            where=str(root),
            do="restore it: `git checkout .dvc`; in a project without one: `dvc init`",
        )
    if "is not a git repository" in output:
        return DvcError(
            "DVC works in a git repository, and there is none",
            where=str(root),
            do='make one: `git init && git add -A && git commit -m "Start"`',
        )
    if blocked := re.search(r"No space left on device.*|Read-only file system.*|Permission denied.*", output):
        return DvcError(
            f"`dvc {verb}` could not write: {blocked[0]}", where=str(root), do="make room, or make the clone writable"
        )
    if "missing-files" in output or "failed to push" in output or "failed to pull" in output:
        return DvcError(
            f"`dvc {verb}` failed:\n{_tail(output)}", where=str(root), do="run it again when the cause is gone"
        )
    return DvcError(f"`dvc {verb}` failed:\n{_tail(output)}", where=str(root))


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "gristmill.lineage.launch", *arguments]


def _pass_on(
    process: "subprocess.Popen[str]", on_line: Callable[[str], None], on_tick: Callable[[], None]
) -> list[str]:
    """Until DVC closes its output. Lines come through a queue, so that signals find this thread in Python."""
    waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process, waiting), daemon=True).start()
    lines: list[str] = []
    ticked = 0.0
    while True:
        if time.monotonic() - ticked >= _POLL_SECONDS:
            ticked = time.monotonic()
            on_tick()
        try:
            line = waiting.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            on_tick()
            return lines
        lines.append(line)
        on_line(line)


def _read(process: "subprocess.Popen[str]", waiting: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        waiting.put(line.rstrip("\n"))
    waiting.put(None)


def _end_group(process: "subprocess.Popen[str]") -> None:
    """Asks DVC's whole group to end, waits for it, then kills what is left."""
    for number, patience in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + patience
        while _members(process) and time.monotonic() < deadline:
            time.sleep(0.05)
    process.wait(_GRACE_SECONDS)


def _members(process: "subprocess.Popen[str]") -> bool:
    """Whether anybody of the group still runs. The leader is reaped on the way."""
    process.poll()
    for other in psutil.process_iter(["status"]):
        try:
            if os.getpgid(other.pid) == process.pid and other.info["status"] != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, PermissionError):
            continue
    return False


def _conflict(path: Path) -> str:
    marked = path.exists() and "<<<<<<<" in path.read_text(errors="replace")
    return ": it holds the marks of a merge conflict" if marked else ""


def _tail(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-6:])
