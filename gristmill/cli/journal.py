"""`gristmill journal`: what the journal of answers holds, and where it is kept besides this clone."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gristmill.cli.output import AsJson, err, show_json, show_rows
from gristmill.engine import inventory
from gristmill.engine.inventory import Match
from gristmill.engine.journal import open_journal
from gristmill.layout import find_workspace
from gristmill.validation import load_params

app = typer.Typer(help="The journal: every answered request.", no_args_is_help=True)


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Answers, tokens and bytes by recipe, step, model and engine, and the segments here and in the store."""
    path = find_workspace().journal
    groups = [asdict(group) for group in inventory.groups(path)]
    files = asdict(inventory.files(path))
    if as_json:
        show_json({"groups": groups, **files})
        return
    show_rows(groups, as_json=False, title="answers")
    show_rows([files], as_json=False, title="\njournal")


@app.command()
def prune(
    older_than: Annotated[float | None, typer.Option(metavar="DAYS", help="Answers given longer ago.", min=0)] = None,
    model: Annotated[str | None, typer.Option(help="Answers of this model, NAME or NAME@REVISION.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Answers that this recipe or rubric asked for first.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Throw answers away and give their room back; without --yes, say what would go.

    All conditions that are given must hold. What goes would be asked, and paid for, again. Segments in the store stay.
    """
    path, match = find_workspace().journal, Match(older_than, model, recipe)
    found = inventory.prune(path, match) if yes else inventory.would_prune(path, match)
    show_rows([{"done": yes, **asdict(found)}], as_json=as_json, title="pruned" if yes else "would go (--yes does it)")


@app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="New file, .parquet or .jsonl.")],
    as_json: AsJson = False,
) -> None:
    """Write every entry to a file that only you can read: whole prompts and answers, nothing is redacted."""
    answers = inventory.export(find_workspace().journal, target)
    show_rows([{"file": str(target), "answers": answers}], as_json=as_json, title="exported")
    err.print("note: the file holds prompts and answers as they are, personal data included; keep it private")


@app.command()
def sync(as_json: AsJson = False) -> None:
    """Fetch answers that others recorded from <store.url>/journal/, and upload those that only this clone has."""
    from gristmill.engine.mirror import Mirror, tell
    from gristmill.store.client import connect

    layout = find_workspace()
    params = load_params(layout)
    with open_journal(layout.journal) as journal, closing(Mirror(journal.path, connect(params.store))) as mirror:
        fetched = mirror.fetch()
        uploaded = mirror.push()
    tell(fetched)
    figures = {
        "segments_fetched": fetched.segments,
        "answers_new": fetched.answers,
        "segments_refused": len(fetched.refused),
        "segments_uploaded": uploaded,
    }
    show_rows([figures], as_json=as_json, title="journal")
