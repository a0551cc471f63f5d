"""Keys, tokens and passwords in samples: redacted, or the row refused (`gristmill.privacy.secrets` says which)."""

from gristmill.filters.private import Private
from gristmill.params.private import SecretsParams
from gristmill.privacy.settings import treatment_of_secrets
from gristmill.privacy.treat import Treatments


def secrets(params: SecretsParams) -> Private:
    """The filter."""
    return Private(treatment_of_secrets(Treatments(frozenset(), frozenset(), False), params.action), "secrets")
