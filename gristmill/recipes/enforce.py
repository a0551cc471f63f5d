"""What of a JSON Schema or a regular expression cannot be held while decoding, so that a recipe must not count on it.

The list is that of vLLM 0.32 for xgrammar, its first choice (`has_xgrammar_unsupported_json_features`), with the
conditions between values that no grammar can express. A condition of that kind belongs into `checks`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NEVER = ("not", "if", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems")
_BY_TYPE = {
    "integer": ("multipleOf",),
    "number": ("multipleOf",),
    "array": ("uniqueItems", "contains", "minContains", "maxContains"),
}
_FORMATS = frozenset(
    (
        *("email", "date", "time", "date-time", "duration", "ipv4", "ipv6", "hostname", "uuid"),
        *("uri", "uri-reference", "uri-template", "json-pointer", "relative-json-pointer"),
    )
)
_LOOKING_AROUND = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")


def schema_fault(schema: Mapping[str, Any]) -> str:
    """The first part that cannot be held, as `path: key`; empty when all can be."""
    return next((f"{path}: {what}" for path, part in _parts(schema, "") for what in _unheld(part)), "")


def regex_fault(pattern: str) -> str:
    """What in the pattern cannot be held; empty when all can be."""
    found = _LOOKING_AROUND.search(pattern)
    return f"{found[0]} looks around or back" if found else ""


def _unheld(part: Mapping[str, Any]) -> Iterator[str]:
    named = part.get("type")
    types = {named} if isinstance(named, str) else set(named or ())
    yield from (key for key in _NEVER if key in part)
    yield from (key for kind in sorted(types) for key in _BY_TYPE.get(kind, ()) if key in part)
    if part.get("format", "email") not in _FORMATS:
        yield f"format {part['format']}"
    if ("pattern" in part or "format" in part) and ("minLength" in part or "maxLength" in part):
        yield "pattern or format together with a length"
    if "patternProperties" in part and ("properties" in part or len(part["patternProperties"]) > 1):
        yield "patternProperties beside others"
    if "propertyNames" in part and ("properties" in part or "patternProperties" in part):
        yield "propertyNames beside properties"
    if len(part.get("allOf", ())) > 1:
        yield "allOf of several"


def _parts(schema: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every subschema with its path; the names of properties are no keys of a schema."""
    if not isinstance(schema, Mapping):
        return
    yield path or "its top", schema
    for key, value in schema.items():
        below = f"{path}/{key}" if path else key
        if key in ("properties", "patternProperties", "$defs", "definitions") and isinstance(value, Mapping):
            for name, each in value.items():
                yield from _parts(each, f"{below}/{name}")
        elif key not in ("enum", "const", "default", "examples"):
            for i, each in enumerate(value if isinstance(value, list) else [value]):
                yield from _parts(each, f"{below}/{i}" if isinstance(value, list) else below)
