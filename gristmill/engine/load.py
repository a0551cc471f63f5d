"""What an engine says of its load, and the bound on requests under way that follows from it.

The bound keeps a small queue in front of the engine: when a request ends, the next one must already be there, or its
place in the batch stays empty for a step. A longer queue helps nobody.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a scheduler reports after a step."""

    running: int
    waiting: int
    kv_use: float
    """Share of the KV cache's blocks that are taken, from 0 to 1."""


_KV_FULL = 0.9
_QUEUE_PART = 8
_MIN_QUEUE = 2


def ceiling(max_running: int) -> int:
    """The most that can be of use where so many run at once: a full batch, and the longest queue in front of it."""
    return max_running + 2 * _queue(max_running)


def first_limit(max_running: int, kv_tokens: int, longest: int) -> int:
    """Where to begin: what surely fits into the KV cache (vLLM's maximum concurrency), and its queue."""
    surely = max(1, min(max_running, kv_tokens // longest))
    return surely + _queue(surely)


def next_limit(limit: int, load: Load, *, wanted: bool) -> int:
    """The bound after a step: more while the queue runs dry, less while a full KV cache holds a long one back.

    `wanted` says whether anybody waits for a place under the bound. Prompts that wait for their turn to be read
    while there is room are no reason for less: they are about to run.
    """
    queue = _queue(load.running)
    if load.waiting < queue and wanted:
        return limit + queue - load.waiting
    if load.kv_use >= _KV_FULL and load.waiting > 2 * queue:
        return max(1, limit - (load.waiting - queue))
    return limit


def _queue(running: int) -> int:
    return max(_MIN_QUEUE, running // _QUEUE_PART)
