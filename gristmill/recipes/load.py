"""A recipe file -> a checked specification with its content hash. Errors name the file, the line and the step."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.identity import content_hash
from gristmill.recipes.format import RecipeSpec, RubricSpec

_TEXT_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
Spec = TypeVar("Spec", RecipeSpec, RubricSpec)


@dataclass(frozen=True)
class Source:
    """Where a specification came from: for messages, and for identity."""

    path: Path
    hash: str
    tree: yaml.Node

    def place(self, loc: Sequence[str | int]) -> str:
        """File and line of the part at `loc`, with the step's name when it lies in one."""
        node, step = self.tree, ""
        for part in loc:
            below = _child(node, part)
            if below is None:
                break
            node = below
            if len(loc) > 1 and loc[0] == "steps" and part == loc[1]:
                step = _scalar(_child(node, "name"))
        place = f"recipes/{self.path.name}:{node.start_mark.line + 1}"
        return f"{place}, step {step}" if step else place


def load_recipe(folder: Path, name: str) -> tuple[RecipeSpec, Source]:
    """The recipe called `name`. Raises InputError or ProblemsError with all that is wrong in the file's form."""
    return _load(RecipeSpec, folder, name)


def load_rubric(folder: Path, name: str) -> tuple[RubricSpec, Source]:
    """The rubric called `name`. Raises InputError or ProblemsError with all that is wrong in the file's form."""
    return _load(RubricSpec, folder, name)


def _load(model: type[Spec], folder: Path, name: str) -> tuple[Spec, Source]:
    path = folder / f"{name}.yaml"
    tree, content = _read(path)
    _check_keys(tree, path)
    source = Source(path, content_hash(content), tree)
    try:
        spec = model.model_validate(content)
    except ValidationError as error:
        raise ProblemsError([_problem(fault, source) for fault in error.errors(include_url=False)]) from None
    if spec.name != name:
        raise InputError(f"name is {spec.name!r}", where=source.place(["name"]), expected=f"{name!r}, like the file")
    return spec, source


def _read(path: Path) -> tuple[yaml.Node, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        tree, content = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except FileNotFoundError:
        there = sorted(each.stem for each in path.parent.glob("*.yaml"))
        raise InputError(
            f"there is no recipes/{path.name}",
            expected=f"one of {', '.join(there) or 'none yet'}",
            do="see docs/recipes.md",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(
            f"not readable as YAML: {getattr(error, 'problem', None) or error}", where=f"recipes/{path.name}{line}"
        ) from None
    if tree is None or not isinstance(content, dict):
        raise InputError(
            "the file holds no recipe", where=f"recipes/{path.name}", expected="a mapping, see docs/recipes.md"
        )
    return tree, content


def _check_keys(tree: yaml.Node, path: Path) -> None:
    doubled = _doubled_keys(tree)
    if doubled:
        raise InputError(
            f"{doubled.value!r} is given twice",
            where=f"recipes/{path.name}:{doubled.start_mark.line + 1}",
            expected="each key once",
        )
    other = _key_that_is_no_text(tree)
    if other:
        shown = repr(other.value) if isinstance(other, yaml.ScalarNode) else "a list or mapping"
        raise InputError(
            f"the key {shown} is no text to YAML",
            where=f"recipes/{path.name}:{other.start_mark.line + 1}",
            expected="texts as keys",
            do="put it in quotes: on, yes, no and numbers are something else without them",
        )


def _problem(fault: Any, source: Source) -> Problem:
    loc = [part for part in fault["loc"] if part != "[key]"]
    place = source.place(loc)
    name = ".".join(str(part) for part in loc)
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return Problem(place, f"unknown key {name!r}", "a key of docs/recipes.md", "check the spelling")
    if fault["type"] == "missing":
        return Problem(place, f"{name} is missing", "a value")
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if fault["type"] == "value_error":
        return Problem(place, message)
    return Problem(place, f"{name} is {str(fault['input'])[:80]!r}", message)


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None


def _scalar(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _doubled_keys(node: yaml.Node) -> yaml.ScalarNode | None:
    """The first key that stands twice in one mapping (YAML's reader would silently take the last)."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                return key
            seen.add(str(key.value))
            if found := _doubled_keys(value):
                return found
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            if found := _doubled_keys(each):
                return found
    return None


def _key_that_is_no_text(node: yaml.Node) -> yaml.Node | None:
    """The first key, at any depth, that YAML reads as something else than a text."""
    below: list[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else []
    if isinstance(node, yaml.MappingNode):
        keys: list[yaml.Node] = [key for key, _ in node.value]
        if others := [key for key in keys if key.tag not in _TEXT_TAGS]:
            return others[0]
        below = [value for _, value in node.value]
    return next((found for each in below if (found := _key_that_is_no_text(each))), None)
