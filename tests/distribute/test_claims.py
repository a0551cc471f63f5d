"""Who asks what: the driver's desk over a real journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.distribute.claims import Desk
from gristmill.distribute.parcels import Convicted, Entry, Parcel, Reply, Want
from gristmill.engine.journal import Journal, open_journal
from gristmill.engine.quarantine import Quarantine
from gristmill.recipes.request import Answer, Request, Sampling

KEY, OTHER = b"k" * 16, b"o" * 16
ANSWER = Answer("yes", "stop", 3, 1, 0, "scripted/1")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path / "journal.sqlite") as journal:
        yield journal


@pytest.fixture
def desk(journal: Journal) -> Desk:
    return Desk(journal, Quarantine(journal.path), context=100)


def wants(key: bytes) -> Parcel:
    return Parcel(wants=(Want(key, 10),))


def answers(key: bytes) -> Parcel:
    return Parcel(entries=(Entry(key, b"[]", ANSWER, "mine", 12.5),))


def test_wanted_answer_that_is_recorded_is_given(journal: Journal, desk: Desk) -> None:
    journal.append(KEY, b"[]", ANSWER)
    assert desk.receive(0, wants(KEY)) == [(0, Reply(KEY, ANSWER))]
    assert (desk.paid.requests, desk.from_journal) == (0, 1)


def test_second_actor_waits_for_the_answer_of_the_first(journal: Journal, desk: Desk) -> None:
    assert desk.receive(0, wants(KEY)) == [(0, Reply(KEY, None))]
    assert desk.receive(1, wants(KEY)) == []
    assert desk.receive(0, answers(KEY)) == [(1, Reply(KEY, ANSWER))]
    assert journal.get(KEY) == ANSWER
    assert desk.paid.requests == 1


def test_claim_of_a_lost_actor_passes_to_who_waits(desk: Desk) -> None:
    desk.receive(0, wants(KEY))
    desk.receive(0, wants(OTHER))
    desk.receive(1, wants(KEY))
    desk.receive(2, wants(KEY))
    assert desk.forget(0) == [(1, Reply(KEY, None))]
    assert desk.forget(1) == [(2, Reply(KEY, None))]
    assert desk.receive(2, wants(OTHER)) == [(2, Reply(OTHER, None))]


def test_claim_that_was_given_up_passes_to_who_waits(desk: Desk) -> None:
    desk.receive(0, wants(KEY))
    desk.receive(1, wants(KEY))
    assert desk.receive(0, Parcel(given_up=(KEY,))) == [(1, Reply(KEY, None))]


def test_prompt_that_was_too_long_is_asked_again_in_a_larger_context(journal: Journal, desk: Desk) -> None:
    journal.append(KEY, b"[]", Answer("", "prompt_too_long", 95, 0, 0, "vllm/1"))
    assert desk.receive(0, Parcel(wants=(Want(KEY, 10),)))[0][1].answer is not None
    assert desk.receive(0, Parcel(wants=(Want(KEY, 5),)))[0][1].answer is None


def test_request_convicted_on_an_actor_stands_in_the_quarantine(journal: Journal, desk: Desk) -> None:
    request = Request("step", Sampling(), prompt="Deadly")
    desk.receive(0, Parcel(convicted=(Convicted(request, "model@1", "vllm/1"),)))
    assert Quarantine(journal.path).holds(request, "model@1")
