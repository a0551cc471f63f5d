"""docs/commands.md, written from the commands themselves: `python -m gristmill.cli.reference > docs/commands.md`."""

import sys
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from gristmill.cli.main import app

_HEAD = """# Commands

Written from the program (`make reference`). Everything that prints a table also takes `--json`. Exit codes: 0 fine,
1 a fault, 2 wrong parameters or input, 3 the gate said no, 4 and 70 a bug of ours, 130 interrupted.
"""


def reference() -> str:
    """Every command's help as one Markdown page."""
    return "\n".join([_HEAD, *(_section(context) for context in _commands(get_command(app), "gristmill", None))])


def _commands(command: Any, name: str, parent: Any) -> Iterator[Any]:
    """The context of each command that does something, groups opened. Typer brings its own click: hence Any."""
    context = command.context_class(command, info_name=name, parent=parent, terminal_width=100)
    below = getattr(command, "commands", {})
    if not below:
        yield context
    for each in below:
        yield from _commands(below[each], each, context)


def _section(context: Any) -> str:
    return f"## {context.command_path}\n\n```\n{context.command.get_help(context)}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
