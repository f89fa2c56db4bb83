"""The users in a test or user group: page by page, or all of them as one stream in constant memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, ClassVar, Final

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DateTimeField
from rest_framework.utils.urls import replace_query_param

from core.errors import DomainError, InvalidInput
from core.problems import MEDIA_TYPE
from experiments.api.schema import KindSchema, Operation, PerKind
from experiments.api.users_serializers import GroupUsersPage, TestUsersPage
from experiments.api.views import KindView
from experiments.member_files import columns_of, csv_pieces, failure_line, json_pieces
from experiments.members import Among, Member, MemberWalk, require_reading_users, users_in

PAGE_USERS: Final = 1_000
MOST_PAGE_USERS: Final = 10_000
MOST_STREAMED_USERS: Final = 10**12
JSON_LINES: Final = "application/x-ndjson"
CSV: Final = "text/csv"
# Personal data: not even the caller's own cache keeps it.
NOT_KEPT: Final = {"Cache-Control": "no-store"}

logger = logging.getLogger(__name__)


class JsonLinesRenderer(JSONRenderer):
    """Streams are written by the view; what is left to render are problems, which are JSON anywhere."""

    media_type = JSON_LINES
    format = "jsonl"


class CsvRenderer(JSONRenderer):
    """The same for CSV."""

    media_type = CSV
    format = "csv"


class FormatFirst(DefaultContentNegotiation):
    """`?format=` counts whatever is accepted: what an HTTP library accepts by itself nobody chose. An unknown one is bad input."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        known = list(renderers)
        wanted = request.query_params.get("format")
        if wanted is None:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, known, format_suffix)
            return chosen
        for renderer in known:
            if renderer.format == wanted:
                return renderer, str(renderer.media_type)
        offered = ", ".join(str(renderer.format) for renderer in known)
        raise InvalidInput.at("format", f"Must be one of: {offered}.")


class UsersSchema(KindSchema):
    """What may be asked, and the three forms of the answer."""

    def get_override_parameters(self) -> list[Any]:
        asked = [
            OpenApiParameter("variant", str, description="Only the users of this variant."),
            OpenApiParameter(
                "among",
                str,
                enum=[one.value for one in Among],
                default=Among.VARIANTS.value,
                description="`conditions`: everybody who meets them, in a variant or not.",
            ),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1},
                description=f"How many users: of a page {PAGE_USERS:,} unless told, {MOST_PAGE_USERS:,} at most; of a stream all.",
            ),
            OpenApiParameter(
                "cursor",
                str,
                description="Where to go on; from an earlier answer of the same walk, never made up.",
            ),
            OpenApiParameter(
                "format",
                str,
                enum=["json", "jsonl", "csv"],
                description="Counts more than the header `Accept`.",
            ),
        ]
        asked += [
            OpenApiParameter(
                name, str, OpenApiParameter.HEADER, description=f"Of a stream: {words}", response=[200]
            )
            for name, words in (
                ("Settings-Group", "the settings that the walk keeps to."),
                ("Not-Counted", "filters taken as met, with commas between them."),
                ("Loaded-Meanwhile", "`true` if users were loaded since the walk that goes on began."),
            )
        ]
        return [one for one in asked if one.name != "variant" or self._kind == "test"]

    def get_response_serializers(self) -> Any:
        page = self._operation().response.of(self._kind)
        columns = ", ".join(columns_of(is_test=self._kind == "test"))
        lines = (
            f"An object per user ({columns}); every thousandth also has a `cursor`. "
            'A last line {"error": "…"} says that the walk broke off.'
        )
        rows = f"A heading ({columns}) and a line per user. A last line without an id says that the walk broke off."
        return {
            (200, "application/json"): OpenApiResponse(page, "A page of users, or all of them as a stream."),
            (200, JSON_LINES): OpenApiResponse(OpenApiTypes.STR, lines),
            (200, CSV): OpenApiResponse(OpenApiTypes.STR, rows),
            (409, MEDIA_TYPE): OpenApiResponse(
                {"$ref": "#/components/schemas/Problem"}, "Nothing is prepared yet."
            ),
        }


class UsersView(KindView):
    """Ids of users are personal data: a token needs `read` and must act for a manager or a superuser."""

    schema = UsersSchema()
    renderer_classes = [JSONRenderer, JsonLinesRenderer, CsvRenderer]
    content_negotiation_class = FormatFirst
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("users", "Users in the {noun}", PerKind(TestUsersPage, GroupUsersPage))
    }

    def get(self, request: Request, key: str) -> HttpResponseBase:
        experiment = self.experiment(key)
        require_reading_users(self.actor, experiment)
        asked = request.query_params
        walk = users_in(experiment, asked.get("variant"), asked.get("cursor"), among=_among(asked))
        logger.info("%s reads the users of %s %s", self.actor.name, experiment.kind, experiment.key)
        form = request.accepted_renderer.format
        if form == JSONRenderer.format:
            return self.users_page(walk, _limit(asked, PAGE_USERS, MOST_PAGE_USERS))
        members = _Limited(walk, _limit(asked, MOST_STREAMED_USERS, MOST_STREAMED_USERS))
        pieces = (
            csv_pieces(members, is_test=experiment.is_test)
            if form == CsvRenderer.format
            else json_pieces(members, is_test=experiment.is_test, cursor_after=walk.cursor_after)
        )
        return _stream(
            walk, pieces, CSV if form == CsvRenderer.format else JSON_LINES, request.method == "HEAD"
        )

    def users_page(self, walk: MemberWalk, limit: int) -> Response:
        found = list(islice(walk, limit + 1))
        cursor = walk.cursor_after(found[limit - 1]) if len(found) > limit else None
        address = self.request.build_absolute_uri()
        names = columns_of(is_test=walk.experiment.is_test)
        return Response(
            {
                "next": replace_query_param(address, "cursor", cursor) if cursor else None,
                "cursor": cursor,
                "settings_group": walk.settings_group.number,
                "at": DateTimeField().to_representation(walk.at),
                "not_counted": walk.not_counted,
                "loaded_meanwhile": walk.loaded_meanwhile,
                "results": [{name: getattr(member, name) for name in names} for member in found[:limit]],
            },
            headers=NOT_KEPT,
        )


class _Limited:
    """A walk that ends after so many users."""

    def __init__(self, walk: MemberWalk, limit: int) -> None:
        self.walk = walk
        self.limit = limit

    def __iter__(self) -> Iterator[Member]:
        return islice(self.walk, self.limit)


def _stream(walk: MemberWalk, pieces: Iterator[str], media_type: str, is_head: bool) -> StreamingHttpResponse:
    # What fails at the beginning is still a problem document.
    begun = [] if is_head else list(islice(pieces, 2))
    rest = iter(()) if is_head else _told_if_it_fails(pieces, walk, media_type)
    response = StreamingHttpResponse(
        chain(begun, rest), content_type=f"{media_type}; charset=utf-8", headers=NOT_KEPT
    )
    response.headers["Settings-Group"] = str(walk.settings_group.number)
    response.headers["Not-Counted"] = ", ".join(walk.not_counted)
    response.headers["Loaded-Meanwhile"] = str(walk.loaded_meanwhile).lower()
    return response


def _told_if_it_fails(pieces: Iterator[str], walk: MemberWalk, media_type: str) -> Iterator[str]:
    """Servers end a stream that fails as they end any other: without a line that is no user, nobody would know."""
    try:
        yield from pieces
    except Exception as error:  # whatever it was, the reader must not take a part for the whole
        logger.exception("The walk over the users of %s broke off", walk.experiment.key)
        detail = error.detail if isinstance(error, DomainError) else "the walk broke off"
        yield failure_line(detail, is_csv=media_type == CSV, is_test=walk.experiment.is_test)


def _among(asked: Mapping[str, str]) -> Among:
    given = asked.get("among", Among.VARIANTS)
    if given not in set(Among):
        raise InvalidInput.at("among", f"Must be one of: {', '.join(Among)}.")
    return Among(given)


def _limit(asked: Mapping[str, str], default: int, most: int) -> int:
    given = asked.get("limit")
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) <= 13 and 1 <= int(given) <= most):
        raise InvalidInput.at("limit", f"Must be a number from 1 to {most:,}.")
    return int(given)
