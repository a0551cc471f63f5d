"""A recipe file -> a checked specification with its content hash. Errors name the file, the line and the step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.identity import content_hash
from gristmill.recipes.format import RecipeSpec, RubricSpec
from gristmill.recipes.tree import child, node_of, place_of, recipe_tree, scalar, substituted, value_of

Spec = TypeVar("Spec", RecipeSpec, RubricSpec)
_TAGS = ("step by ", "output ")
"""How pydantic names the branches of a union in the place of a fault; they stand in no file."""


@dataclass(frozen=True)
class Source:
    """Where a specification came from: for messages, and for identity."""

    hash: str
    tree: yaml.Node
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Parameters and the content of files, by name."""

    def place(self, loc: Sequence[str | int]) -> str:
        """File and line of the part at `loc`, with the step's name when it lies in one."""
        node, step, in_steps = self.tree, "", False
        for part in loc:
            below = child(node, part)
            if below is None:
                continue
            node = below
            if in_steps and isinstance(part, int):
                step = scalar(child(node, "name"))
            in_steps = part in ("steps", "loop", "do")
        return f"{place_of(node)}, step {step}" if step else place_of(node)


def load_recipe(folder: Path, name: str, parameters: Mapping[str, Any] | None = None) -> tuple[RecipeSpec, Source]:
    """The recipe called `name`, with these parameters in place of its own.

    Raises InputError or ProblemsError with all that is wrong in the file's form.
    """
    return _load(RecipeSpec, folder, name, parameters or {})


def load_rubric(folder: Path, name: str) -> tuple[RubricSpec, Source]:
    """The rubric called `name`. Raises InputError or ProblemsError with all that is wrong in the file's form."""
    return _load(RubricSpec, folder, name, {})


def _load(model: type[Spec], folder: Path, name: str, parameters: Mapping[str, Any]) -> tuple[Spec, Source]:
    written = recipe_tree(folder, name)
    values = _constants(written, folder, parameters)
    tree = yaml.MappingNode(
        written.tag,
        [
            (key, value if key.value in ("parameters", "files") else substituted(value, values))
            for key, value in written.value
        ],
        written.start_mark,
        written.end_mark,
    )
    content, constants = value_of(tree), {key: value_of(node) for key, node in values.items()}
    source = Source(content_hash([content, constants] if constants else content), tree, constants)
    try:
        spec = model.model_validate(content)
    except ValidationError as error:
        faults = [fault for fault in error.errors(include_url=False) if not _follows(fault, error)]
        raise ProblemsError([_problem(fault, source) for fault in faults]) from None
    if spec.name != name:
        raise InputError(f"name is {spec.name!r}", where=source.place(["name"]), expected=f"{name!r}, like the file")
    return spec, source


def _constants(tree: yaml.Node, folder: Path, given: Mapping[str, Any]) -> dict[str, yaml.Node]:
    """Parameters, those `given` in place of the defaults, and files, as nodes."""
    declared = child(tree, "parameters")
    own = {str(key.value): value for key, value in declared.value} if isinstance(declared, yaml.MappingNode) else {}
    for name in given:
        if name not in own:
            raise InputError(
                f"the recipe has no parameter {name!r}",
                where=f"params.yaml: generate.parameters.{name}",
                expected=f"one of {', '.join(sorted(own)) or 'none'}",
            )
    values = {name: node_of(given[name], node) if name in given else node for name, node in own.items()}
    files = child(tree, "files")
    for key, node in files.value if isinstance(files, yaml.MappingNode) else ():
        values[str(key.value)] = node_of(_read_file(folder, scalar(node), node), node)
    return values


def _read_file(folder: Path, name: str, node: yaml.Node) -> Any:
    """The file's value. Raises InputError when it is not below the folder, not there or not readable."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"{name} lies outside recipes/", where=place_of(node), expected="a file below recipes/")
    try:
        text = path.read_text(encoding="utf-8")
        match path.suffix:
            case ".md":
                return text.strip()
            case ".txt":
                return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
            case ".jsonl":
                return [json.loads(line) for line in text.splitlines() if line.strip()]
            case ".json":
                return json.loads(text)
            case ".yaml":
                return yaml.safe_load(text)
    except FileNotFoundError:
        raise InputError(f"there is no recipes/{name}", where=place_of(node)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"recipes/{name} is not readable: {error}", where=place_of(node)) from None
    raise InputError(f"{name} is of no known kind", where=place_of(node), expected=".yaml, .json, .jsonl, .txt or .md")


def _follows(fault: Any, error: ValidationError) -> bool:
    """Whether pydantic calls a list too short only because what stands in it is wrong."""
    loc = fault["loc"]
    below = (each["loc"] for each in error.errors(include_url=False) if len(each["loc"]) > len(loc))
    return fault["type"] == "too_short" and any(each[: len(loc)] == loc for each in below)


def _problem(fault: Any, source: Source) -> Problem:
    loc = [part for part in fault["loc"] if part != "[key]" and not str(part).startswith(_TAGS)]
    place = source.place(loc)
    name = ".".join(str(part) for part in loc)
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return Problem(place, f"unknown key {name!r}", "a key of docs/recipes.md", "check the spelling")
    if fault["type"] == "missing" and loc[-1:] == ["at_most"]:
        return Problem(place, "without at_most it might never end", "a bound, such as `at_most: 4`")
    if fault["type"] == "missing":
        return Problem(place, f"{name} is missing", "a value")
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if fault["type"] == "value_error":
        return Problem(place, message)
    return Problem(place, f"{name} is {str(fault['input'])[:80]!r}", message)
