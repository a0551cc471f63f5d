"""What an engine is: something with an identity that answers requests, and that costs nothing until it is started.

The words of the exchange (Request, Answer, ...) are those of `gristmill.recipes.request`.
"""

from dataclasses import dataclass
from typing import Protocol

from gristmill.engine.in_flight import InFlight
from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer, Request


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answers. Part of every request's key and every sample's identity."""

    name: str
    revision: str

    @property
    def id(self) -> str:
        """`name@revision`."""
        return f"{self.name}@{self.revision}"


class EngineDied(GristmillError):
    """The engine is gone and cannot answer any more; what it answered before is in the journal."""


class Engine(Protocol):
    """Answers requests. Made cheaply: `model`, `name`, `version` and `context` are known before `start`."""

    @property
    def name(self) -> str:
        """Which engine."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def model(self) -> ModelIdentity:
        """Who answers."""

    @property
    def context(self) -> int | None:
        """Longest prompt and answer together, in tokens; None without a limit."""

    @property
    def in_flight(self) -> InFlight:
        """How many requests it wants under way; whoever asks keeps to it. Its ceiling is known before `start`."""

    @property
    def gpus(self) -> int:
        """GPUs that it holds, known once it is started; 0 on a CPU and for an endpoint, whose GPUs are not ours."""

    async def start(self) -> None:
        """Makes it ready, also after it died. Raises GristmillError when it cannot be."""

    async def ask(self, request: Request) -> Answer:
        """The answer. A prompt that is too long gives an answer that says so (Finish.PROMPT_TOO_LONG).

        Raises RequestFailed when this one request cannot be answered, EngineDied when none can before another `start`.
        """

    async def close(self) -> None:
        """Ends it and every process it started. May be called at any time, also before or during `start`."""
