"""Parameters of the filters that compare rows with all others."""

from typing import Literal

from pydantic import Field

from gristmill.params.section import FilterSection

LENGTH = "length"
"""For `keep_by`: the longest text, not a column."""


class NearDedupParams(FilterSection):
    """Rows whose prompt and response share most runs of five words with another row, or with a released one."""

    name: Literal["near_dedup"] = "near_dedup"
    """The filter."""
    threshold: float = Field(default=0.72, ge=0.5, le=1)
    """Jaccard similarity of the sets of word 5-grams from which two rows are one. MinHash of 14 bands of 8 finds 92% of
    the pairs at 0.8, 56% at 0.7 and 6% at 0.5."""
    keep_by: str = LENGTH
    """The row that stays has the highest value in this numeric column; `length` stands for the longest text."""


class SemanticDedupParams(FilterSection):
    """Rows that say the same as another one in other words, by the cosine of their embeddings."""

    name: Literal["semantic_dedup"] = "semantic_dedup"
    """The filter."""
    threshold: float = Field(default=0.95, gt=0, le=1)
    """Cosine from which two rows are one. What it means depends on the model: look at the rows refused."""
    keep_by: str = LENGTH
    """The row that stays has the highest value in this numeric column; `length` stands for the longest text."""
    model: str = Field(default="wordllama", min_length=1)
    """`wordllama`, which is installed; a folder or name for sentence-transformers; or what the endpoint calls it."""
    endpoint: str | None = Field(default=None, pattern=r"^https?://")
    """An OpenAI-compatible address up to `/v1`; the key comes from GRISTMILL_API_KEY or OPENAI_API_KEY."""
