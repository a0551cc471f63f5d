"""A workspace whose script counts across processes, and can be slow, or deadly."""

from pathlib import Path
from typing import Any

from tests.stages.generation import Workspace

SCRIPT = '''
"""Answers, and notes each request in asked.log; TOLL says for which prompts, and how often, the process dies."""
import json
import os
import signal
import time
from pathlib import Path

HERE = Path(__file__).parent
LOG = (HERE / "asked.log").open("a", buffering=1)
MANNERS = json.loads((HERE / "manners.json").read_text())


def answer(request):
    LOG.write(json.dumps([request.step, request.prompt, request.draw, request.attempt]) + "\\n")
    for words, times in MANNERS["toll"].items():
        if request.prompt.endswith(words) and paid(words) < times:
            with (HERE / "toll.log").open("a") as log:
                log.write(words + "\\n")
            os.kill(os.getpid(), signal.SIGKILL)
    for words in MANNERS["faulty"]:
        if request.prompt.endswith(words):
            from gristmill.errors import GristmillError

            raise GristmillError("the well is dry", where="the script", do="dig deeper")
    time.sleep(MANNERS["seconds"])
    return reply(request)


def paid(words):
    log = HERE / "toll.log"
    return log.read_text().splitlines().count(words) if log.exists() else 0


def reply(request):
    text = request.prompt.split(": ", 1)[1]
    if request.step == "topic":
        return text.split()[-1]
    if request.step == "question":
        stubborn = text.endswith("7.") or (text.endswith("3.") and request.attempt == 0)
        return "No." if stubborn else f"What is {text}?"
    return "none of your JSON" if "5" in text else json.dumps({"fault": "none", "mark": 4})
'''


class RayWorkspace(Workspace):
    """`distribute` turns two actors on; `manners` say how the script behaves."""

    def __init__(self, root: Path, seeds: int) -> None:
        super().__init__(root, seeds)
        (root / "counting_script.py").write_text(SCRIPT)
        self.manners()

    def manners(self, seconds: float = 0.0, toll: dict[str, int] | None = None, faulty: tuple[str, ...] = ()) -> None:
        import json

        manners = {"seconds": seconds, "toll": toll or {}, "faulty": list(faulty)}
        (self.root / "manners.json").write_text(json.dumps(manners))

    def distribute(self, **settings: Any) -> None:
        self.write_params(distribute={"kind": "ray", "actors": 2, "shard_seeds": 16, **settings})
