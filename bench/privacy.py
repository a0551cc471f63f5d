"""Precision and recall of the filters for personal data, secrets and contamination, on planted cases.

    python -m bench.privacy             400 cases of each kind
    python -m bench.privacy --quick     40

Values are made by rule (with right check digits), and stand in sentences of our own, among hard negatives: wrong check
digits, version numbers, hashes, UUIDs, placeholders, private addresses. Benchmark items are sentences of the Python
reference; rows hold them whole, in other spelling, with a word changed, or not at all. Prints one JSON object as its
last line: by kind `precision`, `recall`, and their numbers; microseconds for a clean text of 1,000 characters.
"""

import argparse
import json
import random
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from pydoc_data.topics import topics

import pyarrow as pa

from gristmill.filters.build import Surroundings, build_chain
from gristmill.params.filters import FilterParams
from gristmill.privacy.personal import Kind, personal_data
from gristmill.privacy.secrets import secrets
from gristmill.text import sentences, words

SENTENCES = (
    "Please send it to {} before Friday.",
    "The form says {}, and nobody knows why.",
    "Contact: {}\nOffice: second floor",
    "He wrote ({}) in the margin.",
    "- {}",
    'In the log stands "{}" three times.',
)
_LETTERS, _DIGITS = string.ascii_letters, string.digits


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="40 cases of each kind")
    count = 40 if parser.parse_args().quick else 400
    draw = random.Random(11)
    print(
        json.dumps(
            {"cases": count, **personal(draw, count), **secret(draw, count), **contamination(draw, count), **speed()}
        )
    )


def personal(draw: random.Random, count: int) -> dict[str, object]:
    """Every kind of personal data, each against all hard negatives."""
    found = {}
    for kind, make in MAKERS.items():
        hits = sum(_finds(draw, make(draw), kind) for _ in range(count))
        false = sum(_alarms(draw, negative(draw), kind) for _ in range(count) for negative in NEGATIVES)
        found[kind.value] = _score(hits, count, false)
    return {"pii": found}


def secret(draw: random.Random, count: int) -> dict[str, object]:
    """Secrets of many services, against what looks like one."""
    values = [make(draw) for make in SECRETS.values() for _ in range(max(1, count // len(SECRETS)))]
    hits = sum(_covers(_sentence(draw, value), value, secrets) for value in values)
    false = sum(bool(secrets(_sentence(draw, negative(draw)))) for _ in range(count) for negative in NO_SECRETS)
    return {"secrets": _score(hits, len(values), false)}


def contamination(draw: random.Random, count: int) -> dict[str, object]:
    """Items of a made-up benchmark in rows, and rows without."""
    found = [each for text in topics.values() for each in sentences(text) if 14 <= len(words(each)) <= 60]
    texts = draw.sample(sorted(set(found)), min(2 * count, len(set(found))))
    items, others = texts[: len(texts) // 2], texts[len(texts) // 2 :]
    rows = [(_spoilt(draw, item, number % 4), True) for number, item in enumerate(items)]
    rows += [(f"Explain this: {other}", False) for other in others]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        path.write_text("".join(json.dumps({"text": item}) + "\n" for item in items))
        entry = {"name": "contamination", "benchmarks": [{"title": "items", "path": str(path), "columns": ["text"]}]}
        chain = build_chain(FilterParams.model_validate({"filters": [entry]}), Surroundings(path, path, pinned=False))
        names = ("prompt", "response", "evidence", "context")
        columns = [pa.array([text for text, _ in rows]), *(pa.array([""] * len(rows)) for _ in names[1:])]
        refused = chain.judge(pa.RecordBatch.from_arrays(columns, list(names))).refused
    hits = sum(planted for number, (_, planted) in enumerate(rows) if number in refused)
    return {"contamination": _score(hits, len(items), len(refused) - hits)}


def speed() -> dict[str, object]:
    """Microseconds for a clean text of about 1,000 characters."""
    texts = [text[start : start + 1000] for text in topics.values() for start in range(0, len(text), 1000)]
    timed = {}
    for name, look in (("pii", personal_data), ("secrets", secrets)):
        start = time.perf_counter()
        for text in texts:
            look(text)
        timed[name] = round((time.perf_counter() - start) / len(texts) * 1e6, 1)
    return {"us_per_clean_text": timed}


def _score(hits: int, planted: int, false: int) -> dict[str, float]:
    precision = hits / (hits + false) if hits + false else 0.0
    return {"precision": round(precision, 4), "recall": round(hits / planted, 4), "planted": planted, "false": false}


def _sentence(draw: random.Random, value: str) -> str:
    return draw.choice(SENTENCES).format(value)


def _finds(draw: random.Random, value: str, kind: Kind) -> bool:
    return _covers(_sentence(draw, value), value, lambda text: [s for s in personal_data(text) if s.kind == kind.value])


def _alarms(draw: random.Random, value: str, kind: Kind) -> bool:
    return any(span.kind == kind.value for span in personal_data(_sentence(draw, value)))


def _covers(text: str, value: str, look: Callable[..., list]) -> bool:  # type: ignore[type-arg]
    """Whether nothing of the value would be shown."""
    start = text.index(value)
    end = start + len(value)
    return any(span.start <= start + 1 and span.end >= end - 1 for span in look(text)) or _all_hidden(text, value, look)


def _all_hidden(text: str, value: str, look: Callable[..., list]) -> bool:  # type: ignore[type-arg]
    secret_part = value.rsplit("=", maxsplit=1)[-1].rsplit(maxsplit=1)[-1].strip("\"'")
    start = text.index(secret_part)
    return any(span.start <= start and span.end >= start + len(secret_part) for span in look(text))


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices(_DIGITS, k=count))


def _mixed(draw: random.Random, count: int, signs: str = _LETTERS + _DIGITS) -> str:
    return "".join(draw.choices(signs, k=count - 2)) + draw.choice(_DIGITS) + draw.choice(_LETTERS)


def _card(draw: random.Random) -> str:
    body = draw.choice("45") + draw.choice("1234") + _digits(draw, 13)
    doubled = sum(sum(divmod(2 * int(each), 10)) if place % 2 == 0 else int(each) for place, each in enumerate(body))
    number = body + str(-doubled % 10)
    return draw.choice(
        (
            number,
            " ".join(number[i : i + 4] for i in range(0, 16, 4)),
            "-".join(number[i : i + 4] for i in range(0, 16, 4)),
        )
    )


def _iban(draw: random.Random) -> str:
    country, size = draw.choice((("DE", 18), ("FR", 23), ("ES", 20), ("AT", 16)))
    body = _digits(draw, size)
    check = 98 - int(body + "".join(str(int(letter, 36)) for letter in country) + "00") % 97
    plain = f"{country}{check:02d}{body}"
    return draw.choice((plain, " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))))


def _email(draw: random.Random) -> str:
    name = draw.choice(("ann", "j.doe", "mary_lee", "x-ray", "bob+news", "o'neil"))
    host = draw.choice(("example.org", "mail.example.co.uk", "uni-x.example.de", "a-b.example.com"))
    return f"{name}{draw.randrange(99)}@{host}"


def _phone(draw: random.Random) -> str:
    area = draw.choice(("212", "415", "312", "617"))
    rest = f"{draw.randrange(200, 999)}", f"{draw.randrange(10000):04d}"
    berlin = f"{draw.randrange(20000000, 99999999)}"
    return draw.choice(
        (
            f"({area}) {rest[0]}-{rest[1]}",
            f"{area}-{rest[0]}-{rest[1]}",
            f"+1 {area} {rest[0]} {rest[1]}",
            f"+49 30 {berlin}",
            f"030 {berlin}",
        )
    )


def _ssn(draw: random.Random) -> str:
    return f"{draw.randrange(1, 665):03d}-{draw.randrange(1, 99):02d}-{draw.randrange(1, 9999):04d}"


def _ip(draw: random.Random) -> str:
    return ".".join(map(str, (draw.choice((8, 34, 52, 91, 151)), *(draw.randrange(1, 250) for _ in range(3)))))


MAKERS = {
    Kind.EMAIL: _email,
    Kind.PHONE: _phone,
    Kind.CARD: _card,
    Kind.IBAN: _iban,
    Kind.SSN: _ssn,
    Kind.IP: _ip,
}
NEGATIVES: tuple[Callable[[random.Random], str], ...] = (
    lambda draw: f"version {draw.randrange(9)}.{draw.randrange(20)}.{draw.randrange(20)}",
    lambda draw: f"{draw.randrange(1900, 2030)}-{draw.randrange(1, 12):02d}-{draw.randrange(1, 28):02d} 12:30:45",
    lambda draw: f"{draw.randrange(1 << 31)} bytes",
    lambda draw: f"0.{_digits(draw, 15)}",
    lambda draw: "".join(draw.choices("0123456789abcdef", k=40)),
    lambda draw: f"10.{draw.randrange(255)}.{draw.randrange(255)}.1 and 192.168.1.{draw.randrange(255)}",
    lambda draw: f"ISBN 978-{draw.randrange(10)}-{_digits(draw, 4)}-{_digits(draw, 4)}-{draw.randrange(10)}",
    lambda draw: f"order {draw.randrange(10**6)}/{draw.randrange(100)}, item {draw.randrange(1000)}",
    lambda draw: f"a @ b, x[{draw.randrange(9)}::{draw.randrange(9)}], @decorator.name",
    lambda draw: f"{draw.randrange(100)} {draw.randrange(100)} {draw.randrange(1000)} {draw.randrange(10000)}",
)
SECRETS: dict[str, Callable[[random.Random], str]] = {
    "aws": lambda draw: "AKIA" + "".join(draw.choices(string.ascii_uppercase + _DIGITS, k=16)),
    "github": lambda draw: "ghp_" + _mixed(draw, 36),
    "gitlab": lambda draw: "glpat-" + _mixed(draw, 20),
    "openai": lambda draw: "sk-" + _mixed(draw, 48),
    "slack": lambda draw: f"xoxb-{_digits(draw, 12)}-{_mixed(draw, 24)}",
    "stripe": lambda draw: "sk_live_" + _mixed(draw, 24),
    "google": lambda draw: "AIza" + _mixed(draw, 35),
    "jwt": lambda draw: f"eyJ{_mixed(draw, 20)}.eyJ{_mixed(draw, 40)}.{_mixed(draw, 43)}",
    "password": lambda draw: f"password={_mixed(draw, 12)}",
    "api_key": lambda draw: f'api_key: "{_mixed(draw, 32)}"',
    "bearer": lambda draw: f"Authorization: Bearer {_mixed(draw, 40)}",
}
NO_SECRETS: tuple[Callable[[random.Random], str], ...] = (
    lambda _: "password = getpass.getpass()",
    lambda draw: f"api_key = os.environ['KEY_{draw.randrange(9)}']",
    lambda _: "token: <your-token-here>",
    lambda draw: "-".join("".join(draw.choices("0123456789abcdef", k=size)) for size in (8, 4, 4, 4, 12)),
    lambda draw: f"object.__init_subclass__ in module_{draw.randrange(99)}.submodule.name",
    lambda draw: f"commit {''.join(draw.choices('0123456789abcdef', k=40))}",
    lambda draw: f"the secret of {draw.randrange(1, 99)} gardens",
)


def _spoilt(draw: random.Random, item: str, way: int) -> str:
    """The item whole in a longer text, in other spelling, with a word changed, or its first two thirds."""
    parts = item.split()
    if way == 1:
        return item.upper().replace(",", " -")
    if way == 2:
        parts[draw.randrange(len(parts))] = "otherwise"
        return " ".join(parts)
    return " ".join(parts[: 2 * len(parts) // 3]) if way == 3 else f"Here is a task. {item} Answer it in a sentence."


if __name__ == "__main__":
    main()
