"""An engine that is started again when it dies, between the asker and the engine itself.

What was under way when it died is asked again. Whoever was under way at `SUSPECT_AFTER` deaths is a suspect, and is
asked with nobody else under way; if the engine dies then too, the request is the reason. It goes to the quarantine
and fails with the reason `kills_engine`; it has no answer in the journal, and the others go on.

Starts are not tried for ever: an engine that cannot be started again ends the run, and so does one that has died more
often than `restarts` allows.
"""

import asyncio
import logging

from gristmill.engine.in_flight import InFlight
from gristmill.engine.protocol import Engine, EngineDied, ModelIdentity
from gristmill.engine.quarantine import Convicts
from gristmill.recipes.request import Answer, Request, RequestFailed

log = logging.getLogger(__name__)

SUSPECT_AFTER = 2
"""Deaths at which a request was under way until it is asked alone."""
KILLS_ENGINE = "kills_engine"


class RestartingEngine:
    """The engine inside, for as long as it can be kept alive."""

    def __init__(self, engine: Engine, quarantine: Convicts, restarts: int) -> None:
        self._engine = engine
        self._quarantine = quarantine
        self._allowed = restarts
        self.restarts = 0
        """Times it was started again."""
        self._lives = 0
        self._under_way = 0
        self._suspects = 0
        self._restarting = False
        self._fault: Exception | None = None
        self._starting = asyncio.Lock()
        self._alone = asyncio.Lock()
        self._moved = asyncio.Event()

    @property
    def name(self) -> str:
        """The inner engine's name."""
        return self._engine.name

    @property
    def version(self) -> str:
        """The inner engine's version."""
        return self._engine.version

    @property
    def model(self) -> ModelIdentity:
        """Who answers."""
        return self._engine.model

    @property
    def context(self) -> int | None:
        """The inner engine's context."""
        return self._engine.context

    @property
    def gpus(self) -> int:
        """The inner engine's GPUs."""
        return self._engine.gpus

    @property
    def in_flight(self) -> InFlight:
        """The inner engine's bound."""
        return self._engine.in_flight

    async def start(self) -> None:
        """Starts it."""
        await self._engine.start()

    async def close(self) -> None:
        """Ends it."""
        await self._engine.close()

    async def ask(self, request: Request) -> Answer:
        """The answer, if need be from a later life. Raises RequestFailed (`kills_engine`) for one that kills it."""
        if self._quarantine.holds(request, self.model.id):
            raise self._held()
        for _ in range(SUSPECT_AFTER):
            while self._suspects or self._restarting:
                await self._wait()
            life = self._lives
            self._under_way += 1
            try:
                return await self._engine.ask(request)
            except EngineDied as died:
                await self._revive(life, died)
            finally:
                self._leave()
        return await self._ask_alone(request)

    async def _ask_alone(self, request: Request) -> Answer:
        """Asks with nobody else under way. Others wait until no suspect is left."""
        self._suspects += 1
        try:
            async with self._alone:
                while self._under_way:
                    await self._wait()
                life = self._lives
                try:
                    return await self._engine.ask(request)
                except EngineDied as died:
                    await self._revive(life, died)  # first: an engine that cannot live at all proves nothing
                    raise self._convicted(request) from None
        finally:
            self._suspects -= 1
            self._moved.set()

    async def _revive(self, life: int, died: EngineDied) -> None:
        """Starts it again, unless somebody did since. Raises what keeps it from being started."""
        async with self._starting:
            if self._fault is not None:
                raise self._fault
            if life != self._lives:
                return
            self._restarting = True
            try:
                await self._restart(died)
            except Exception as fault:
                self._fault = fault  # one try for all who wait here
                raise
            finally:
                self._restarting = False
                self._moved.set()

    async def _restart(self, died: EngineDied) -> None:
        if self.restarts >= self._allowed:
            raise EngineDied(
                f"{died.problem.found}, after it had been started again {self.restarts} times",
                where=died.problem.where,
                expected=f"at most {self._allowed} deaths in a run (engine.restarts)",
                do=died.problem.do,
            ) from None
        self.restarts += 1
        log.warning(
            "%s; it is started again (%d of at most %d times), and %d requests are asked again",
            died.problem.found,
            self.restarts,
            self._allowed,
            self._under_way,
        )
        await self._engine.close()
        await self._engine.start()
        self._lives += 1

    def _leave(self) -> None:
        self._under_way -= 1
        if self._suspects:
            self._moved.set()

    async def _wait(self) -> None:
        """Until something here has moved."""
        self._moved.clear()
        await self._moved.wait()

    def _convicted(self, request: Request) -> RequestFailed:
        self._quarantine.add(request, self.model.id, f"{self.name}/{self.version}")
        log.warning("a request of step %s kills the engine, also alone: see `gristmill quarantine`", request.step)
        return self._held()

    def _held(self) -> RequestFailed:
        return RequestFailed(KILLS_ENGINE, "the engine died of it, asked alone too: see `gristmill quarantine`")
