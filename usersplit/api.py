"""What belongs to the API as a whole: its schema, its documentation page, and addresses that do not exist."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import URLPattern, URLResolver, include, is_valid_path, path, re_path
from django.utils.encoding import force_bytes
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

import accounts.api.schema  # noqa: F401 - registers how the schema describes tokens and sessions
from core.middleware import CONTENT_SECURITY_POLICY
from core.problems import plain_problem


class PermanentRedirectKeepingMethod(HttpResponsePermanentRedirect):
    """A POST stays a POST, with its body."""

    status_code = 308


_written: Final[dict[type[BaseRenderer], bytes]] = {}
_writing: Final = Lock()


def _schema_as(renderer: type[BaseRenderer]) -> bytes:
    """The schema, which is the same for everybody, made once for each process and form.

    It takes a second, anybody may ask for it, and drf-spectacular trips over itself when two threads ask for the first time.
    """
    with _writing:
        if renderer not in _written:
            schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
            _written[renderer] = force_bytes(renderer().render(schema))
        return _written[renderer]


class SchemaView(SpectacularAPIView):
    """OpenAPI, as JSON or YAML."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        form = request.accepted_renderer
        return HttpResponse(
            _schema_as(type(form)),
            content_type=f"{request.accepted_media_type}; charset=utf-8",
            headers={"Content-Disposition": f'inline; filename="usersplit.{form.format}"'},
        )


class DocumentationView(SpectacularSwaggerSplitView):
    """Swagger UI from our own server. It styles itself with inline styles, so this page alone allows those; never scripts."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.headers["Content-Security-Policy"] = (
            f"{CONTENT_SECURITY_POLICY}; style-src 'self' 'unsafe-inline'"
        )
        return response


@csrf_exempt
@login_not_required
def unknown_address(request: HttpRequest) -> HttpResponse:
    """404 as a problem document; an address that is right but for its last slash leads to the right one."""
    wanted = request.path_info
    meant = wanted.rstrip("/") if wanted.endswith("/") else f"{wanted}/"
    if _is_known(meant):
        query = request.META.get("QUERY_STRING", "")
        return PermanentRedirectKeepingMethod(meant + (f"?{query}" if query else ""))
    return plain_problem(
        404, f"There is nothing at {wanted[:200]}. The addresses are listed at /api/v1/schema/.", "not_found"
    )


def _is_known(address: str) -> bool:
    match = is_valid_path(address)
    return bool(match) and match.func is not unknown_address  # type: ignore[union-attr]  # False or a match


urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/schema/", SchemaView.as_view(), name="api_schema"),
    path("api/v1/docs/", DocumentationView.as_view(url_name="api_schema"), name="api_docs"),
    path("api/v1/", include("experiments.api.urls")),
    path("api/v1/", include("delivery.api.urls")),
    path("api/v1/", include("qa_tools.api.urls")),
    path("api/v1/", include("analytics.api.urls")),
    path("ofrep/v1/", include("delivery.api.ofrep_urls")),
]
# After the addresses of all packages.
unknown_addresses = [re_path(r"^(?:api|ofrep)/", unknown_address)]
