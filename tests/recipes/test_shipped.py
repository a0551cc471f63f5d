"""The recipes in recipes/: they compile, and do with the built-in answerer what they are for."""

from pathlib import Path

import pytest

from gristmill.engine.answerer import answer
from gristmill.recipes.compile import recipe_program, rubric_program
from gristmill.recipes.load import load_recipe, load_rubric
from gristmill.recipes.request import Answer, Answered, Request

RECIPES = Path(__file__).parents[2] / "recipes"
PASSAGE = (
    "Naming\n******\n\n"
    'If the global namespace is not found, the "NameError" exception is raised at once.\n'
    "A code block is executed in an execution frame.  It is small.\n"
)


async def _scripted(request: Request) -> Answered:
    return Answered("00", Answer(answer(request)))


async def test_qa_from_docs_asks_about_a_fact_of_the_passage() -> None:
    asked: list[Request] = []

    async def ask(request: Request) -> Answered:
        asked.append(request)
        return await _scripted(request)

    program = recipe_program(RECIPES, "qa-from-docs", 2)
    outcome = await program.run({"passage": PASSAGE, "title": "", "draw": 0}, 0, ask)

    assert outcome.output == {
        "prompt": "What happens if the global namespace not found?",
        "response": "the `NameError` exception is raised at once",
        "evidence": 'If the global namespace is not found, the "NameError" exception is raised at once.',
        "context": PASSAGE.strip(),
    }
    assert asked[0].prompt.endswith("\nQuestion: What happens if the global namespace")
    assert asked[0].sampling.temperature == 0


async def test_qa_from_docs_takes_another_fact_for_the_next_draw_and_refuses_when_there_is_none() -> None:
    program = recipe_program(RECIPES, "qa-from-docs", 2)
    second = await program.run({"passage": PASSAGE, "title": "", "draw": 1}, 1, _scripted)
    third = await program.run({"passage": PASSAGE, "title": "", "draw": 2}, 2, _scripted)
    assert second.fields["fact"].opening == "Where is a code block"
    assert third.refused.reason == "fact_none_left"


async def test_judge_qa_gives_faults_and_three_scores() -> None:
    program = rubric_program(RECIPES, "judge-qa", 1)
    inputs = {"prompt": "What is it?", "response": "a cat", "evidence": "It is a cat.", "context": ""}
    outcome = await program.run(inputs, 0, _scripted)
    assert outcome.output["faults"] == "none"
    assert set(outcome.output) == {"faults", "accuracy", "grounding", "clarity"}


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_states_its_source_and_summary(path: Path) -> None:
    load = load_rubric if path.stem.startswith("judge-") else load_recipe
    spec, _ = load(RECIPES, path.stem)
    assert spec.summary
    assert spec.source
