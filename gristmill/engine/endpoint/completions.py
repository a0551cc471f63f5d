"""Requests and answers in the form that OpenAI-compatible endpoints speak. Pure: nothing is sent here.

A conversation goes to `/chat/completions`, a raw prompt to `/completions`. Two dialects: vLLM's, which
says every sampling value (what is left out, `vllm serve` takes from the model's own defaults) and
states constraints as `structured_outputs`; and the general one, which states them as a JSON Schema in
`response_format` and wraps what is no JSON into an object with one key.

The endpoint's tokenizer is not ours to ask. So texts in the shape of control tokens lose that shape
on the way out: a space behind the opening bracket, and no seed can open a role.
"""

import re
from typing import Any

import orjson

from gristmill.errors import InputError
from gristmill.params.generate import StructuredOutputs
from gristmill.recipes.control import disarm
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish, Request, RequestFailed, Role, Sampling

_WRAP = "answer"
_TOO_LONG = re.compile(
    r"maximum context length|maximum model length|context_length_exceeded|context (?:length|size|window)"
    r"|cannot be greater than max_model_len",
    re.IGNORECASE,
)
_PROMPT_TOKENS = re.compile(
    r"(?:contains (?:at least )?|resulted in |Input length \(|\()(\d+)(?: input)?"
    r"(?: tokens| in the (?:messages|prompt)|\))"
)


def path_of(request: Request) -> str:
    """Where the request goes, under the endpoint's base address."""
    return "chat/completions" if request.prompt is None else "completions"


def body_of(request: Request, model: str, dialect: StructuredOutputs) -> bytes:
    """The request's JSON. Raises InputError when the dialect cannot say what is asked."""
    if request.write is Role.USER:
        raise cannot_write_user(request.step)
    body: dict[str, Any] = {"model": model, "max_tokens": request.sampling.max_tokens}
    if request.prompt is None:
        body["messages"] = [{"role": turn.role, "content": disarm(turn.content)} for turn in request.messages]
    else:
        body["prompt"] = disarm(request.prompt)
    if dialect is StructuredOutputs.VLLM:
        body |= _vllm_sampling(request.sampling)
        if request.constraint is not None:
            body["structured_outputs"] = {request.constraint.kind.value: request.constraint.value}
    else:
        body |= _general_sampling(request.sampling)
        if request.constraint is not None:
            body["response_format"] = _response_format(request.constraint)
    return orjson.dumps(body)


def cannot_write_user(step: str) -> InputError:
    """What to tell somebody whose recipe wants the user's turn from an endpoint.

    `/chat/completions` always opens the assistant's turn, and `/completions` takes a text in which our own control
    tokens would be disarmed, without knowing the model's template.
    """
    return InputError(
        f"step {step} has `write: user`: an endpoint has no way to let the model write the user's turn",
        where="params.yaml: engine.kind",
        expected="vllm, which has the model's chat template at hand",
        do="set engine.kind to `vllm`, or use a recipe without `write: user`",
    )


def answer_of(request: Request, reply: Any, dialect: StructuredOutputs, engine: str) -> Answer:
    """The answer in a reply. Raises RequestFailed when there is none in it."""
    try:
        choice = reply["choices"][0]
        text = (choice["message"]["content"] if request.prompt is None else choice["text"]) or ""
        reason = choice["finish_reason"]
        usage = reply.get("usage") or {}
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        asked, given = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        if not isinstance(text, str):
            raise TypeError("content in parts")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise RequestFailed("endpoint_error", f"a reply without an answer: {str(reply)[:200]}") from None
    if reason not in (Finish.STOP, Finish.LENGTH):
        raise RequestFailed("endpoint_error", f"finish reason {reason}")
    if dialect is StructuredOutputs.RESPONSE_FORMAT and request.constraint is not None:
        text = _unwrapped(text, request.constraint)
    return Answer(text, reason, asked, given, int(cached), engine)


def too_long(message: str, engine: str) -> Answer | None:
    """The answer that says so, if an endpoint's refusal means that prompt and answer exceed the context.

    `prompt_tokens` is 0 where the endpoint does not tell their number.
    """
    if not _TOO_LONG.search(message):
        return None
    told = _PROMPT_TOKENS.search(message)
    return Answer("", Finish.PROMPT_TOO_LONG.value, int(told[1]) if told else 0, 0, 0, engine)


def _vllm_sampling(drawn: Sampling) -> dict[str, Any]:
    return {
        "temperature": drawn.temperature,
        "top_p": drawn.top_p,
        "top_k": drawn.top_k,
        "stop": drawn.stop,
        "include_stop_str_in_output": drawn.keep_stop,
        "presence_penalty": drawn.presence_penalty,
        "frequency_penalty": drawn.frequency_penalty,
        "repetition_penalty": drawn.repetition_penalty,
    }


def _general_sampling(drawn: Sampling) -> dict[str, Any]:
    if drawn.keep_stop:
        raise InputError(
            "the recipe uses `keep_stop`, which only vLLM has a word for",
            where="params.yaml: engine.structured_outputs",
            do="set it to `vllm` if the endpoint is `vllm serve`, or use a recipe without `keep_stop`",
        )
    return drawn.content()


def _response_format(constraint: Constraint) -> dict[str, Any]:
    if constraint.kind is ConstraintKind.GRAMMAR:
        raise InputError(
            "the recipe uses a `grammar`, which only vLLM has a word for",
            where="params.yaml: engine.structured_outputs",
            do="set it to `vllm` if the endpoint is `vllm serve`, or use a recipe without a grammar",
        )
    schema = constraint.value
    if constraint.kind is not ConstraintKind.JSON:
        rule = "enum" if constraint.kind is ConstraintKind.CHOICE else "pattern"
        value = schema if rule == "enum" else f"^(?:{schema})$"
        part = {"type": "string", rule: value}
        schema = {"type": "object", "properties": {_WRAP: part}, "required": [_WRAP], "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": _WRAP, "schema": schema, "strict": True}}


def _unwrapped(text: str, constraint: Constraint) -> str:
    """What stands inside the object that `_response_format` asked for; a text that is none is left to validation."""
    if constraint.kind is ConstraintKind.JSON:
        return text
    try:
        return str(orjson.loads(text)[_WRAP])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return text
