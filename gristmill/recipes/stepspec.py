"""The steps of a recipe file as pydantic models: one for each way to a value, told apart by the key that says it."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter, model_validator

from gristmill.params.section import Section
from gristmill.recipes.kinds import MENDABLE, FaultKind
from gristmill.recipes.request import PROGRAM, Role, Sampling

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Turn = dict[Role | Literal["turns"], str]

WAYS = ("let", "messages", "prompt", "loop", "for_each", "choose", "run")
"""The keys of which a step has exactly one."""


class CheckSpec(Section):
    """A condition that must hold: `reason` with `require`, or `fault`. The reason is what the books count."""

    reason: Name | None = None
    """Why a value that breaks it is refused, in snake_case."""
    require: Text | None = None
    """Expression that must be true."""
    fault: Text | None = None
    """Expression for the reason itself: empty when all is well."""
    kind: FaultKind = FaultKind.OTHER
    """What kind of fault it is: `recover` mends by kind."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = {name for name in ("reason", "require", "fault") if getattr(self, name) is not None}
        if given not in ({"reason", "require"}, {"fault"}):
            raise ValueError("a check has either reason and require, or fault")
        return self


class _Step(Section):
    model_config = ConfigDict(populate_by_name=False)

    name: Name
    """The value's name in later steps and in `output`."""
    when: Text | None = None
    """Expression; where it is false the step is passed over."""
    otherwise: Text | None = Field(default=None, alias="else")
    """Expression for the value of a step that was passed over; without it the value is `none`."""
    checks: tuple[CheckSpec, ...] = ()
    """Conditions on the value; where the model was asked, breaking one asks again."""

    @model_validator(mode="after")
    def _else_needs_when(self) -> Self:
        if self.otherwise is not None and self.when is None:
            raise ValueError("`else` goes with `when`")
        return self


class LetSpec(_Step):
    """Computes a value, without the model."""

    let: Text
    """Expression that computes the value."""


class RecoverSpec(Section):
    """Asks again with a critique of what was refused, in the same conversation."""

    at_most: int = Field(ge=1, le=20)
    """Times."""
    kinds: tuple[FaultKind, ...] = MENDABLE
    """Kinds of fault that are worth it."""
    ask: Text
    """Template of the critique; it sees all values and `fault` (`answer`, `reason`, `kind`, `found`, `expected`)."""


class SampleRecoverSpec(RecoverSpec):
    """The same for the finished sample: goes back to a step that was answered before the sample was refused."""

    step: Name
    """The step, on the recipe's top level, that is asked again; those after it follow."""


class ModelSpec(_Step):
    """Asks the model. Exactly one of `messages` and `prompt`."""

    messages: tuple[Turn, ...] | None = None
    """Conversation for the model's chat template: a list of `role: template`, or `turns: expression` for a list of
    turns with `role` and `content`."""
    write: Literal[Role.ASSISTANT, Role.USER] = Role.ASSISTANT
    """With `messages`: whose turn the model writes. `user` shows it the chat template's opening of the user's turn
    after the messages, of which there may be none."""
    per: Text | None = None
    """Expression for what makes the request one of its own: where the model is shown the same for every seed, `passage`
    has it asked anew for each."""
    prompt: Text | None = None
    """Template of a raw prompt that the model continues; no chat template is applied."""
    opening: Text | None = None
    """With `prompt`: template of the answer's first words; the model goes on from there."""
    sampling: Sampling = Sampling()
    """How the answer is drawn."""
    retry: dict[str, Any] | None = None
    """Sampling parameters that change from the second attempt on."""
    choice: Text | tuple[Text, ...] | None = None
    """List of texts or an expression for one; the answer is one of them, and the only one is taken without asking."""
    regex: Text | None = None
    """Regular expression that the whole answer matches."""
    json_schema: dict[str, Any] | None = Field(default=None, alias="json")
    """JSON Schema of the answer; the value is the parsed object."""
    grammar: Text | None = None
    """Grammar in Lark's form that the whole answer matches."""
    value: Text | None = None
    """Expression that makes the value from the answer, which carries the step's own name there."""
    candidates: int | None = Field(default=None, ge=1, le=1000)
    """So many answers are drawn at once; the value is the list of the valid ones."""
    at_least: int = Field(default=1, ge=0)
    """With `candidates`: so many must be valid, or the sample is refused."""
    recover: RecoverSpec | None = None
    """Asks again with a critique when the answer is not valid."""
    if_invalid: Text | None = None
    """Expression for the value where no valid answer came; without it the sample is refused."""

    @model_validator(mode="after")
    def _forms_agree(self) -> Self:
        forms = [name for name, form in self.forms().items() if form is not None]
        if len(forms) > 1:
            raise ValueError(f"a step has at most one of choice, regex, json and grammar; found {' and '.join(forms)}")
        if self.opening is not None and self.prompt is None:
            raise ValueError("an opening goes with a prompt, not with messages")
        if self.recover is not None and (self.messages is None or self.write is Role.USER):
            raise ValueError(
                "recover goes with messages that the assistant answers: a critique is a turn of the user's"
            )
        if "at_least" in self.model_fields_set and self.candidates is None:
            raise ValueError("at_least goes with candidates")
        if self.candidates is not None and self.at_least > self.candidates:
            raise ValueError(f"at_least {self.at_least} is more than the {self.candidates} candidates")
        return self

    @model_validator(mode="after")
    def _somebody_spoke(self) -> Self:
        if self.write is Role.USER and self.messages is None:
            raise ValueError("`write: user` goes with messages; `messages: []` for the first turn")
        if self.messages == () and self.write is not Role.USER:
            raise ValueError("messages is empty: at least one turn, or `write: user`")
        return self

    @model_validator(mode="after")
    def _retry_is_sampling(self) -> Self:
        self.second_sampling()
        return self

    @model_validator(mode="after")
    def _turns_are_single(self) -> Self:
        if any(len(turn) != 1 for turn in self.messages or ()):
            raise ValueError("each message is one `role: text`")
        return self

    def second_sampling(self) -> Sampling | None:
        """How the answer is drawn from the second attempt on; None when asking again is of no use."""
        if self.retry is not None:
            return TypeAdapter(Sampling).validate_python({**asdict(self.sampling), **self.retry})
        return self.sampling if self.sampling.temperature > 0 else None

    def takes_critique(self) -> bool:
        """Whether a later fault can be answered with a further turn of the step's conversation."""
        return bool(self.messages) and self.write is Role.ASSISTANT and self.candidates is None

    def forms(self) -> dict[str, Any]:
        """The constraint that was given, among the four."""
        return {"choice": self.choice, "regex": self.regex, "json": self.json_schema, "grammar": self.grammar}


class RunSpec(_Step):
    """Runs a Python program in the sandbox. The value: `passed`, `ending`, `status`, `stdout`, `stderr`."""

    run: Text
    """Template of the program; it is the file `main.py`."""
    files: dict[FileName, str] = Field(default_factory=dict)
    """Name -> template of a file beside it, which it can import or read."""

    @model_validator(mode="after")
    def _program_is_one(self) -> Self:
        if PROGRAM in self.files:
            raise ValueError(f"{PROGRAM} is the program of `run`: give the file another name")
        return self


class LoopSpec(_Step):
    """Walks through its steps again and again. The value: the last round's values, `rounds`, `met` and `history`."""

    loop: tuple["StepSpec", ...] = Field(min_length=1)
    """The steps of a round; `round` counts from 0."""
    start: dict[Name, Text] = Field(default_factory=dict)
    """What is carried from round to round: name -> expression for its first value. A step of that name renews it."""
    until: Text | None = None
    """Expression after each round; where it is true the loop ends and `met` is true."""
    at_most: int = Field(ge=1, le=1000)
    """Rounds at most: a loop has an end."""


class ForEachSpec(_Step):
    """Walks through its steps for each item of a list, all at once. The value: the list of the items' values."""

    for_each: Text
    """Expression for a list."""
    item: Name = Field(default="item", alias="as")
    """What an item is called in the steps; `index` counts from 0."""
    do: tuple["StepSpec", ...] = Field(min_length=1)
    """The steps for one item."""
    at_most: int = Field(ge=1, le=10_000)
    """Items at most; a longer list is cut there."""
    at_least: int = Field(default=1, ge=0)
    """So many items must come to an end, or the sample is refused; the others are left out and counted."""


class ChooseRule(StrEnum):
    """How one is chosen among several."""

    BEST = "best"
    MAJORITY = "majority"
    BEST_AND_WORST = "best_and_worst"


class ChooseSpec(_Step):
    """Chooses among several. See docs/recipes.md for the values."""

    choose: ChooseRule
    """`best` and `best_and_worst` by score, `majority` by votes (a plurality is enough)."""
    source: Text = Field(alias="from")
    """Expression for a list."""
    by: Text = "item"
    """Expression for an item's score or vote; it sees `item` and `index`."""
    at_least: float | None = None
    """Lowest score of the best, or for `majority` lowest share of the votes (0 to 1)."""
    at_most: float | None = None
    """Highest score of the best, or for `majority` highest share: 1 of 1 agreeing may be too easy."""
    margin: float | None = Field(default=None, gt=0)
    """For `best_and_worst`: least distance of the two scores. Without it they must differ."""

    @model_validator(mode="after")
    def _margin_needs_two(self) -> Self:
        if self.margin is not None and self.choose is not ChooseRule.BEST_AND_WORST:
            raise ValueError("a margin goes with best_and_worst")
        return self


class UnclearSpec(_Step):
    """A step that nobody can tell what it is: always refused."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _say(cls, content: Any) -> Any:
        given = list(content) if isinstance(content, dict) else []
        ways = [way for way in WAYS if way in given]
        found = " and ".join(ways) or f"none among {', '.join(map(str, given))}"
        raise ValueError(f"a step has exactly one of {', '.join(WAYS[:-1])} and {WAYS[-1]}; found {found}")


def _kind(content: Any) -> str:
    """Which of the models reads a step's content."""
    ways = [way for way in WAYS if isinstance(content, dict) and content.get(way) is not None]
    return f"step by {ways[0]}" if len(ways) == 1 else "step by nothing"


StepSpec = Annotated[
    Annotated[LetSpec, Tag("step by let")]
    | Annotated[ModelSpec, Tag("step by messages")]
    | Annotated[ModelSpec, Tag("step by prompt")]
    | Annotated[LoopSpec, Tag("step by loop")]
    | Annotated[ForEachSpec, Tag("step by for_each")]
    | Annotated[ChooseSpec, Tag("step by choose")]
    | Annotated[RunSpec, Tag("step by run")]
    | Annotated[UnclearSpec, Tag("step by nothing")],
    Discriminator(_kind),
]
"""One step of a recipe."""

LoopSpec.model_rebuild()
ForEachSpec.model_rebuild()
