"""The recipe file: what a user writes, as one pydantic model. docs/recipes.md documents it.

A recipe is a list of steps; each gives its name a value that later steps can use. `output` says
what a finished sample consists of. A rubric is a recipe over finished samples that gives faults and
scores. A variant names the recipe that it `extends` and says what differs (see recipes/tree.py).
"""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from gristmill.params.section import Section
from gristmill.recipes.outputspec import RecipeOutput, RubricOutput
from gristmill.recipes.stepspec import CheckSpec, Name, SampleRecoverSpec, StepSpec, Text


class RecipeKind(StrEnum):
    """What a recipe makes: samples, or judgements of samples."""

    RECIPE = "recipe"
    RUBRIC = "rubric"


class Provenance(StrEnum):
    """How much of a recipe its source has published."""

    PUBLISHED = "published"
    PARTLY = "partly"
    """The method is published, figures or prompts that decide are ours."""
    INFERRED = "inferred"
    """Nothing was published that could be followed."""


SAMPLE_INPUTS = ("prompt", "response", "evidence", "context")
"""What a rubric can declare: the sample's columns (empty when null)."""

FilterSettings = dict[str, Literal["off", False] | dict[str, Any]]


class _Common(Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """The file's name without `.yaml`."""
    version: int = Field(default=1, ge=1)
    """For people; what counts is the file's content."""
    summary: Text
    """What it makes, in a sentence."""
    source: str = "inferred"
    """Paper or specification that it follows, as `arXiv 2412.08905`; `inferred` when its maker published none."""
    provenance: Provenance = Provenance.INFERRED
    """How much of it the source has published."""
    notes: str = ""
    """What is ours and why, where the source leaves something open."""
    extends: str | None = None
    """Name of the recipe that this one is a variant of: what stands here replaces what stands there."""
    parameters: dict[Name, JsonValue] = Field(default_factory=dict)
    """Name -> default. Templates and expressions know the names; elsewhere `$name` stands for the value."""
    files: dict[Name, Text] = Field(default_factory=dict)
    """Name -> file below recipes/: .yaml and .json give their value, .jsonl a list, .txt its lines, .md its text."""
    steps: tuple[StepSpec, ...] = Field(min_length=1)
    """In order."""
    checks: tuple[CheckSpec, ...] = ()
    """Conditions on the finished sample; breaking one rejects it."""

    @model_validator(mode="after")
    def _provenance_has_a_source(self) -> Self:
        if self.provenance is not Provenance.INFERRED and self.source == "inferred":
            raise ValueError(f"provenance is {self.provenance}, but source names nothing: name the paper")
        return self


class RecipeSpec(_Common):
    """A recipe: seeds -> samples."""

    kind: Literal[RecipeKind.RECIPE] = RecipeKind.RECIPE
    """Kind of file."""
    inputs: tuple[Name | dict[Name, JsonValue], ...] = ("passage",)
    """What templates may see of the seed: names, or `name: default` for what a seed may lack."""
    output: RecipeOutput
    """What a finished sample consists of."""
    recover: SampleRecoverSpec | None = None
    """Goes back to a step with a critique when the sample was refused later."""
    filters: FilterSettings = Field(default_factory=dict)
    """Filter -> settings that must differ for this recipe's rows, or `off`."""

    @model_validator(mode="after")
    def _inputs_are_single(self) -> Self:
        if any(isinstance(each, dict) and len(each) != 1 for each in self.inputs):
            raise ValueError("each input is a name, or one `name: default`")
        return self

    def input_defaults(self) -> dict[str, Any]:
        """Input -> default, for those that a seed may lack."""
        return {name: value for each in self.inputs if isinstance(each, dict) for name, value in each.items()}

    def input_names(self) -> tuple[str, ...]:
        """All inputs."""
        return tuple(name for each in self.inputs for name in ([each] if isinstance(each, str) else each))


class RubricSpec(_Common):
    """A rubric: samples -> judgements."""

    kind: Literal[RecipeKind.RUBRIC]
    """Kind of file."""
    inputs: tuple[Literal["prompt", "response", "evidence", "context"], ...] = ("prompt", "response")
    """What templates may see of the sample."""
    output: RubricOutput
    """What a judgement consists of."""

    def input_defaults(self) -> dict[str, Any]:
        """A rubric's inputs are always there."""
        return {}

    def input_names(self) -> tuple[str, ...]:
        """All inputs."""
        return self.inputs
