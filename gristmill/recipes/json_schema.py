"""The recipe format as a JSON Schema, by which editors complete and check recipes (recipes.schema.json).

A recipe, a rubric, or a variant, which says only what differs. Where the format wants a number or a list, `$name` may
stand for a parameter's value.
"""

from typing import Any

from pydantic import ConfigDict, Field

from gristmill.params.section import Section
from gristmill.recipes.format import RecipeSpec, RubricSpec

_REFERENCE = {"type": "string", "pattern": r"^\$[a-z][a-z0-9_]*$", "description": "A parameter or file, as `$name`."}
_UNCLEAR = {"$ref": "#/$defs/UnclearSpec"}
"""What reads a step that is none, for the sake of its message."""
_REPLACEABLE = ("integer", "number", "array", "boolean")


class VariantSpec(Section):
    """A variant: the recipe that it extends, and what differs."""

    model_config = ConfigDict(extra="allow")

    name: str
    """The file's name without `.yaml`."""
    summary: str
    """What it makes, in a sentence."""
    extends: str
    """Name of the recipe that this one is a variant of."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters that differ."""
    steps: dict[str, dict[str, Any]] | list[dict[str, Any]] = Field(default_factory=dict)
    """Step -> keys that differ, or a list of steps in place of all."""


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file in recipes/."""
    definitions: dict[str, Any] = {}
    for model in (RecipeSpec, RubricSpec, VariantSpec):
        schema = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= schema.pop("$defs", {})
        definitions[model.__name__] = schema
    del definitions["UnclearSpec"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of Gristmill's",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/VariantSpec"},
        "else": {
            "if": {"properties": {"kind": {"const": "rubric"}}, "required": ["kind"]},
            "then": {"$ref": "#/$defs/RubricSpec"},
            "else": {"$ref": "#/$defs/RecipeSpec"},
        },
        "$defs": {name: _with_references(schema) for name, schema in sorted(definitions.items())},
    }


def _with_references(schema: Any) -> Any:
    """The schema with `$name` allowed wherever a whole value can be replaced."""
    if isinstance(schema, list):
        return [_with_references(each) for each in schema if each != _UNCLEAR]
    if not isinstance(schema, dict):
        return schema
    if "discriminator" in schema:
        schema = {"anyOf" if key == "oneOf" else key: value for key, value in schema.items() if key != "discriminator"}
    inner = {key: _with_references(value) for key, value in schema.items()}
    if schema.get("type") in _REPLACEABLE and "prefixItems" not in schema:
        told = {key: inner.pop(key) for key in ("description", "title", "default") if key in inner}
        return {"anyOf": [inner, _REFERENCE], **told}
    return inner
