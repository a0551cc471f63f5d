"""Personal data: what is found, what is let alone, and Presidio on the same texts."""

import pytest

from gristmill.privacy.personal import Kind, personal_data


def found(text, kinds=tuple(Kind)):
    return [(span.kind, text[span.start : span.end]) for span in personal_data(text, kinds)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to ann.lee+x@mail.example.org.", [("email", "ann.lee+x@mail.example.org")]),
        ("Call +49 30 901820 now", [("phone", "+49 30 901820")]),
        ("Call (415) 555-2671 or 212-555-0187", [("phone", "(415) 555-2671"), ("phone", "212-555-0187")]),
        ("Call 020 7946 0018", [("phone", "020 7946 0018")]),
        ("Ring 030 12345678", [("phone", "030 12345678")]),
        ("Paid with 4111 1111 1111 1111.", [("card", "4111 1111 1111 1111")]),
        ("Paid with 4111 1111 1111 1112.", []),
        ("To DE89 3704 0044 0532 0130 00 AND MORE", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("To DE88370400440532013000", []),
        ("SSN 219-09-9999", [("ssn", "219-09-9999")]),
        ("part 666-12-1234, 000-12-1234, 2021-09-9999", []),
        ("from 8.8.4.4 and 2001:4860:4860::8888", [("ip", "8.8.4.4"), ("ip", "2001:4860:4860::8888")]),
        ("on 127.0.0.1, 10.1.2.3, 192.0.2.7, ::1 and 1.2.3.4.5", []),
        ("see https://a.example/b?c=1.", [("url", "https://a.example/b?c=1")]),
        ("2147483647 or 0.897124072839091 at 12:30:45, x[a::b], list[::2], a@b", []),
        ("version 3.11.7, RFC 2822, 1 2 3 4 5 6 7 8 9, 2024-05-17", []),
    ],
)
def test_personal_data_is_found_by_shape_and_check_digit(text, expected):
    assert found(text) == expected


def test_personal_data_of_kinds_not_asked_for_stays():
    assert found("ann@example.org on 8.8.4.4", (Kind.IP,)) == [("ip", "8.8.4.4")]


def test_personal_data_overlapping_kinds_give_the_earlier_kind():
    assert found("pay 4111-1111-1111-1111 in 219-09-9999") == [("card", "4111-1111-1111-1111"), ("ssn", "219-09-9999")]
