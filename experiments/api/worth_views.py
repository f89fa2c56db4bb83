"""Is it worth running? Asked of a settings group, nothing is changed."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from core.bodies import json_object
from experiments.api.schema import Operation, PerKind
from experiments.api.views import KindView
from experiments.api.worth_serializers import WorthBody, WorthSerializer
from experiments.selectors import settings_group_of
from experiments.worth import worth_of
from experiments.worth_asked import FIELDS, read_asked


class WorthView(KindView):
    """Users and days that effects take, effects that days find. Whoever may read the test may ask."""

    http_method_names = ["post"]
    write_scope = Scope.READ
    keeps_answers = False
    operations: ClassVar[dict[str, Operation]] = {
        "POST": Operation(
            "worth",
            "Is it worth running?",
            PerKind(WorthSerializer, WorthSerializer),
            request=PerKind(WorthBody, WorthBody),
        )
    }

    def post(self, request: Request, key: str, number: int) -> Response:
        settings_group = settings_group_of(self.experiment(key), number)
        asked = read_asked(json_object(request, known=FIELDS))
        return Response(WorthSerializer(worth_of(settings_group, asked)).data)
