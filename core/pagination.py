"""Pages that stay right while rows are added."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    """Newest first, by id; `?page_size=` up to 200, `next` and `previous` are addresses."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200
