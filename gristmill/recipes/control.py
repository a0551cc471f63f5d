"""Texts in the shape of chat-template control tokens, of whatever model: found for the books, disarmed where need be.

The engine in process asks its own tokenizer (gristmill/engine/conversation.py); this is for those whose
tokenizer is not at hand, and for counting the same whoever answers.
"""

import re

from gristmill.recipes.request import Request

_CONTROL = re.compile(
    r"<(?=[|｜][\w▁.:-]{1,64}[|｜]?>|[\w▁.:-]{1,64}[|｜]>)"  # noqa: RUF001 - ChatML, Llama 3, DeepSeek, Gemma 4
    r"|<(?=/?s>|(?:bos|eos|pad|unk|mask|start_of_turn|end_of_turn|extra_id_\d+)>)"  # Llama 2, Gemma, Nemotron
    r"|<(?=</?SYS>>)|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\])"  # Mistral
)


def disarm(text: str) -> str:
    """The text with a space in everything that a tokenizer might take for a control token."""
    return _CONTROL.sub(r"\g<0> ", text)


def holds_control(request: Request) -> bool:
    """Whether anything in the request has that shape. It reaches the model as plain text, and opens no role."""
    texts = (request.prompt,) if request.prompt is not None else (message.content for message in request.messages)
    return any(_CONTROL.search(text) for text in texts)
