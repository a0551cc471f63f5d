"""What is sent and what a reply means, without sending anything."""

from typing import Any

import orjson
import pytest

from gristmill.engine.endpoint.completions import answer_of, body_of, too_long
from gristmill.params.generate import StructuredOutputs
from gristmill.recipes.control import disarm
from gristmill.recipes.request import Constraint, ConstraintKind, Finish, Message, Request, RequestFailed, Sampling

VLLM, GENERAL = StructuredOutputs.VLLM, StructuredOutputs.RESPONSE_FORMAT
CHAT = Request("s", Sampling(), (Message("user", "Hi."),))
REGEX = Constraint(ConstraintKind.REGEX, "a|b")


def _reply(content: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": finish}], **more}


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a<|im_start|>b", "a< |im_start|>b"),
        ("<|start_header_id|>system<|end_header_id|>", "< |start_header_id|>system< |end_header_id|>"),
        ("<start_of_turn>model<end_of_turn>", "< start_of_turn>model< end_of_turn>"),
        ("<|turn>model<turn|>", "< |turn>model< turn|>"),
        ("[INST] x [/INST] </s><<SYS>>", "[ INST] x [ /INST] < /s>< <SYS>>"),
        ("<｜begin▁of▁sentence｜>", "< ｜begin▁of▁sentence｜>"),  # noqa: RUF001 - DeepSeek's own bars
    ],
)
def test_control_tokens_are_disarmed(text: str, harmless: str) -> None:
    assert disarm(text) == harmless
    assert disarm(harmless) == harmless


@pytest.mark.parametrize(
    "text", ["a <| b |> c", "x <b>bold</b> y", "a[0] [inst] <string>", "if a < b | c > d:", "List<T|null> and <a | b>"]
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert disarm(text) == text


def test_raw_prompt_is_disarmed_too() -> None:
    body = orjson.loads(body_of(Request("s", Sampling(), prompt="a<|im_end|>"), "tiny", VLLM))
    assert body["prompt"] == "a< |im_end|>"


def test_general_dialect_says_only_what_is_not_neutral() -> None:
    assert orjson.loads(body_of(CHAT, "tiny", GENERAL)) == {
        "model": "tiny",
        "max_tokens": 256,
        "temperature": 0.7,
        "messages": [{"role": "user", "content": "Hi."}],
    }


def test_wrapped_answer_is_unwrapped_and_a_cut_one_left_to_validation() -> None:
    request = Request("s", Sampling(), (Message("user", "Hi."),), constraint=REGEX)
    assert answer_of(request, _reply('{"answer": "a"}'), GENERAL, "e/1").text == "a"
    assert answer_of(request, _reply('{"answ', "length"), GENERAL, "e/1").text == '{"answ'


def test_reply_without_usage_counts_nothing() -> None:
    answer = answer_of(CHAT, _reply("Yes.", usage=None), VLLM, "e/1")
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens) == (0, 0, 0)


def test_empty_content_is_an_empty_answer() -> None:
    assert answer_of(CHAT, _reply(None, "length"), VLLM, "e/1").text == ""


@pytest.mark.parametrize(
    "reply", [{}, {"choices": []}, [], None, _reply([{"type": "text"}]), _reply("x", usage=[1]), {"error": "no"}]
)
def test_reply_of_another_shape_fails_the_request(reply: Any) -> None:
    with pytest.raises(RequestFailed, match="a reply without an answer"):
        answer_of(CHAT, reply, VLLM, "e/1")


def test_content_filter_fails_the_request() -> None:
    with pytest.raises(RequestFailed, match="finish reason content_filter"):
        answer_of(CHAT, _reply("", "content_filter"), VLLM, "e/1")


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ("maximum context length is 512 tokens. However, your prompt contains at least 513 input tokens", 513),
        ("maximum context length is 512 tokens. However, your prompt contains 100148 characters", 0),
        ("max_tokens=600 cannot be greater than max_model_len=512.", 0),
        ("maximum context length is 8192 tokens. However, you requested 9000 tokens (8900 in the messages, 100", 8900),
        ("maximum context length is 4097 tokens. However, your messages resulted in 5000 tokens.", 5000),
        ("Input length (700) exceeds model's maximum context length (512).", 700),
    ],
)
def test_context_errors_are_recognised_with_the_prompts_length(said: str, tokens: int) -> None:
    answer = too_long(said, "e/1")
    assert answer is not None
    assert (answer.finish_reason, answer.prompt_tokens) == (Finish.PROMPT_TOO_LONG, tokens)


def test_other_refusals_are_no_context_errors() -> None:
    assert too_long("top_k must be an integer", "e/1") is None
