"""The `openai` engine when its endpoint fails: what is asked again, what fails one request, what ends the run."""

import asyncio
import time
from typing import Any

import pytest

from gristmill.engine.openai import OpenAIEngine
from gristmill.engine.protocol import EngineDied
from gristmill.errors import GristmillError, InputError
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Finish, RequestFailed
from tests.engine.asking import Make, ask
from tests.engine.endpoint import Running


async def test_connections_are_kept_and_no_more_than_in_flight(endpoint: Running, make: Make) -> None:
    engine = make(endpoint, max_in_flight=4)
    await engine.start()
    before = endpoint.seen()["connections"]
    await asyncio.gather(*(engine.ask(ask(f"Number {i}.")) for i in range(200)))
    assert endpoint.seen()["answers"] == 200
    assert endpoint.seen()["connections"] - before <= 3 + 2  # one stays from the start; two look from outside


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "message": "oops"},
        {"status": 503},
        {"status": 429},
        {"do": "close"},
        {"do": "cut"},
    ],
    ids=lambda fault: str(fault.get("status") or fault["do"]),
)
async def test_passing_fault_is_asked_again(endpoint: Running, make: Make, fault: dict[str, Any]) -> None:
    endpoint.behave(faults=[fault])
    engine = make(endpoint)
    await engine.start()
    assert (await engine.ask(ask())).text == "Hello there."
    assert endpoint.seen()["requests"] == 2


async def test_answer_that_never_comes_is_asked_again_after_the_timeout(endpoint: Running, make: Make) -> None:
    endpoint.behave(faults=[{"do": "hang"}])
    engine = make(endpoint, request_timeout_seconds=0.3)
    await engine.start()
    assert (await engine.ask(ask())).text == "Hello there."


async def test_retry_after_is_waited_for_by_everybody(endpoint: Running, make: Make) -> None:
    endpoint.behave(faults=[{"status": 429, "headers": {"retry-after": "1.5"}}])
    engine = make(endpoint)
    await engine.start()
    began = time.monotonic()
    await engine.ask(ask())
    assert 1.5 <= time.monotonic() - began < 4


async def test_retry_after_of_hours_ends_the_run_at_once(endpoint: Running, make: Make) -> None:
    endpoint.behave(faults=[{"status": 429, "headers": {"retry-after": "7200"}}])
    engine = make(endpoint)
    await engine.start()
    with pytest.raises(EngineDied, match=r"asks to be left alone for (7200|71\d\d) s"):
        await engine.ask(ask())


async def test_tries_are_bounded_and_the_endpoints_message_is_kept(endpoint: Running, make: Make) -> None:
    endpoint.behave(poison="Poison")
    engine = make(endpoint, request_retries=1)
    await engine.start()
    with pytest.raises(RequestFailed, match=r"asked 2 times, at last: 500: the engine choked on it") as failed:
        await engine.ask(ask("Poison."))
    assert failed.value.reason == "endpoint_failed"
    assert (await engine.ask(ask("Food."))).text == "Food."


async def test_rate_limit_fails_nobody_as_long_as_others_are_answered(endpoint: Running, make: Make) -> None:
    endpoint.behave(per_second=50)
    engine = make(endpoint, request_retries=2)
    await engine.start()
    answers = await asyncio.gather(*(engine.ask(ask(f"Number {i}.")) for i in range(20)))
    assert [answer.text for answer in answers] == [f"Number {i}." for i in range(20)]


async def test_rate_limit_that_answers_nobody_is_bounded(endpoint: Running, make: Make) -> None:
    endpoint.behave(faults=[{"status": 429, "message": "quota is used up"}] * 9)
    engine = make(endpoint, request_retries=1)
    await engine.start()
    with pytest.raises(RequestFailed, match="429: quota is used up"):
        await engine.ask(ask())


async def test_bad_request_is_not_asked_again_and_others_go_on(endpoint: Running, make: Make) -> None:
    endpoint.behave(faults=[{"status": 400, "message": "top_k is unknown here"}])
    engine = make(endpoint)
    await engine.start()
    with pytest.raises(RequestFailed, match="400: top_k is unknown here"):
        await engine.ask(ask())
    assert (await engine.ask(ask())).text == "Hello there."
    assert endpoint.seen()["requests"] == 2


async def test_reply_without_an_answer_fails_that_request(endpoint: Running, make: Make) -> None:
    endpoint.behave(faults=[{"do": "garbage"}])
    engine = make(endpoint)
    await engine.start()
    with pytest.raises(RequestFailed, match="a reply without an answer"):
        await engine.ask(ask())


async def test_prompt_that_is_too_long_is_told_with_its_length(endpoint: Running, make: Make) -> None:
    endpoint.behave(context=100)
    engine = make(endpoint)
    await engine.start()
    answer = await engine.ask(ask("a" * 90))
    assert (answer.text, answer.finish_reason, answer.prompt_tokens) == ("", Finish.PROMPT_TOO_LONG, 90)


async def test_wrong_key_ends_the_run_at_the_start_and_is_never_shown(
    endpoint: Running, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.behave(key="right-key-right")
    monkeypatch.setenv("GRISTMILL_API_KEY", "wrong-key-wrong")
    with pytest.raises(EngineDied) as died:
        await make(endpoint).start()
    said = str(died.value)
    assert f"{endpoint.address}/v1 answered 401 to the key in GRISTMILL_API_KEY" in said
    assert "Incorrect API key provided: [key]" in said
    assert "wrong-key-wrong" not in said


async def test_key_that_expires_ends_the_run_without_asking_again(
    endpoint: Running, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(endpoint)
    await engine.start()
    endpoint.behave(key="another")
    with pytest.raises(EngineDied, match="no key is set"):
        await engine.ask(ask())
    assert endpoint.seen()["requests"] == 0


async def test_key_is_read_from_the_environment_ours_before_openais(
    endpoint: Running, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.behave(key="right-key-right")
    monkeypatch.setenv("GRISTMILL_API_KEY", "right-key-right")
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    engine = make(endpoint)
    await engine.start()
    assert (await engine.ask(ask())).text == "Hello there."


async def test_key_of_two_lines_is_refused_without_being_shown(
    endpoint: Running, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "half\nsecret")
    with pytest.raises(InputError, match="environment variable OPENAI_API_KEY: its value is no key") as refused:
        await make(endpoint).start()
    assert "secret" not in str(refused.value)


async def test_redirect_is_not_followed(endpoints: list[Running], make: Make) -> None:
    first, second = endpoints
    first.behave(faults=[{"status": 307, "headers": {"location": f"{second.address}/v1/chat/completions"}}])
    engine = make(first)
    await engine.start()
    with pytest.raises(EngineDied, match=f"307: it sends on to {second.address}"):
        await engine.ask(ask())
    assert second.seen()["requests"] == 0


async def test_endpoint_that_is_down_is_told_quickly(make: Make) -> None:
    began = time.monotonic()
    with pytest.raises(GristmillError, match=r"no endpoint answers: http://127.0.0.1:9/v1: .*[Cc]onnection refused"):
        await make("http://127.0.0.1:9").start()
    assert time.monotonic() - began < 5


async def test_model_that_is_not_served_is_told_with_those_that_are(endpoint: Running) -> None:
    params = EngineParams(kind="openai", endpoints=[endpoint.address])
    engine = OpenAIEngine(params, ModelParams(name="huge", revision="r1"))
    with pytest.raises(InputError, match="does not serve huge, but tiny"):
        await engine.start()
    await engine.close()


async def test_something_else_than_an_endpoint_is_told(endpoint: Running, make: Make) -> None:
    engine = make(endpoint.address + "/nowhere")
    await engine.start()  # an endpoint without a list of models may be one all the same
    with pytest.raises(EngineDied, match="answered 404: Not Found"):
        await engine.ask(ask())
