"""params.yaml -> models; everything that is wrong is said at once, each with its place."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.params.section import Section

S = TypeVar("S", bound=Section)

_SECRET_IN_ADDRESS = re.compile(r"(https?://)[^\s'\"]*[@?][^\s'\"]*")
"""An address that may hold a password or a key; where it is refused for that, it must not be repeated."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The file as a mapping. Raises InputError with the line when it is not YAML."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), do=f"restore it: `git checkout -- {path}`") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}:{mark.line + 1}:{mark.column + 1}" if mark else path.name
        raise InputError(f"not readable as YAML: {getattr(error, 'problem', None) or error}", where=place) from None
    if not isinstance(content, dict):
        raise InputError(f"found {_short(content)}", where=path.name, expected="a mapping of sections")
    return content


def load_section(model: type[S], path: Path, key: str) -> S:
    """One section of params.yaml. Raises ProblemsError with all that is wrong in it."""
    return parse(model, read_yaml(path).get(key, {}), f"{path.name}: {key}")


def parse(model: type[S], content: Any, where: str) -> S:
    """`content` as `model`. Raises ProblemsError: parameter path, found, expected."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ProblemsError([_problem(fault, where) for fault in error.errors(include_url=False)]) from None


def _problem(fault: Any, where: str) -> Problem:
    path = ".".join(str(part) for part in fault["loc"])
    place = f"{where}.{path}" if path and not where.endswith(":") else f"{where} {path}".strip()
    if fault["type"] == "extra_forbidden":
        return Problem(place, "unknown parameter", "one of the parameters in params.schema.json", "check the spelling")
    if fault["type"] == "missing":
        return Problem(place, "missing", "a value")
    if fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return Problem(place, f"found {_short(fault['input'])}", f"one with a `name` of {_tags(fault)}")
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(place, f"found {_short(fault['input'])}", message)


def _tags(fault: Any) -> str:
    """The names among which one has to be chosen; pydantic gives them only when a wrong one was found."""
    return str(fault["ctx"].get("expected_tags", "params.schema.json")).replace("'", "")


def _short(value: Any) -> str:
    text = _SECRET_IN_ADDRESS.sub(r"\1...", repr(value))
    return text if len(text) <= 80 else text[:77] + "..."
