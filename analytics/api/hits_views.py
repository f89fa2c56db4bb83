"""Hits per variant and hour, and hits that nobody knows."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.api.actors import requesting_actor
from accounts.models import Environment, Scope
from analytics.api.hits_asked import HitsQuery, asked_settings, read_query
from analytics.api.hits_serializers import HitsSerializer, UnknownSerializer
from analytics.models import UnknownHits
from analytics.reports import hits_report
from analytics.selectors import Moment, moments, unknown_hits
from analytics.unknown import explained
from experiments.api.schema import KindSchema, Operation, PerKind
from experiments.api.views import KindView
from experiments.models import SettingsGroup


class HitsSchema(KindSchema):
    """With the parameters of the query."""

    def get_override_parameters(self) -> list[Any]:
        return [HitsQuery]


class TestHitsView(KindView):
    """What the hits card shows, and every hour or day there is."""

    # Tells pytest that this is no test class.
    __test__ = False

    http_method_names = ["get", "head"]
    schema = HitsSchema()
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation("hits", "Hits per variant and hour", PerKind(HitsSerializer, HitsSerializer))
    }

    def get(self, request: Request, key: str) -> Response:
        experiment = self.experiment(key)
        asked = read_query(request, HitsQuery)
        settings_group = asked_settings(experiment, asked)
        body = _nothing(asked) if settings_group is None else self._report(settings_group, asked)
        return Response(HitsSerializer(body).data)

    def _report(self, settings_group: SettingsGroup, asked: dict[str, Any]) -> dict[str, Any]:
        report = hits_report(settings_group, asked["environment"])
        rows, later = _page(settings_group, asked)
        address = self.request.build_absolute_uri()
        audience = report.audience
        return _nothing(asked) | {
            "next": replace_query_param(address, "since", _utc(later)) if later else None,
            "settings_group": settings_group.number,
            "hits": report.hits,
            "users": report.users,
            "first_hit_at": report.first_at,
            "last_hit_at": report.last_at,
            "users_counted_at": report.users_counted_at,
            "expected_counted_at": audience.counted_at if audience else None,
            "variants": report.variants,
            "srm": report.ratio,
            "hours" if asked["by"] == "hour" else "days": rows,
        }


def _nothing(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer before there are settings."""
    empty: dict[str, Any] = dict.fromkeys(
        (
            "next",
            "settings_group",
            "first_hit_at",
            "last_hit_at",
            "users_counted_at",
            "expected_counted_at",
            "srm",
        )
    )
    return empty | {
        "environment": asked["environment"],
        "by": asked["by"],
        "hits": 0,
        "users": 0,
        "variants": [],
        "hours": [],
        "days": [],
    }


def _page(settings_group: SettingsGroup, asked: dict[str, Any]) -> tuple[list[Moment], dt.datetime | None]:
    """The rows of at most `limit` hours or days, and where the next page begins."""
    limit = asked["limit"]
    found = moments(
        settings_group, asked["environment"], asked["by"], asked.get("since"), asked.get("until"), limit + 1
    )
    instants = list(dict.fromkeys(row.at for row in found))
    if len(instants) <= limit:
        return found, None
    later = instants[limit]
    return [row for row in found if row.at < later], later


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class UnknownFilter(FilterSet):
    """What to see of them."""

    environment = ChoiceFilter(choices=Environment.choices, help_text="Only this environment.")
    why = ChoiceFilter(choices=UnknownHits.Why.choices, help_text="Only what there is none of in this way.")

    class Meta:
        model = UnknownHits
        fields: ClassVar[list[str]] = []


class UnknownHitsView(GenericAPIView[Any]):
    """Hits for tests, settings or variants that there are none of."""

    read_scope = Scope.READ
    http_method_names = ["get", "head"]
    queryset = UnknownHits.objects.all()
    filterset_class = UnknownFilter

    @extend_schema(
        operation_id="hits_unknown",
        tags=["hits"],
        summary="Hits that nobody knows",
        responses=UnknownSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        actor = requesting_actor(request)
        page = self.paginate_queryset(self.filter_queryset(unknown_hits(actor).order_by()))
        rows = explained(actor, list(page or []))
        return self.get_paginated_response(UnknownSerializer(rows, many=True).data)  # type: ignore[arg-type]  # the stubs know no `many`
