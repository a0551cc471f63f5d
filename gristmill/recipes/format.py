"""The recipe file: what a user writes, as one pydantic model. docs/recipes.md documents it.

A recipe is a list of steps; each gives its name a value that later steps can use. A `let` step
computes, a step with `messages` or `prompt` asks the model. `output` says what a finished sample
consists of. A rubric is a recipe over finished samples that gives faults and scores.
"""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from gristmill.params.section import Section
from gristmill.recipes.request import Role, Sampling

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class RecipeKind(StrEnum):
    """What a recipe makes: samples, or judgements of samples."""

    RECIPE = "recipe"
    RUBRIC = "rubric"


SAMPLE_INPUTS = ("prompt", "response", "evidence", "context")
"""What a rubric can declare: the sample's columns (empty when null)."""


FAULTS = "faults"
"""The name under which a judgement's faults stand beside its scores."""


class CheckSpec(Section):
    """A condition that must hold: `reason` with `require`, or `fault`. The reason is what the books count."""

    reason: Name | None = None
    """Why a value that breaks it is refused, in snake_case."""
    require: Text | None = None
    """Expression that must be true."""
    fault: Text | None = None
    """Expression for the reason itself: empty when all is well."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = {name for name in ("reason", "require", "fault") if getattr(self, name) is not None}
        if given not in ({"reason", "require"}, {"fault"}):
            raise ValueError("a check has either reason and require, or fault")
        return self


class StepSpec(Section):
    """One step. Exactly one of `let`, `messages` and `prompt`."""

    name: Name
    """The value's name in later steps and in `output`."""
    let: Text | None = None
    """Expression that computes the value, without the model."""
    messages: tuple[dict[Role, str], ...] | None = Field(default=None, min_length=1)
    """Conversation for the model's chat template: a list of `role: template`."""
    prompt: Text | None = None
    """Template of a raw prompt that the model continues; no chat template is applied."""
    opening: Text | None = None
    """With `prompt`: template of the answer's first words; the model goes on from there."""
    sampling: Sampling = Sampling()
    """How the answer is drawn."""
    retry: dict[str, Any] | None = None
    """Sampling parameters that change from the second attempt on."""
    choice: Text | None = None
    """Expression for a list of texts; the answer is one of them, and the only one is taken without asking."""
    regex: Text | None = None
    """Regular expression that the whole answer matches."""
    json_schema: dict[str, Any] | None = Field(default=None, alias="json")
    """JSON Schema of the answer; the value is the parsed object."""
    value: Text | None = None
    """Expression that makes the value from the answer, which carries the step's own name there."""
    checks: tuple[CheckSpec, ...] = ()
    """Conditions on the value; where the model was asked, breaking one asks again."""

    @model_validator(mode="after")
    def _one_way_to_a_value(self) -> Self:
        ways = [way for way in ("let", "messages", "prompt") if getattr(self, way) is not None]
        if len(ways) != 1:
            raise ValueError(
                f"a step has exactly one of let, messages and prompt; found {' and '.join(ways) or 'none'}"
            )
        forms = [name for name, form in self.forms().items() if form is not None]
        if len(forms) > 1:
            raise ValueError(f"a step has at most one of choice, regex and json; found {' and '.join(forms)}")
        asking = {"choice", "regex", "json_schema", "value", "sampling", "retry", "opening"} & self.model_fields_set
        if self.let is not None and asking:
            raise ValueError(f"a let step asks no model: it takes no {', '.join(sorted(asking))}")
        if self.opening is not None and self.prompt is None:
            raise ValueError("an opening goes with a prompt, not with messages")
        return self

    @model_validator(mode="after")
    def _retry_is_sampling(self) -> Self:
        self.second_sampling()
        return self

    @model_validator(mode="after")
    def _turns_are_single(self) -> Self:
        if any(len(turn) != 1 for turn in self.messages or ()):
            raise ValueError("each message is one `role: text`")
        return self

    def second_sampling(self) -> Sampling | None:
        """How the answer is drawn from the second attempt on; None when asking again is of no use."""
        if self.retry is not None:
            return TypeAdapter(Sampling).validate_python({**asdict(self.sampling), **self.retry})
        return self.sampling if self.sampling.temperature > 0 else None

    def forms(self) -> dict[str, Any]:
        """The constraint that was given, among the three."""
        return {"choice": self.choice, "regex": self.regex, "json": self.json_schema}


class SftOutput(Section):
    """A prompt with its response, for supervised fine-tuning."""

    type: Literal["sft"] = "sft"
    """Kind of sample."""
    prompt: Text
    """Template of the prompt."""
    response: Text
    """Template of the response."""
    evidence: Text | None = None
    """Template of the span that supports the response."""
    context: Text | None = None
    """Template of the text that the sample was written from."""


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


class _Common(Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """The file's name without `.yaml`."""
    version: int = Field(default=1, ge=1)
    """For people; what counts is the file's content."""
    summary: Text
    """What it makes, in a sentence."""
    source: str = "inferred"
    """Paper or specification that it follows; `inferred` when its maker published none."""
    steps: tuple[StepSpec, ...] = Field(min_length=1)
    """In order."""
    checks: tuple[CheckSpec, ...] = ()
    """Conditions on the finished sample; breaking one rejects it."""


class RecipeSpec(_Common):
    """A recipe: seeds -> samples."""

    kind: Literal[RecipeKind.RECIPE] = RecipeKind.RECIPE
    """Kind of file."""
    inputs: tuple[Literal["passage", "title", "draw"], ...] = ("passage",)
    """What templates may see of the seed."""
    output: SftOutput
    """What a finished sample consists of."""


class RubricSpec(_Common):
    """A rubric: samples -> judgements."""

    kind: Literal[RecipeKind.RUBRIC]
    """Kind of file."""
    inputs: tuple[Literal["prompt", "response", "evidence", "context"], ...] = ("prompt", "response")
    """What templates may see of the sample."""
    output: RubricOutput
    """What a judgement consists of."""
