"""Secrets: keys, tokens and passwords; shapes of our own, and detect-secrets' detectors on lines that can hold one.

The shapes are those that are unmistakable, and a name such as `password` with a value behind it. The detectors know
many services' tokens, and strings in quotation marks that are too random for a text. What they find counts only when it
is no template (`<token>`, `${TOKEN}`), UUID or sequence. No detector asks a service whether a secret is real.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from gristmill.privacy.finding import Span, lines_of, without_overlaps

_SHAPES = {
    "private-key": re.compile(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        re.DOTALL,
    ),
    "aws-key": re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    "token": re.compile(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|sk-[A-Za-z0-9_-]{20,}"
        r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[\w-]{35}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}"
        r"|[rs]k_live_[0-9a-zA-Z]{24,}|SG\.[\w-]{22}\.[\w-]{43}|pypi-AgE[\w-]{50,})"
    ),
    "jwt": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),
    "secret": re.compile(
        r"(?i)(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|access[_-]?token|auth[_-]?token)(?:_\w{1,12})?"
        r"['\"]?\s*(?:[:=]|=>)\s*(?:['\"](?P<quoted>[^\s'\"]{6,})['\"]"
        r"|(?P<bare>(?=[\w@#!~^&/-]*\d)(?=[\w@#!~^&/-]*[A-Za-z])[\w@#!~^&/-]{6,})(?![\w(.\[]))"
    ),
    "credential": re.compile(
        r"(?i)(?:\btoken|bearer|authorization)['\"]?\s*(?:[:=]|=>|\s)\s*['\"]?"
        r"(?P<bare>(?=[\w+/=.-]*\d)(?=[\w+/=.-]*[A-Za-z])[\w+/=.-]{20,})"
    ),
    "login": re.compile(r"://[^\s:/@{}<>\"'`]+:(?P<bare>[^\s@{}<>\"'`/]{3,})@"),
}
_MAYBE = re.compile(r"[A-Za-z0-9_+/=-]{13}|(?i:passw|passphrase|secret|api[_-]?key|token|bearer)|://[^\s:]+:")
_RUN = re.compile(r"[A-Za-z0-9_+/=-]{13,}")
_DETECTORS = frozenset(
    re.findall(
        r"\w+",
        "ArtifactoryDetector AWSKeyDetector AzureStorageKeyDetector DiscordBotTokenDetector GitHubTokenDetector"
        " GitLabTokenDetector MailchimpDetector NpmDetector OpenAIDetector PypiTokenDetector SendGridDetector"
        " SlackDetector SquareOAuthDetector StripeDetector TelegramBotTokenDetector TwilioKeyDetector"
        " Base64HighEntropyString HexHighEntropyString",
    )
)
"""Those that look for a value's own form. The others go by the words around it, as our own shape `secret` does."""
_LEAST_RANDOM = 20
"""Shorter strings in quotation marks are names more often than secrets."""
_PLACEHOLDER = re.compile(
    r"[<>{}$%*]|\.\.\.|x{4,}|example|change|your|placeholder|dummy|none|null|true|false", re.IGNORECASE
)


def secrets(text: str) -> list[Span]:
    """The secrets that stand in the text, in order, without overlaps."""
    if not _MAYBE.search(text):
        return []
    return without_overlaps([*_shaped(text), *_detected(text)])


def _shaped(text: str) -> Iterator[Span]:
    for kind, shape in _SHAPES.items():
        for match in shape.finditer(text):
            group = next((name for name, value in match.groupdict().items() if value is not None), None)
            start, end = match.span(group) if group else match.span()
            if not group or not _PLACEHOLDER.search(text[start:end]):
                yield Span(start, end, kind)


def _detected(text: str) -> Iterator[Span]:
    for start, line in lines_of(text):
        if not any(_may_be_random(run) for run in _RUN.findall(line)):
            continue
        for kind, value in _values(line):
            place = line.find(value)
            while place >= 0:
                yield Span(start + place, start + place + len(value), kind, 0.5)
                place = line.find(value, place + len(value))


def _values(line: str) -> Iterator[tuple[str, str]]:
    for detector in _detectors():
        limit = getattr(detector, "entropy_limit", None)
        for value in detector.analyze_string(line):
            if not _may_be_random(value) or _harmless(value):
                continue
            if limit is None:
                yield "token", value
            elif len(value) >= _LEAST_RANDOM and detector.calculate_shannon_entropy(value) > limit:
                yield "secret", value


def _may_be_random(value: str) -> bool:
    """Whether it has letters and digits, and is long enough."""
    return len(value) >= 13 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _harmless(value: str) -> bool:
    from detect_secrets.filters import heuristic

    if heuristic.is_potential_uuid(value) or heuristic.is_sequential_string(value):
        return True
    return bool(heuristic.is_templated_secret(value)) or bool(_PLACEHOLDER.search(value))


@cache
def _detectors() -> list[Any]:
    """detect-secrets' detectors; imported when a line can hold something."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes: Any = get_mapping_from_secret_type_to_class().values()
    return [each() for each in sorted(classes, key=lambda each: each.__name__) if each.__name__ in _DETECTORS]
