import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.seeds.normalise import normalise

_PIECES = st.sampled_from(
    ["e", "\u0301", "\u200d", "\u200c", "\u212a", " ", "\n", "\r", "\u2029", "\t", "\xad", "\ud800", "\u0930", "\x00"]
)


@given(st.text(st.characters()) | st.lists(_PIECES).map("".join))
def test_normalise_twice_changes_nothing_more(text):
    once = normalise(text)

    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()  # no lone surrogate is left


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("one\u2029two", "one\n\ntwo"),
        ("e\u0301te\u0301", "été"),
        ("zero\u200bwidth\ufeff and\xad soft", "zerowidth and soft"),
        ("no\xa0break", "no break"),
        ("bell\x07 and null\x00", "bell and null"),
        ("line  \t\nnext ", "line\nnext"),
        ("\n\n\na\n\n\n\nb\n", "a\n\nb"),
        ("\tindented\n    code", "\tindented\n    code"),
        ("hidden\U000e0041\U000e0042 tags\u202e", "hidden tags"),
        ("half \ud83d pair", "half  pair"),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("a\u200db", "ab"),
    ],
)
def test_normalise_known_texts_take_their_normal_form(raw, expected):
    assert normalise(raw) == expected
