"""What can be wrong with an answer or a sample: a closed list of kinds, by which recovery decides and books count."""

from enum import StrEnum


class FaultKind(StrEnum):
    """Kind of a fault. The reason says what exactly was wrong, the kind whether and how it can be mended."""

    WRONG_FORMAT = "wrong_format"
    NOT_GROUNDED = "not_grounded"
    WRONG_ANSWER = "wrong_answer"
    OFF_TOPIC = "off_topic"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LOW_QUALITY = "low_quality"
    UNSAFE = "unsafe"
    NOT_USABLE = "not_usable"
    """The seed gives nothing to write from; asking again changes nothing."""
    OTHER = "other"


MENDABLE = (
    FaultKind.WRONG_FORMAT,
    FaultKind.NOT_GROUNDED,
    FaultKind.WRONG_ANSWER,
    FaultKind.OFF_TOPIC,
    FaultKind.TOO_SHORT,
    FaultKind.TOO_LONG,
    FaultKind.LOW_QUALITY,
)
"""What `recover` asks again for, unless it names its own: an unsafe sample is dropped, not argued with."""
