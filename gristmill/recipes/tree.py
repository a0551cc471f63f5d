"""A recipe file as a tree of YAML nodes, each of which knows its file and line.

All that turns files into one recipe works on these nodes, so that a message can always name the
line that somebody wrote: a variant is laid over what it `extends`, and `$name` is replaced by the
parameter's value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import yaml

from gristmill.errors import InputError

Node = TypeVar("Node", yaml.MappingNode, yaml.SequenceNode)

_TEXT_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
_REFERENCE = re.compile(r"\$([a-z][a-z0-9_]*)")
_OWN = ("name", "summary", "version", "notes")
"""What a variant does not take over from the recipe that it extends."""


def recipe_tree(folder: Path, name: str) -> yaml.MappingNode:
    """The recipe's file laid over those that it extends. Raises InputError."""
    return extended(read_tree(folder / f"{name}.yaml"), lambda base: read_tree(folder / f"{base}.yaml"), (name,))


def recipe_content(folder: Path, name: str) -> dict[str, Any]:
    """The same as plain values, with `$name` as it is written. Raises InputError."""
    content: dict[str, Any] = value_of(recipe_tree(folder, name))
    return content


def read_tree(path: Path) -> yaml.MappingNode:
    """The file's content. Raises InputError with file and line when it is no mapping, or has doubled or odd keys."""
    place = f"recipes/{path.name}"
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        loader.name = place
        tree = loader.get_single_node()
    except FileNotFoundError:
        there = sorted(each.stem for each in path.parent.glob("*.yaml"))
        raise InputError(
            f"there is no {place}",
            expected=f"one of {', '.join(there) or 'none yet'}",
            do="see docs/recipes.md",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(
            f"not readable as YAML: {getattr(error, 'problem', None) or error}", where=f"{place}{line}"
        ) from None
    if not isinstance(tree, yaml.MappingNode):
        raise InputError("the file holds no recipe", where=place, expected="a mapping, see docs/recipes.md")
    _check_keys(tree)
    return tree


def value_of(node: yaml.Node) -> Any:
    """The node's value. Raises InputError when a tag in it is unknown."""
    try:
        return yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise InputError(
            f"not readable as YAML: {getattr(error, 'problem', None) or error}", where=place_of(node)
        ) from None


def node_of(value: Any, like: yaml.Node) -> yaml.Node:
    """The value as a node that stands where `like` stands."""
    node: yaml.Node = yaml.SafeDumper(StringIO(), sort_keys=False).represent_data(value)
    for each in _nodes(node):
        each.start_mark, each.end_mark = like.start_mark, like.end_mark
    return node


def place_of(node: yaml.Node) -> str:
    """File and line."""
    return f"{node.start_mark.name}:{node.start_mark.line + 1}"


def child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    """The part of a sequence or mapping, or None."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None


def scalar(node: yaml.Node | None) -> str:
    """A scalar's text, else an empty one."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def extended(
    node: yaml.MappingNode, read: Callable[[str], yaml.MappingNode], seen: tuple[str, ...]
) -> yaml.MappingNode:
    """The tree laid over those that it extends. `read` gives a recipe's tree by name; `seen` guards against a ring."""
    base_node = child(node, "extends")
    if base_node is None:
        return node
    name = scalar(base_node)
    if name in seen:
        raise InputError(
            f"{' extends '.join([*seen, name])}: a ring", where=place_of(base_node), expected="a recipe that ends it"
        )
    base = extended(read(name), read, (*seen, name))
    kept = [(key, value) for key, value in base.value if key.value not in _OWN]
    return _laid_over(_copied(base, kept), node, ())


def substituted(node: yaml.Node, values: Mapping[str, yaml.Node]) -> yaml.Node:
    """The tree with every scalar `$name` replaced. Raises InputError for a name that there is not."""
    if isinstance(node, yaml.MappingNode):
        return _copied(node, [(key, substituted(value, values)) for key, value in node.value])
    if isinstance(node, yaml.SequenceNode):
        return _copied(node, [substituted(each, values) for each in node.value])
    found = _REFERENCE.fullmatch(scalar(node))
    if not found:
        return node
    if found[1] not in values:
        raise InputError(
            f"unknown parameter {found[0]}",
            where=place_of(node),
            expected=f"one of {', '.join(f'${name}' for name in sorted(values)) or 'none'}",
            do="declare it under `parameters` or `files`",
        )
    return values[found[1]]


def _laid_over(base: yaml.MappingNode, upper: yaml.MappingNode, path: tuple[str, ...]) -> yaml.MappingNode:
    """Mappings are merged key by key; all else is replaced. Steps are changed by their names.

    An output that states its type replaces the other's: rows of another type have other columns.
    """
    pairs = list(base.value)
    for key, value in upper.value:
        place = next((i for i, (known, _) in enumerate(pairs) if known.value == key.value), None)
        if place is None:
            pairs.append((key, value))
            continue
        pairs[place] = (key, _replaced(pairs[place][1], value, (*path, key.value)))
    return yaml.MappingNode(base.tag, pairs, upper.start_mark, upper.end_mark)


def _replaced(below: yaml.Node, above: yaml.Node, path: tuple[str, ...]) -> yaml.Node:
    if path == ("output",) and child(above, "type") is not None:
        return above
    if isinstance(above, yaml.MappingNode) and isinstance(below, yaml.MappingNode):
        return _laid_over(below, above, path)
    if path == ("steps",) and isinstance(above, yaml.MappingNode) and isinstance(below, yaml.SequenceNode):
        return _changed_steps(below, above)
    return above


def _changed_steps(steps: yaml.SequenceNode, changes: yaml.MappingNode) -> yaml.Node:
    """The steps, those named in `changes` (at any depth) with the changes laid over them."""
    wanted = {key.value: value for key, value in changes.value}
    found: set[str] = set()

    def change(node: yaml.Node) -> yaml.Node:
        if isinstance(node, yaml.SequenceNode):
            return _copied(node, [change(each) for each in node.value])
        if not isinstance(node, yaml.MappingNode):
            return node
        inner = [(key, change(value) if key.value in ("loop", "do") else value) for key, value in node.value]
        step, name = _copied(node, inner), scalar(child(node, "name"))
        if name not in wanted:
            return step
        found.add(name)
        if not isinstance(wanted[name], yaml.MappingNode):
            raise InputError("no changes", where=place_of(wanted[name]), expected="a mapping of the step's keys")
        return _laid_over(step, wanted[name], (name,))

    changed = change(steps)
    for key, _ in changes.value:
        if key.value not in found:
            raise InputError(
                f"there is no step {key.value!r} to change",
                where=place_of(key),
                expected="a step of the recipe that this one extends",
            )
    return changed


def _copied(node: Node, value: list[Any]) -> Node:
    """A node of the same kind with other parts."""
    return type(node)(node.tag, value, node.start_mark, node.end_mark)


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _nodes(each)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key)
            yield from _nodes(value)


def _check_keys(tree: yaml.Node) -> None:
    doubled = _doubled_key(tree)
    if doubled:
        raise InputError(f"{doubled.value!r} is given twice", where=place_of(doubled), expected="each key once")
    other = _key_that_is_no_text(tree)
    if other:
        shown = repr(other.value) if isinstance(other, yaml.ScalarNode) else "a list or mapping"
        raise InputError(
            f"the key {shown} is no text to YAML",
            where=place_of(other),
            expected="texts as keys",
            do="put it in quotes: on, yes, no and numbers are something else without them",
        )


def _mappings(tree: yaml.Node) -> Iterator[yaml.MappingNode]:
    return (node for node in _nodes(tree) if isinstance(node, yaml.MappingNode))


def _doubled_key(tree: yaml.Node) -> yaml.ScalarNode | None:
    """The first key that stands twice in one mapping (YAML's reader would silently take the last)."""
    for mapping in _mappings(tree):
        seen: set[str] = set()
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                return key
            seen.add(str(key.value))
    return None


def _key_that_is_no_text(tree: yaml.Node) -> yaml.Node | None:
    """The first key, at any depth, that YAML reads as something else than a text."""
    return next((key for node in _mappings(tree) for key, _ in node.value if key.tag not in _TEXT_TAGS), None)
