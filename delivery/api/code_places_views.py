"""Where code names tests: scans are reported, and what they found is read."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status as http
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actors import requesting_actor
from core.bodies import json_object
from core.errors import FieldError, InvalidInput
from delivery.api.code_places_serializers import (
    CodePlaceSerializer,
    CodeRepositorySerializer,
    CodeScanBody,
)
from delivery.code_places import forget_repository, report_scan, repositories
from delivery.models import CodePlace, CodeRepository
from delivery.selectors import code_place_rows
from experiments.api.schema import Operation, PerKind
from experiments.api.views import KindView


class CodeScanView(GenericAPIView[Any]):
    """Scans of repositories."""

    queryset = CodeRepository.objects.all()
    serializer_class = CodeRepositorySerializer

    @extend_schema(
        operation_id="code_places_list", tags=["delivery"], responses=CodeRepositorySerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """The repositories whose code was searched, the newest first."""
        page = self.paginate_queryset(repositories())
        return self.get_paginated_response(CodeRepositorySerializer(page, many=True).data)

    @extend_schema(
        operation_id="code_places_report",
        tags=["delivery"],
        request=CodeScanBody,
        responses=CodeRepositorySerializer,
    )
    def put(self, request: Request) -> Response:
        """All places where a repository's code names tests at a commit, in place of what was known of it: `usersplit-sdk scan --report`.

        409 if a scan of a later commit was reported already.
        """
        body = CodeScanBody(data=json_object(request, known=CodeScanBody().fields.keys()))
        body.is_valid(raise_exception=True)
        return Response(CodeRepositorySerializer(report_scan(requesting_actor(request), body.scan())).data)

    @extend_schema(
        operation_id="code_places_forget",
        tags=["delivery"],
        parameters=[OpenApiParameter("repository", str, required=True, description="Its name.")],
        responses={204: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request) -> Response:
        """Forget a repository and all its places."""
        unknown = sorted(set(request.query_params) - {"repository"})
        if unknown:
            message = "There is no such parameter; known is repository."
            raise InvalidInput([FieldError(name[:64], message) for name in unknown])
        name = request.query_params.get("repository", "")
        if not name:
            raise InvalidInput.at("repository", "Name the repository.")
        forget_repository(requesting_actor(request), name)
        return Response(status=http.HTTP_204_NO_CONTENT)


class CodePlacesView(KindView):
    """Lines of code that name it, by the newest scan of each repository."""

    http_method_names = ["get", "head"]
    queryset = CodePlace.objects.all()
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "code_places",
            "Where code names this {noun}",
            PerKind(CodePlaceSerializer(many=True), CodePlaceSerializer(many=True)),
        )
    }

    def get(self, request: Request, key: str) -> Response:
        return self.page(code_place_rows(self.experiment(key)), CodePlaceSerializer)
