"""Pages that stay right while rows are added."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from core.errors import InvalidInput


class KeysetPagination(CursorPagination):
    """Newest first, by id; `?page_size=` of 1 to 200 (else 50), `next` and `previous` are addresses.

    A cursor or page size that cannot be is bad input, naming the parameter.
    """

    ordering = "-id"
    page_size_query_param = "page_size"
    page_size_query_description = "How many results a page has."
    cursor_query_description = "Where the page begins; taken from `next` or `previous`, never made up."
    max_page_size = 200

    def get_page_size(self, request: Request) -> int | None:
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not (
            given.isascii()
            and given.isdecimal()
            and len(given) <= 3
            and 1 <= int(given) <= self.max_page_size
        ):
            raise InvalidInput.at("page_size", f"Must be a number from 1 to {self.max_page_size}.")
        return int(given)

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor = super().decode_cursor(request)
        except NotFound as error:
            raise InvalidInput.at(
                "cursor", "Is not a cursor of this list; take it from `next` or `previous`."
            ) from error
        # The base class would compare ids with whatever text a made-up cursor holds.
        if cursor is not None and cursor.position is not None and not _is_id(str(cursor.position)):
            raise InvalidInput.at(
                "cursor", "Is not a cursor of this list; take it from `next` or `previous`."
            )
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        page["required"] = ["next", "previous", "results"]
        for name in ("next", "previous"):
            page["properties"][name].pop("example", None)
        return page

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == "page_size":
                parameter["schema"] = {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": self.max_page_size,
                    "default": 50,
                }
        return parameters


def _is_id(position: str) -> bool:
    return position.isascii() and position.isdecimal() and len(position) <= 19
