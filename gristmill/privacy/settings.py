"""Parameters -> treatments."""

from dataclasses import replace

from gristmill.params.private import Action, PersonalKinds, PrivacyParams
from gristmill.privacy.personal import Kind
from gristmill.privacy.treat import Treatments


def treatments_of(params: PersonalKinds) -> Treatments:
    """What the parameters say of personal data, and where they do, of secrets."""
    by_action = {
        action: frozenset(kind.value for kind in Kind if getattr(params, kind.value) is action) for action in Action
    }
    found = Treatments(by_action[Action.REDACT], by_action[Action.REJECT], False)
    return treatment_of_secrets(found, params.secrets) if isinstance(params, PrivacyParams) else found


def treatment_of_secrets(treatments: Treatments, action: Action) -> Treatments:
    """The treatments, with what is done about secrets."""
    if action is Action.OFF:
        return treatments
    reject = treatments.reject | {"secrets"} if action is Action.REJECT else treatments.reject
    return replace(treatments, secrets=True, reject=reject)
