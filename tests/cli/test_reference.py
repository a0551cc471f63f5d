"""What the program says of itself stands in the repository as it is."""

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from gristmill.cli.recipe_table import BEGIN, END, ROWS, with_table
from gristmill.cli.reference import reference
from gristmill.params.root import Params
from gristmill.recipes.catalogue import names
from gristmill.recipes.json_schema import recipe_schema
from tests.closure import ROOT


def test_command_reference_is_as_the_program_prints_it():
    assert (ROOT / "docs" / "commands.md").read_text() == reference(), "run `make reference`"


def test_parameter_schema_is_as_the_model_gives_it():
    assert json.loads((ROOT / "params.schema.json").read_text()) == Params.model_json_schema(), "run `make reference`"


def test_recipe_schema_is_as_the_format_gives_it():
    assert json.loads((ROOT / "recipes.schema.json").read_text()) == recipe_schema(), "run `make reference`"


def test_table_of_recipes_is_as_the_recipes_say():
    page = (ROOT / "docs" / "recipes.md").read_text()
    rows = json.loads((ROOT / "docs" / ROWS).read_text())
    assert page == with_table(page, ROOT / "recipes", rows), "run `make reference`"
    assert sorted(rows) == [name for name in names(ROOT / "recipes") if not name.startswith("judge-")]


def test_table_of_recipes_takes_generated_text_literally():
    row = {
        "samples": 1,
        "rows": 1,
        "refused": "",
        "failed": 0,
        "row": {"prompt": "a | `b` <script>", "response": "c\n\nd"},
    }
    page = with_table(f"{BEGIN}{END}", ROOT / "recipes", {"star": row})
    assert "* `star`: “a \\| 'b' &lt;script>” → “c d”\n" in page


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_fits_the_schema_and_names_it(path):
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=../recipes.schema.json\n")
    assert [fault.message for fault in Draft202012Validator(recipe_schema()).iter_errors(yaml.safe_load(text))] == []


def test_recipe_schema_finds_a_misspelt_key_and_takes_a_parameter_for_a_number():
    recipe = yaml.safe_load((ROOT / "recipes" / "qa-from-docs.yaml").read_text())
    validator = Draft202012Validator(recipe_schema())
    recipe["steps"][1]["sampling"]["max_tokens"] = "$longest"
    assert validator.is_valid(recipe)
    assert validator.is_valid({"name": "x", "summary": "A.", "extends": "qa-from-docs", "parameters": {"k": 3}})
    recipe["steps"][1]["promt"] = "x"
    assert not validator.is_valid(recipe)


def test_every_parameter_is_described():
    schema = Params.model_json_schema()

    for name, section in {"Params": schema, **schema["$defs"]}.items():
        for field, content in section.get("properties", {}).items():
            assert content.get("description") or "$ref" in content, f"{name}.{field}"
