"""Parameters of the filters on how an answer behaves: leakage, identity, safety."""

from typing import Literal

from pydantic import Field

from gristmill.params.section import FilterSection


class LeakageParams(FilterSection):
    """What was said to the model, repeated in the answer."""

    name: Literal["leakage"] = "leakage"
    """The filter."""
    words: int = Field(default=8, ge=3, le=50)
    """So many words in a row count as repeated."""
    markers: list[str] = Field(
        default=["<|im_start|>", "<|im_end|>", "<|endoftext|>", "[INST]", "[/INST]", "<<SYS>>", "### Instruction"]
    )
    """Signs of a template; one of them in the response rejects the row."""
    max_prompt_copy: float = Field(default=0.5, ge=0, le=1)
    """Largest share of the response's runs of words that stand in the row's own prompt."""
    max_seed_copy: float = Field(default=1, ge=0, le=1)
    """Largest share of the response's runs of words that stand in the seed's text; 1 lets the response quote."""


class IdentityParams(FilterSection):
    """Answers in which the model says who it is."""

    name: Literal["identity"] = "identity"
    """The filter."""
    names: list[str] = Field(default_factory=list)
    """Further names of assistants and their makers, beside the known ones."""
    allowed: list[str] = Field(default_factory=list)
    """Names that an answer may give itself."""


class SafetyParams(FilterSection):
    """Words and phrases by category. Off unless it is listed: see docs/filters.md for what such lists cannot do."""

    name: Literal["safety"] = "safety"
    """The filter."""
    categories: list[Literal["self_harm", "violence", "weapons", "sexual", "hate", "drugs"]] = Field(
        default=["self_harm", "violence", "weapons", "sexual", "hate", "drugs"], min_length=1
    )
    """Categories that are looked at."""
    max_score: float = Field(default=0, ge=0)
    """Largest score of a category: its hits for each hundred words of prompt and response."""
