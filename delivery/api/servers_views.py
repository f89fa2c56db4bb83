"""Which app servers run which version."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Environment, Scope
from delivery.models import AppServer
from delivery.server_rows import app_servers, newest_version


class AppServerSerializer(serializers.ModelSerializer[AppServer]):
    """One process of an app server, by its own account."""

    token = serializers.CharField(source="token.name", help_text="The name of the token that it reads with.")
    published_at = serializers.DateTimeField(
        allow_null=True, help_text="When the version that it runs was published."
    )
    behind_since = serializers.DateTimeField(
        allow_null=True, help_text="When the first version after it was published; null for the newest."
    )
    is_alive = serializers.BooleanField(help_text="Whether it was heard of in the last minute.")
    newest_version = serializers.SerializerMethodField(help_text="The version that it should run.")

    class Meta:
        model = AppServer
        fields = [
            "id", "instance", "token", "environment", "version", "newest_version", "published_at", "behind_since", "sdk",
            "is_alive", "first_seen_at", "seen_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_newest_version(self, server: AppServer) -> int:
        version: int = self.context["newest_version"]
        return version


class AppServerFilter(FilterSet):
    """What to see of the app servers."""

    environment = ChoiceFilter(choices=Environment.choices, help_text="Only this environment.")
    instance = CharFilter(max_length=100, help_text="Only this process, as it names itself.")

    class Meta:
        model = AppServer
        fields: ClassVar[list[str]] = []


class AppServerListView(GenericAPIView[Any]):
    """App servers that read their delivery over HTTP."""

    read_scope = Scope.READ
    queryset = AppServer.objects.all()
    serializer_class = AppServerSerializer
    filterset_class = AppServerFilter

    @extend_schema(
        operation_id="delivery_servers", tags=["delivery"], responses=AppServerSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Heard of in the last day, the newest first. Servers that read the delivery folder don't report and are not listed."""
        page = self.paginate_queryset(self.filter_queryset(app_servers()))
        context = {"newest_version": newest_version()}
        return self.get_paginated_response(AppServerSerializer(page, many=True, context=context).data)
