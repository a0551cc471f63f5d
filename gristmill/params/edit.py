"""Changes to params.yaml from outside (a flow's parameters): all or none, comments kept."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from gristmill.errors import InputError
from gristmill.params.load import parse
from gristmill.params.root import Params


def edit_parameters(path: Path, changes: Mapping[str, Any]) -> list[str]:
    """Sets each dotted path to its value; gives a line for each value that really changed.

    Raises InputError, and leaves the file alone, when the result would be wrong.
    """
    lines, text = changed_parameters(path, changes)
    if lines:
        fresh = path.with_suffix(".yaml.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    return lines


def changed_parameters(path: Path, changes: Mapping[str, Any]) -> tuple[list[str], str]:
    """What would change, and the file as it would be. Raises InputError when that is wrong."""
    writer = _yaml()
    content = writer.load(path.read_text(encoding="utf-8"))
    lines = [line for key, value in changes.items() if (line := _set(content, key, value))]
    text = StringIO()
    writer.dump(content, text)
    if lines:
        parse(Params, yaml.safe_load(text.getvalue()), f"{path.name} with the changes asked for:")
    return lines, text.getvalue()


def parameter_at(path: Path, key: str) -> Any:
    """What the file says at a dotted path; an entry of a list is named by its number or its `name`.

    Raises InputError when it says nothing there.
    """
    found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        for name in key.split("."):
            found = found[_entry(found, name) if isinstance(found, list) else name]
    except (KeyError, IndexError, TypeError, ValueError):
        raise InputError(f"params.yaml says nothing at {key!r}", where=str(path), expected="a value there") from None
    return found


def _entry(entries: list[Any], which: str) -> int:
    """The place of an entry, given by its number or its `name`. Raises ValueError where there is none of that name."""
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    return int(which) if which.isdigit() else names.index(which)


def _yaml() -> YAML:
    """A writer that keeps this project's way of writing YAML."""
    writer = YAML()
    writer.preserve_quotes = True
    writer.width = 120
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    return writer


def _set(content: Any, key: str, value: Any) -> str | None:
    """Sets one value; None when it was so already. Missing sections are made, validation judges them."""
    *sections, last = key.split(".")
    try:
        for section in sections:
            inside = isinstance(content, list)
            content = content[_entry(content, section)] if inside else content.setdefault(section, {})
        place: Any = _entry(content, last) if isinstance(content, list) else last
        former = content[place] if isinstance(content, list) else content.get(place)
    except (AttributeError, IndexError, ValueError):
        raise InputError(
            f"params.yaml has no place for {key!r}",
            expected="sections and a name, with dots between them, such as gate.min_rows or filter.filters.c4.column",
            do="see params.schema.json for the names",
        ) from None
    if former == value:
        return None
    content[place] = value
    return f"{key}: {former!r} -> {value!r}"
