"""Code for one test or user group, ready to paste."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from core.errors import FieldError, InvalidInput
from delivery.snippets import Language, Snippet, snippet_for
from experiments.api.schema import KindSchema, Operation, PerKind
from experiments.api.views import KindView


class SnippetSerializer(serializers.Serializer[Snippet]):
    """A piece of code."""

    language = serializers.ChoiceField([language.value for language in Language])
    code = serializers.CharField()
    where = serializers.CharField(help_text="Where it belongs.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), help_text="Of the token that it needs."
    )


class SnippetSchema(KindSchema):
    """What may be asked."""

    def get_override_parameters(self) -> list[Any]:
        return [
            OpenApiParameter(
                "language",
                str,
                enum=[language.value for language in Language],
                default=Language.PYTHON.value,
                description="Of a user group only `python` and `curl`.",
            )
        ]


class SnippetView(KindView):
    """For the current settings, else for the newest: with the variants, and the filters that the conditions read."""

    http_method_names = ["get", "head"]
    schema = SnippetSchema()
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "snippet", "Code to paste for this {noun}", PerKind(SnippetSerializer, SnippetSerializer)
        )
    }

    def get(self, request: Request, key: str) -> Response:
        unknown = sorted(set(request.query_params) - {"language"})
        if unknown:
            message = "There is no such parameter; known is language."
            raise InvalidInput([FieldError(name[:64], message) for name in unknown])
        language = request.query_params.get("language", Language.PYTHON.value)
        snippet = snippet_for(self.experiment(key), language, settings.PUBLIC_URL)
        return Response(SnippetSerializer(snippet).data)
