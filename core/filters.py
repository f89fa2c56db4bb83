"""Filters of lists: each list knows its parameters, and says so when it is asked by another."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django_filters.rest_framework import DjangoFilterBackend

from core.errors import FieldError, InvalidInput

# Of the pages, and DRF's way to ask for a media type.
_OF_EVERY_LIST = frozenset({"cursor", "page_size", "format"})


class KnownParametersOnly(DjangoFilterBackend):
    """A misspelt filter would answer with everything, as if all of it were meant. It is bad input, naming the parameter."""

    def filter_queryset(self, request: HttpRequest, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset = self.get_filterset_class(view, queryset)
        known = _OF_EVERY_LIST | set(filterset.base_filters if filterset else ())
        unknown = sorted(set(request.GET) - known)
        if unknown:
            offered = f"There is no such parameter; known are {', '.join(sorted(known))}."
            raise InvalidInput([FieldError(name[:64], offered) for name in unknown])
        return super().filter_queryset(request, queryset, view)
