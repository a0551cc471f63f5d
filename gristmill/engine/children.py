"""vLLM's processes end with their engine, whatever state they are in: an EngineCore left over keeps the device."""

import psutil

_GRACE_SECONDS = 10.0
_MARKS = ("VLLM::", "multiprocessing.spawn")
"""How vLLM's processes are called, and how those that are just starting are."""


def engine_children() -> list[psutil.Process]:
    """Those of our descendants that belong to a vLLM engine."""
    return [child for child in psutil.Process().children(recursive=True) if _is_engine(child)]


def end_children() -> None:
    """Asks them to end, waits, kills those that stay; returns when all are gone."""
    children = engine_children()
    for child in children:
        _signal(child, kill=False)
    _, alive = psutil.wait_procs(children, timeout=_GRACE_SECONDS)
    for child in alive:
        _signal(child, kill=True)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


def _is_engine(process: psutil.Process) -> bool:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:  # gone, or a zombie that nobody can ask any more
        return False
    return any(mark in line for mark in _MARKS)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
