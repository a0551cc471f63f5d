"""Loading vLLM: its environment, its arguments, what it says of its limits. vllm and torch are imported late."""

import os
from typing import Any

from gristmill.engine.in_flight import InFlight
from gristmill.engine.load import ceiling, first_limit
from gristmill.engine.model import Model, ready_folder
from gristmill.errors import GristmillError
from gristmill.params.generate import EngineParams, ModelParams

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
_FEW_CORES = 2
"""vLLM keeps a core free of computing for its scheduler. Where that would be half of all, both compute."""


def set_environment() -> None:
    """Before vllm is imported."""
    few = len(os.sched_getaffinity(0)) <= _FEW_CORES
    chosen = {**_ENVIRONMENT, **({"VLLM_CPU_NUM_OF_RESERVED_CPU": "0"} if few else {})}
    os.environ.update({name: value for name, value in chosen.items() if name not in os.environ})


def engine_arguments(folder: str, model: ModelParams, params: EngineParams, *, on_gpu: bool) -> dict[str, Any]:
    """AsyncEngineArgs by name; what is not among them is vLLM's own default."""
    chosen = {
        "max_num_seqs": params.max_num_seqs or params.max_in_flight,
        "max_num_batched_tokens": params.max_num_batched_tokens,
        "revision": model.revision if folder == model.path else None,
        **({"gpu_memory_utilization": params.gpu_memory_utilization} if on_gpu else {"enforce_eager": True}),
    }
    return {
        "model": folder,
        "served_model_name": model.name,
        "dtype": model.dtype,
        "max_model_len": model.max_model_len,
        "tensor_parallel_size": params.tensor_parallel,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        **{name: value for name, value in chosen.items() if value is not None},
    }


def load(model: Model, model_params: ModelParams, params: EngineParams, bound: InFlight) -> Any:
    """A running AsyncLLM, whose scheduler moves the bound unless the parameters fix it. Raises GristmillError."""
    import torch

    on_gpu = torch.cuda.is_available()
    if not on_gpu:
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(params.kv_cache_gib)))
    folder = ready_folder(model)

    from vllm import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.metrics.loggers import StatLoggerFactory

    from gristmill.engine.vllm_load import follow

    arguments = AsyncEngineArgs(**engine_arguments(folder, model_params, params, on_gpu=on_gpu))
    listening: list[StatLoggerFactory] = [] if params.max_in_flight else [follow(bound)]
    try:
        llm = AsyncLLM.from_engine_args(arguments, usage_context=UsageContext.LLM_CLASS, stat_loggers=listening)
    except (RuntimeError, ValueError, OSError) as error:
        raise GristmillError(
            f"vLLM could not start: {error}",
            where=f"model {model.identity.name} in {folder}",
            do="see the messages above; `gristmill doctor` tells what is missing",
        ) from error
    if not params.max_in_flight:
        _bound_by(llm.vllm_config, bound)
    return llm


def gpus_held(params: EngineParams) -> int:
    """GPUs that an engine with these parameters takes on this machine."""
    import torch

    return params.tensor_parallel if torch.cuda.is_available() else 0


def _bound_by(config: Any, bound: InFlight) -> None:
    """The bound where the engine's own limits put it to begin with."""
    running = config.scheduler_config.max_num_seqs
    kv_tokens = (config.cache_config.num_gpu_blocks or 0) * config.cache_config.block_size
    bound.ceiling = ceiling(running)
    bound.move(first_limit(running, kv_tokens, config.model_config.max_model_len))
