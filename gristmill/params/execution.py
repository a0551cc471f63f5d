"""Parameters of the sandbox in which programs run that a model wrote."""

from enum import StrEnum

from pydantic import Field

from gristmill.params.section import Section


class Isolation(StrEnum):
    """How far code is kept from the machine."""

    NAMESPACES = "namespaces"
    """bubblewrap: no network, no files but the interpreter's, one scratch directory in memory, its own processes."""
    LIMITS_ONLY = "limits_only"
    """A process with resource limits alone: the code can read the user's files and use the network."""


class ExecutionParams(Section):
    """Programs that a recipe's `run` steps execute. All of it decides how they end, and so the data."""

    isolation: Isolation = Isolation.NAMESPACES
    """`namespaces` needs bubblewrap; `limits_only` must be opted in to: such code can read your files and use your
    network."""
    seconds: float = Field(default=10.0, gt=0, le=3600)
    """Longest a program may take; processor time of each process too, rounded up."""
    memory_mib: int = Field(default=512, ge=32)
    """Address space of each process."""
    processes: int = Field(default=16, ge=1)
    """Processes and threads of a program at once."""
    scratch_mib: int = Field(default=32, ge=1)
    """Files that a program writes, together; under `limits_only`, each of them."""
    output_kib: int = Field(default=64, ge=1)
    """What is kept of standard output and of standard error; a program that prints more is ended."""
