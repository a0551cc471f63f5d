"""One execution: files in, a Python program run under limits, what it printed and how it ended out."""

import base64
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

import psutil

from gristmill.execution import inside
from gristmill.execution.limits import Ending, Execution, Limits
from gristmill.execution.place import command, environment
from gristmill.params.execution import Isolation

_UNPACK = (
    "import base64,json,os,runpy,sys\n"
    "files=json.load(sys.stdin)\n"
    "for name,data in files.items():\n"
    "    with open(name,'wb') as out: out.write(base64.b64decode(data))\n"
    "sys.stdin=open(os.devnull)\n"
    "sys.argv=sys.argv[1:]\n"
    "sys.path.insert(0,os.getcwd())\n"
    "runpy.run_path(sys.argv[0],run_name='__main__')\n"
)
"""Runs inside: writes the files that come by standard input, then the program."""
_TOKEN = "GRISTMILL_CODE_RUN"  # noqa: S105 - names a variable, holds no secret
_GRACE_SECONDS = 10.0


def execute(
    files: Mapping[str, str], program: str, limits: Limits, isolation: Isolation = Isolation.NAMESPACES
) -> Execution:
    """Runs `program`, one of `files` (plain name -> content), with the others beside it; blocks until all is gone.

    Never raises for what the code does. `place.require` tells beforehand whether this machine can isolate;
    ValueError for a file name with a folder in it.
    """
    if any("/" in name or name.startswith(".") for name in files) or program not in files:
        raise ValueError(f"plain names, the program {program} among them, are expected: {sorted(files)}")
    folder, token = tempfile.mkdtemp(prefix="gristmill-code-"), uuid.uuid4().hex
    process = subprocess.Popen(
        command(["-c", _UNPACK, program], limits, isolation),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**environment(isolation, folder), _TOKEN: token},
        start_new_session=True,
    )
    try:
        with process:
            try:
                return _attend(process, _packed(files), limits)
            finally:
                _end(process, token)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(files: Mapping[str, str]) -> bytes:
    return json.dumps({name: base64.b64encode(text.encode()).decode() for name, text in files.items()}).encode()


def _attend(process: subprocess.Popen[bytes], packed: bytes, limits: Limits) -> Execution:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    deadline, most = time.monotonic() + limits.seconds, limits.output_kib << 10
    ending = Ending.EXITED
    with suppress(BrokenPipeError):  # it ended before it read: its status tells
        process.stdin.write(packed)
        process.stdin.close()
    with _Streams([process.stdout, process.stderr], most) as streams:
        while streams.open and ending is Ending.EXITED:
            if not streams.read(deadline - time.monotonic()):
                ending = Ending.TIMED_OUT
            elif streams.full:
                ending = Ending.TOO_MUCH_OUTPUT
        try:
            process.wait(max(0.0, deadline - time.monotonic()) if ending is Ending.EXITED else 0)
        except subprocess.TimeoutExpired:
            ending = Ending.TIMED_OUT if ending is Ending.EXITED else ending
        return _told(ending, process.returncode, *streams.texts())


def _told(ending: Ending, code: int | None, stdout: str, stderr: str) -> Execution:
    if ending is not Ending.EXITED or code is None:
        return Execution(ending, None, stdout, stderr)
    if code == inside.TOO_MANY:
        return Execution(Ending.TOO_MANY_PROCESSES, None, stdout, stderr)
    if code < 0 or code > 128:
        return Execution(Ending.KILLED, None, stdout, stderr)
    return Execution(Ending.EXITED, code, stdout, stderr)


def _end(process: subprocess.Popen[bytes], token: str) -> None:
    """Ends whatever is left, and waits for it: those who left the session are known by our token."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    left = [other for other in psutil.process_iter() if _carries(other, token)]
    for other in left:
        with suppress(psutil.NoSuchProcess):
            other.kill()
    process.wait()
    psutil.wait_procs(left, timeout=_GRACE_SECONDS)


def _carries(process: psutil.Process, token: str) -> bool:
    try:
        return bool(process.environ().get(_TOKEN) == token)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # gone, or another user's


class _Streams:
    """Both of a program's outputs, of each no more than `most` bytes kept."""

    def __init__(self, pipes: list[IO[bytes]], most: int) -> None:
        self._kept = {pipe: bytearray() for pipe in pipes}
        self._most = most
        self._selector = selectors.DefaultSelector()
        for pipe in pipes:
            self._selector.register(pipe, selectors.EVENT_READ)

    def __enter__(self) -> "_Streams":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    @property
    def open(self) -> bool:
        """Whether there may come more."""
        return bool(self._selector.get_map())

    @property
    def full(self) -> bool:
        """Whether one has reached the limit."""
        return any(len(kept) >= self._most for kept in self._kept.values())

    def read(self, seconds: float) -> bool:
        """Takes in what is there; False when nothing came in time."""
        ready = self._selector.select(max(0.0, seconds))
        for key, _ in ready:
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._selector.unregister(pipe)
            self._kept[pipe] += chunk[: self._most - len(self._kept[pipe])]
        return bool(ready)

    def texts(self) -> list[str]:
        """What was kept, in the order of the pipes."""
        return [bytes(kept).decode(errors="replace") for kept in self._kept.values()]
