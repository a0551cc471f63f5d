"""Running the programs that recipes ask for, beside the event loop: as many at once as there are processors.

What comes of one is an answer like a model's, and is recorded: nobody runs it again.
"""

import asyncio
import os
from typing import Protocol

import orjson

from gristmill.execution.limits import Execution
from gristmill.recipes.request import PROGRAM, RUNNER, Answer, Request


class Runner(Protocol):
    """Who runs programs."""

    async def run(self, request: Request) -> Answer:
        """What came of the request's program."""


class Sandbox:
    """Runs programs on this machine."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(os.cpu_count() or 1)

    async def run(self, request: Request) -> Answer:
        """Whether it passed, how it ended and what it printed, as JSON. Never raises for what the code does."""
        from gristmill.execution.run import execute

        code = request.code
        assert code is not None, "only programs are sent here"

        async with self._free:
            done = await asyncio.to_thread(execute, code.files, PROGRAM, code.limits, code.isolation)
        return Answer(_told(done), engine=RUNNER)


def _told(done: Execution) -> str:
    return orjson.dumps(
        {
            "passed": done.passed,
            "ending": done.ending,
            "status": done.status,
            "stdout": done.stdout,
            "stderr": done.stderr,
        }
    ).decode()
