"""What every section of params.yaml is: frozen, with unknown keys refused and every field described."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True)


class FilterSection(Section):
    """Base of the sections of filters."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Parts of a row, beside the response, without which the filter has nothing to look at."""
