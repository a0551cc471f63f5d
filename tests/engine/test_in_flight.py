"""Places under a bound that moves; the bound from an engine's own signals; the bound that has to be found by trying."""

import asyncio

from gristmill.engine.endpoint.climb import Climb
from gristmill.engine.in_flight import SAMPLE, InFlight
from gristmill.engine.load import Load, ceiling, first_limit, next_limit


async def test_no_more_than_the_limit_are_under_way_and_a_larger_one_lets_more_in() -> None:
    bound = InFlight(2, 10)
    gate = asyncio.Event()

    async def ask() -> None:
        async with bound:
            await gate.wait()

    tasks = [asyncio.create_task(ask()) for _ in range(6)]
    await asyncio.sleep(0)
    assert (bound.used, bound.wanted) == (2, True)

    bound.move(5)
    assert bound.used == 5

    bound.move(99)
    assert (bound.limit, bound.used, bound.wanted) == (10, 6, False)
    gate.set()
    await asyncio.gather(*tasks)
    assert bound.used == 0


async def test_place_goes_to_the_oldest_sample_that_waits() -> None:
    bound = InFlight(1)
    served: list[int] = []

    async def ask(sample: int) -> None:
        SAMPLE.set(sample)
        async with bound:
            served.append(sample)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask(sample) for sample in (3, 9, 1, 7, 2)))

    assert served == [3, 1, 2, 7, 9]


async def test_one_that_gives_up_waiting_takes_no_place() -> None:
    bound = InFlight(1)
    async with bound:
        given_up = asyncio.create_task(bound.__aenter__())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
    assert bound.used == 0

    async with bound:
        late = asyncio.create_task(bound.__aenter__())
        await asyncio.sleep(0)
    late.cancel()  # the place is already its own
    await asyncio.gather(late, return_exceptions=True)
    assert bound.used == 0


def test_first_limit_is_what_surely_fits_and_a_short_queue() -> None:
    assert first_limit(max_running=256, kv_tokens=93_000, longest=2048) == 45 + 5
    assert first_limit(max_running=32, kv_tokens=93_000, longest=2048) == 32 + 4
    assert first_limit(max_running=256, kv_tokens=1000, longest=2048) == 1 + 2


def test_limit_grows_while_the_queue_runs_dry() -> None:
    assert next_limit(50, Load(running=50, waiting=0, kv_use=0.2), wanted=True) == 56
    assert next_limit(50, Load(running=50, waiting=0, kv_use=0.2), wanted=False) == 50
    assert next_limit(50, Load(running=40, waiting=8, kv_use=0.2), wanted=True) == 50


def test_limit_falls_where_a_full_cache_holds_a_long_queue_back() -> None:
    assert next_limit(200, Load(running=80, waiting=120, kv_use=0.95), wanted=True) == 90
    assert next_limit(200, Load(running=80, waiting=120, kv_use=0.4), wanted=True) == 200, "they are about to run"


def _simulated(fits: int, steps: int) -> tuple[int, int]:
    """Limit and queue of an engine whose cache holds so many, with more work than it can take."""
    bound = InFlight(8, ceiling(256))
    running = 0
    for _ in range(steps):
        running = min(fits, bound.limit)
        waiting = bound.limit - running
        bound.move(next_limit(bound.limit, Load(running, waiting, kv_use=running / fits), wanted=True))
    return bound.limit, bound.limit - running


def test_limit_settles_at_a_full_batch_and_a_short_queue() -> None:
    assert _simulated(fits=256, steps=200) == (256 + 32, 32)
    limit, queue = _simulated(fits=70, steps=200)
    assert limit < 90
    assert 8 <= queue <= 18


class Endpoint:
    """An endpoint that answers up to `fits` requests a second each, and no more in all; time is simulated."""

    def __init__(self, fits: int, ceiling: int, first: int) -> None:
        self.bound = InFlight(first, ceiling)
        self.climb = Climb(self.bound)
        self.fits = fits
        self.now = 0.0

    async def serve(self, answers: int) -> None:
        """Answers, with somebody always waiting for a place."""
        places = [asyncio.create_task(self.bound.__aenter__()) for _ in range(self.bound.ceiling + 10)]
        await asyncio.sleep(0)
        for _ in range(answers):
            self.now += 1 / min(self.bound.limit, self.fits)
            self.climb.answered(self.now)
        for place in places:
            place.cancel()
        await asyncio.gather(*places, return_exceptions=True)


async def test_limit_climbs_to_what_an_endpoint_can_use_and_not_far_beyond() -> None:
    endpoint = Endpoint(fits=300, ceiling=1024, first=64)
    await endpoint.serve(20_000)
    assert 290 <= endpoint.bound.limit <= 470


async def test_limit_that_is_given_stays() -> None:
    endpoint = Endpoint(fits=10, ceiling=128, first=128)
    await endpoint.serve(5_000)
    assert endpoint.bound.limit == 128


async def test_limit_falls_when_an_endpoint_says_that_it_is_busy() -> None:
    endpoint = Endpoint(fits=1000, ceiling=128, first=100)
    endpoint.climb.answered(0.0)
    endpoint.climb.busy()
    await endpoint.serve(100)
    assert endpoint.bound.limit == 70
