"""Writes each stage's own code into dvc.yaml's `deps` (`make graph`); data, recipes and inputs there stay as they are.

A folder that is in the closure as a whole is named once.
"""

from pathlib import Path

from ruamel.yaml import YAML

from tests.closure import ROOT, closure


def write_graph() -> None:
    """Brings the code that dvc.yaml names up to date."""
    path = ROOT / "dvc.yaml"
    yaml = YAML()
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    graph = yaml.load(path)
    for name, stage in graph["stages"].items():
        others = [dep for dep in stage["deps"] if not dep.startswith("gristmill/")]
        stage["deps"][:] = [*others, *_code(name)]
    with path.open("w") as out:
        yaml.dump(graph, out)


def _code(stage: str) -> list[str]:
    files = closure(f"gristmill.stages.{stage}") | closure("gristmill.stages.__main__")
    folders = {Path(name).parent.as_posix() for name in files} - {"gristmill"}
    names = set(files)
    for folder in sorted(folders, key=len, reverse=True):
        inside = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}
        if len(inside) > 1 and inside <= files:
            names = {name for name in names if not name.startswith(f"{folder}/")} | {folder}
    return sorted(names)


if __name__ == "__main__":
    write_graph()
