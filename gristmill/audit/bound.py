"""One requirement of the gate, with what was measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """One requirement, held or broken."""

    name: str
    measured: str
    required: str
    parameter: str = ""
    holds: bool = True
    absolute: bool = False
    """An absolute bound cannot be waived by `mode: warn`."""
    because: str = ""
    """Where a break comes from, as far as that could be found."""

    def __str__(self) -> str:
        return f"{self.name}: {self.measured}, required: {self.required}" + (
            f"; {self.because}" if self.because else ""
        )
