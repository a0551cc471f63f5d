"""What a measure gives: a number, or the plain statement that there is too little to measure."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measure:
    """`value` is None when unmeasured; `note` says why, or what the number is."""

    value: float | None
    note: str

    def as_dict(self) -> dict[str, Any]:
        """The measure as it stands in measures.json."""
        return {**asdict(self), "status": "unmeasured" if self.value is None else "measured"}


def measured(value: float, note: str) -> Measure:
    """A number, rounded to what it can mean."""
    return Measure(round(value, 4), note)


def unmeasured(note: str) -> Measure:
    """No number: never to be read as health."""
    return Measure(None, note)


def share(part: int, whole: int) -> float | None:
    """The part of the whole, to four digits, or None of nothing."""
    return round(part / whole, 4) if whole else None
