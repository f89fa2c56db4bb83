"""The manifest and its files, byte for byte as they lie in the delivery folder."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import ApiToken, Scope
from core.errors import NotFound
from delivery.app_servers import (
    INSTANCE_HEADER,
    SDK_HEADER,
    VERSION_HEADER,
    read_report,
    record_report,
)
from delivery.models import Manifest
from delivery.selectors import file_bodies, newest_checksum, newest_edition
from delivery.services import publish

_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of the copy that the caller has."
)
_REPORT = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER, description=meaning)
    for name, meaning in (
        (INSTANCE_HEADER, "Which process asks: `<host>:<process id>:<eight hexadecimal digits>`."),
        (
            VERSION_HEADER,
            "The version that it runs, 0 before the first. With the above it is listed as an app server.",
        ),
        (SDK_HEADER, "The version of its SDK."),
    )
]
_UNCHANGED = OpenApiResponse(description="The caller's copy is up to date.")
# The ETag of a packed answer is weak, as its bytes are others; whoever sends it back hears 304 all the same.
_packed_when_asked = method_decorator(gzip_page, name="dispatch")


@_packed_when_asked
class ManifestView(APIView):
    """Which files there are, with their checksums."""

    read_scope = Scope.DELIVER
    pagination_class = None

    @extend_schema(
        operation_id="delivery_manifest",
        parameters=[_IF_NONE_MATCH, *_REPORT],
        responses={(200, "application/json"): OpenApiTypes.OBJECT, 304: _UNCHANGED},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The newest manifest. Ask with `If-None-Match` to hear whether there is a newer one."""
        report = read_report(request.headers)
        if report is not None and isinstance(request.auth, ApiToken):
            record_report(request.auth, report)
        edition = newest_edition() or publish().manifest
        unchanged = _unchanged(request, edition.sha256)
        if unchanged is not None:
            return unchanged
        return _answer(Manifest.objects.get(version=edition.version).body(), edition.sha256)


@_packed_when_asked
class FileView(APIView):
    """One test file."""

    read_scope = Scope.DELIVER

    @extend_schema(
        operation_id="delivery_file",
        parameters=[
            _IF_NONE_MATCH,
            OpenApiParameter(
                "path",
                str,
                OpenApiParameter.PATH,
                description="As the manifest lists it: `tests/green_button.json`.",
            ),
        ],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            304: _UNCHANGED,
            404: OpenApiResponse(description="Not listed."),
        },
    )
    def get(self, request: Request, path: str) -> HttpResponseBase:
        """The file that the newest manifest lists under this path. Its ETag is its checksum in the manifest."""
        sha256 = newest_checksum(path)
        if sha256 is None:
            raise NotFound(f"The manifest lists no file “{path[:100]}”.")
        return _unchanged(request, sha256) or _answer(file_bodies([sha256])[sha256], sha256)


def _unchanged(request: Request, sha256: str) -> HttpResponseBase | None:
    """304 if the caller has it already."""
    # DRF offers no other way to the request that Django's functions take.
    response = get_conditional_response(request._request, etag=f'"{sha256}"')  # noqa: SLF001
    if response is not None:
        for name, value in _headers(sha256).items():
            response[name] = value
    return response


def _answer(body: bytes, sha256: str) -> HttpResponse:
    return HttpResponse(body, content_type="application/json", headers=_headers(sha256))


def _headers(sha256: str) -> dict[str, str]:
    return {"ETag": f'"{sha256}"', "Cache-Control": "private, no-cache"}
