"""Parameters, files and variants: what a file takes from elsewhere, and that messages name the line it stands in."""

from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.load import load_recipe
from tests.recipes.conftest import Run

BASE = """
name: base
summary: A draft.
source: arXiv 0000.00000
provenance: partly
parameters: {tone: calm, size: 9, warmth: 0.5}
files: {rules: rules.txt}
steps:
  - name: reply
    messages: [{user: "Write {{ tone }}, {{ size }} words. {{ rules | first }} {{ passage }}"}]
    sampling: {temperature: $warmth, max_tokens: 64}
  - name: rounds_of
    loop: [{name: inner, prompt: "Again?"}]
    at_most: 1
output: {prompt: "{{ passage }}", response: "{{ reply }}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "rules.txt").write_text("# ours\nBe kind.\n\nBe brief.\n")
    return tmp_path


def _variant(folder: Path, text: str) -> Path:
    (folder / "mine.yaml").write_text(f"name: mine\nsummary: A variant.\nextends: base\n{text}")
    return folder


def test_variant_of_three_lines_changes_a_parameter_and_keeps_the_rest(folder: Path) -> None:
    spec, source = load_recipe(_variant(folder, "parameters: {warmth: 0.9}"), "mine")
    assert spec.steps[0].sampling.temperature == 0.9
    assert (source.constants["tone"], source.constants["rules"]) == ("calm", ["Be kind.", "Be brief."])
    assert (spec.source, spec.provenance, spec.version) == ("arXiv 0000.00000", "partly", 1)


def test_variant_changes_steps_by_name_at_any_depth(folder: Path) -> None:
    changes = "steps:\n  reply: {sampling: {max_tokens: 7}}\n  inner: {prompt: More.}\n"
    spec, _ = load_recipe(_variant(folder, changes), "mine")
    assert (spec.steps[0].sampling.max_tokens, spec.steps[0].sampling.temperature) == (7, 0.5)
    assert spec.steps[1].loop[0].prompt == "More."


def test_variant_of_another_type_replaces_the_output(folder: Path) -> None:
    spec, _ = load_recipe(_variant(folder, 'output: {type: text, text: "{{ reply }}"}'), "mine")
    assert (spec.output.type, spec.output.text) == ("text", "{{ reply }}")


def test_parameters_of_the_run_replace_those_of_the_file_and_change_the_identity(folder: Path) -> None:
    spec, source = load_recipe(folder, "base", {"warmth": 0.1})
    assert spec.steps[0].sampling.temperature == 0.1
    assert source.hash != load_recipe(folder, "base")[1].hash


def test_changed_file_changes_the_identity(folder: Path) -> None:
    before = load_recipe(folder, "base")[1].hash
    (folder / "rules.txt").write_text("Be bold.\n")
    assert load_recipe(folder, "base")[1].hash != before


def test_columns_change_the_identity(folder: Path) -> None:
    plain = recipe_program(folder, "base", 1)
    assert recipe_program(folder, "base", 1, columns={"passage": "body"}).hash != plain.hash


def _refusal(folder: Path, name: str = "mine", **more) -> InputError:
    with pytest.raises(InputError) as raised:
        recipe_program(folder, name, 1, **more)
    return raised.value


def test_fault_in_a_variant_names_the_variants_line_and_in_the_base_the_bases(folder: Path) -> None:
    error = _refusal(_variant(folder, "steps:\n  reply:\n    messages: [{user: '{{ nope }}'}]"))
    assert error.problem.where == "recipes/mine.yaml:6, step reply"

    (folder / "base.yaml").write_text(BASE.replace("{{ tone }}", "{{ nope }}"))
    error = _refusal(_variant(folder, ""))
    assert error.problem.where == "recipes/base.yaml:10, step reply"


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        ("steps: {nope: {prompt: x}}", "recipes/mine.yaml:4", "there is no step 'nope' to change"),
        ("steps: {reply: 3}", "recipes/mine.yaml:4", "no changes"),
        ("files: {rules: ../secret.txt}", "recipes/mine.yaml:4", "../secret.txt lies outside recipes/"),
        ("files: {rules: gone.txt}", "recipes/mine.yaml:4", "there is no recipes/gone.txt"),
        ("files: {rules: rules.exe}", "recipes/mine.yaml:4", "there is no recipes/rules.exe"),
        ("steps: {reply: {sampling: {top_p: $nope}}}", "recipes/mine.yaml:4", "unknown parameter $nope"),
    ],
)
def test_fault_of_a_variant_is_told(folder: Path, text: str, where: str, found: str) -> None:
    error = _refusal(_variant(folder, text))
    assert (error.problem.where, error.problem.found) == (where, found)


def test_ring_of_variants_is_refused(folder: Path) -> None:
    (folder / "base.yaml").write_text(f"extends: mine\n{BASE}")
    assert _refusal(_variant(folder, "")).problem.found == "mine extends base extends mine: a ring"


def test_parameter_that_the_recipe_does_not_have_is_refused(folder: Path) -> None:
    error = _refusal(folder, "base", parameters={"colour": "red"})
    assert error.problem.where == "params.yaml: generate.parameters.colour"
    assert error.problem.expected == "one of size, tone, warmth"


def test_column_for_an_input_that_the_recipe_does_not_have_is_refused(folder: Path) -> None:
    error = _refusal(folder, "base", columns={"code": "text"})
    assert error.problem.where == "params.yaml: generate.inputs.code"


def test_provenance_without_a_source_is_refused(folder: Path) -> None:
    (folder / "base.yaml").write_text(BASE.replace("source: arXiv 0000.00000", ""))
    assert "provenance is partly, but source names nothing" in str(_refusal(folder, "base"))


async def test_input_that_the_seed_lacks_rejects_the_sample_or_takes_its_default(run: Run) -> None:
    steps = 'steps: [{name: reply, prompt: "{{ question }} {{ level }}"}]'
    head = "name: mine\nsummary: A.\ninputs: [passage, question, {level: easy}]"

    outcome, asked = await run(steps, "Yes.", head=head, fields={"question": "Why?"})
    assert asked[0].prompt == "Why? easy"

    outcome, asked = await run(steps, head=head)
    assert asked == []
    assert (outcome.refused.reason, outcome.refused.failed) == ("no_question", False)
    assert outcome.refused.found == "the seed has no question: it has draw, passage, title"


async def test_keys_of_a_parameter_stay_in_their_order(run: Run) -> None:
    head = "name: mine\nsummary: A.\nparameters: {marks: {zeal: 1, ardour: 2}}"
    _, asked = await run(
        'steps: [{name: reply, prompt: "{{ marks | as_json }}"}]',
        "Yes.",
        head=head,
        output="output: {prompt: x, response: '{{ reply }}'}",
    )
    assert asked[0].prompt == '{"zeal":1,"ardour":2}'
