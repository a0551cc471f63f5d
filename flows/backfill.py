"""Days that were missed: one cycle of the pipeline for each day of a range, the oldest first."""

from collections.abc import Iterator
from datetime import date, timedelta

from prefect import flow

from flows.pipeline import pipeline
from gristmill.errors import InputError
from tasks.inputs import present_parameter, set_parameters

_DAY = "{day}"


@flow(name="backfill", log_prints=False)
def backfill(first: date, last: date, source: str, path: str) -> list[str]:
    """A release for each day, each built on the one before; afterwards the source is as it was.

    A day that fails ends the run: what was released before it stays, and running again goes on from there. Gives the
    versions.

    Args:
        first: the first day, such as 2026-03-01.
        last: the last day, itself included.
        source: name of the source in params.yaml whose files lie under dated prefixes.
        path: the source's path on a day, {day} standing for it, such as s3://seeds/forum/{day}/*.jsonl.

    """
    place = f"ingest.sources.{source}.path"
    before = present_parameter(place)
    try:
        return [release["version"] for day in days(first, last, path) if (release := pipeline({place: day}))]
    finally:
        set_parameters({place: before})


def days(first: date, last: date, path: str) -> Iterator[str]:
    """The path of each day. Raises InputError when there is none, or all would be the same."""
    if _DAY not in path:
        raise InputError(f"found {path!r}", where="parameter path", expected=f"a path with {_DAY} in it")
    if last < first:
        raise InputError(f"found {first} to {last}", where="parameters first, last", expected="the first day first")
    return (path.replace(_DAY, str(first + timedelta(days=n))) for n in range((last - first).days + 1))
