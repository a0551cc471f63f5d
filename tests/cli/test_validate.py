"""`gristmill validate`: all problems at once, exit code 2, nothing heavy loaded."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.closure import ROOT


@pytest.fixture
def clone(tmp_path):
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    return tmp_path


def validate(clone, *arguments):
    command = [sys.executable, "-m", "gristmill", "validate", *arguments]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True)


def change(clone, **sections):
    path = clone / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for section, values in sections.items():
        params.setdefault(section, {}).update(values)
    path.write_text(yaml.safe_dump(params))


def test_validate_of_the_project_as_it_stands_finds_nothing(clone):
    done = validate(clone)

    assert (done.returncode, done.stdout) == (0, "params.yaml, recipes and sources are fine\n")


def test_validate_reports_all_wrong_parameters_at_once_with_place_found_and_expected(clone):
    change(clone, gate={"min_rows": "many", "mode": "maybe"}, compose={"splitz": 1}, model={"dtype": "int3"})

    done = validate(clone)

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "params.yaml: model.dtype: found 'int3'",
        "    expected: String should match pattern '^(auto|bfloat16|float16|float32)$'",
        "params.yaml: compose.splitz: unknown parameter",
        "    expected: one of the parameters in params.schema.json",
        "    do: check the spelling",
        "params.yaml: gate.mode: found 'maybe'",
        "    expected: 'block' or 'warn'",
        "params.yaml: gate.min_rows: found 'many'",
        "    expected: a valid integer, unable to parse string as an integer",
    ]


def test_validate_reports_recipe_source_and_model_together(clone):
    change(clone, generate={"recipe": "no-such"}, model={"name": "Other-7B"})
    change(clone, ingest={"sources": [{"name": "notes", "path": "notes/*.md"}, {"name": "more", "path": "more.jsonl"}]})

    found = json.loads(validate(clone, "--json").stdout)

    places = [problem["where"] for problem in found]
    assert len(found) == 4
    assert any("no-such" in problem["found"] for problem in found)
    assert "source 'notes'" in places
    assert "source 'more'" in places
    assert "params.yaml: model.path" in places


def test_validate_tells_that_programs_cannot_be_isolated_here(clone):
    change(clone, generate={"recipe": "llama3-code-execute"}, execution={"seconds": 5})
    command = [sys.executable, "-m", "gristmill", "validate", "--json"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, env={**os.environ, "PATH": ""})

    (problem,) = json.loads(done.stdout)
    assert problem["where"] == "params.yaml: execution.isolation"
    assert "limits_only" in problem["do"]


def test_validate_names_what_dvc_tracks_and_the_file_leaves_out(clone):
    shutil.copy(ROOT / "dvc.yaml", clone / "dvc.yaml")
    text = (clone / "params.yaml").read_text()
    (clone / "params.yaml").write_text(
        text.replace("  script: null\n", "").replace("audit:\n  token_budget: 2000\n", "")
    )

    done = validate(clone)

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "params.yaml: engine.script: missing",
        "    expected: a value in the file: DVC tracks it, and knows no defaults",
        "    do: write `script: null` in the section `engine`, which is the default",
        "params.yaml: audit: missing",
        "    expected: a value in the file: DVC tracks it, and knows no defaults",
        "    do: write `audit: {}`, which is the default",
    ]


def test_validate_of_broken_yaml_names_line_and_column(clone):
    (clone / "params.yaml").write_text("ingest:\n  sources: [\n")

    done = validate(clone)

    assert done.returncode == 2
    assert done.stderr.startswith("params.yaml:3:1: not readable as YAML")


def test_validate_outside_a_workspace_says_so(tmp_path):
    done = validate(tmp_path)

    assert done.returncode == 2
    assert "no params.yaml" in done.stderr


def test_validate_loads_nothing_heavy(clone):
    code = (
        "import sys; sys.argv = ['gristmill', 'validate']\n"
        "from gristmill.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('vllm', 'torch', 'transformers', 'prefect', 'dvc') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=clone, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_validate_asks_for_the_revision_that_an_endpoint_serves(clone):
    change(clone, engine={"kind": "openai", "endpoints": ["http://127.0.0.1:9"]})

    done = validate(clone)

    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "params.yaml: model.revision: missing"


def test_validate_tells_what_actors_cannot_have(clone):
    change(clone, engine={"distribute": {"kind": "ray", "actors": 0, "address": "nowhere", "gpus_per_actor": 1.5}})
    done = validate(clone)
    assert done.returncode == 2
    assert "engine.distribute.actors: found 0" in done.stdout + done.stderr
    assert "engine.distribute.address: found 'nowhere'" in done.stdout + done.stderr

    change(clone, engine={"distribute": {"kind": "ray", "actors": 1000}})
    done = validate(clone)
    assert "1000 actors with 1 CPUs each need 1000" in done.stdout + done.stderr

    change(clone, engine={"distribute": {"kind": "ray", "cpus_per_actor": 0, "gpus_per_actor": 1, "actors": 500}})
    done = validate(clone)
    assert "500 actors with 1 GPUs each need 500" in done.stdout + done.stderr

    change(clone, engine={"distribute": {"kind": "ray"}}, budget={"tokens": 1000})
    done = validate(clone)
    assert "tokens limited, and engine.distribute set" in done.stdout + done.stderr
