"""Parameters of the filter `contamination`: which benchmarks, and how much of them a row may hold."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gristmill.params.section import FilterSection, Section


class Benchmark(Section):
    """A file whose items no row should repeat."""

    title: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """What it is called in verdicts."""
    path: str
    """JSONL, CSV or Parquet, below the workspace or absolute; JSONL and CSV also with .gz or .zst."""
    columns: list[str] = Field(min_length=1)
    """The columns that hold an item's texts."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """The file's hash. In a pipeline it must be given: the stage reads nothing that is not pinned."""


class ContaminationParams(FilterSection):
    """Abdin et al. 2024 (Phi-4, arXiv 2412.08905), appendix B: a shared 13-gram, or too many shared 7-grams."""

    name: Literal["contamination"] = "contamination"
    """The filter."""
    benchmarks: list[Benchmark] = Field(default_factory=list)
    """The files. Without any, the filter finds nothing."""
    allow: list[str] = Field(default_factory=list)
    """Phrases that everybody uses: 13-grams inside them are no sign of contamination."""
    common_in_items: int = Field(default=10, ge=2)
    """n-grams in so many items of the benchmarks or more are a form, not an item, and are left out."""
    note: float = Field(default=0.2, ge=0, le=1)
    """Rows with a larger overlap of 7-grams are counted as `noted`."""
    drop: float = Field(default=0.35, ge=0, le=1)
    """Rows with a larger overlap are rejected. Overlap: shared 7-grams over the smaller number of the two."""

    @model_validator(mode="after")
    def _note_before_drop(self) -> Self:
        if self.note > self.drop:
            raise ValueError(f"note {self.note:g} must not be above drop {self.drop:g}")
        return self
