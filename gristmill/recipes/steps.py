"""The two elementary steps, compiled: one computes its value, the other asks for it and judges what it gets."""

from dataclasses import dataclass, replace
from typing import Any

import orjson
import xxhash

from gristmill.recipes.answers import InvalidAnswer, Read
from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.outcome import Note, Refused, Trial, Verdict
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish, Message, Request, Role, Sampling
from gristmill.recipes.sandbox import Evaluate, Render
from gristmill.recipes.turns import Turns
from gristmill.recipes.walk import Values, Walk, kept, recipe_faults, side_by_side


@dataclass(frozen=True, slots=True)
class Check:
    """A condition. Without a `reason`, the expression gives the reason itself, or nothing."""

    reason: str
    source: str
    evaluate: Evaluate
    kind: FaultKind = FaultKind.OTHER

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

    async def value(self, values: Values, _: Walk) -> Any:
        """The value. Raises Refused when a check is broken or the expression fails."""
        with recipe_faults(self.name):
            return checked(self.name, self.checks, values, self.expression(values))


@dataclass(frozen=True, slots=True)
class Recovery:
    """Asking again with a critique: how often, for which kinds of fault, and in which words."""

    at_most: int
    kinds: frozenset[FaultKind]
    ask: Render

    def mends(self, verdict: Verdict) -> bool:
        """Whether the fault is worth it."""
        return not verdict.failed and verdict.kind in self.kinds

    def turns(self, values: Values, answer: str, verdict: Verdict) -> tuple[Message, ...]:
        """The answer as it came and the critique of it."""
        fault = {
            "answer": answer,
            "reason": verdict.reason,
            "kind": verdict.kind.value,
            "found": verdict.found,
            "expected": verdict.expected,
        }
        critique = self.ask({**values, "fault": fault})
        return (Message("assistant", answer), Message("user", critique))


@dataclass(frozen=True, slots=True)
class ModelStep:
    """Asks for its value, at most `attempts` times; from the second on with `retry`'s sampling."""

    name: str
    turns: Turns
    prompt: Render | None
    opening: Render | None
    sampling: Sampling
    retry: Sampling | None
    options: Evaluate | None
    constraint: Constraint | None
    read: Read
    made: Evaluate | None
    checks: tuple[Check, ...]
    attempts: int
    candidates: int | None = None
    at_least: int = 1
    recovery: Recovery | None = None
    if_invalid: Evaluate | None = None
    write: Role = Role.ASSISTANT
    per: Evaluate | None = None

    async def value(self, values: Values, walk: Walk) -> Any:
        """The value, or the list of the valid candidates'. Raises Refused with the last answer's fault."""
        if self.candidates is None:
            return await self._settled(values, walk)
        forks = [walk.fork(f"#{i}" if i else "") for i in range(self.candidates)]
        found = await side_by_side(self._settled(values, fork) for fork in forks)
        walk.join(forks)
        return kept(self.name, found, self.at_least, walk)

    async def _settled(self, values: Values, walk: Walk) -> Any:
        try:
            return await self._asked(values, walk)
        except Refused as refused:
            if self.if_invalid is None or refused.verdict.failed:
                raise
            walk.notes.append(Note("replaced", refused.verdict.reason))
            with recipe_faults(self.name):
                return self.if_invalid(values)

    async def _asked(self, values: Values, walk: Walk) -> Any:
        request = self._request(values, walk)
        only = self._only_choice(request)
        if only is not None:
            return self._judge(values, request, only)[0]
        mended: list[str] = []
        plain = 1
        first = request
        while True:
            answered = await walk.answer(self.name, request)
            try:
                value, repaired = self._judge(values, request, answered.answer)
            except Refused as refused:
                verdict = refused.verdict
            else:
                walk.trials.append(Trial(request, answered))
                if repaired:
                    walk.notes.append(Note("repaired", repaired))
                walk.notes += [Note("recovered", kind) for kind in dict.fromkeys(mended)]
                return value
            walk.trials.append(Trial(request, answered, verdict.reason))
            if verdict.failed or answered.answer.finish_reason == Finish.PROMPT_TOO_LONG:
                raise Refused(verdict)
            if self.recovery and len(mended) < self.recovery.at_most and self.recovery.mends(verdict):
                mended.append(verdict.kind.value)
                walk.notes.append(Note("recovering", verdict.kind.value))
                request = self._with_critique(first, request, values, answered.answer, verdict)
            elif plain < self.attempts and self.retry is not None:
                plain += 1
                request = replace(first, attempt=request.attempt + 1, sampling=self.retry)
            else:
                raise Refused(verdict)

    def _request(self, values: Values, walk: Walk) -> Request:
        """The first attempt's request. Raises Refused when there is nothing to choose from, or a template fails."""
        with recipe_faults(self.name):
            messages = self.turns.messages(values)
            if walk.critique is not None and walk.critique.step == self.name:
                messages += walk.critique.turns
            return Request(
                step=self.name,
                sampling=self.sampling,
                messages=messages,
                prompt=self._prompt(values),
                constraint=self._constraint(values),
                draw=walk.draw,
                path=self._path(values, walk),
                write=self.write,
            )

    def _path(self, values: Values, walk: Walk) -> str:
        """The walk's path, with the hash of what the request is asked for, where the step says so."""
        if self.per is None:
            return walk.path
        told = xxhash.xxh3_64_hexdigest(orjson.dumps(self.per(values)))
        return f"{walk.path}/per.{told}" if walk.path else f"per.{told}"

    def _with_critique(
        self, first: Request, last: Request, values: Values, answer: Answer, verdict: Verdict
    ) -> Request:
        assert self.recovery is not None, "asked for by its owner"
        with recipe_faults(self.name):
            turns = self.recovery.turns(values, answer.text, verdict)
        return replace(first, messages=first.messages + turns, attempt=last.attempt + 1)

    def _only_choice(self, request: Request) -> Answer | None:
        """The answer where there is one option alone: nobody has to be asked."""
        constraint = request.constraint
        if self.options is None or constraint is None or len(constraint.value) != 1:
            return None
        return Answer(next(iter(constraint.value)))

    def _judge(self, values: Values, request: Request, answer: Answer) -> tuple[Any, str]:
        """The answer's value and what was mended for it. Raises Refused with the verdict against it."""
        if answer.finish_reason == Finish.PROMPT_TOO_LONG:
            raise Refused(self._too_long(answer))
        try:
            with recipe_faults(self.name):
                return self._value(values, request, answer)
        except InvalidAnswer as fault:
            raise Refused(invalid(self.name, fault, answer.text)) from None

    def _value(self, values: Values, request: Request, answer: Answer) -> tuple[Any, str]:
        if self.opening:
            answer = replace(answer, text=self.opening(values) + answer.text)
        reading = self.read(answer, request.constraint)
        value = reading.value
        if self.made:
            value = self.made({**values, self.name: value})
        if self.checks:
            assert_checks(self.checks, {**values, self.name: value}, value)
        return value, reading.repaired

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


def assert_checks(checks: tuple[Check, ...], values: Values, value: Any) -> None:
    """Raises InvalidAnswer with the first check that is broken."""
    for check in checks:
        reason = check.broken(values)
        if reason:
            raise InvalidAnswer(reason, shown(value)[:300], check.source, check.kind)


def checked(name: str, checks: tuple[Check, ...], values: Values, value: Any) -> Any:
    """The value. Raises Refused with the first check that is broken."""
    try:
        assert_checks(checks, {**values, name: value}, value)
    except InvalidAnswer as fault:
        raise Refused(invalid(name, fault, shown(value))) from None
    return value


def shown(value: Any) -> str:
    """A value as people see it."""
    return value if isinstance(value, str) else repr(value)


def invalid(step: str, fault: InvalidAnswer, text: str) -> Verdict:
    """The verdict of a step whose value is no good."""
    return Verdict(f"{step}_{fault.reason}", fault.found, fault.expected, text, kind=fault.kind)
