"""Check, force, tests off. Everything goes through the services of the console."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from typing import Any, ClassVar, Final, TypeVar

from django_filters import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status as http
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from accounts.actors import Actor
from accounts.api.actors import requesting_actor
from accounts.api.idempotency import IdempotentPosts
from accounts.models import Environment, Scope
from core.bodies import json_object
from core.errors import FieldError, InvalidInput, NotFound
from delivery.api.evaluation_views import environment_of, read_subject
from delivery.subjects import SubjectReader
from experiments.models import ForcedUser, Kind, TestsOff
from experiments.selectors import experiment_for
from experiments.services import force_user, switch_tests_off, switch_tests_on, unforce_user
from qa_tools.api.serializers import (
    AsOfField,
    CheckBody,
    CheckSerializer,
    DeliveredSerializer,
    DeliveryStateSerializer,
    ForcedAnswer,
    ForcedBody,
    ForcedChoice,
    ForcedUserSerializer,
    PersonBody,
    PersonReasonBody,
    TestsOffAnswer,
    TestsOffSerializer,
    TracedCheckSerializer,
)
from qa_tools.checking import check_user
from qa_tools.selectors import forced_users, people_without_tests
from qa_tools.services import switch_tests_on_for, unforce_matching
from qa_tools.waiting import MOST_SECONDS, await_delivery

Body = TypeVar("Body", bound="Serializer[Any]")
_GONE = {
    200: OpenApiResponse(DeliveredSerializer, "Done; only with `wait`."),
    204: OpenApiResponse(description="Done."),
}
_WAIT = OpenApiParameter(
    "wait",
    {"type": "number", "minimum": 0, "maximum": MOST_SECONDS},
    OpenApiParameter.QUERY,
    description=(
        "Seconds to wait until every app server runs the version that holds the change. The answer tells, as `delivery`, "
        "whether they do. Answered at once if too many calls wait already."
    ),
)
_SECONDS: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,6})?", re.ASCII)


class QaView(IdempotentPosts, GenericAPIView[Any]):
    """All of the QA tools ask for one scope, reading and writing."""

    read_scope = Scope.QA
    write_scope = Scope.QA

    @property
    def actor(self) -> Actor:
        return requesting_actor(self.request)

    def delivery(self, environment: str | None) -> dict[str, Any]:
        """What the answer says of the delivery, once it has waited for it: nothing unless `?wait=` asked.

        After the change: everything that can be refused has been.
        """
        seconds = self.seconds_to_wait()
        if seconds is None:
            return {}
        return {"delivery": DeliveryStateSerializer(await_delivery(environment, seconds)).data}

    def seconds_to_wait(self) -> float | None:
        """`?wait=` as a number, None without one. Raises InvalidInput; ask before anything is changed."""
        given = self.request.query_params.get("wait")
        if given is None:
            return None
        if not _SECONDS.fullmatch(given) or float(given) > MOST_SECONDS:
            raise InvalidInput.at("wait", f"Must be a number of seconds from 0 to {MOST_SECONDS:g}.")
        return float(given)

    def choice(self) -> dict[str, Any]:
        """The query without `wait`, which has been read. Raises InvalidInput."""
        self.seconds_to_wait()
        return {name: value for name, value in self.request.query_params.items() if name != "wait"}

    def gone(self, environment: str | None) -> Response:
        """Done: 204, or 200 with what became of the delivery if that was waited for."""
        body = self.delivery(environment)
        return Response(body) if body else Response(status=http.HTTP_204_NO_CONTENT)

    def checked(self, serializer: type[Body], given: dict[str, Any] | None = None) -> Body:
        """The body, or `given`, with every unknown field refused."""
        known = serializer().fields.keys()
        body = serializer(data=json_object(self.request, known=known) | _known(given or {}, known))
        body.is_valid(raise_exception=True)
        return body


class CheckView(QaView):
    """What would this user get?"""

    keeps_answers = False

    @extend_schema(operation_id="qa_check", tags=["qa"], request=CheckBody, responses=TracedCheckSerializer)
    def post(self, request: Request) -> Response:
        """The variant of every test, or why there is none; with `as_of` what was delivered at a past moment."""
        body = json_object(request, known=CheckBody().fields.keys())
        reader = SubjectReader([])
        as_of = self._as_of(reader, body.get("as_of"))
        if not isinstance(body.get("trace", False), bool):
            reader.errors.append(FieldError("trace", "Must be true or false."))
        tests = reader.keys(body.get("tests"), "tests")
        forced_in = body.get("forced_in") or environment_of(request)
        if forced_in not in Environment.values:
            reader.errors.append(FieldError("forced_in", f"Must be one of: {', '.join(Environment.values)}."))
        subject = read_subject(
            reader,
            body,
            body.get("environment"),
            supported=None,
            device_id=reader.identity(body.get("device_id"), "device_id"),
        )
        named = None if tests is None else list(dict.fromkeys(body["tests"]))
        check = check_user(self.actor, subject, forced_in, named, as_of)
        serializer = TracedCheckSerializer if body.get("trace") else CheckSerializer
        return Response(serializer(check, context={"check": check}).data)

    @staticmethod
    def _as_of(reader: SubjectReader, given: object) -> dt.datetime | None:
        if given is None:
            return None
        try:
            moment: dt.datetime = AsOfField().run_validation(given)
        except ValidationError as error:
            reader.errors += [FieldError("as_of", str(message)) for message in error.detail]
            return None
        return moment


class ForcedFilter(FilterSet):
    """What to see of the forced users."""

    test = CharFilter(field_name="experiment__key", max_length=64, help_text="Only this test.")
    user_id = CharFilter(max_length=200, strip=False, help_text="Only this user.")
    device_id = CharFilter(max_length=200, strip=False, help_text="Only this device.")
    environment = ChoiceFilter(choices=Environment.choices, help_text="Only this environment.")

    class Meta:
        model = ForcedUser
        fields: ClassVar[list[str]] = []


class ForcedListView(QaView):
    """Users and devices that are put into a variant."""

    queryset = ForcedUser.objects.all()
    serializer_class = ForcedUserSerializer
    filterset_class = ForcedFilter

    @extend_schema(operation_id="qa_forced_list", tags=["qa"], responses=ForcedUserSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = self.paginate_queryset(self.filter_queryset(forced_users(self.actor)))
        return self.get_paginated_response(ForcedUserSerializer(page, many=True).data)

    @extend_schema(
        operation_id="qa_forced_create",
        tags=["qa"],
        parameters=[_WAIT],
        request=ForcedBody,
        responses={201: ForcedAnswer},
    )
    def post(self, request: Request) -> Response:
        """Put a user or device into a variant; again moves them."""
        self.seconds_to_wait()
        body = self.checked(ForcedBody)
        given = body.validated_data
        try:
            experiment = experiment_for(self.actor, Kind.TEST, given["test"])
        except NotFound as error:
            raise InvalidInput.at("test", error.detail) from error
        forced = force_user(
            self.actor,
            experiment,
            given["variant"],
            given.get("environment") or environment_of(request),
            **body.ids(),
            reason=given.get("reason", ""),
            expires_at=given.get("expires_at"),
        )
        return Response(ForcedUserSerializer(forced).data, http.HTTP_201_CREATED)

    def after_commit(self, request: Request, response: Response) -> Response:
        """Waited for outside of the transaction that an Idempotency-Key needs: nobody sees what is not committed."""
        response.data |= self.delivery(response.data["environment"])
        return response

    @extend_schema(
        operation_id="qa_forced_clear",
        tags=["qa"],
        parameters=[ForcedChoice, _WAIT],
        request=None,
        responses=_GONE,
    )
    def delete(self, request: Request) -> Response:
        """Let a user or device go, in all tests and environments or those named (in the query or in a JSON body)."""
        body = self.checked(ForcedChoice, self.choice())
        given = body.validated_data
        environment = given.get("environment", "")
        unforce_matching(self.actor, **body.ids(), test=given.get("test", ""), environment=environment)
        return self.gone(environment or None)


class ForcedView(QaView):
    """One forced user or device."""

    @extend_schema(operation_id="qa_forced_delete", tags=["qa"], parameters=[_WAIT], responses=_GONE)
    def delete(self, request: Request, forced_id: int) -> Response:
        """Let this one go."""
        self.seconds_to_wait()
        forced = forced_users(self.actor).filter(pk=forced_id).first()
        if forced is None:
            raise NotFound("There is no such forced user.")
        unforce_user(self.actor, forced_id)
        return self.gone(forced.environment)


class TestsOffFilter(FilterSet):
    """What to see of those without tests."""

    __test__ = False

    user_id = CharFilter(max_length=200, strip=False, help_text="Only this user.")
    device_id = CharFilter(max_length=200, strip=False, help_text="Only this device.")

    class Meta:
        model = TestsOff
        fields: ClassVar[list[str]] = []


class TestsOffListView(QaView):
    """Users and devices for whom all tests are off."""

    __test__ = False

    queryset = TestsOff.objects.all()
    serializer_class = TestsOffSerializer
    filterset_class = TestsOffFilter

    @extend_schema(operation_id="qa_tests_off_list", tags=["qa"], responses=TestsOffSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = self.paginate_queryset(self.filter_queryset(people_without_tests()))
        return self.get_paginated_response(TestsOffSerializer(page, many=True).data)

    @extend_schema(
        operation_id="qa_tests_off_create",
        tags=["qa"],
        parameters=[_WAIT],
        request=PersonReasonBody,
        responses={201: TestsOffAnswer},
    )
    def post(self, request: Request) -> Response:
        """Switch all tests off for a user or device; again gives the new expiry."""
        self.seconds_to_wait()
        body = self.checked(PersonReasonBody)
        given = body.validated_data
        off = switch_tests_off(
            self.actor, **body.ids(), reason=given.get("reason", ""), expires_at=given.get("expires_at")
        )
        return Response(TestsOffSerializer(off).data, http.HTTP_201_CREATED)

    def after_commit(self, request: Request, response: Response) -> Response:
        """As for forced users."""
        response.data |= self.delivery(None)
        return response

    @extend_schema(
        operation_id="qa_tests_off_clear",
        tags=["qa"],
        parameters=[PersonBody, _WAIT],
        request=None,
        responses=_GONE,
    )
    def delete(self, request: Request) -> Response:
        """Switch tests on again for a user or device (in the query or in a JSON body)."""
        switch_tests_on_for(self.actor, **self.checked(PersonBody, self.choice()).ids())
        return self.gone(None)


class TestsOffView(QaView):
    """One user or device."""

    __test__ = False

    @extend_schema(operation_id="qa_tests_off_delete", tags=["qa"], parameters=[_WAIT], responses=_GONE)
    def delete(self, request: Request, off_id: int) -> Response:
        """Switch tests on again."""
        self.seconds_to_wait()
        switch_tests_on(self.actor, off_id)
        return self.gone(None)


def _known(given: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    unknown = sorted(given.keys() - set(known))
    if unknown:
        offered = ", ".join(sorted(known))
        raise InvalidInput(
            [FieldError(name[:64], f"There is no such parameter; known are {offered}.") for name in unknown]
        )
    return given
