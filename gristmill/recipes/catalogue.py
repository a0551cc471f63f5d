"""What stands in recipes/: every recipe and rubric with what it needs, gives and follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import GristmillError, InputError, Problem, ProblemsError
from gristmill.recipes.compile import recipe_program, rubric_program
from gristmill.recipes.format import RecipeKind, RecipeSpec, RubricSpec
from gristmill.recipes.load import Source, load_recipe, load_rubric
from gristmill.recipes.program import Asked, Program
from gristmill.recipes.tree import recipe_content


@dataclass(frozen=True)
class Entry:
    """One file, checked and compiled."""

    spec: RecipeSpec | RubricSpec
    source: Source
    program: Program

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameter -> default."""
        return self.spec.parameters

    @property
    def asks(self) -> tuple[Asked, ...]:
        """The steps that ask the model or run a program."""
        return self.program.asks

    def line(self) -> dict[str, str]:
        """The entry as a row of a table."""
        return {
            "name": self.spec.name,
            "makes": self.program.type,
            "source": self.spec.source,
            "provenance": self.spec.provenance.value,
            "summary": self.spec.summary,
        }

    def story(self) -> dict[str, Any]:
        """All that a user of the recipe needs to know."""
        filters = self.spec.filters if isinstance(self.spec, RecipeSpec) else {}
        return {
            **self.line(),
            "version": self.spec.version,
            "notes": self.spec.notes,
            "extends": self.spec.extends,
            "inputs": list(self.spec.inputs),
            "parameters": dict(self.parameters),
            "files": dict(self.spec.files),
            "asks": [f"{each.step}: at most {each.times} x {_size(each)}" for each in self.asks],
            "filters": filters,
            "hash": self.program.hash,
        }


def _size(asked: Asked) -> str:
    return "a program in the sandbox" if asked.runs else f"{asked.max_tokens} tokens"


def names(folder: Path) -> list[str]:
    """Every recipe and rubric, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def entry(folder: Path, name: str) -> Entry:
    """One of them. Raises InputError or ProblemsError with all that is wrong in it."""
    if recipe_content(folder, name).get("kind") == RecipeKind.RUBRIC:
        return Entry(*load_rubric(folder, name), rubric_program(folder, name, attempts=1))
    return Entry(*load_recipe(folder, name), recipe_program(folder, name, attempts=1))


def entries(folder: Path, wanted: list[str] | None = None) -> list[Entry]:
    """Those wanted, by default all. Raises ProblemsError with all that is wrong in any of them."""
    found: list[Entry] = []
    problems: list[Problem] = []
    for name in wanted or names(folder):
        try:
            found.append(entry(folder, name))
        except ProblemsError as error:
            problems += error.problems
        except GristmillError as error:
            problems.append(error.problem)
    if problems:
        raise ProblemsError(problems)
    return found


_NEW = """\
# yaml-language-server: $schema=../recipes.schema.json
name: {name}
summary: A summary of a passage in one sentence.
inputs: [passage]
steps:
  - name: summary
    messages:
      - user: "Say in one sentence what this text is about.\\n\\n{{{{ passage }}}}"
    sampling: {{temperature: 0.5, max_tokens: 60}}
    checks: [{{reason: too_long, require: "summary | words | length <= 40", kind: too_long}}]
output: {{prompt: "Summarise:\\n\\n{{{{ passage }}}}", response: "{{{{ summary }}}}", context: "{{{{ passage }}}}"}}
"""
_VARIANT = """\
# yaml-language-server: $schema=../recipes.schema.json
name: {name}
summary: {summary}
extends: {base}
parameters: {parameters}
"""


def write_new(folder: Path, name: str, base: str | None) -> Path:
    """A recipe to start from: ten lines that run, or a variant of `base`. Raises InputError when there is one."""
    path = folder / f"{name}.yaml"
    if path.exists():
        raise InputError("there is such a recipe already", where=f"recipes/{path.name}", do="choose another name")
    if base is None:
        text = _NEW.format(name=name)
    else:
        extended = entry(folder, base)
        shown = "{" + ", ".join(f"{key}: {value}" for key, value in extended.parameters.items()) + "}"
        text = _VARIANT.format(name=name, summary=extended.spec.summary, base=base, parameters=shown)
    path.write_text(text)
    try:
        entry(folder, name)
    except InputError:
        path.unlink()
        raise
    return path
