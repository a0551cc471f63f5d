"""Parameters of `compose`: selection, the parent release, real rows beside generated ones, splits."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from gristmill.params.section import Section


class Policy(StrEnum):
    """What becomes of the rows of the release that this one builds on."""

    ACCUMULATE = "accumulate"
    REPLACE = "replace"


class MixUnit(StrEnum):
    """What the synthetic share is a share of."""

    ROWS = "rows"
    TOKENS = "tokens"


class MixParams(Section):
    """Real rows of the same form beside the generated ones; none is ever dropped in favour of a generated one."""

    real: str = Field(pattern=r"^[^/].*\.(parquet|jsonl|ndjson)$")
    """Real rows: a file or a glob below the workspace, Parquet or JSON lines."""
    prompt_column: str = "prompt"
    """Column that holds the prompt."""
    response_column: str = "response"
    """Column that holds the response."""
    licence: str | None = None
    """SPDX name of the real rows' licence."""
    synthetic_share: float = Field(default=0.6, gt=0, lt=1)
    """Largest share of generated rows in the whole; what is beyond it is left out, drawn by hash."""
    by: MixUnit = MixUnit.ROWS
    """Whether that is a share of the rows or of the (estimated) tokens in prompts and responses."""


class SplitParams(Section):
    """Shares of the source documents on each side; no document's rows are on two sides."""

    train: float = Field(default=0.9, ge=0, le=1)
    """Share for training."""
    validation: float = Field(default=0.05, ge=0, le=1)
    """Share for validation."""
    test: float = Field(default=0.05, ge=0, le=1)
    """Share for the final test."""

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test must add up to 1; they add up to {total:g}")
        return self


class ComposeParams(Section):
    """The data set: selected, joined with the parent release and with real rows, split."""

    policy: Policy = Policy.ACCUMULATE
    """`accumulate` keeps the parent release's rows; `replace` drops them, which collapses in the long run."""
    min_judge_mean: float | None = Field(default=None, ge=1, le=5)
    """Rows whose judge's mean score is lower are rejected. By default the judge annotates only."""
    max_depth: int | None = Field(default=3, ge=1)
    """Rows of a greater generation depth are rejected: 1 is written from real text, 2 from what was written so."""
    mix: MixParams | None = None
    """Real rows to mix in; none while `null`."""
    splits: SplitParams = SplitParams()
    """Shares of the splits."""
