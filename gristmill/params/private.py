"""Parameters of what is done with personal data and secrets, by kind."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gristmill.params.section import FilterSection, Section


class Action(StrEnum):
    """What becomes of a text in which something of a kind was found."""

    REDACT = "redact"
    REJECT = "reject"
    OFF = "off"


def _bare_off(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return Action.OFF if value is False else value


Treatment = Annotated[Action, BeforeValidator(_bare_off), Field(default=Action.REDACT)]


class PersonalKinds(Section):
    """What becomes of each kind of personal data: `redact` (replaced by the kind's name), `reject` or `off`."""

    email: Treatment = Action.REDACT
    """E-mail addresses."""
    phone: Treatment = Action.REDACT
    """Phone numbers: of any country with `+`, of some (US, GB, DE, FR, IL, IN, BR) as they are written at home."""
    card: Treatment = Action.REDACT
    """Numbers of payment cards, by their check digit."""
    iban: Treatment = Action.REDACT
    """Bank accounts, by their check digits."""
    ssn: Treatment = Action.REDACT
    """Social security numbers of the United States, in three groups."""
    ip: Treatment = Action.REDACT
    """Addresses of the public network; private, reserved and documentation addresses stay."""
    url: Treatment = Action.OFF
    """Links."""


class PiiParams(PersonalKinds, FilterSection):
    """Personal data in prompts, responses, evidence, passages and steps' values."""

    name: Literal["pii"] = "pii"
    """The filter."""


class SecretsParams(FilterSection):
    """Keys, tokens and passwords in prompts, responses, evidence, passages and steps' values."""

    name: Literal["secrets"] = "secrets"
    """The filter."""
    action: Treatment = Action.REDACT
    """`redact` or `reject` rows with a secret."""


class PrivacyParams(PersonalKinds):
    """Personal data and secrets in seeds, before a model sees them."""

    secrets: Treatment = Action.REDACT
    """Keys, tokens and passwords."""
