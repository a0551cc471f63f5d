"""`gristmill recipes`: which there are, what one needs and gives, a new one, and whether they are sound."""

from typing import Annotated

import typer
from rich.markup import escape

from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.layout import find_workspace
from gristmill.recipes.catalogue import entries, entry, write_new

app = typer.Typer(help="Recipes: list, show, make a new one, check.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every recipe and rubric with what it makes, the paper that it follows, and how much of it was published."""
    show_rows([each.line() for each in entries(find_workspace().recipes)], as_json=as_json, title="recipes")


@app.command()
def show(name: Annotated[str, typer.Argument(help="The recipe.")], as_json: AsJson = False) -> None:
    """What a recipe needs, its parameters with their defaults, what it asks, and where it comes from."""
    story = entry(find_workspace().recipes, name).story()
    if as_json:
        show_json(story)
        return
    for key, value in story.items():
        if value not in (None, "", [], {}):
            shown = "\n".join(f"  {line}" for line in _lines(value)) if isinstance(value, list | dict) else f"  {value}"
            out.print(f"[cyan]{key}[/]\n{escape(shown)}")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the new recipe.")],
    extends: Annotated[str | None, typer.Option(help="Make it a variant of this recipe.")] = None,
) -> None:
    """Write a recipe to start from: ten lines that run, or a variant of another."""
    layout = find_workspace()
    path = write_new(layout.recipes, name, extends)
    out.print(
        f"{path.relative_to(layout.root)}: edit it, then\n"
        f"  gristmill recipes check {name}\n  gristmill preview --recipe {name}",
        markup=False,
    )


@app.command()
def check(names: Annotated[list[str] | None, typer.Argument(help="Recipes; all by default.")] = None) -> None:
    """Everything that is wrong in recipes and rubrics, with file, line and step; nothing is asked."""
    found = entries(find_workspace().recipes, names)
    out.print(f"{len(found)} sound: {', '.join(each.spec.name for each in found)}", markup=False)


def _lines(value: list[object] | dict[str, object]) -> list[str]:
    return (
        [f"{key}: {each}" for key, each in value.items()] if isinstance(value, dict) else [str(each) for each in value]
    )
