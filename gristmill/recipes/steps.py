"""The two kinds of step, compiled: one computes its value, the other asks for it and judges what it gets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import TemplateError

from gristmill.recipes.answers import InvalidAnswer, Read
from gristmill.recipes.outcome import Refused, Verdict
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish, Message, Request, Sampling
from gristmill.recipes.sandbox import RUNTIME_FAULTS, Evaluate, Render

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """A condition. Without a `reason`, the expression gives the reason itself, or nothing."""

    reason: str
    source: str
    evaluate: Evaluate

    def broken(self, values: Values) -> str:
        """The reason when it is broken, else an empty text."""
        found = self.evaluate(values)
        if self.reason:
            return "" if found else self.reason
        return str(found or "")


@dataclass(frozen=True, slots=True)
class LetStep:
    """Computes its value."""

    name: str
    expression: Evaluate
    checks: tuple[Check, ...]

    def compute(self, values: Values) -> Any:
        """The value. Raises Refused when a check is broken or the expression fails."""
        with recipe_faults(self.name):
            value = self.expression(values)
            try:
                assert_checks(self.checks, {**values, self.name: value}, value)
            except InvalidAnswer as fault:
                raise Refused(_invalid(self.name, fault, shown(value))) from None
            return value


@dataclass(frozen=True, slots=True)
class ModelStep:
    """Asks for its value, at most `attempts` times; from the second on with `retry`'s sampling."""

    name: str
    turns: tuple[tuple[str, Render], ...]
    prompt: Render | None
    opening: Render | None
    sampling: Sampling
    retry: Sampling | None
    options: Evaluate | None
    constraint: Constraint | None
    read: Read
    value: Evaluate | None
    checks: tuple[Check, ...]
    attempts: int

    def request(self, values: Values, draw: int) -> Request:
        """The first attempt's request. Raises Refused when there is nothing to choose from, or a template fails."""
        with recipe_faults(self.name):
            return Request(
                step=self.name,
                sampling=self.sampling,
                messages=tuple(Message(role, render(values)) for role, render in self.turns),
                prompt=self._prompt(values),
                constraint=self._constraint(values),
                draw=draw,
            )

    def only_choice(self, request: Request) -> Answer | None:
        """The answer where there is one option alone: nobody has to be asked."""
        constraint = request.constraint
        if self.options is None or constraint is None or len(constraint.value) != 1:
            return None
        return Answer(next(iter(constraint.value)))

    def next_attempt(self, request: Request) -> Request | None:
        """The request to ask after an invalid answer, or None when there were enough."""
        again = request.attempt + 1
        if again >= self.attempts or self.retry is None:
            return None
        return replace(request, attempt=again, sampling=self.retry)

    def judge(self, values: Values, request: Request, answer: Answer) -> tuple[Any, Verdict | None]:
        """The answer's value, or the verdict against it."""
        if answer.finish_reason == Finish.PROMPT_TOO_LONG:
            return None, self._too_long(answer)
        try:
            with recipe_faults(self.name):
                return self._value(values, request, answer), None
        except InvalidAnswer as fault:
            return None, _invalid(self.name, fault, answer.text)
        except Refused as refused:
            return None, refused.verdict

    def _value(self, values: Values, request: Request, answer: Answer) -> Any:
        if self.opening:
            answer = replace(answer, text=self.opening(values) + answer.text)
        value = self.read(answer, request.constraint)
        if self.value:
            value = self.value({**values, self.name: value})
        if self.checks:
            assert_checks(self.checks, {**values, self.name: value}, value)
        return value

    def _prompt(self, values: Values) -> str | None:
        if self.prompt is None:
            return None
        if self.opening is None:
            return self.prompt(values)
        return f"{self.prompt(values)} {self.opening(values)}"

    def _constraint(self, values: Values) -> Constraint | None:
        if self.options is None:
            return self.constraint
        found = self.options(values)
        if isinstance(found, str) or not all(isinstance(option, str) for option in found):
            raise TypeError("choice must give a list of texts")
        options = tuple(dict.fromkeys(text for option in found if (text := option.strip())))
        if not options:
            raise Refused(Verdict(f"{self.name}_no_options", "nothing to choose from", "at least one option"))
        return Constraint(ConstraintKind.CHOICE, options)

    def _too_long(self, answer: Answer) -> Verdict:
        found = f"{answer.prompt_tokens} tokens in the prompt, {self.sampling.max_tokens} for the answer"
        return Verdict(f"{self.name}_prompt_too_long", found, "together at most model.max_model_len")


Step = LetStep | ModelStep


def assert_checks(checks: tuple[Check, ...], values: Values, value: Any) -> None:
    """Raises InvalidAnswer with the first check that is broken."""
    for check in checks:
        reason = check.broken(values)
        if reason:
            raise InvalidAnswer(reason, shown(value)[:300], check.source)


@contextmanager
def recipe_faults(step: str) -> Iterator[None]:
    """Turns what an expression raises over one seed's data into that sample's failure: the others go on."""
    try:
        yield
    except (TemplateError, *RUNTIME_FAULTS) as error:
        found = f"{type(error).__name__}: {error}"
        raise Refused(
            Verdict(f"{step}_recipe_error", found, "a recipe that holds for every seed", failed=True)
        ) from None


def shown(value: Any) -> str:
    """A value as people see it."""
    return value if isinstance(value, str) else repr(value)


def _invalid(step: str, fault: InvalidAnswer, text: str) -> Verdict:
    return Verdict(f"{step}_{fault.reason}", fault.found, fault.expected, text)
