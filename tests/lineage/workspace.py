"""A tiny workspace with real git and real DVC: three cheap stages that end in data/gate and data/export."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from gristmill.layout import Layout
from gristmill.lineage.process import dvc_environment
from gristmill.params.load import parse, read_yaml
from gristmill.params.root import Params

DVC_YAML = """\
stages:
  ingest:
    cmd: python ingest.py
    deps: [ingest.py, inputs/sources.lock, inputs/parent.lock]
    outs: [data/ingest]
    metrics: [{metrics/ingest.json: {cache: false}}]
  gate:
    cmd: python gate.py
    deps: [gate.py, data/ingest]
    outs: [data/gate]
  export:
    cmd: python export.py
    deps: [export.py, data/ingest, data/gate, extra.txt]
    params: [export]
    outs: [data/export]
artifacts:
  dataset:
    path: data/export
    type: dataset
"""

INGEST = """\
import json, pathlib, time
lines = pathlib.Path("seeds.txt").read_text().splitlines()
out = pathlib.Path("data/ingest"); out.mkdir(parents=True)
(out / "lines.json").write_text(json.dumps(lines))
metrics = pathlib.Path("metrics"); metrics.mkdir(exist_ok=True)
(metrics / "ingest.json").write_text(json.dumps({"at": time.time()}))
"""

GATE = """\
import json, pathlib, sys
lines = json.loads(pathlib.Path("data/ingest/lines.json").read_text())
if "forbidden" in lines:
    print("error: gate: the data set does not pass\\n    do: take it out", file=sys.stderr)
    sys.exit(3)
out = pathlib.Path("data/gate"); out.mkdir(parents=True)
(out / "decision.json").write_text(json.dumps({"passed": True, "mode": "block", "reasons": []}))
"""

EXPORT = """\
import hashlib, json, pathlib
import pyarrow as pa, pyarrow.parquet as pq
lines = json.loads(pathlib.Path("data/ingest/lines.json").read_text())
out = pathlib.Path("data/export"); (out / "shards").mkdir(parents=True)
files = []
for split, rows in (("train", lines[:2]), ("test", lines[2:])):
    if not rows:
        continue
    origins = [[{"source": f"source-{row}", "licence": "MIT"}] for row in rows]
    columns = {"sample_id": rows, "text": rows, "origins": origins, "seed_ids": [[] for _ in rows]}
    columns |= {"prompt": [f"what is {row}?" for row in rows], "response": rows}
    pq.write_table(pa.table(columns), out / "shards" / "new")
    content = (out / "shards" / "new").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    (out / "shards" / "new").rename(out / "shards" / f"{sha256}.parquet")
    path = f"shards/{sha256}.parquet"
    files.append({"path": path, "split": split, "rows": len(rows), "bytes": len(content), "sha256": sha256})
content_hash = hashlib.md5(repr(lines).encode()).hexdigest()
(out / "index").mkdir()
index = []
for part, line in enumerate(lines):  # cumulative, as a release's index is: what an earlier one lists, a later one does
    sha256 = hashlib.sha256(line.encode()).hexdigest()
    path = f"index/{sha256}.parquet"
    (out / path).write_text(line)
    facts = {"path": path, "kind": "rows", "part": part, "rows": 1}
    index.append({**facts, "bytes": len(line.encode()), "sha256": sha256})
facts = {"content_hash": content_hash, "rows": len(lines), "index": index, "verdict": {}}
manifest = {"format": 1, "files": files, **facts}
(out / "manifest.json").write_text(json.dumps(manifest))
data_files = "".join(f"- path: {f['path']}\\n" for f in files)
(out / "README.md").write_text(f"---\\ndata_files:\\n{data_files}---\\nCard\\n")
"""

GITIGNORE = "/.gristmill/\n/data/\n/metrics/\n/inputs/*.lock\n/release.json\n/seeds.txt\n"


@dataclass(frozen=True)
class Workspace:
    """A clone with what a test does in it."""

    layout: Layout

    @property
    def root(self) -> Path:
        return self.layout.root

    def params(self) -> Params:
        return parse(Params, read_yaml(self.layout.params), "params.yaml")

    def set(self, section: str, **values: object) -> None:
        content = read_yaml(self.layout.params)
        content.setdefault(section, {}).update(values)
        self.layout.params.write_text(yaml.safe_dump(content))

    def seeds(self, *lines: str) -> None:
        """The seeds, and a lock file that pins them."""
        (self.root / "seeds.txt").write_text("\n".join(lines) + "\n")
        self.layout.sources_lock.parent.mkdir(exist_ok=True)
        self.layout.sources_lock.write_text(json.dumps(lines))
        self.layout.parent_lock.write_text("null")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def dvc(self, *arguments: str) -> str:
        return run_dvc(self.root, *arguments)

    def clone(self, to: Path, *arguments: str) -> "Workspace":
        subprocess.run(
            ["git", "clone", "--quiet", *arguments, str(self.root), str(to)], check=True, capture_output=True
        )
        return Workspace(Layout(to))


def run_dvc(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=dvc_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(root: Path) -> Workspace:
    """A committed workspace whose graph has run once over three lines."""
    root.mkdir()
    workspace = Workspace(Layout(root))
    files = {
        "dvc.yaml": DVC_YAML,
        "ingest.py": INGEST,
        "gate.py": GATE,
        "export.py": EXPORT,
        ".gitignore": GITIGNORE,
        "extra.txt": "extra\n",
        "params.yaml": "ingest: {sources: [{name: lines, path: seeds.txt}]}\nexport: {title: Lines}\n",
    }
    for name, content in files.items():
        (root / name).write_text(content)
    house = Path(__file__).parents[2] / ".dvc"
    (root / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(house / name, root / ".dvc" / name)
    workspace.git("init", "--quiet", "--initial-branch=main")
    workspace.git("config", "user.name", "Tester")
    workspace.git("config", "user.email", "tester@example.org")
    workspace.git("add", "-A")
    workspace.git("commit", "--quiet", "-m", "Start")
    workspace.seeds("one", "two", "three")
    workspace.dvc("repro")
    return workspace


def copy(template: Workspace, to: Path) -> Workspace:
    """Another workspace like it, history and DVC cache included."""
    shutil.copytree(template.root, to, symlinks=True)
    return Workspace(Layout(to))
