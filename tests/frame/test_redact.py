"""What is kept of a refused text shows no secret, not even a piece of one."""

from gristmill.frame.redact import excerpt

KEY = "-----BEGIN PRIVATE KEY-----\n" + "A" * 3900 + "\n-----END PRIVATE KEY-----\n"


def test_excerpt_of_a_short_text_is_the_text() -> None:
    assert excerpt("Write to bob@example.com.") == "Write to [email]."


def test_excerpt_is_cut_after_redaction() -> None:
    assert excerpt("a" * 1995 + " bob@example.com") == "a" * 1995 + " [ema [...]"


def test_excerpt_shows_no_piece_of_a_secret_that_lies_where_reading_stops() -> None:
    text = f"{KEY}{'b' * 34} AKIAABCDEFGHIJKLMNOP"
    assert "AKIA" in text[:4000]

    assert excerpt(text) == " [...]"


def test_excerpt_of_a_long_text_without_secrets_is_its_beginning() -> None:
    assert excerpt("x" * 5000) == "x" * 2000 + " [...]"
