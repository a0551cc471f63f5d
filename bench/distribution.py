"""Two ways to hand shards to Ray's actors: through Ray Data, and as `gristmill.distribute` does it.

    python -m bench.distribution            2 actors, 1,920 samples
    python -m bench.distribution --quick    2 actors, 640 samples

No model: a sample is two requests, one after the other, each of which takes a random time (exponential, 0.1 s on
average; the same times in both ways), at most 16 under way on an actor. `ideal_s` is the time with all places always
taken. Both ways run the library's own loop over the same sample program; Ray Data's actors take a shard a call, ours
begin the next shard while the last answers of the former come in. Ray and the actors are there before the clock starts.
The last line is one JSON object: seconds and the share of the ideal that was reached, in alternating rounds, medians.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gristmill.distribute.claims import Desk
from gristmill.distribute.cluster import Cluster
from gristmill.distribute.crew import Crew
from gristmill.distribute.parcels import Job, code_identity, shards
from gristmill.engine.build import build_engine
from gristmill.engine.drive import drive
from gristmill.engine.journal import open_journal
from gristmill.engine.quarantine import Quarantine
from gristmill.params.distribute import DistributeParams
from gristmill.params.generate import EngineKind, EngineParams, ModelParams
from gristmill.recipes.outcome import Outcome

ACTORS = 2
PLACES = 16
SHARD = 64
SECONDS = 0.1


def seconds_of(sample: int) -> tuple[float, float]:
    """How long the sample's two answers take."""
    dice = random.Random(sample)
    return dice.expovariate(1 / SECONDS), dice.expovariate(1 / SECONDS)


def sleeping(_recipes: Path) -> Callable[[int, object], Awaitable[Outcome]]:
    """The sample program: waits for two answers, each with a place of the engine's."""
    places = asyncio.Semaphore(PLACES)

    async def walk(sample: int, _ask: object) -> Outcome:
        for seconds in seconds_of(sample):
            async with places:
                await asyncio.sleep(seconds)
        return Outcome({})

    return walk


class RayDataActor:
    """What Ray Data calls with a shard at a time."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Walks the shard's samples."""
        done: list[int] = []
        asyncio.run(self._run([int(sample) for sample in batch["item"]], done))
        return {"item": done}

    async def _run(self, samples: list[int], done: list[int]) -> None:
        walk = sleeping(Path())
        await drive(samples, lambda sample: walk(sample, None), lambda sample, _: done.append(sample), PLACES)


def with_ray_data(samples: int) -> float:
    """Seconds for all samples; Ray Data starts its own actors, which the clock leaves out by a first, empty round."""
    import ray

    warm = ray.data.range(ACTORS, override_num_blocks=ACTORS).materialize()
    ids = ray.data.from_items(list(range(samples)), override_num_blocks=samples // SHARD).materialize()
    pool = {"concurrency": ACTORS, "batch_size": SHARD, "num_cpus": 1}
    start = time.monotonic()
    warm.map_batches(_Nothing, **pool).materialize()
    starting = time.monotonic() - start
    start = time.monotonic()
    found = ids.map_batches(RayDataActor, **pool).materialize()
    assert found.count() == samples
    return time.monotonic() - start - starting


class _Nothing:
    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return batch


async def with_our_actors(samples: int, folder: Path) -> float:
    """Seconds for all samples, from the moment that both actors are ready."""
    engine = EngineParams(kind=EngineKind.SCRIPTED, max_in_flight=PLACES)
    identity = build_engine(engine, ModelParams(), folder).model
    job: Job[int] = Job(sleeping, (), {}, engine, ModelParams(), folder, identity, code_identity(), frozenset(), 1)
    with open_journal(folder / "journal.sqlite") as journal:
        desk = Desk(journal, Quarantine(journal.path), None)
        crew = Crew(job, DistributeParams(actors=ACTORS, shard_seeds=SHARD), desk, lambda _rows, _tokens: None)
        crew.assemble()
        await asyncio.gather(*(crew.carry_out(shard) for shard in shards(iter(range(ACTORS)), 1)))
        start = time.monotonic()
        done = 0

        def count(_shard: object, outcomes: list[Outcome]) -> None:
            nonlocal done
            done += len(outcomes)

        await drive(shards(iter(range(samples)), SHARD), crew.carry_out, count, 2 * ACTORS)
        seconds = time.monotonic() - start
        await crew.dismiss(gently=False)
    assert done == samples
    return seconds


def main() -> None:
    """Runs both in turns and prints the figures."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the samples, one round")
    arguments = parser.parse_args()
    samples, rounds = (640, 1) if arguments.quick else (1920, 3)
    ideal = sum(sum(seconds_of(sample)) for sample in range(samples)) / (ACTORS * PLACES)
    times: dict[str, list[float]] = {"ray_data": [], "our_actors": []}
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(DistributeParams(actors=ACTORS), Path(folder) / "logs")
        cluster.start()
        try:
            import ray

            ray.data.DataContext.get_current().enable_progress_bars = False
            for _ in range(rounds):
                times["ray_data"].append(with_ray_data(samples))
                times["our_actors"].append(asyncio.run(with_our_actors(samples, Path(folder))))
        finally:
            cluster.stop()
    median = {name: statistics.median(each) for name, each in times.items()}
    result = {
        "samples": samples,
        "actors": ACTORS,
        "ideal_s": round(ideal, 2),
        **{f"{name}_s": round(seconds, 2) for name, seconds in median.items()},
        **{f"{name}_share_of_ideal": round(ideal / seconds, 3) for name, seconds in median.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
