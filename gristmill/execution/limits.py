"""How much code from a model may use, and what became of it."""

import math
from dataclasses import dataclass
from enum import StrEnum

from gristmill.params.execution import ExecutionParams


@dataclass(frozen=True)
class Limits:
    """What one execution may use; beyond it the code is ended, or its call fails."""

    seconds: float = 10.0
    """Wall-clock time of everything it starts."""
    cpu_seconds: int = 10
    """Processor time of each process."""
    memory_mib: int = 512
    """Address space of each process."""
    processes: int = 16
    """Processes and threads at once."""
    file_mib: int = 16
    """Size of one file."""
    scratch_mib: int = 32
    """All files in the scratch directory; held by `namespaces` only."""
    output_kib: int = 64
    """Characters kept of what it prints, for each stream; a program that prints more is ended."""

    @classmethod
    def of(cls, params: ExecutionParams) -> "Limits":
        """The limits that the parameters set."""
        return cls(
            seconds=params.seconds,
            cpu_seconds=math.ceil(params.seconds),
            memory_mib=params.memory_mib,
            processes=params.processes,
            file_mib=params.scratch_mib,
            scratch_mib=params.scratch_mib,
            output_kib=params.output_kib,
        )


class Ending(StrEnum):
    """How an execution ended."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    TOO_MUCH_OUTPUT = "too_much_output"
    TOO_MANY_PROCESSES = "too_many_processes"
    KILLED = "killed"
    """By a signal: the kernel's, for processor time or memory, or its own."""


@dataclass(frozen=True)
class Execution:
    """What came of one execution. `status` is the exit status, None unless it exited by itself."""

    ending: Ending
    status: int | None
    stdout: str
    stderr: str

    @property
    def passed(self) -> bool:
        """Whether it ran to its end with status 0."""
        return self.ending is Ending.EXITED and self.status == 0
