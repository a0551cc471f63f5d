"""The words in which a recipe asks and an engine answers.

Some steps have a program run instead of asking a model; that is a request too, with `code`, and what the
program printed and how it ended is its answer.

A request is content: its canonical form is the preimage of the journal's key. Sampling values
that stand at their neutral default are left out of it, so that a new parameter with a neutral
default changes no key.
"""

import sys
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import orjson
import xxhash
from pydantic import ConfigDict, Field

from gristmill.execution.limits import Limits
from gristmill.params.execution import Isolation


class Role(StrEnum):
    """Who speaks in a conversation."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model draws its answer; the names are vLLM's."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    temperature: Annotated[float, Field(ge=0, le=5)] = 0.7
    """0 takes the most likely token each time; asked again it answers the same, so give such a step a `retry`."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the probability to draw from."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """Number of tokens to draw from; 0 is all."""
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """Longest answer; a text cut off there is invalid."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer."""
    keep_stop: bool = False
    """Whether the text that ended the answer stays part of it."""
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    """Against tokens that already stand in the answer."""
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] = 0.0
    """The same, by how often they stand there."""
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    """Against tokens that stand in the prompt or the answer, as a factor."""

    def content(self) -> dict[str, Any]:
        """What is not neutral; temperature and max_tokens always."""
        always = ("temperature", "max_tokens")
        return {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name in always or getattr(self, each.name) != each.default
        }


class ConstraintKind(StrEnum):
    """How an answer can be held to a form while it is decoded."""

    CHOICE = "choice"
    REGEX = "regex"
    JSON = "json"
    GRAMMAR = "grammar"


@dataclass(frozen=True, slots=True)
class Constraint:
    """`value` is the options of a choice, a regular expression, a JSON Schema, or a grammar in Lark's form or GBNF."""

    kind: ConstraintKind
    value: tuple[str, ...] | str | dict[str, Any]


RUNNER = f"sandbox/python{sys.version_info.major}.{sys.version_info.minor}"
"""Who answers for a program: it stands where a question has its model, for another Python may end otherwise."""
PROGRAM = "main.py"
"""The file that is run."""


@dataclass(frozen=True, slots=True)
class Code:
    """A Python program: `files` are its texts by plain name, `PROGRAM` among them, all in its directory."""

    files: dict[str, str]
    limits: Limits
    isolation: Isolation

    def asked(self) -> dict[str, Any]:
        """What is run, and where."""
        return {"files": self.files, "isolation": self.isolation}


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the model, or a program to run (`code`).

    A question is a raw prompt, or else a conversation, of which the model writes the next turn.

    `draw` counts samples of the same seed, `attempt` tries at the same step, and `path` tells the place inside
    loops, items and candidates (`revise.1/#2`: round 1, candidate 2). All are content, or the second would get
    the first one's answer. Where it `write`s the user's turn, the conversation may be empty: the chat template's
    opening of that turn is all that it is shown.
    """

    step: str
    sampling: Sampling
    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    constraint: Constraint | None = None
    draw: int = 0
    attempt: int = 0
    path: str = ""
    write: Role = Role.ASSISTANT
    """Whose turn the model writes."""
    code: Code | None = None

    @property
    def place(self) -> str:
        """The step with its path, as it stands in the journal."""
        return f"{self.step}@{self.path}" if self.path else self.step

    @property
    def settings(self) -> Sampling | Limits:
        """How the answer is drawn, or what the program may use."""
        return self.sampling if self.code is None else self.code.limits

    def asked(self) -> Any:
        """What the model is shown, or the program. A turn without content is the opening of the user's turn."""
        if self.code is not None:
            return self.code.asked()
        if self.prompt is not None:
            return self.prompt
        return self.messages if self.write is Role.ASSISTANT else [*self.messages, {"role": self.write}]

    def prompt_bytes(self) -> bytes:
        """What is asked as JSON."""
        return orjson.dumps(self.asked())

    def content(self, model_id: str) -> bytes:
        """Canonical form: JSON of all that decides the answer. `decode_content` reads it."""
        return orjson.dumps(
            [
                model_id if self.code is None else RUNNER,
                self.asked(),
                sampling_json(self.sampling) if self.code is None else self.code.limits,
                self.constraint,
                self.place,
                self.draw,
                self.attempt,
            ]
        )


@lru_cache(maxsize=1024)
def sampling_json(sampling: Sampling) -> orjson.Fragment:
    """The sampling's content as ready JSON: a recipe has few, a run asks with them a million times."""
    return orjson.Fragment(orjson.dumps(sampling.content()))


def request_key(content: bytes) -> bytes:
    """The journal's key: xxh3-128 of the canonical form, 16 bytes."""
    return bytes(xxhash.xxh3_128_digest(content))


def decode_content(content: bytes) -> dict[str, Any]:
    """A canonical form as a mapping, for people and for reports."""
    names = ("model", "asked", "sampling", "constraint", "step", "draw", "attempt")
    return dict(zip(names, orjson.loads(content), strict=True))


class Finish(StrEnum):
    """How an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    PROMPT_TOO_LONG = "prompt_too_long"
    """Not asked: prompt and `max_tokens` exceed the model's context. `prompt_tokens` tells the prompt's length."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `engine` is name and version, as `name/version`."""

    text: str
    finish_reason: str = Finish.STOP.value
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the engine found in its prefix cache."""
    engine: str = ""
    engine_seconds: float = 0.0
    """Its share of the engine's time: each second is divided among the requests that were under way in it."""
    gpu_seconds: float = 0.0
    """The same, for each GPU that the engine held."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with its journal key (hexadecimal)."""

    key: str
    answer: Answer


class RequestFailed(Exception):
    """The engine could not answer this one request; others go on."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class NotAnswered(Exception):
    """Raised by an asker that only looks things up: this request has no answer yet."""

    def __init__(self, request: Request) -> None:
        self.request = request
        super().__init__(f"step {request.step} has no answer yet")
