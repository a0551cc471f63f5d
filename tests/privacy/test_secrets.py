"""Secrets: the shapes that are found, and what looks like one and is none."""

import pytest

from gristmill.privacy.redact import redacted
from gristmill.privacy.secrets import secrets
from tests.privacy.planted import SECRETS


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_secret_in_a_sentence_is_replaced_whole(secret):
    text = f'The file says "{secret}" and goes on.\nNext line.'

    shown = redacted(text)

    assert secret not in shown
    assert not any(part in shown for part in secret.split() if len(part) > 12 and "KEY" not in part)
    assert shown.endswith("Next line.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('password = "hunter2-hunter2"', 'password = "[secret]"'),
        ("API_KEY=abc123def456", "API_KEY=[secret]"),
        ("postgres://app:s3cretpw@db.internal/x", "postgres://app:[login]@db.internal/x"),
        ("Authorization: Bearer a1b2c3d4e5f6a7b8c9d0e1f2", "Authorization: Bearer [credential]"),
    ],
)
def test_secret_behind_its_name_is_replaced_and_the_name_stays(text, expected):
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "password = getpass.getpass()",
        "password: str = None",
        'API_KEY = "<your-api-key>"',
        'token = os.environ["TOKEN"]',
        "secret=${SECRET}",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "object.__init_subclass__ and collections.abc.AsyncGenerator",
        '"abcdefghijklmnopqrstuvwxyz0123456789"',
        "The passwd module; a token is a unit of text.",
    ],
)
def test_secret_that_is_none_stays(text):
    assert secrets(text) == []
