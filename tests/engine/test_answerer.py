"""The built-in answerer: deterministic, and valid where a sound answer would be."""

import json

from gristmill.engine.answerer import answer
from gristmill.recipes.request import Constraint, ConstraintKind, Message, Request, Sampling


def _request(text: str, constraint: Constraint | None = None, draw: int = 0) -> Request:
    return Request("s", Sampling(), (Message("user", text),), constraint=constraint, draw=draw)


def test_choice_is_decided_by_the_request() -> None:
    constraint = Constraint(ConstraintKind.CHOICE, ("a", "b", "c"))
    first = [answer(_request("x", constraint, draw)) for draw in range(30)]
    assert first == [answer(_request("x", constraint, draw)) for draw in range(30)]
    assert set(first) == {"a", "b", "c"}


def test_object_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"const": "qa"},
            "score": {"type": "integer", "minimum": 2, "maximum": 4},
            "level": {"enum": ["low", "high"]},
            "notes": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "sure": {"type": "boolean"},
        },
    }
    value = json.loads(answer(_request("x", Constraint(ConstraintKind.JSON, schema))))
    assert (value["kind"], value["notes"], value["sure"]) == ("qa", ["none", "none"], True)
    assert value["score"] in (2, 3, 4)
    assert value["level"] in ("low", "high")


def test_open_question_is_finished_with_the_words_of_its_text() -> None:
    prompt = "Text: If the disk is full, writes fail.\nAnswer: writes fail\nQuestion: What happens if the disk"
    assert answer(Request("question", Sampling(), prompt=prompt)) == " full?"


def test_other_text_is_the_beginning_of_the_last_line() -> None:
    assert answer(_request("Summarise.\nOne two three.")) == "One two three."
