"""Templates and expressions of a recipe, compiled once, in Jinja's sandbox.

Seed text is only ever a value: it is never compiled, so nothing in it can act. What a template
may name is fixed when it is compiled: the recipe's declared inputs, earlier steps, and the
functions of `gristmill.recipes.functions`. Everything is deterministic (Jinja's `random` and
`lipsum` are left out), for a step computed twice must ask the same.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gristmill.errors import InputError
from gristmill.recipes.functions import FUNCTIONS

Render = Callable[[Mapping[str, Any]], str]
Evaluate = Callable[[Mapping[str, Any]], Any]

RUNTIME_FAULTS = (TypeError, ValueError, ArithmeticError, LookupError)
"""What an expression over seed data can raise besides Jinja's own errors; each costs one sample, never the run."""
_KNOWN_ATTRIBUTES = 1024


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox. What it says of an attribute goes by the type and the name, so it is asked once."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._known: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may see it; most of a rendering's time went into asking this again."""
        known = self._known.get((type(obj), attr))
        if known is None:
            known = super().is_safe_attribute(obj, attr, value)
            if len(self._known) < _KNOWN_ATTRIBUTES:  # a name can come from a seed
                self._known[type(obj), attr] = known
        return known


def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox: strict about unknown names, without Jinja's own globals, with the documented functions."""
    sandbox = _Sandbox(undefined=StrictUndefined, keep_trailing_newline=False, autoescape=False)
    sandbox.globals.clear()
    sandbox.globals.update(FUNCTIONS)
    sandbox.filters.update(FUNCTIONS)
    del sandbox.filters["random"]
    return sandbox


_SANDBOX = environment()
_PATH_ALONE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\s*\}\}")
"""`{{ fact.answer }}`: most output templates are no more than this, and need no rendering."""


def compile_template(source: str, known: Collection[str], where: str) -> Render:
    """A function from values to the rendered, stripped text. Raises InputError with `where` when it cannot be."""
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        text = source.strip()
        return lambda _values: text
    _check(source, known, where, source)
    alone = _PATH_ALONE.fullmatch(source.strip())
    if alone:
        first, *rest = alone[1].split(".")
        return lambda values: str(_follow(values[first], rest)).strip()
    template = _SANDBOX.from_string(source)
    context = _contexts(source, template.blocks)
    root = template.root_render_func
    return lambda values: "".join(root(context(values))).strip()


def compile_expression(source: str, known: Collection[str], where: str) -> Evaluate:
    """A function from values to the expression's value. Raises InputError with `where` when it cannot be."""
    _check("{% set _value = (" + source + "\n) %}", known, where, source)
    try:
        template = _SANDBOX.from_string("{% set result = (" + source + "\n) %}")
    except TemplateSyntaxError as error:
        raise _syntax(error, where, source) from None
    context = _contexts(source, {})
    root = template.root_render_func

    def evaluate(values: Mapping[str, Any]) -> Any:
        there = context(values)
        for _ in root(there):
            pass
        value = there.vars["result"]
        if isinstance(value, Undefined):
            str(value)  # raises UndefinedError, with the name that is missing
        return value

    return evaluate


def names_in(source: str) -> set[str]:
    """The names that an expression uses and does not define itself; it has compiled before."""
    return set(meta.find_undeclared_variables(_SANDBOX.parse("{% set _value = (" + source + "\n) %}")))


def _contexts(source: str, blocks: dict[str, Any]) -> Callable[[Mapping[str, Any]], Context]:
    """What makes a context from values, with only those functions in it that the source names.

    Jinja's own way copies all of them for each rendering, which took a tenth of a row's time.
    """
    functions = {name: function for name, function in FUNCTIONS.items() if name in source}
    return lambda values: Context(_SANDBOX, {**functions, **values}, None, blocks)


def _follow(value: Any, names: list[str]) -> Any:
    """`value.a.b` by the sandbox's rules; what is not there is undefined, and complains when it is used."""
    for name in names:
        value = _SANDBOX.getattr(value, name)
    return value


def _check(source: str, known: Collection[str], where: str, shown: str) -> None:
    try:
        tree = _SANDBOX.parse(source)
        named = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise _syntax(error, where, shown) from None
    loads = next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None)
    if loads is not None:
        raise InputError(f"line {loads.lineno} loads another template", where=where, expected="one whole text")
    unknown = sorted(named - set(known) - set(FUNCTIONS))
    if unknown:
        raise InputError(
            f"unknown name {', '.join(repr(name) for name in unknown)}",
            where=where,
            expected=f"one of {', '.join(sorted(known)) or 'none'}, or a function of docs/recipes.md",
            do="declare it under `inputs`, or name an earlier step",
        )


def _syntax(error: TemplateSyntaxError, where: str, source: str) -> InputError:
    line = source.splitlines()[min(error.lineno, source.count("\n") + 1) - 1] if source else ""
    return InputError(f"{error.message} (in {line.strip()!r})", where=where, expected="a Jinja template or expression")
