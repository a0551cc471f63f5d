"""Releases through the whole graph: healthy ones pass, one whose temperature was turned down is stopped, and told why.

The scripted engine stands in for the model: above a temperature of 0.3 it writes with the passage's own words, below
with a dozen words that it has left.
"""

from pydoc_data.topics import topics

import pytest

from tests.e2e.workspace import make_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.system, pytest.mark.timeout(900)]

RECIPE = """
name: ask
version: 1
summary: A question on a passage, and its answer.
source: inferred
inputs: [passage]
steps:
  - name: question
    prompt: "{{{{ passage }}}}\\n\\nQuestion:"
    sampling: {{temperature: {temperature}, max_tokens: 40}}
  - name: reply
    prompt: "{{{{ passage }}}}\\n\\nAnswer:"
    sampling: {{temperature: {temperature}, max_tokens: 40}}
output: {{type: sft, prompt: "{{{{ question }}}}", response: "{{{{ reply }}}}", context: "{{{{ passage }}}}"}}
"""
SCRIPT = '''
import hashlib
import random

from gristmill.engine.answerer import answer
from gristmill.text import content_words

LEFT = "thing way part kind use case form name value set place time".split()


def write(request):
    """Writes like a model at the request's temperature."""
    if request.step not in ("question", "reply"):
        return answer(request)
    rng = random.Random(hashlib.sha256(request.prompt.encode()).hexdigest())
    own = content_words(request.prompt.rsplit("\\n\\n", 1)[0])
    words = rng.sample(own, min(9, len(own))) if request.sampling.temperature > 0.3 else rng.choices(LEFT, k=9)
    return f"What is said of {' '.join(words)}?" if request.step == "question" else f"It is {' '.join(words)}."
'''
GROUPS = 5
"""The reference's topics, dealt in parts: two for the first release, one more for each that follows."""


@pytest.fixture(scope="module")
def clone(environment, tmp_path_factory):
    """A clone whose seeds are the first two parts, and whose engine is the script."""
    workspace = make_workspace(tmp_path_factory.mktemp("drift") / "clone", environment)
    (workspace.root / "narrowing.py").write_text(SCRIPT)
    workspace.set_params(
        engine__kind="scripted",
        engine__script="narrowing:write",
        generate__recipe="ask",
        quota__seeds=1_000,
        quota__draws=1,
        gate__min_accepted_share=0.0,
        store__url="s3://gristmill/drift",
        filter__filters=[{"name": "length"}],
        ingest__sources=[{"name": "reference", "path": "texts/*.md", "licence": "PSF-2.0"}],
    )
    turn(workspace, 0.9)
    add_texts(workspace, 0, 1)
    return workspace


def turn(workspace, temperature):
    """Sets the recipe's temperature."""
    (workspace.root / "recipes" / "ask.yaml").write_text(RECIPE.format(temperature=temperature))


def add_texts(workspace, *groups):
    """Adds parts of the reference to the sources, and commits."""
    (workspace.root / "texts").mkdir(exist_ok=True)
    for number, (topic, text) in enumerate(sorted(topics.items())):
        if number % GROUPS in groups:
            (workspace.root / "texts" / f"{topic.lower()}.md").write_text(text)
    workspace.git("add", "-A")
    workspace.commit(f"texts {groups}")


def release(workspace, check=True):
    """Sync, every stale stage, release, without Prefect around them."""
    workspace.run("gristmill", "sync")
    done = workspace.run("dvc", "repro", check=check)
    if done.returncode == 0:
        workspace.run("gristmill", "release")
    return done


def health(workspace):
    return workspace.json("data", "audit", "verdict.json")["health"]


def test_three_healthy_releases_pass_and_one_turned_down_is_blocked_with_its_cause(clone):
    release(clone)
    assert health(clone)["status"] == "baseline"
    for group in (2, 3):
        add_texts(clone, group)
        release(clone)
        assert health(clone)["status"] == "measured"
        assert clone.json("data", "gate", "decision.json")["passed"]
    parent = clone.json("release.json")["tag"]

    turn(clone, 0.05)
    add_texts(clone, 4)
    refused = release(clone, check=False)

    told = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "drift of ask, the new part:" in told
    assert f"in {parent} (+" in told
    assert f"changed since {parent}: sampling.question.temperature: 0.9 -> 0.05" in told
    assert "no source and no filter explains it" in told
    assert [entry["release"] for entry in health(clone)["history"]] == [
        "dataset@v0.1.0",
        "dataset@v0.2.0",
        "dataset@v0.3.0",
    ]

    clone.set_params(gate__mode="warn")
    clone.commit("let it pass")
    release(clone)
    manifest = clone.json("data", "export", "manifest.json")
    assert manifest["gate"]["passed"] is False
    assert manifest["gate"]["reasons"][0].startswith("drift of ask, the new part:")
