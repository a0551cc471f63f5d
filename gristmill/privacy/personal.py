"""Personal data by shape and check digit, without a language model: the kinds and rules of Presidio's recognizers.

Presidio itself is not run: importing it takes seconds (it brings spaCy along), it asks the network for a list of
domains, and it needs milliseconds for each text. Departures:

* nine bare digits are no social security number, and `::` is no address (Presidio gives both a score near 0);
* a phone number without `+` is written in groups, as its country does it (Presidio takes any digits that fit);
* an IP address is one of the public network: not loopback, private, reserved or for documentation;
* a link has `http`, `https`, `ftp` or `www.` in front.

An e-mail address with a top-level domain that nobody registered counts, too: rather one too many.
Names of people and places are not looked for: that takes a model.
"""

import ipaddress
import re
from collections.abc import Collection, Iterator
from enum import StrEnum
from functools import cache
from typing import Any

from gristmill.privacy.finding import Span, lines_of, without_overlaps


class Kind(StrEnum):
    """Kinds of personal data; where stretches overlap, the earlier kind wins."""

    IBAN = "iban"
    CARD = "card"
    EMAIL = "email"
    URL = "url"
    SSN = "ssn"
    IP = "ip"
    PHONE = "phone"


USUAL = tuple(kind for kind in Kind if kind is not Kind.URL)
"""What is looked for where nobody chose; links are not personal data of themselves."""

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_SHAPES = {
    Kind.CARD: re.compile(r"(?<![\w.])[1-6]\d{3}(?:[- ]?\d){8,15}(?![\w]|\.\d)"),
    Kind.IBAN: re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Z0-9])"),
    Kind.EMAIL: re.compile(
        r"[\w!#$%&'*+/=?^`{|}~-][\w!#$%&'*+/=?^`{|}~.-]*@\w+(?:-+\w+)*(?:\.\w+(?:-+\w+)*)*\.[^\W\d_]{2,}\b"
    ),
    Kind.URL: re.compile(r"\b(?:(?:https?|ftp)://|www\.)[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]}]", re.IGNORECASE),
    Kind.SSN: re.compile(r"(?<![\w.-])(?!000|666|9\d\d)\d{3}([- .])(?!00)\d{2}\1(?!0000)\d{4}(?![\w]|[-.]\d)"),
    Kind.IP: re.compile(
        rf"(?<![\w.:-]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w]|\.\d)|(?<![\w:.])(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}[0-9A-Fa-f]{{0,4}}(?![\w:])"
    ),
}
_POSSIBLE = {
    Kind.CARD: re.compile(r"\d{4}[- ]?\d{4}"),
    Kind.IBAN: re.compile(r"[A-Z]{2}\d\d"),
    Kind.EMAIL: re.compile(r"@\w"),
    Kind.URL: re.compile(r"://|www\.", re.IGNORECASE),
    Kind.SSN: re.compile(r"\d{3}[- .]\d\d[- .]\d"),
    Kind.IP: re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:"),
    Kind.PHONE: re.compile(r"\+\(?\d|\d[)(\-./ \u2010-\u2015\u00a0]{1,3}\d\d"),
}
"""What a text of this kind has to hold; quick to look for."""
_PHONE_DIGITS = re.compile(r"(?:\d[^\w\n,;:!?\"'<>=*|\\#%&@{}]{0,4}){6}\d")
_LEAST_GROUPS = 3
"""`be::` is an address by the letter; in a text it is something else."""
_NATIONAL = re.compile(r"\(?(?:1[-. ]{1,2})?\(?\d{2,5}\)?(?:[-./ \u2010-\u2015\u00a0]{1,2}\d{2,8})+")
"""Digits in at least two groups, none of them a single one but the 1 before a number of North America."""
_LEAST_DIGITS = 9
_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "BR")


def personal_data(text: str, kinds: Collection[Kind] = USUAL) -> list[Span]:
    """What stands in the text, in order, without overlaps."""
    found = []
    for rank, kind in enumerate(Kind):
        if kind not in kinds or not _POSSIBLE[kind].search(text):
            continue
        places = _phones(text) if kind is Kind.PHONE else _shaped(kind, text)
        found += [Span(start, end, kind.value, 1 - rank / 10) for start, end in places]
    return without_overlaps(found)


def _shaped(kind: Kind, text: str) -> Iterator[tuple[int, int]]:
    for match in _SHAPES[kind].finditer(text):
        value = match.group()
        if kind is Kind.IBAN:
            value = _longest_iban(value)
        if value and _CHECKS.get(kind, bool)(value):
            yield match.start(), match.start() + len(value)


def _is_card(value: str) -> bool:
    """Luhn's check digit (ISO/IEC 7812), on 12 to 19 digits that are not all the same."""
    digits = [int(character) for character in value if character.isdigit()]
    if not 12 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _longest_iban(value: str) -> str:
    """The longest beginning that is an IBAN: words in capitals may follow it."""
    for end in range(len(value), 14, -1):
        if value[end - 1].isalnum() and _is_iban(value[:end]):
            return value[:end]
    return ""


def _is_iban(value: str) -> bool:
    """ISO 13616: 15 to 34 characters, and the remainder modulo 97 is 1."""
    plain = re.sub(r"[ -]", "", value)
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def _is_public(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
        return address.is_global and (address.version == 4 or len(re.findall(r"\w+", value)) >= _LEAST_GROUPS)
    except ValueError:
        return False


_CHECKS: dict[Kind, Any] = {Kind.CARD: _is_card, Kind.IP: _is_public}


def _phones(text: str) -> Iterator[tuple[int, int]]:
    """Numbers of the regions that Presidio knows, and of all countries with `+` in front; each line by itself."""
    for start, line in lines_of(text):
        if not _POSSIBLE[Kind.PHONE].search(line) or not _PHONE_DIGITS.search(line):
            continue
        found = [place for region in _REGIONS for place in _phones_of(region, line)]
        for first, end in [*found, *(_international(line) if "+" in line else ())]:
            yield start + first, start + end


def _phones_of(region: str, line: str) -> Iterator[tuple[int, int]]:
    numbers = _phonenumbers()
    for match in numbers.PhoneNumberMatcher(line, region, leniency=numbers.Leniency.STRICT_GROUPING):
        digits = sum(map(str.isdigit, match.raw_string))
        if digits >= _LEAST_DIGITS and _NATIONAL.fullmatch(match.raw_string.strip()):
            yield match.start, match.end


def _international(line: str) -> Iterator[tuple[int, int]]:
    numbers = _phonenumbers()
    for match in numbers.PhoneNumberMatcher(line, None, leniency=numbers.Leniency.VALID):
        yield match.start, match.end


@cache
def _phonenumbers() -> Any:
    """Google's rules for all countries' numbers; imported when a line can hold one."""
    import phonenumbers

    return phonenumbers
