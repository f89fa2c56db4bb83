"""Statistics of a settings group."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.hits_asked import RangeQuery, asked_settings, read_query
from analytics.api.results_serializers import ResultsSerializer
from analytics.results import results_of
from core.errors import Conflict
from core.problems import MEDIA_TYPE
from experiments.api.schema import KindSchema, Operation, PerKind
from experiments.api.views import KindView


class ResultsSchema(KindSchema):
    """With the parameters of the query."""

    def get_override_parameters(self) -> list[Any]:
        return [RangeQuery]

    def get_response_serializers(self) -> Any:
        return {
            **super().get_response_serializers(),
            (409, MEDIA_TYPE): OpenApiResponse(
                {"$ref": "#/components/schemas/Problem"}, "There are no settings yet."
            ),
        }


class ResultsView(KindView):
    """Computed when asked, from single hits and events."""

    http_method_names = ["get", "head"]
    schema = ResultsSchema()
    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation(
            "results", "Statistics per settings group", PerKind(ResultsSerializer, ResultsSerializer)
        )
    }

    def get(self, request: Request, key: str) -> Response:
        experiment = self.experiment(key)
        asked = read_query(request, RangeQuery)
        settings_group = asked_settings(experiment, asked)
        if settings_group is None:
            raise Conflict(f"“{experiment.key}” has no settings yet, so nobody can have seen a variant.")
        found = results_of(settings_group, asked["environment"], asked.get("since"), asked.get("until"))
        return Response(ResultsSerializer(found).data)
