"""Bodies and answers of the QA tools."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from delivery.api.evaluation_serializers import EnvironmentBody, identity_field
from experiments.models import Environment, ForcedUser, TestsOff
from qa_tools.checking import Answer, Check
from usersplit_sdk import Reason

FIRST_YEAR = 1970
LAST_YEAR = 9000


class PersonBody(serializers.Serializer[Any]):
    """Exactly one of a user id and a device id."""

    user_id = identity_field()
    device_id = identity_field()

    def ids(self) -> dict[str, str]:
        """Both, "" for the one that is not given."""
        return {name: self.validated_data.get(name) or "" for name in ("user_id", "device_id")}


class PersonReasonBody(PersonBody):
    """Whom, why and until when."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default_timezone=dt.UTC,
        help_text="ISO 8601; without a zone UTC. Empty: until removed.",
    )

    def validate_expires_at(self, value: dt.datetime | None) -> dt.datetime | None:
        if value is not None and value.year >= LAST_YEAR:
            raise serializers.ValidationError("Lies too far in the future.")
        return value


class ForcedBody(PersonReasonBody):
    """Put a user or device into a variant."""

    test = serializers.CharField(max_length=64, help_text="Key of the test.")
    variant = serializers.CharField(max_length=64)
    environment = serializers.ChoiceField(
        Environment.choices, required=False, help_text="Without it the token's."
    )


class ForcedChoice(PersonBody):
    """Whom to let go, everywhere or in one test and environment."""

    test = serializers.CharField(max_length=64, required=False, allow_blank=True)
    environment = serializers.ChoiceField(Environment.choices, required=False)


class DeliveryStateSerializer(serializers.Serializer[Any]):
    """Which app servers have it. Only servers that read over HTTP and were heard of in the last minute count."""

    version = serializers.IntegerField(help_text="The version of the delivery that holds the change.")
    delivered = serializers.BooleanField(
        help_text="Whether every server runs it. False without servers: nobody knows then."
    )
    servers = serializers.IntegerField(help_text="How many servers there are.")
    waiting_for = serializers.ListField(
        child=serializers.CharField(), help_text="Servers that don't run it yet (the first 100)."
    )


class DeliveredSerializer(serializers.Serializer[Any]):
    """What became of a change that was waited for."""

    delivery = DeliveryStateSerializer()


class ForcedUserSerializer(serializers.ModelSerializer[ForcedUser]):
    """A user or device that is forced into a variant; the id that is not its own is empty."""

    test = serializers.CharField(source="experiment.key")
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = ForcedUser
        fields = [
            "id", "test", "variant", "user_id", "device_id", "environment", "reason", "expires_at", "created_by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class TestsOffSerializer(serializers.ModelSerializer[TestsOff]):
    """A user or device for whom all tests are off."""

    # Tells pytest that this is no test class.
    __test__ = False

    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = TestsOff
        fields = ["id", "user_id", "device_id", "reason", "expires_at", "created_by", "created_at"]
        read_only_fields = fields


class ForcedAnswer(ForcedUserSerializer):
    """The forced user; with `wait` also what became of the delivery."""

    delivery = DeliveryStateSerializer(required=False, help_text="Only with `wait`.")

    class Meta(ForcedUserSerializer.Meta):
        fields = [*ForcedUserSerializer.Meta.fields, "delivery"]


class TestsOffAnswer(TestsOffSerializer):
    """For whom all tests are off; with `wait` also what became of the delivery."""

    __test__ = False

    delivery = DeliveryStateSerializer(required=False, help_text="Only with `wait`.")

    class Meta(TestsOffSerializer.Meta):
        fields = [*TestsOffSerializer.Meta.fields, "delivery"]


class CheckBody(serializers.Serializer[Any]):
    """Whom to ask about. Without an id and attributes it is a guest."""

    user_id = identity_field()
    attributes = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="Profile values by filter name, as an app server has them. Without: from the warehouse.",
    )
    split_group = serializers.IntegerField(
        min_value=1, max_value=2400, required=False, allow_null=True, help_text="Without: from the warehouse."
    )
    device_id = identity_field()
    environment = EnvironmentBody(required=False, allow_null=True)
    tests = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text="Keys; without, all that are delivered.",
    )
    forced_in = serializers.ChoiceField(
        Environment.choices,
        required=False,
        allow_null=True,
        help_text="Whose forced users apply; without it the token's environment.",
    )
    as_of = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text=(
            "A past moment (ISO 8601; without a zone UTC): the tests, forced users and dates that were delivered then. "
            "Attributes from the warehouse are today's."
        ),
    )
    trace = serializers.BooleanField(
        required=False, help_text="true: each decision also has its `conditions`, predicate by predicate."
    )


class DecisionSerializer(serializers.Serializer[Any]):
    """The answer for one test."""

    test = serializers.CharField()
    variant = serializers.CharField(source="decision.variant", allow_null=True)
    reason = serializers.ChoiceField([reason.value for reason in Reason], source="decision.reason.value")
    detail = serializers.CharField(
        source="decision.detail",
        allow_null=True,
        help_text="The path of the predicate that decided, or what is wrong with the file.",
    )
    settings_group = serializers.IntegerField(source="decision.settings_group", allow_null=True)
    explanation = serializers.CharField(help_text="The reason in plain English.")


class AsOfField(serializers.DateTimeField):
    """A moment that PostgreSQL and Python can both hold in UTC."""

    def __init__(self) -> None:
        super().__init__(default_timezone=dt.UTC)

    def to_internal_value(self, value: Any) -> dt.datetime:
        if not isinstance(value, str):
            raise serializers.ValidationError("Must be a moment such as 2026-11-22T10:00:00Z.")
        moment: dt.datetime = super().to_internal_value(value)
        if not FIRST_YEAR <= moment.year < LAST_YEAR:
            raise serializers.ValidationError("Nothing had been delivered then.")
        return moment


class TraceSerializer(serializers.Serializer[Any]):
    """A test's conditions as the engine evaluated them. They are shown even where the decision did not come to them."""

    met = serializers.BooleanField()
    decided = serializers.CharField(
        allow_null=True, help_text="The path of what was evaluated last, and so decided."
    )
    error = serializers.CharField(
        allow_null=True, help_text="What is wrong with conditions that cannot be used."
    )
    conditions = serializers.DictField(
        help_text=(
            'The whole tree, a bracket: `{"kind": "bracket", "path", "state", "chains": [{"state", "operands": […]}]}`. Between '
            "chains stands OR, between the operands of a chain AND. An operand is a bracket or a predicate: "
            '`{"kind": "predicate", "path", "state", "filter", "source", "operator", "value", "seen", "absent"}`. A state is `true`, '
            "`false` or `not_evaluated`; `seen` is the value of the user or the request, null where `absent` says why there is none "
            "(`missing`, `unreadable`, `not_read`)."
        )
    )


@extend_schema_field(TraceSerializer(allow_null=True))
class ConditionsField(serializers.Field[Any, Any, Any, Any]):
    """Shown only; not marked as such, since the schema would promise it in every answer."""

    def to_representation(self, value: Answer) -> dict[str, object] | None:
        check: Check = self.context["check"]
        trace = check.trace(value)
        return None if trace is None else trace.as_json()


class TracedDecisionSerializer(DecisionSerializer):
    """The answer for one test, with its conditions."""

    conditions = ConditionsField(
        source="*", required=False, help_text="Only with `trace`. Null without a usable test file."
    )


class CheckedUserSerializer(serializers.Serializer[Any]):
    """Who was asked about: ids, split group and attributes as the engine got them."""

    id = serializers.CharField(allow_null=True)
    split_group = serializers.IntegerField(allow_null=True)
    attributes = serializers.DictField()


class CheckSerializer(serializers.Serializer[Any]):
    """What the user gets, and why."""

    version = serializers.IntegerField(help_text="The version of the delivery that says so.")
    user = CheckedUserSerializer(source="subject.user", allow_null=True)
    profile = serializers.ChoiceField(
        ["guest", "given", "warehouse", "unknown"],
        source="subject.profile",
        help_text="Where the user's attributes come from.",
    )
    decisions = DecisionSerializer(source="answers", many=True)
    groups = serializers.ListField(
        child=serializers.CharField(), help_text="User groups that the user is in."
    )
    as_of = serializers.DateTimeField(
        allow_null=True, help_text="The moment that was asked about; null for now."
    )


class TracedCheckSerializer(CheckSerializer):
    """The same, with the conditions of every test."""

    decisions = TracedDecisionSerializer(source="answers", many=True)
