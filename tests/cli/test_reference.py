"""What the program says of itself stands in the repository as it is."""

import json

from gristmill.cli.reference import reference
from gristmill.params.root import Params
from tests.closure import ROOT


def test_command_reference_is_as_the_program_prints_it():
    assert (ROOT / "docs" / "commands.md").read_text() == reference(), "run `make reference`"


def test_parameter_schema_is_as_the_model_gives_it():
    assert json.loads((ROOT / "params.schema.json").read_text()) == Params.model_json_schema(), "run `make reference`"


def test_every_parameter_is_described():
    schema = Params.model_json_schema()

    for name, section in {"Params": schema, **schema["$defs"]}.items():
        for field, content in section.get("properties", {}).items():
            assert content.get("description") or "$ref" in content, f"{name}.{field}"
