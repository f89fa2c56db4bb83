"""What a client app gets, which cannot decide for itself, and reading who asks from the body of a request."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, Environment, Scope
from core.bodies import json_object
from core.errors import FieldError
from delivery.api.evaluation_serializers import ActiveVariantsBody, ActiveVariantsSerializer
from delivery.client_answers import client_answer
from delivery.subjects import Subject, SubjectReader, complete_subject
from usersplit_sdk import Environment as RequestEnvironment


class ActiveVariantsView(GenericAPIView[Any]):
    """For client apps, which cannot decide for themselves."""

    write_scope = Scope.EVALUATE

    @extend_schema(
        operation_id="active_variants",
        tags=["evaluate"],
        request=ActiveVariantsBody,
        responses=ActiveVariantsSerializer,
    )
    def post(self, request: Request) -> Response:
        """The client's tests in which this user has a variant, and what to send as hits when they are shown."""
        body = json_object(request, known=ActiveVariantsBody().fields.keys())
        reader = SubjectReader([])
        user = body.get("user")
        if user is not None and not isinstance(user, dict):
            reader.errors.append(
                FieldError("user", 'Must be an object such as {"id": "4711"}, or null for a guest.')
            )
            user = None
        user = user or {}
        fields = ("id", "split_group", "attributes")
        reader.errors += [
            FieldError(f"user.{str(name)[:64]}", f"There is no such field; known are {', '.join(fields)}.")
            for name in user.keys() - set(fields)
        ]
        supported = reader.keys(body.get("supported_tests"), "supported_tests")
        given = {
            "user_id": user.get("id"),
            "split_group": user.get("split_group"),
            "attributes": user.get("attributes"),
        }
        subject = read_subject(reader, given, body.get("environment"), supported, path="user.")
        answer = client_answer(subject, environment_of(request))
        return Response(ActiveVariantsSerializer(answer).data)


def environment_of(request: Request) -> str:
    """The environment that the token is bound to; people in the browser look at production."""
    return request.auth.environment if isinstance(request.auth, ApiToken) else Environment.PRODUCTION.value


def read_subject(
    reader: SubjectReader,
    given: dict[str, Any],
    environment: object,
    supported: frozenset[str] | None,
    *,
    device_id: str = "",
    path: str = "",
) -> Subject:
    """Read all parts, refuse them together, and ask the warehouse for what is missing."""
    request = reader.environment(environment)
    user_id = reader.identity(given.get("user_id"), "user.id" if path else "user_id")
    split_group = reader.split_group(given.get("split_group"), f"{path}split_group")
    attributes = reader.attributes(given.get("attributes"), f"{path}attributes")
    reader.refuse()
    request = RequestEnvironment(
        device_id or request.device_id,
        request.attributes,
        supported if supported is not None else request.supported_tests,
        request.split_group,
    )
    return complete_subject(user_id, split_group, attributes, request)
