"""POST of hits and events, from app servers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status as http
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actors import requesting_actor
from accounts.models import ApiToken, Scope
from analytics.api.ingest_serializers import BatchAnswerSerializer, EventBatchSerializer, HitBatchSerializer
from analytics.ingest import take_batch
from analytics.ingest_body import MAX_BYTES, MAX_PACKED_BYTES, TooManyBytes, read_batch, unpacked
from analytics.items import Limits
from core import clock
from core.bodies import BodyTooLarge, LengthRequired
from core.errors import InvalidInput, NotAllowed

_ENCODING = OpenApiParameter(
    "Content-Encoding", str, OpenApiParameter.HEADER, enum=["gzip"], description="Whether the body is packed."
)


class PackedJSONParser(BaseParser):
    """The bytes of a JSON body, unpacked if they came as gzip; not read any further."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        # One byte more than allowed tells that there is more; a length that the client made up is not believed.
        content: bytes = stream.read(MAX_PACKED_BYTES + 1)
        if len(content) > MAX_PACKED_BYTES:
            raise BodyTooLarge
        encoding = parser_context["request"].headers.get("Content-Encoding", "").strip().lower()
        if encoding in {"", "identity"}:
            return content
        if encoding not in {"gzip", "x-gzip"}:
            raise UnsupportedMediaType(
                encoding, "The body may be packed with gzip (Content-Encoding: gzip) or not at all."
            )
        try:
            return unpacked(content)
        except TooManyBytes as error:
            raise BodyTooLarge(f"Unpacked the body is larger than {MAX_BYTES:,} bytes.") from error


class IngestView(GenericAPIView[Any]):
    """Needs a token, whose environment is that of everything sent with it."""

    read_scope = write_scope = Scope.INGEST
    parser_classes = [PackedJSONParser]
    stream: ClassVar[str]

    def taken(self, request: Request) -> Response:
        """202 with what became of the batch."""
        if not isinstance(request.auth, ApiToken):
            raise NotAllowed("Hits and events come from programs: send them with a token of scope ingest.")
        if request.headers.get("Transfer-Encoding") and not request.headers.get("Content-Length"):
            raise LengthRequired
        has_body = (request.headers.get("Content-Length") or "0") != "0"
        if not has_body:
            raise InvalidInput.at(
                "body", f'Must be an object such as {{"batch_id": "…", "{self.stream}": […]}}.'
            )
        limits = Limits.at(clock.now(), request.auth.environment, settings.HITS_MAX_AGE_DAYS)
        body: Any = request.data
        answer = take_batch(read_batch(self.stream, body, limits), requesting_actor(request))
        return Response(answer, http.HTTP_202_ACCEPTED)


class HitsView(IngestView):
    """Hits."""

    stream = "hits"

    @extend_schema(
        operation_id="hits_send",
        tags=["hits"],
        parameters=[_ENCODING],
        request=HitBatchSerializer,
        responses={202: BatchAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """Send up to 10,000 hits. What is wrong with one does not hold up the others; a batch sent twice counts once."""
        return self.taken(request)


class EventsView(IngestView):
    """Events."""

    stream = "events"

    @extend_schema(
        operation_id="events_send",
        tags=["hits"],
        parameters=[_ENCODING],
        request=EventBatchSerializer,
        responses={202: BatchAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """Send up to 10,000 events. What is wrong with one does not hold up the others; a batch sent twice counts once."""
        return self.taken(request)
