"""Parameters of distribution: how many engines run beside each other, and where. None of them decides the data."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.params.section import Section

_ADDRESS = r"^(auto|(ray://)?[A-Za-z0-9_.\-]+:\d+)$"


class DistributeParams(Section):
    """Several engines, on one machine or many, each in an actor of Ray's; the data are those of one process."""

    kind: Literal["ray"] = "ray"
    """What distributes."""
    actors: int = Field(default=1, ge=1)
    """Engines beside each other. Each has `engine.max_in_flight` requests under way, and its own `kv_cache_gib`."""
    cpus_per_actor: float = Field(default=1.0, ge=0)
    """CPU cores that an actor takes of its machine; on a CPU its engine computes on these alone."""
    gpus_per_actor: float = Field(default=0.0, ge=0)
    """GPUs that an actor takes: a whole number, or a share below 1 of one GPU. 0 runs on the CPU."""
    address: str | None = Field(default=None, pattern=_ADDRESS)
    """null starts Ray on this machine, for the length of a stage. Else a cluster that runs: `auto`, `HOST:6379` from a
    machine of the cluster, `ray://HOST:10001` from outside."""
    shard_seeds: int = Field(default=64, ge=1)
    """Rows that an actor is handed at a time (a seed's draws go together). It has two such shards at hand."""

    @model_validator(mode="after")
    def _whole_gpus(self) -> Self:
        if self.gpus_per_actor > 1 and not float(self.gpus_per_actor).is_integer():
            raise ValueError(f"gpus_per_actor is {self.gpus_per_actor:g}: a whole number, or less than 1")
        return self

    @property
    def cpus(self) -> int:
        """Cores that all actors take together."""
        return math.ceil(self.actors * self.cpus_per_actor)

    @property
    def gpus(self) -> int:
        """GPUs that all actors take together: shares of a GPU fill one before the next."""
        if 0 < self.gpus_per_actor < 1:
            return math.ceil(self.actors / math.floor(1 / self.gpus_per_actor))
        return math.ceil(self.actors * self.gpus_per_actor)
