"""Parameters -> filters. Here alone stands what each filter of the list is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from gristmill.errors import InputError
from gristmill.filters.balance import BalancedBoilerplate
from gristmill.filters.benchmarks import load_benchmarks
from gristmill.filters.boilerplate import Boilerplate
from gristmill.filters.by_recipe import ByRecipe, SomeRecipes
from gristmill.filters.c4 import C4
from gristmill.filters.chain import Chain, is_set_filter
from gristmill.filters.contamination import Contamination
from gristmill.filters.exact_dedup import ExactDedup
from gristmill.filters.fineweb import Fineweb
from gristmill.filters.form import Form
from gristmill.filters.gopher_quality import GopherQuality
from gristmill.filters.gopher_repetition import GopherRepetition
from gristmill.filters.grounding import Grounding
from gristmill.filters.identity import Identity
from gristmill.filters.language import Language
from gristmill.filters.leakage import leakage, template_texts
from gristmill.filters.length import Length
from gristmill.filters.near_dedup import NearDedup, Release
from gristmill.filters.pii import pii
from gristmill.filters.safety import Safety
from gristmill.filters.secrets import secrets
from gristmill.filters.semantic_dedup import SemanticDedup
from gristmill.filters.standard import Standard, TextFilter
from gristmill.filters.verdict import RowFilter, SetFilter
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
from gristmill.params.filters import FilterParams, FilterSpec, changed_for_recipe
from gristmill.params.private import PiiParams, SecretsParams
from gristmill.params.published import C4Params, FinewebParams, GopherQualityParams, GopherRepetitionParams
from gristmill.params.section import Section
from gristmill.recipes.tree import recipe_content

Published = GopherQualityParams | GopherRepetitionParams | C4Params | FinewebParams


@dataclass(frozen=True)
class Surroundings:
    """What filters are given beside their parameters."""

    root: Path
    """Where relative paths in the parameters start."""
    folder: Path
    """A private folder for what must not grow in memory; whoever runs the chain makes and removes it."""
    templates: Sequence[str] = ()
    """What the recipes say to the model."""
    pinned: bool = True
    """Whether files that parameters name must be given with their hash, as the data graph asks for."""
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By recipe, what its key `filters` changes; see `recipe_changes`."""
    release: Release = lambda _: None
    """Opens the index of the parent release; called once rows are compared with it."""


def build_chain(params: FilterParams, around: Surroundings) -> Chain:
    """The filters in the order of the list. Raises ProblemsError or InputError for what a recipe changes wrongly."""
    by_recipe = {
        recipe: {spec.name: spec for spec in changed_for_recipe(params, changes, f"recipes/{recipe}.yaml")}
        for recipe, changes in around.changes.items()
        if changes
    }
    links: list[RowFilter | SetFilter] = []
    for spec in params.filters:
        forms = {recipe: specs.get(spec.name) for recipe, specs in by_recipe.items() if specs.get(spec.name) != spec}
        links.append(_link(spec, forms, around))
    return Chain(_together(links))


def recipe_changes(folder: Path, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """What the recipes' key `filters` says: by filter, settings or `off`. Raises InputError where it is no mapping."""
    found = {name: recipe_content(folder, name).get("filters", {}) for name in names}
    for name, changes in found.items():
        if not isinstance(changes, Mapping):
            raise InputError(f"found {changes!r}", where=f"recipes/{name}.yaml: filters", expected="filters by name")
    return found


def recipe_templates(folder: Path, names: Sequence[str]) -> list[str]:
    """What the recipes say to the model: the texts of their messages and prompts."""
    return [text for name in names for text in template_texts(recipe_content(folder, name))]


def _link(spec: FilterSpec, forms: Mapping[str, FilterSpec | None], around: Surroundings) -> RowFilter | SetFilter:
    usual = build_filter(spec, around)
    if not forms:
        return usual
    if not is_set_filter(usual):
        changed = {name: _row_filter(form, around) for name, form in forms.items()}
        return ByRecipe(usual.name, cast(RowFilter, usual), changed)
    for recipe, form in forms.items():
        if form is not None:
            raise InputError(
                f"the filter {spec.name} compares the rows of all recipes with each other",
                where=f"recipes/{recipe}.yaml: filters.{spec.name}",
                expected="off, or nothing",
            )
    return SomeRecipes(usual, frozenset(forms))


def _row_filter(spec: FilterSpec | None, around: Surroundings) -> RowFilter | None:
    """A form of a row filter; None is `off`."""
    if spec is None:
        return None
    form = build_filter(spec, around)
    if is_set_filter(form):
        raise InputError(f"a recipe makes the filter {spec.name} look at all rows", expected="that in params.yaml")
    return cast(RowFilter, form)


def _together(links: Sequence[RowFilter | SetFilter]) -> list[RowFilter | SetFilter]:
    """Published filters that follow each other on one column share one view of its texts."""
    found: list[RowFilter | SetFilter] = []
    for column, group in groupby(links, lambda link: link.column if isinstance(link, Standard) else None):
        members = list(group)
        if column is None:
            found += members
        else:
            checks = [check for link in members if isinstance(link, Standard) for check in link.checks]
            found.append(Standard(checks, column))
    return found


def build_filter(spec: FilterSpec, around: Surroundings) -> RowFilter | SetFilter:
    """One filter of the list."""
    return _MAKERS[type(spec)](spec, around)


def published_filter(spec: Published) -> TextFilter:
    """One of the four published filters."""
    match spec:
        case GopherQualityParams():
            return GopherQuality(spec)
        case GopherRepetitionParams():
            return GopherRepetition(spec)
        case C4Params():
            return C4(spec)
        case FinewebParams():
            return Fineweb(spec)


def _published(spec: Published, _: Surroundings) -> Standard:
    return Standard([published_filter(spec)], spec.column.value)


def _contamination(spec: ContaminationParams, around: Surroundings) -> Contamination:
    return Contamination(spec, load_benchmarks(spec, around.root, pinned=around.pinned))


_MAKERS: dict[type[Section], Callable[[Any, Surroundings], RowFilter | SetFilter]] = {
    PiiParams: lambda spec, _: pii(spec),
    SecretsParams: lambda spec, _: secrets(spec),
    LengthParams: lambda spec, _: Length(spec),
    FormParams: lambda spec, _: Form(spec),
    BoilerplateParams: lambda spec, _: BalancedBoilerplate(spec) if spec.balanced else Boilerplate(spec),
    LeakageParams: lambda spec, around: leakage(spec, around.templates),
    IdentityParams: lambda spec, _: Identity(spec),
    SafetyParams: lambda spec, _: Safety(spec),
    GopherQualityParams: _published,
    GopherRepetitionParams: _published,
    C4Params: _published,
    FinewebParams: _published,
    LanguageParams: lambda spec, _: Language(spec),
    GroundingParams: lambda spec, _: Grounding(spec),
    ContaminationParams: _contamination,
    ExactDedupParams: lambda _, __: ExactDedup(),
    NearDedupParams: lambda spec, around: NearDedup(spec, around.folder / spec.name, around.release),
    SemanticDedupParams: lambda spec, around: SemanticDedup(spec, around.folder / spec.name),
}
"""What each section of the list becomes."""
