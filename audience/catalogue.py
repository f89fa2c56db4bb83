"""The filter catalogue as the rest of the product reads it."""

from __future__ import annotations

from types import MappingProxyType
from typing import cast

from audience.models import Filter
from audience.specs import Catalogue, Choice, FilterSpec, FilterType, Source

__all__ = ["Catalogue", "Choice", "FilterSpec", "filter_spec", "load_catalogue"]


def load_catalogue() -> Catalogue:
    """All filters by name, archived ones included, in display order. One query; never kept between requests."""
    return MappingProxyType({row.name: filter_spec(row) for row in Filter.objects.all()})


def filter_spec(row: Filter) -> FilterSpec:
    """The immutable description of one row."""
    return FilterSpec(
        name=row.name,
        label=row.label,
        type=cast(FilterType, row.type),
        source=cast(Source, row.source),
        operators=tuple(row.operators),
        choices=tuple(Choice(choice["value"], str(choice["label"])) for choice in row.choices),
        column=row.column,
        description=row.description,
        archived=row.archived,
    )
