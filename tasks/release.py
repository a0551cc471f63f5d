"""The end of a cycle: a version on S3, in DVC and in git."""

from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from gristmill.lineage.release import release
from gristmill.store.client import connect
from tasks.workspace import workspace


@task(name="store")
def reach_store() -> None:
    """Fails before any work when the store does not answer, lacks the bucket or refuses the credentials."""
    _, params = workspace()
    get_run_logger().info("store: %s", connect(params.store).address(""))


@task(name="release")
def release_version() -> dict[str, Any]:
    """Publishes what the graph made; with nothing new, makes sure that the store holds it."""
    layout, params = workspace()
    version = release(layout, params)
    what = "released" if version.new else "nothing new; the store holds"
    get_run_logger().info("%s %s: %s rows, %s", what, version.tag, f"{version.rows:,}", version.url)
    create_markdown_artifact(
        key="release",
        markdown=f"# {version.tag}\n\n{version.rows:,} rows at `{version.url}`",
        description=f"{what} {version.tag}",
    )
    create_link_artifact(
        link=version.url, link_text=version.tag, key="manifest", description="the manifest in the store"
    )
    return {"version": version.version, "tag": version.tag, "url": version.url, "rows": version.rows}
