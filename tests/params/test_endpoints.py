"""engine.endpoints: needed by kind `openai`, and never with a secret in them."""

import pytest

from gristmill.errors import ProblemsError
from gristmill.params.generate import EngineParams
from gristmill.params.load import parse


def wrong(**engine: object) -> str:
    with pytest.raises(ProblemsError) as refused:
        parse(EngineParams, engine, "params.yaml: engine")
    return str(refused.value)


def test_kind_openai_without_an_endpoint_is_refused() -> None:
    assert wrong(kind="openai") == (
        "params.yaml: engine.endpoints: found ()\n    expected: at least one address: kind `openai` asks there"
    )


@pytest.mark.parametrize("address", ["gpu-1:8000", "ftp://gpu-1", "http://", "/v1"])
def test_address_that_is_none_is_refused_with_an_example(address: str) -> None:
    assert "expected: an address such as http://host:8000" in wrong(kind="openai", endpoints=[address])


@pytest.mark.parametrize("address", ["https://me:s3cret@host/v1", "https://host/v1?api_key=s3cret"])
def test_address_with_a_secret_is_refused_without_repeating_it(address: str) -> None:
    said = wrong(kind="openai", endpoints=[address])
    assert "the key comes from GRISTMILL_API_KEY" in said
    assert "s3cret" not in said


def test_address_loses_its_last_slash() -> None:
    assert EngineParams(kind="openai", endpoints=["http://host:8000/v1/"]).endpoints == ("http://host:8000/v1",)
