"""Personal data in samples: redacted, or the row refused, by kind (`gristmill.privacy.personal` says what is found)."""

from gristmill.filters.private import Private
from gristmill.params.private import PiiParams
from gristmill.privacy.settings import treatments_of


def pii(params: PiiParams) -> Private:
    """The filter."""
    return Private(treatments_of(params), "pii")
