"""The two addresses of OFREP. 400 and 404 have the protocol's own bodies; every other refusal is a problem document, as elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from django.utils.http import parse_etags
from drf_spectacular.utils import extend_schema
from rest_framework import status as http
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from accounts.models import Scope
from core import clock
from core.bodies import json_object
from core.conditional import entity_tag
from core.errors import InvalidInput
from core.problems import exception_handler
from delivery.api.evaluation_views import environment_of
from delivery.api.ofrep_schema import BULK_ANSWERS, BULK_PARAMETERS, EVALUATION_REQUEST, FLAG_ANSWERS
from delivery.evaluation import delivered_now
from delivery.ofrep import Evaluation, read_evaluation_context

_MAX_QUOTED: Final = 1_000
_STATUSES = {"FLAG_NOT_FOUND": http.HTTP_404_NOT_FOUND, "PARSE_ERROR": http.HTTP_400_BAD_REQUEST}


def ofrep_errors(exception: Exception, context: dict[str, object]) -> Response | None:
    """What is wrong with a request in OFREP's words; all else as in the rest of the API."""
    if not isinstance(exception, InvalidInput | ParseError):
        return exception_handler(exception, context)
    unreadable = isinstance(exception, ParseError) or any(error.path == "body" for error in exception.errors)
    body = {
        "errorCode": "PARSE_ERROR" if unreadable else "INVALID_CONTEXT",
        "errorDetails": _quoted(str(exception.detail)),
    }
    kwargs = context["kwargs"]
    if isinstance(kwargs, dict) and "key" in kwargs:
        body["key"] = _quoted(kwargs["key"])
    set_rollback()
    return Response(body, status=http.HTTP_400_BAD_REQUEST)


class OfrepView(APIView):
    """Asks for the scope of evaluation; forced users are those of the token's environment."""

    read_scope = Scope.EVALUATE
    write_scope = Scope.EVALUATE

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return ofrep_errors

    def evaluation(self, request: Request) -> Evaluation:
        """Who asks, by the body. Names beside `context` are for versions of the protocol to come."""
        user, asked = read_evaluation_context(json_object(request).get("context"))
        return Evaluation(delivered_now(), environment_of(request), clock.now(), user, asked)


class FlagView(OfrepView):
    """One flag."""

    @extend_schema(
        operation_id="evaluateFlag",
        tags=["OFREP Core"],
        request={"application/json": EVALUATION_REQUEST},
        responses=FLAG_ANSWERS,
    )
    def post(self, request: Request, key: str) -> Response:
        """The value of a flag, which is a test, for the user of the context, and why (OFREP 0.3.0). Logs no hit."""
        answer = self.evaluation(request).flag(_quoted(key))
        return Response(answer, status=_STATUSES.get(answer.get("errorCode", ""), http.HTTP_200_OK))


class FlagsView(OfrepView):
    """All flags."""

    @extend_schema(
        operation_id="evaluateFlagsBulk",
        tags=["OFREP Core"],
        parameters=BULK_PARAMETERS,
        request={"application/json": EVALUATION_REQUEST},
        responses=BULK_ANSWERS,
    )
    def post(self, request: Request) -> Response:
        """All flags for the user of the context, or those that its `supported_tests` names (OFREP 0.3.0). Logs no hits."""
        answer = self.evaluation(request).flags()
        tag = entity_tag(json.dumps(answer, sort_keys=True).encode())
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if {tag, f"W/{tag}", "*"} & set(known):
            return Response(status=http.HTTP_304_NOT_MODIFIED, headers=headers)
        return Response(answer, headers=headers)


def _quoted(text: str) -> str:
    """Text of the request's in an answer: bounded, and without half surrogate pairs, which UTF-8 cannot hold."""
    return text[:_MAX_QUOTED].encode("utf-8", "backslashreplace").decode()
