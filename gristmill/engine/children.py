"""vLLM's processes end with their engine, whatever state they are in: an EngineCore left over keeps the device."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import psutil

_GRACE_SECONDS = 10.0
_MARKS = ("VLLM::", "multiprocessing.spawn")
"""How vLLM's processes are called, and how those that are just starting are."""


def engine_children(owner: psutil.Process | None = None) -> list[psutil.Process]:
    """Those descendants (ours, or another owner's) that belong to a vLLM engine."""
    try:
        below = (owner or psutil.Process()).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in below if _is_engine(child)]


def end_children(known: Sequence[psutil.Process] = ()) -> None:
    """Asks them to end, waits, kills those that stay; returns when all are gone.

    `known` are those seen earlier: when an EngineCore dies first, its worker is no descendant of ours any more.
    """
    children = list({*known, *engine_children()})
    for child in children:
        _signal(child, kill=False)
    _, alive = psutil.wait_procs(children, timeout=_GRACE_SECONDS)
    for child in alive:
        _signal(child, kill=True)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


class _Stopped(BaseException):
    """A signal came. Not KeyboardInterrupt: vLLM swallows that one while it waits for its EngineCore, and hangs."""


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM end the body at once, with the processes it started; raises KeyboardInterrupt then.

    For loading an engine, which keeps the event loop from seeing signals for half a minute.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Stopped:
        end_children()
        raise KeyboardInterrupt from None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _is_engine(process: psutil.Process) -> bool:
    try:
        line = " ".join([process.name(), *process.cmdline()])  # one that is dying has only its name left
    except psutil.ZombieProcess:
        line = process.name()
    except psutil.NoSuchProcess:
        return False
    return any(mark in line for mark in _MARKS)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
