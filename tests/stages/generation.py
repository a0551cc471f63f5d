"""A workspace for generate and judge: seeds, quota, a recipe, and a script that keeps count of what it was asked."""

import json
from pathlib import Path
from typing import Any

import yaml

from gristmill.frame.parquet import PartWriter, read_rows
from gristmill.identity import text_hash
from gristmill.layout import Layout, Stage
from gristmill.schema import SEED

RECIPE = """
name: mine
summary: A topic and a question on it.
inputs: [passage]
steps:
  - {name: topic, prompt: "Topic of: {{ passage }}"}
  - {name: question, prompt: "Ask about: {{ topic }}", checks: [{reason: not_asked, require: "'?' in question"}]}
output: {prompt: "{{ question }}", response: "{{ topic }}", context: "{{ passage }}"}
"""
RUBRIC = """
name: mark
kind: rubric
summary: A mark.
inputs: [prompt]
steps:
  - name: verdict
    prompt: "Mark: {{ prompt }}"
    json: {type: object, properties: {fault: {type: string}, mark: {type: integer}}, required: [fault, mark]}
output: {faults: "{{ verdict.fault }}", scores: {mark: verdict.mark}}
"""
SCRIPT = '''
"""Answers at once, and notes each request in asked.log."""
import json
import os
import signal
import sqlite3
from pathlib import Path

HERE = Path(__file__).parent
LOG = (HERE / "asked.log").open("a", buffering=1)
calls = 0


def committed():
    with sqlite3.connect(HERE / ".gristmill/journal/journal.sqlite") as database:
        return database.execute("SELECT count(*) FROM answers").fetchone()[0]


def answer(request):
    global calls
    calls += 1
    if calls > int(os.environ.get("DIE_AFTER", 1 << 60)) and committed():
        os.kill(os.getpid(), signal.SIGKILL)
    LOG.write(json.dumps([request.step, request.prompt, request.draw, request.attempt]) + "\\n")
    return reply(request)


def reply(request):
    text = request.prompt.split(": ", 1)[1]
    if request.step == "topic":
        return text.split()[-1]
    if request.step == "question":
        stubborn = text.endswith("7.") or (text.endswith("3.") and request.attempt == 0)
        return "No." if stubborn else f"What is {text}?"
    return "none of your JSON" if "5" in text else json.dumps({"fault": "none", "mark": 4})
'''


class Workspace:
    """A folder with all that the two stages need."""

    def __init__(self, root: Path, seeds: int = 10) -> None:
        self.root = root
        self.layout = Layout(root)
        self.asked_log = root / "asked.log"
        (root / "recipes").mkdir(parents=True)
        (root / "inputs").mkdir()
        (root / "inputs" / "retracted.yaml").write_text("tombstones: []\n")
        self.write_recipe(RECIPE)
        (root / "recipes" / "mark.yaml").write_text(RUBRIC)
        (root / "counting_script.py").write_text(SCRIPT)
        self.write_params()
        self.write_seeds(seeds)
        self.write_quota(seeds)

    def write_params(self, **engine: Any) -> None:
        settings = {"kind": "scripted", "script": "counting_script:answer", "max_in_flight": 8, **engine}
        params = {
            "generate": {"recipe": "mine", "attempts": 2},
            "judge": {"rubric": "mark", "attempts": 1},
            "engine": settings,
        }
        (self.root / "params.yaml").write_text(yaml.safe_dump(params))

    def write_recipe(self, text: str) -> None:
        (self.root / "recipes" / "mine.yaml").write_text(text)

    def write_quota(self, seeds: int, draws: int = 1, recipe: str = "mine") -> None:
        quota = {"version": 1, "recipes": {recipe: {"seeds": seeds, "draws": draws}}}
        self.layout.quota_lock.write_text(json.dumps(quota))

    def write_seeds(self, count: int) -> None:
        with PartWriter(self.layout.data(Stage.INGEST), SEED) as out:
            for i in range(count):
                out.append(seed(f"Something about topic{i}."))

    def asked(self) -> list[str]:
        """What the script was asked, a line for each request."""
        return self.asked_log.read_text().splitlines() if self.asked_log.exists() else []

    def forget_asked(self) -> None:
        self.asked_log.write_text("")

    def rows(self, stage: Stage) -> list[dict[str, Any]]:
        return list(read_rows(self.layout.data(stage)))

    def rejects(self, stage: Stage) -> list[dict[str, Any]]:
        return list(read_rows(self.layout.data(stage) / "rejected"))

    def contents(self, stage: Stage) -> dict[str, bytes]:
        """Every file of the stage's out, byte for byte."""
        folder = self.layout.data(stage)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def seed(text: str) -> dict[str, Any]:
    """A seed's row."""
    origin = {"source": "test", "document_id": "d", "address": "test#d", "offset": 0, "licence": None}
    return {"seed_id": text_hash(text), "text": text, "title": None, "tokens": 9, "depth": 0, "origins": [origin]}
