"""Any OpenAI-compatible endpoint, `vllm serve` first; several of them share the work.

A request goes to one endpoint and is sent again, to whichever is free then, after what may pass: 429, 5xx,
time-outs, broken connections. What cannot pass (a wrong key, an unknown model, a redirect) ends the run
at once; what concerns one request alone fails that request. When its tries are used up and no endpoint is
alive, they are at fault and not the request: the run ends, and its rows are not booked as failed.

The model is what `model.name` and `model.revision` say it is; the key comes from the environment alone.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from gristmill import __version__
from gristmill.engine.constraint_check import is_held, probe
from gristmill.engine.endpoint.balance import Balancer, Endpoint, Refusal, Unanswered, backoff
from gristmill.engine.endpoint.climb import Climb
from gristmill.engine.endpoint.completions import answer_of, body_of, path_of, too_long
from gristmill.engine.endpoint.faults import api_key, assert_served, fatal, ignored, none_answers
from gristmill.engine.in_flight import InFlight
from gristmill.engine.protocol import ModelIdentity
from gristmill.errors import InputError
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Answer, Request, RequestFailed

if TYPE_CHECKING:
    from gristmill.engine.endpoint.exchange import Exchange

log = logging.getLogger(__name__)

_LOOK_SECONDS = 10.0
_FIRST_IN_FLIGHT = 64
"""Requests under way at each endpoint, to begin with."""
_MOST_IN_FLIGHT = 1024
"""Requests under way at all of them, where the parameters set no bound."""


class OpenAIEngine:
    """The engine. Nothing is sent before `start`."""

    name = "openai"
    version = __version__
    gpus = 0

    def __init__(self, params: EngineParams, model: ModelParams) -> None:
        self.model = _identity(model)
        self.context = model.max_model_len if "max_model_len" in model.model_fields_set else None
        self._served = model.path or model.name
        self._params = params
        self._balancer = Balancer(params.endpoints)
        first = params.max_in_flight or _FIRST_IN_FLIGHT * len(params.endpoints)
        self.in_flight = InFlight(first, params.max_in_flight or max(first, _MOST_IN_FLIGHT))
        self._climb = Climb(self.in_flight)
        self._exchange: Exchange | None = None

    async def start(self) -> None:
        """Looks at every endpoint. Raises GristmillError when none can be used, or one is not what it should be."""
        for line in await self.connect():
            log.warning("%s; the other endpoints go on without it", line)

    async def connect(self) -> list[str]:
        """Opens the pool and gives a line for each endpoint that cannot be used now. Raises as `start` does."""
        from gristmill.engine.endpoint.exchange import Exchange  # aiohttp, only for a run that asks

        _, key = api_key()
        self._exchange = Exchange(key, self.in_flight.ceiling, self._params.request_timeout_seconds)
        return await self._assert_alive()

    async def ask(self, request: Request) -> Answer:
        """The model's answer, after as many tries as the parameters allow."""
        body = body_of(request, self._served, self._params.structured_outputs)
        tries = waits = 0
        answered = self._balancer.answered
        while True:
            endpoint = await self._balancer.pick()
            try:
                with self._balancer.trying(endpoint):
                    answer = await self._try(endpoint, request, body)
                self._climb.answered(time.monotonic())
                return answer
            except Unanswered as fault:
                if fault.busy:
                    self._climb.busy()
                # Under a rate limit many wait for few turns: as long as others are answered, its own turn will come.
                tries += not (fault.busy and self._balancer.answered > answered)
                answered = self._balancer.answered
                if tries > self._params.request_retries:
                    raise await self._exhausted(endpoint, fault) from None
            await asyncio.sleep(backoff(waits))
            waits += 1

    async def close(self) -> None:
        """Closes the connections and says how the endpoints did, where one made trouble."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        await exchange.close()
        for each in self._balancer.endpoints:
            if each.answered and each.unanswered:
                log.warning("%s answered %d times and failed %d times", each.address, each.answered, each.unanswered)

    async def _try(self, endpoint: Endpoint, request: Request, body: bytes) -> Answer:
        """One try. Raises Unanswered when another may do better."""
        await self._prove(endpoint, request)
        try:
            return answer_of(request, await self._post(endpoint, request, body), *self._terms())
        except Refusal as refusal:
            answer = too_long(refusal.said, self._provenance()) if refusal.status in (400, 413, 422) else None
            if answer is None:
                raise fatal(endpoint, refusal) from None
            return answer

    async def _prove(self, endpoint: Endpoint, request: Request) -> None:
        """Makes sure, once, that the endpoint heeds this kind of constraint. Raises EngineDied when it does not."""
        if request.constraint is None or (kind := (request.constraint.kind, path_of(request))) in endpoint.proven:
            return
        async with endpoint.proving:
            if kind in endpoint.proven:
                return
            asked = probe(request.constraint.kind, raw=request.prompt is not None)
            dialect = self._params.structured_outputs
            try:
                reply = await self._post(endpoint, asked, body_of(asked, self._served, dialect))
            except Refusal as refusal:
                raise fatal(endpoint, refusal, f"a {kind[0]} constraint by {dialect}") from None
            answer = answer_of(asked, reply, *self._terms())
            if not is_held(kind[0], answer):
                raise ignored(endpoint, kind[0], dialect, answer.text)
            endpoint.proven.add(kind)

    async def _post(self, endpoint: Endpoint, request: Request, body: bytes) -> Any:
        assert self._exchange is not None, "start comes first"
        return await self._exchange.post(f"{endpoint.address}/{path_of(request)}", body)

    async def _assert_alive(self) -> list[str]:
        """Why some endpoints cannot be used now. Raises EngineDied when it is all, InputError when one is no good."""
        absent = [line for line in await asyncio.gather(*map(self._look, self._balancer.endpoints)) if line]
        if len(absent) == len(self._balancer.endpoints):
            raise none_answers(absent)
        return absent

    async def _look(self, endpoint: Endpoint) -> str:
        """Why the endpoint cannot be used now; empty when it can."""
        assert self._exchange is not None, "start comes first"
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                assert_served(endpoint, self._served, await self._exchange.get(f"{endpoint.address}/models"))
        except TimeoutError:
            fault = Unanswered(f"no answer within {_LOOK_SECONDS:.0f} s")
        except Unanswered as found:
            fault = found
        except Refusal as refusal:
            if refusal.status in (404, 405):
                return ""  # some endpoints have no list of models; the first request will tell
            raise fatal(endpoint, refusal) from None
        else:
            return ""
        self._balancer.failed(endpoint, fault)
        return f"{endpoint.address}: {fault.said}"

    async def _exhausted(self, endpoint: Endpoint, fault: Unanswered) -> RequestFailed:
        """The failure of one request whose every try failed. Raises EngineDied when no endpoint is alive."""
        await self._assert_alive()
        tries = self._params.request_retries + 1
        return RequestFailed("endpoint_failed", f"{endpoint.address}, asked {tries} times, at last: {fault.said}")

    def _terms(self) -> tuple[Any, str]:
        return self._params.structured_outputs, self._provenance()

    def _provenance(self) -> str:
        return f"{self.name}/{self.version}"


def _identity(model: ModelParams) -> ModelIdentity:
    if model.revision is None:
        raise InputError(
            "missing",
            where="params.yaml: model.revision",
            expected="the revision that the endpoint serves: it is part of every sample's identity",
            do="name the model's commit, or any text that you change when you serve other weights",
        )
    return ModelIdentity(model.name, model.revision)
