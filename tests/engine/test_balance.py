"""How long an endpoint is left alone, and what an address means."""

from datetime import UTC, datetime

import pytest

from gristmill.engine.endpoint.balance import Balancer, Endpoint, Unanswered, backoff, base_address, retry_after

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", None),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
        ("nan", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://host:8000", "http://host:8000/v1"),
        ("http://host:8000/v1", "http://host:8000/v1"),
        ("https://host/api/v3", "https://host/api/v3"),
    ],
)
def test_address_without_a_path_gets_v1(address: str, base: str) -> None:
    assert base_address(address) == base


def test_backoff_doubles_up_to_half_a_minute_and_is_drawn() -> None:
    assert all(0.25 <= backoff(0) <= 0.5 for _ in range(50))
    assert all(2.0 <= backoff(3) <= 4.0 for _ in range(50))
    assert all(15.0 <= backoff(50) <= 30.0 for _ in range(50))
    assert len({backoff(3) for _ in range(50)}) > 1


def _fail(balancer: Balancer, endpoint: Endpoint) -> None:
    with pytest.raises(Unanswered), balancer.trying(endpoint):
        raise Unanswered("no")


async def test_endpoint_is_left_out_after_three_failures_in_a_row() -> None:
    balancer = Balancer(["http://a", "http://b"])
    first, second = balancer.endpoints
    second.in_flight = 5
    _fail(balancer, first)
    _fail(balancer, first)
    assert await balancer.pick() is first
    _fail(balancer, first)
    assert await balancer.pick() is second


async def test_answer_between_failures_keeps_an_endpoint_in() -> None:
    balancer = Balancer(["http://a", "http://b"])
    first, second = balancer.endpoints
    second.in_flight = 5
    for _ in range(5):
        _fail(balancer, first)
        with balancer.trying(first):
            pass
    assert await balancer.pick() is first


async def test_endpoint_that_fails_again_rests_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr("gristmill.engine.endpoint.balance.time.monotonic", lambda: clock)
    balancer = Balancer(["http://a"])
    (only,) = balancer.endpoints
    rests = []
    for _ in range(9):
        _fail(balancer, only)
        rests.append(only.rests_until - clock if only.rests_until else 0.0)
        clock = max(clock, only.rests_until)
    assert rests == [0, 0, 1, 2, 4, 8, 16, 30, 30]


async def test_failures_of_requests_under_way_together_lengthen_no_rest() -> None:
    balancer = Balancer(["http://a"])
    (only,) = balancer.endpoints
    for _ in range(3):
        _fail(balancer, only)
    rest = only.rests_until
    for _ in range(50):
        _fail(balancer, only)
    assert only.rests_until == rest
