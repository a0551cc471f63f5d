"""`gristmill lab`: what training on its own output would do to a data set of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.health.laboratory import MAX_SENTENCES, MILDEST_FIRST, Run, corpus_of, rise, run, summary
from gristmill.health.recursion import Arm
from gristmill.health.sets import read_set

_TEXTS = 20_000


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(lab)


def lab(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Texts, Parquet or JSONL, a file or folder.")],
    text_column: Annotated[str, typer.Option("--text-column", help="Column that holds the text.")] = "text",
    generations: Annotated[int, typer.Option("--generations", min=1, max=50, help="Rounds of training.")] = 10,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=20, help="Runs of each arm; figures are means.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Trains a small model on your texts, the next on what it wrote, and so on: replacing against accumulating."""
    texts = read_set(data, text_column, _TEXTS)
    corpus = corpus_of(texts.texts)
    runs = {arm: [run(corpus, arm, seed, generations) for seed in range(seeds)] for arm in MILDEST_FIRST}
    arms = {arm.value: summary(found) for arm, found in runs.items()}
    if as_json:
        figures = {"sentences": len(corpus.encoded), "generations": generations, "seeds": seeds}
        show_json({"data": str(data), **figures, "arms": arms})
        return
    title = f"{len(corpus.encoded):,} distinct sentences (at most {MAX_SENTENCES:,}), means of {seeds}"
    rows = [{"trained on": name, **_short(figures)} for name, figures in arms.items()]
    show_rows(rows, as_json=False, title=title)
    out.print(_told(runs, generations))


def _short(figures: dict[str, float]) -> dict[str, float]:
    """Names that fit a terminal."""
    names = (("cross_entropy_", "bits "), ("seed_deviation", "sd"), ("tail_coverage_", "tail "))
    return {name.replace(*next(n for n in names if n[0] in name)): value for name, value in figures.items()}


def _told(runs: dict[Arm, list[Run]], generations: int) -> str:
    """The figures in words."""
    replaced, kept = runs[Arm.REPLACE], runs[Arm.ACCUMULATE]
    lost, left = (
        1 - sum(one.tail[-1] for one in found) / sum(one.tail[0] for one in found) for found in (replaced, kept)
    )
    return (
        f"bits: per word of text that no generation saw. tail: share of your rare words (at most"
        f" twice in the training text) in what the model writes.\nAfter {generations} generations, replacing costs"
        f" {rise(replaced):+.2f} bits and {lost:.0%} of the rare words that the first model still wrote; accumulating"
        f" {rise(kept):+.2f} bits and {left:.0%}."
    )
