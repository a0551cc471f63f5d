"""The section `filter`: an ordered list of filters, each with its thresholds; a recipe may change some of them.

Which sections there are stands in `FilterSpec` alone; a filter's name is its discriminator.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.params.conduct import IdentityParams, LeakageParams, SafetyParams
from gristmill.params.contamination import ContaminationParams
from gristmill.params.content import (
    BoilerplateParams,
    ExactDedupParams,
    FormParams,
    GroundingParams,
    LanguageParams,
    LengthParams,
)
from gristmill.params.duplicates import NearDedupParams, SemanticDedupParams
from gristmill.params.load import parse
from gristmill.params.private import PiiParams, SecretsParams
from gristmill.params.published import C4Params, FinewebParams, GopherQualityParams, GopherRepetitionParams
from gristmill.params.section import Section

FilterSpec = Annotated[
    PiiParams
    | LeakageParams
    | IdentityParams
    | SafetyParams
    | ContaminationParams
    | SecretsParams
    | LengthParams
    | FormParams
    | BoilerplateParams
    | GopherQualityParams
    | GopherRepetitionParams
    | C4Params
    | FinewebParams
    | LanguageParams
    | GroundingParams
    | ExactDedupParams
    | NearDedupParams
    | SemanticDedupParams,
    Field(discriminator="name"),
]


def _usual_filters() -> list[FilterSpec]:
    """What a grounded question and answer goes through. Duplicates last: a refused row must not hide a good one."""
    return [
        PiiParams(),
        SecretsParams(),
        LengthParams(),
        FormParams(),
        BoilerplateParams(),
        LanguageParams(),
        GroundingParams(),
        ExactDedupParams(),
        NearDedupParams(),
    ]


class FilterParams(Section):
    """Cheap checks, before the judge costs anything."""

    filters: list[FilterSpec] = Field(default_factory=_usual_filters)
    """In this order, each once; the first that refuses a row gives the reason."""

    @property
    def languages(self) -> list[str]:
        """The languages that the filter `language` keeps; none when the list does not have it."""
        return [code for spec in self.filters if isinstance(spec, LanguageParams) for code in spec.allowed]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [spec.name for spec in self.filters]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"each filter stands once; found twice: {', '.join(doubled)}")
        return self


def changed_for_recipe(params: FilterParams, changes: Mapping[str, Any], where: str) -> list[FilterSpec]:
    """The list as a recipe's key `filters` changes it: settings by a filter's name, or `off`.

    A filter that the list does not have stays out. Raises ProblemsError with all that is wrong in the changes;
    `where` names the recipe's file.
    """
    known = filter_names()
    wrong = [
        Problem(f"{where}: filters.{name}", f"there is no filter {name!r}", f"some of {', '.join(known)}")
        for name in changes
        if name not in known
    ]
    specs: list[FilterSpec] = []
    for spec in params.filters:
        try:
            specs += _changed(spec, changes.get(spec.name, {}), where)
        except ProblemsError as error:
            wrong += error.problems
        except InputError as error:
            wrong.append(error.problem)
    if wrong:
        raise ProblemsError(wrong)
    return specs


def filter_names() -> list[str]:
    """The names of all filters."""
    union = FilterSpec.__origin__  # type: ignore[attr-defined]
    return [each.model_fields["name"].default for each in union.__args__]


def default_filter(name: str) -> FilterSpec:
    """A filter with its defaults. Raises InputError when there is none of this name."""
    if name not in filter_names():
        raise InputError(f"there is no filter {name!r}", expected=f"some of {', '.join(filter_names())}")
    return FilterParams.model_validate({"filters": [{"name": name}]}).filters[0]


def with_settings(spec: FilterSpec, settings: Mapping[str, Any], where: str) -> FilterSpec:
    """The filter with some settings changed. Raises ProblemsError for what is wrong in them."""
    return parse(type(spec), {**spec.model_dump(), **settings, "name": spec.name}, where)


def _changed(spec: FilterSpec, change: Any, where: str) -> list[FilterSpec]:
    place = f"{where}: filters.{spec.name}"
    if change is False or change == "off":  # YAML reads a bare `off` as false
        return []
    if not isinstance(change, Mapping):
        raise InputError(f"found {change!r}", where=place, expected="a mapping of settings, or off")
    return [with_settings(spec, change, place)]
