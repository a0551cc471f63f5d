"""From messages to token ids, with the model's chat template, so that no content can open a role.

The template is rendered once per sequence of roles, with a mark where each content goes; what lies
between the marks is encoded with its control tokens, the contents are encoded as plain text.
Control tokens that stand in a content become ordinary characters to the model: any model's, read from its
tokenizer. Those that it calls special are encoded as text; it also has some that it finds in any text (Gemma's
turns are such), and these are cut in two, so that neither half is one.

A model can write the user's turn too (Magpie, arXiv 2406.08464): it is then shown the template up to where the user's
words would stand, and stops at the control token that follows them there.
"""

import re
from collections.abc import Sequence
from typing import Any

from gristmill.errors import GristmillError
from gristmill.recipes.control import disarm
from gristmill.recipes.request import Message, Request, RequestFailed, Role

_MARK = "gristmillcontent{}mark"


class ConversationEncoder:
    """Encodes requests with one tokenizer (of `transformers`)."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._control = control_tokens(tokenizer)
        longest_first = sorted(self._control.values(), key=len, reverse=True)
        self._holds_control = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)").search
        self._frames: dict[tuple[str, ...], list[list[int]]] = {}

    def encode(self, request: Request) -> list[int]:
        """The prompt's token ids. A raw prompt holds no control tokens but those that always open a text."""
        if request.prompt is None:
            return self._conversation(request.messages, request.write)
        empty = self._tokenizer.encode("", add_special_tokens=True)
        opening = [each for each in empty[:1] if each == self._tokenizer.bos_token_id]
        return [*opening, *self._content(request.prompt)]

    def closing(self, request: Request) -> list[int]:
        """The control token at which a user's turn ends that the model writes; none for the assistant's.

        Raises GristmillError where the template ends it by none: the model would go on and answer itself.
        """
        if request.prompt is not None or request.write is not Role.USER:
            return []
        after = self._framed(request.messages, Role.USER)[-1]
        found = [each for each in after if each in self._control][:1]
        if not found:
            raise self._unfit(
                "no control token ends its user's turn, which a step with `write: user` lets the model write"
            )
        return found

    def _conversation(self, messages: Sequence[Message], write: Role) -> list[int]:
        """The template around the contents, up to where the turn begins that the model writes."""
        frame = self._framed(messages, write)
        ids = list(frame[0])
        for message, after in zip(messages, frame[1:], strict=False):  # behind the user's open turn stands nothing
            ids += self._content(message.content)
            ids += after
        return ids

    def _framed(self, messages: Sequence[Message], write: Role) -> list[list[int]]:
        """The frame of these roles, and of the user's open turn where the model is to write that."""
        roles = tuple(message.role for message in messages)
        if write is Role.USER:
            roles = (*roles, Role.USER.value)
        frame = self._frames.get(roles)
        if frame is None:
            frame = self._frames[roles] = self._frame(roles)
        return frame

    def _content(self, text: str) -> list[int]:
        """The text's ids, none of them a control token's. Raises RequestFailed should one be left all the same."""
        ids: list[int] = []
        rest = text
        while found := self._holds_control(rest):
            ids += self._encode(rest[: found.start() + 1])
            rest = rest[found.start() + 1 :]
        ids += self._encode(rest)
        if not self._control.keys().isdisjoint(ids):
            raise RequestFailed("control_token", "the text holds a control token that could not be disarmed")
        return ids

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
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


def control_tokens(tokenizer: Any) -> dict[int, str]:
    """Id -> text of every token that could mean something to the model beside its characters.

    Those that the tokenizer calls special, and of its other added tokens those that its chat template writes or that
    have the shape of one; runs of white space and markup, which some have among these, are text.
    """
    template = str(tokenizer.chat_template or "")
    found = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
    for number, token in tokenizer.added_tokens_decoder.items():
        text = token.content
        shaped = disarm(text) != text or (len(text.strip()) > 1 and text in template)
        if token.special or shaped:
            found[number] = text
    return {number: text for number, text in found.items() if len(text) > 1}
