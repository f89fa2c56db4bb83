"""Planning ahead: what settings would give, and when there is room."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.bodies import json_object
from core.errors import FieldError, InvalidInput
from experiments.api.planning_serializers import CapacityQuery, CapacitySerializer, WhatIfSerializer
from experiments.api.schema import Operation, PerKind
from experiments.api.settings_bodies import GroupSettingsBody, TestSettingsBody
from experiments.api.views import KindView
from experiments.capacity import capacity_calendar
from experiments.what_if import what_if


class WhatIfView(KindView):
    """Counted now and drawn for every objective, nothing stored. For those who may save the settings."""

    keeps_answers = False
    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation(
            "what_if",
            "What these settings would give, with nothing stored",
            PerKind(WhatIfSerializer, WhatIfSerializer),
            request=PerKind(TestSettingsBody, GroupSettingsBody),
        )
    }

    def post(self, request: Request, key: str) -> Response:
        draft = dict(json_object(request))
        # A body that is ready to be saved can be asked about as it is.
        draft.pop("based_on", None)
        shown = what_if(self.actor, self.experiment(key), draft)
        return Response(WhatIfSerializer(shown, context=self.get_serializer_context()).data)


class CapacityView(GenericAPIView[Any]):
    """Free split groups by day, from today (UTC) on."""

    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="capacity",
        tags=["tests"],
        summary="The capacity calendar: free split groups by day",
        parameters=[CapacityQuery],
        responses=CapacitySerializer,
        filters=False,
    )
    def get(self, request: Request) -> Response:
        query = CapacityQuery(data=request.query_params.dict())
        known = set(query.fields)
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            offered = f"There is no such parameter; known are {', '.join(sorted(known))}."
            raise InvalidInput([FieldError(name[:64], offered) for name in unknown])
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        capacity = capacity_calendar(days=asked["days"])
        groups, duration = asked.get("groups"), asked["duration"]
        earliest = groups and {
            "groups": groups,
            "duration": duration,
            "date": capacity.earliest(groups, duration),
        }
        return Response(CapacitySerializer({"days": capacity.days, "earliest": earliest or None}).data)
