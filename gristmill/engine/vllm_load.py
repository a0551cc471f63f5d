"""vLLM's own account of its load, after each step, as the bound on requests under way. Imports vllm."""

from typing import Any

from vllm.config import VllmConfig
from vllm.v1.metrics.loggers import PrometheusStatLogger, StatLoggerFactory
from vllm.v1.metrics.stats import SchedulerStats

from gristmill.engine.in_flight import InFlight
from gristmill.engine.load import Load, next_limit


def follow(bound: InFlight) -> StatLoggerFactory:
    """What AsyncLLM wants among its `stat_loggers`: it moves the bound after each step."""

    class LoadLogger(PrometheusStatLogger):
        """Listens to the scheduler. It stands in vLLM's own logger's place, whose histograms nobody would read."""

        def __init__(self, vllm_config: VllmConfig, engine_indexes: list[int] | None = None) -> None:
            self.vllm_config = vllm_config
            self.engine_indexes = engine_indexes or [0]

        def record(self, scheduler_stats: SchedulerStats | None, *_: Any, **__: Any) -> None:
            """One step's figures."""
            if scheduler_stats is None:
                return
            running, waiting = scheduler_stats.num_running_reqs, scheduler_stats.num_waiting_reqs
            load = Load(running, waiting, scheduler_stats.kv_cache_usage)
            bound.move(next_limit(bound.limit, load, wanted=bound.wanted))

        def log_engine_initialized(self) -> None:
            """Nothing to say."""

        def log(self) -> None:
            """Nothing to say."""

    return LoadLogger
