"""What an endpoint's refusals mean to the user: where the fault lies, and what to do about it."""

import os
from typing import Any

from gristmill.engine.endpoint.balance import Endpoint, Refusal
from gristmill.engine.protocol import EngineDied
from gristmill.errors import InputError
from gristmill.recipes.request import RequestFailed

KEY_VARIABLES = ("GRISTMILL_API_KEY", "OPENAI_API_KEY")
_PLACE = "params.yaml: engine.endpoints"


def api_key() -> tuple[str, str]:
    """The variable that holds the key, and the key; both empty when none is set. Raises InputError on no sound one."""
    name = next((name for name in KEY_VARIABLES if os.environ.get(name)), "")
    key = os.environ.get(name, "").strip() if name else ""
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InputError("its value is no key", where=f"environment variable {name}", expected="one line of ASCII")
    return name, key


def fatal(endpoint: Endpoint, refusal: Refusal, what: str = "") -> Exception:
    """What a refusal means: one request's failure where another may fare better, else the end of the run."""
    found = f"{endpoint.address} answered {refusal.status}" + (f" to {what}" if what else "")
    if refusal.status in (401, 403):
        name, _ = api_key()
        return EngineDied(
            f"{found} {f'to the key in {name}' if name else 'and no key is set'}: {refusal.said}",
            where=_PLACE,
            do=f"set the environment variable {KEY_VARIABLES[0]} to a key that is valid there",
        )
    if refusal.status == 404 or refusal.status < 400:
        return EngineDied(
            f"{found}: {refusal.said}",
            where=_PLACE,
            expected="an OpenAI-compatible endpoint, without a redirect, that serves the model",
            do="correct the address, model.name, or model.path (the name under which the model is served)",
        )
    if what:
        return EngineDied(
            f"{found}: {refusal.said}",
            where="params.yaml: engine.structured_outputs",
            do="try the other form, or a recipe without such constraints",
        )
    return RequestFailed("endpoint_refused", f"{found}: {refusal.said}")


def ignored(endpoint: Endpoint, kind: str, dialect: str, text: str) -> EngineDied:
    """The endpoint answered as if there were no constraint."""
    return EngineDied(
        f"{endpoint.address} ignores a {kind} constraint sent as {dialect}: it answered {text[:60]!r}",
        where="params.yaml: engine.structured_outputs",
        expected="answers held to the constraint",
        do="set `vllm` for a recent `vllm serve`, `response_format` for others, or take a recipe without constraints",
    )


def assert_served(endpoint: Endpoint, model: str, found: Any) -> None:
    """Raises InputError when the list of models is none, or lacks the model."""
    try:
        names = [card["id"] for card in found["data"]]
    except (KeyError, TypeError):
        raise InputError(
            f"{endpoint.address}/models gave no list of models: {str(found)[:120]}",
            where=_PLACE,
            expected="an OpenAI-compatible endpoint",
        ) from None
    if model not in names:
        raise InputError(
            f"{endpoint.address} does not serve {model}, but {', '.join(names[:8]) or 'nothing'}",
            where="params.yaml: model",
            do="set model.path to the name under which the endpoint serves the model",
        )


def none_answers(lines: list[str]) -> EngineDied:
    """Every endpoint is out of reach, each line with its reason."""
    return EngineDied(
        "no endpoint answers: " + "; ".join(lines),
        where=_PLACE,
        expected="an OpenAI-compatible endpoint that is up",
        do="start it (`vllm serve` takes minutes to load a large model), or correct the address, and run this again:"
        " what was answered is kept in the journal",
    )
