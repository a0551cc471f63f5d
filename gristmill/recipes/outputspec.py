"""What a finished sample consists of, as the file says it: one model for each type of row."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from gristmill.params.section import Section
from gristmill.recipes.stepspec import Name, Text, Turn

FAULTS = "faults"
"""The name under which a judgement's faults stand beside its scores."""


class _Output(Section):
    evidence: Text | None = None
    """Template of the span that supports the response."""
    context: Text | None = None
    """Template of the text that the sample was written from."""
    reference: Text | None = None
    """Template of the right answer, for training against a verifier."""
    verifier: Text | None = None
    """Name of the verifier that holds an answer against the reference."""
    for_each: Text | None = None
    """Expression for a list: each item gives a row of its own."""
    item: Name = Field(default="item", alias="as")
    """With `for_each`: what an item is called in the templates; `index` counts from 0."""

    @model_validator(mode="after")
    def _verifier_needs_reference(self) -> Self:
        if self.verifier is not None and self.reference is None:
            raise ValueError("a verifier goes with a reference")
        return self


class SftOutput(_Output):
    """A prompt with its response, for supervised fine-tuning."""

    type: Literal["sft"] = "sft"
    """Kind of sample."""
    system: Text | None = None
    """Template of a system message before the prompt."""
    prompt: Text
    """Template of the prompt."""
    response: Text
    """Template of the response."""


class PreferenceOutput(_Output):
    """A prompt with a better and a worse response."""

    type: Literal["preference"]
    """Kind of sample."""
    system: Text | None = None
    """Template of a system message before the prompt."""
    prompt: Text
    """Template of the prompt."""
    chosen: Text
    """Template of the better response."""
    rejected: Text
    """Template of the worse one."""


class ChatOutput(_Output):
    """A conversation that ends with the assistant's turn."""

    type: Literal["chat"]
    """Kind of sample."""
    messages: Text | tuple[Turn, ...]
    """Expression for a list of turns (`role`, `content`), or a list of `role: template` and `turns: expression`."""


class ToolCallOutput(_Output):
    """A conversation in which tools are called, in OpenAI's form."""

    type: Literal["tool_call"]
    """Kind of sample."""
    messages: Text
    """Expression for the list of messages; an assistant's message may have `tool_calls`, a `tool` message answers."""
    tools: Text
    """Expression for the list of tools, each `{type: function, function: {name, description, parameters}}`."""


class TextOutput(_Output):
    """A plain text, for pre-training."""

    type: Literal["text"]
    """Kind of sample."""
    text: Text
    """Template of the text."""
    prompt: Text | None = None
    """Template of what the text was asked for by, if the row is to say it."""


def _type(content: Any) -> str:
    """Which of the models reads an output."""
    found = content.get("type", "sft") if isinstance(content, dict) else getattr(content, "type", "sft")
    return f"output {found}"


RecipeOutput = Annotated[
    Annotated[SftOutput, Tag("output sft")]
    | Annotated[PreferenceOutput, Tag("output preference")]
    | Annotated[ChatOutput, Tag("output chat")]
    | Annotated[ToolCallOutput, Tag("output tool_call")]
    | Annotated[TextOutput, Tag("output text")],
    Discriminator(_type),
]
"""What a finished sample consists of."""

OUTPUT_TYPES = ("sft", "preference", "chat", "tool_call", "text")


class RubricOutput(Section):
    """A judgement: faults in words, scores as whole numbers."""

    type: Literal["scores"] = "scores"
    """Kind of judgement."""
    faults: Text
    """Template of the faults that were found."""
    scores: dict[Name, Text] = Field(min_length=1)
    """Criterion -> expression for its score, a whole number from 1 to 5."""

    @model_validator(mode="after")
    def _criteria_differ_from_faults(self) -> Self:
        if FAULTS in self.scores:
            raise ValueError(f"no criterion can be called {FAULTS}")
        return self
