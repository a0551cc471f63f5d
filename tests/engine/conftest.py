"""Endpoints of the engine's tests, and engines for them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gristmill.engine.build import build_engine
from gristmill.engine.openai import OpenAIEngine
from gristmill.params.generate import EngineParams
from tests.engine.asking import MODEL, Make
from tests.engine.endpoint import Running


@pytest.fixture(scope="module")
def running() -> Iterator[list[Running]]:
    """Two endpoints for the whole module: starting one takes a second."""
    started = [Running(), Running()]
    yield started
    for each in started:
        each.end()


@pytest.fixture
def endpoints(running: list[Running], monkeypatch: pytest.MonkeyPatch) -> list[Running]:
    """Both, as if they were new; no key in the environment."""
    for name in ("GRISTMILL_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for each in running:
        each.behave()
        each.forget()
    return running


@pytest.fixture
def endpoint(endpoints: list[Running]) -> Running:
    return endpoints[0]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    """Makes engines for the given endpoints and closes them."""
    made: list[OpenAIEngine] = []

    def engine(*endpoints: Running | str, **params: Any) -> OpenAIEngine:
        addresses = [each if isinstance(each, str) else each.address for each in endpoints]
        built = build_engine(EngineParams(kind="openai", endpoints=addresses, **params), MODEL, Path.cwd())
        assert isinstance(built, OpenAIEngine)
        made.append(built)
        return built

    yield engine
    for each in made:
        await each.close()
