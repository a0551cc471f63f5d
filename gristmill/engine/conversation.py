"""From messages to token ids, with the model's chat template, so that no content can open a role.

The template is rendered once per sequence of roles, with a mark where each content goes; what lies
between the marks is encoded with its control tokens, the contents are encoded as plain text.
Control tokens (any model's: those that its tokenizer calls special) that stand in a content
become ordinary characters to the model.
"""

from collections.abc import Sequence
from typing import Any

from gristmill.errors import GristmillError
from gristmill.recipes.request import Message, Request

_MARK = "gristmillcontent{}mark"


class ConversationEncoder:
    """Encodes requests with one tokenizer (of `transformers`)."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._frames: dict[tuple[str, ...], list[list[int]]] = {}

    def encode(self, request: Request) -> list[int]:
        """The prompt's token ids. A raw prompt holds no control tokens but those that always open a text."""
        if request.prompt is not None:
            ids: list[int] = self._tokenizer.encode(request.prompt, add_special_tokens=True, split_special_tokens=True)
            return ids
        return self._conversation(request.messages)

    def _conversation(self, messages: Sequence[Message]) -> list[int]:
        roles = tuple(message.role for message in messages)
        frame = self._frames.get(roles)
        if frame is None:
            frame = self._frames[roles] = self._frame(roles)
        ids = list(frame[0])
        for message, after in zip(messages, frame[1:], strict=True):
            ids += self._tokenizer.encode(message.content, add_special_tokens=False, split_special_tokens=True)
            ids += after
        return ids

    def _frame(self, roles: tuple[str, ...]) -> list[list[int]]:
        """What the template puts before, between and after the contents, as token ids."""
        marks = [_MARK.format(i) for i in range(len(roles))]
        turns = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        rest = self._render(turns)
        pieces: list[str] = []
        for mark in marks:
            before, found, rest = rest.partition(mark)
            if not found or mark in rest:
                raise self._unfit(f"it does not show each message once, in order: {' '.join(roles)}")
            pieces.append(before)
        pieces.append(rest)
        return [self._tokenizer.encode(piece, add_special_tokens=False, split_special_tokens=False) for piece in pieces]

    def _render(self, turns: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        if not self._tokenizer.chat_template:
            raise self._unfit("the tokenizer has none")
        try:
            text: str = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise self._unfit(str(error)) from None
        return text

    def _unfit(self, found: str) -> GristmillError:
        return GristmillError(
            f"the model's chat template cannot be used: {found}",
            where="params.yaml: model",
            expected="a chat template that takes the recipe's roles",
            do="use a model tuned for chat, or write the step with `prompt` instead of `messages`",
        )
