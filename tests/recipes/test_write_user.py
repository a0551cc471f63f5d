"""`write: user`: the model writes the user's turn."""

import pytest

from gristmill.engine.build import assert_can_ask
from gristmill.engine.endpoint.completions import body_of
from gristmill.errors import InputError, ProblemsError
from gristmill.params.generate import EngineParams, StructuredOutputs
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.request import Message, Request, Role, Sampling, decode_content

STEPS = """
steps:
  - {name: question, messages: [], write: user}
  - {name: reply, messages: [{user: "{{ question }}"}]}
"""
SAID = (Message("user", "Hello."), Message("assistant", "Hi."))


async def test_step_that_writes_the_users_turn_may_begin_with_nothing(run) -> None:
    outcome, asked = await run(STEPS, "What is a lock?", "A guard.")

    assert [(request.write, request.messages) for request in asked] == [
        (Role.USER, ()),
        (Role.ASSISTANT, (Message("user", "What is a lock?"),)),
    ]
    assert outcome.output["response"] == "A guard."


def test_turn_to_be_written_is_part_of_the_key_and_the_assistants_goes_without_saying() -> None:
    plain, user = Request("s", Sampling(), SAID), Request("s", Sampling(), SAID, write=Role.USER)

    assert decode_content(user.content("m"))["asked"] == [
        *decode_content(plain.content("m"))["asked"],
        {"role": "user"},
    ]
    assert plain.prompt_bytes() != user.prompt_bytes()


def test_engine_openai_is_refused_before_it_is_asked(write) -> None:
    program = recipe_program(write(STEPS), "mine", 1)
    with pytest.raises(InputError, match="step question has `write: user`"):
        assert_can_ask(EngineParams(kind="openai", endpoints=["http://host"]), program)
    assert_can_ask(EngineParams(kind="vllm"), program)


def test_request_to_an_endpoint_is_refused_too() -> None:
    with pytest.raises(InputError, match="step s has `write: user`"):
        body_of(Request("s", Sampling(), SAID, write=Role.USER), "m", StructuredOutputs.VLLM)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("messages: []", "messages is empty: at least one turn, or `write: user`"),
        ("prompt: Go on.\n    write: user", "`write: user` goes with messages; `messages: []` for the first turn"),
        (
            "messages: []\n    write: user\n    recover: {at_most: 1, ask: Again.}",
            "recover goes with messages that the assistant answers: a critique is a turn of the user's",
        ),
        ("messages: []\n    write: system", "write is 'system'"),
    ],
)
def test_step_that_nobody_can_write_is_told(write, step: str, fault: str) -> None:
    folder = write(f"steps:\n  - name: reply\n    {step}")
    with pytest.raises(ProblemsError) as raised:
        recipe_program(folder, "mine", 1)
    assert fault in str(raised.value)


async def test_request_that_shows_nothing_of_the_seed_is_asked_anew_per_passage(run) -> None:
    steps = STEPS.replace("write: user", "write: user, per: passage")
    (_, first), (_, same), (_, other) = [await run(steps, "Why?", "So.", passage=each) for each in ("A.", "A.", "B.")]

    assert first[0].content("m") == same[0].content("m") != other[0].content("m")
    assert first[0].place.startswith("question@per.")
