"""The endpoints that share the work: who is asked next, who rests, and how long to wait before asking again.

The one with the fewest requests under way is asked. One that fails `_PATIENCE` times in a row is left
out for a second, then two, then four, up to `_LONGEST_REST`; one that says Retry-After, for as long as
it says. When all rest, everybody waits for the first to come back: nobody asks sooner than was said.
"""

import asyncio
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from gristmill.engine.protocol import EngineDied
from gristmill.recipes.request import RequestFailed

_PATIENCE = 3
_LONGEST_REST = 30.0
_LONGEST_WAIT = 600.0
"""Seconds that a run waits for an endpoint that said Retry-After; one that asks for more has ended the run."""
_SECONDS = re.compile(r"\d{1,9}(\.\d+)?")
_SPREAD = 0.25
"""Seconds over which those that waited together come back."""
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 30.0


class Unanswered(Exception):
    """No answer this time: the endpoint was busy, broken or out of reach. Asking again may help."""

    def __init__(self, said: str, *, retry_after: float | None = None, busy: bool = False) -> None:
        self.said = said
        self.retry_after = retry_after
        self.busy = busy
        """Nothing is wrong with the request or the endpoint: there are too many of us."""
        super().__init__(said)


class Refusal(Exception):
    """The endpoint will not answer this request, however often it is asked. `said` is its own message."""

    def __init__(self, status: int, said: str) -> None:
        self.status = status
        self.said = said
        super().__init__(f"{status}: {said}")


@dataclass(eq=False)
class Endpoint:
    """One address and how it does."""

    address: str
    """Base address: `/chat/completions` comes behind it."""
    in_flight: int = 0
    answered: int = 0
    unanswered: int = 0
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    """On the monotonic clock."""
    proven: set[tuple[str, str]] = field(default_factory=set)
    """Constraint kinds and paths for which it was seen to hold its answers to a constraint."""
    proving: asyncio.Lock = field(default_factory=asyncio.Lock)


class Balancer:
    """Hands out endpoints."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.endpoints = tuple(Endpoint(base_address(address)) for address in addresses)

    @property
    def answered(self) -> int:
        """Answers so far, of all endpoints."""
        return sum(each.answered for each in self.endpoints)

    async def pick(self) -> Endpoint:
        """The endpoint to ask now; waits while all rest. Raises EngineDied when that would take too long."""
        while True:
            now = time.monotonic()
            ready = [each for each in self.endpoints if each.rests_until <= now]
            if ready:
                return min(ready, key=lambda each: each.in_flight)
            await asyncio.sleep(self._rest(now) + random.uniform(0, _SPREAD))  # noqa: S311 - not a secret

    @contextmanager
    def trying(self, endpoint: Endpoint) -> Iterator[None]:
        """Counts the try in the body: how many are under way, and whether it ended as Unanswered."""
        endpoint.in_flight += 1
        try:
            yield
        except Unanswered as fault:
            self.failed(endpoint, fault)
            raise
        except RequestFailed:
            endpoint.failures = 0
            raise
        else:
            endpoint.answered += 1
            endpoint.failures = 0
        finally:
            endpoint.in_flight -= 1

    def failed(self, endpoint: Endpoint, fault: Unanswered) -> None:
        """Notes a failure; those that were under way together count once."""
        endpoint.unanswered += 1
        now = time.monotonic()
        if fault.retry_after is not None:
            endpoint.rests_until = max(endpoint.rests_until, now + fault.retry_after)
        elif not fault.busy and now >= endpoint.rests_until:
            endpoint.failures += 1
            if endpoint.failures >= _PATIENCE:
                endpoint.rests_until = now + min(2.0 ** (endpoint.failures - _PATIENCE), _LONGEST_REST)

    def _rest(self, now: float) -> float:
        first = min(self.endpoints, key=lambda each: each.rests_until)
        rest = first.rests_until - now
        if rest > _LONGEST_WAIT:
            raise EngineDied(
                f"{first.address} asks to be left alone for {round(rest)} s, and so do all other endpoints",
                where="params.yaml: engine.endpoints",
                do="run this again later, or with a larger quota there: what was answered is kept in the journal",
            )
        return rest


def base_address(address: str) -> str:
    """The address with `/v1` where it has no path of its own."""
    return address if urlsplit(address).path.strip("/") else f"{address.rstrip('/')}/v1"


def backoff(tries: int) -> float:
    """Seconds to wait after so many tries: doubling, and drawn at random so that many do not come back together."""
    return random.uniform(0.5, 1.0) * min(_FIRST_BACKOFF * 2.0**tries, _LONGEST_BACKOFF)  # noqa: S311 - not a secret


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None without a sound one."""
    if not header:
        return None
    if _SECONDS.fullmatch(header.strip()):
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
