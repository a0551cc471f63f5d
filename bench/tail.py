"""What it is worth to start the last window of a run with the longest answers: `drive` itself on a simulated engine.

    python -m bench.tail
    python -m bench.tail --quick

The engine writes one token for each request under way in a step. Half a batch costs more than half a step: there is a
fixed part (0.9, as on a GPU that waits for its memory; 0.3, as on few CPU cores) and a part for each request. Lengths
are log-normal (median 100 tokens, sigma 0.6); what a seed's size tells of them is their correlation, in logarithms.
Time is simulated, so the figures are the same on every machine.

Prints one JSON object as its last line: for each setting (samples as a multiple of the batch) the mean over seeds of
the time in plan order over the time with the longest first; above 1 is a gain.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
from typing import NamedTuple

from gristmill.engine.drive import drive

WIDTH = 64
MEDIAN_TOKENS = 100
SIGMA = 0.6


class Sample(NamedTuple):
    """A sample: what can be known of it, and how long its answer really is."""

    size: float
    tokens: int


class Engine:
    """A batch in simulated time."""

    def __init__(self, fixed: float) -> None:
        self.fixed = fixed
        self.time = 0.0
        self.under_way: dict[asyncio.Future[None], int] = {}

    async def ask(self, sample: Sample) -> None:
        """Returns when the answer is written."""
        answer = asyncio.get_running_loop().create_future()
        self.under_way[answer] = sample.tokens
        await answer

    async def run(self) -> None:
        """Steps while anybody waits; as many at once as pass until the next answer is complete."""
        while await self._settled():
            steps = min(self.under_way.values())
            self.time += steps * (self.fixed + (1 - self.fixed) * len(self.under_way) / WIDTH)
            for answer, left in list(self.under_way.items()):
                self.under_way[answer] = left - steps
                if left == steps:
                    del self.under_way[answer]
                    answer.set_result(None)

    async def _settled(self) -> bool:
        for _ in range(4):
            await asyncio.sleep(0)
        return bool(self.under_way)


async def seconds(samples: list[Sample], fixed: float, *, longest_first: bool) -> float:
    """Simulated time of the whole run."""
    engine = Engine(fixed)
    size = (lambda sample: sample.size) if longest_first else None
    driving = asyncio.create_task(drive(samples, engine.ask, lambda *_: None, WIDTH, size))
    await engine.run()
    await driving
    return engine.time


def plan(count: int, correlation: float, seed: int) -> list[Sample]:
    """Samples in random order."""
    chance = random.Random(seed)
    sizes = [chance.gauss(0, 1) for _ in range(count)]
    rest = math.sqrt(1 - correlation**2)
    logs = [SIGMA * (correlation * size + rest * chance.gauss(0, 1)) for size in sizes]
    return [Sample(size, max(1, round(MEDIAN_TOKENS * math.exp(log)))) for size, log in zip(sizes, logs, strict=True)]


def gain(factor: int, correlation: float, fixed: float, seeds: int) -> float:
    """Mean over the seeds of time in plan order over time with the longest first."""
    found = []
    for seed in range(seeds):
        samples = plan(factor * WIDTH, correlation, seed)
        times = [asyncio.run(seconds(samples, fixed, longest_first=first)) for first in (False, True)]
        found.append(times[0] / times[1])
    return round(statistics.fmean(found), 3)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 seeds instead of 24")
    seeds = 4 if parser.parse_args().quick else 24
    print(
        json.dumps(
            {
                f"samples_{factor}x_correlation_{correlation}_fixed_{fixed}": gain(factor, correlation, fixed, seeds)
                for factor in (8, 32)
                for correlation in (0.0, 0.3, 0.6, 0.9)
                for fixed in (0.9, 0.3)
            }
        )
    )


if __name__ == "__main__":
    main()
