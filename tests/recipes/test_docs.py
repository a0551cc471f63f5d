"""The examples of docs/recipes.md do what the page says."""

import re
from pathlib import Path

from gristmill.recipes.compile import recipe_program
from gristmill.recipes.format import RecipeSpec
from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.stepspec import ForEachSpec, LetSpec, LoopSpec, ModelSpec, RunSpec
from tests.closure import ROOT

PAGE = (ROOT / "docs" / "recipes.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_example_and_its_variant_compile(tmp_path: Path) -> None:
    for block in BLOCKS:
        if name := re.match(r"name: (\S+)", block):
            (tmp_path / f"{name[1]}.yaml").write_text(block)
    assert recipe_program(tmp_path, "one-liner", 2).asks[0].max_tokens == 60
    assert recipe_program(tmp_path, "brief-summary", 2).asks[0].max_tokens == 20


def test_example_of_blocks_compiles(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if block.startswith("- name: revision"))
    steps = "  - {name: draft, prompt: Draft.}\n  - {name: drafts, prompt: More., candidates: 2}\n"
    steps += "".join(f"  {line}\n" for line in block.splitlines())
    output = "output: {prompt: x, response: '{{ revision.text }} {{ best.one }}'}\n"
    (tmp_path / "blocks.yaml").write_text(f"name: blocks\nsummary: A.\nsteps:\n{steps}{output}")
    assert [(each.step, each.times) for each in recipe_program(tmp_path, "blocks", 1).asks] == [
        *(("draft", 1), ("drafts", 2), ("critique", 3), ("text", 3), ("mark", 24))
    ]


def test_every_key_of_the_format_and_every_kind_is_documented() -> None:
    keys: set[str] = set()
    for model in (RecipeSpec, LetSpec, ModelSpec, LoopSpec, ForEachSpec, RunSpec):
        keys |= {each.alias or name for name, each in model.model_fields.items()}
    assert sorted(key for key in keys - {"kind"} if f"`{key}`" not in PAGE and f"{key}:" not in PAGE) == []
    assert [kind.value for kind in FaultKind if f"`{kind.value}`" not in PAGE] == []
