"""Bodies and answers of evaluation over HTTP."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Environment
from delivery.subjects import MAX_ID


def identity_field(**options: Any) -> serializers.CharField:
    """A user's or device's id."""
    # Spaces may be part of an id; nothing is trimmed.
    return serializers.CharField(
        max_length=MAX_ID, trim_whitespace=False, required=False, allow_null=True, allow_blank=True, **options
    )


class EnvironmentBody(serializers.Serializer[Any]):
    """The request: values of environment filters by name, and beside them these. Other names are filters too."""

    device_id = identity_field()
    split_group = serializers.IntegerField(
        min_value=1, max_value=2400, required=False, allow_null=True, help_text="A guest's."
    )
    supported_tests = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    attributes = serializers.DictField(
        required=False, help_text="The same as at the top; for names that are taken there."
    )


class EvaluatedUserBody(serializers.Serializer[Any]):
    """A user; what is left out comes from the warehouse."""

    id = identity_field()
    split_group = serializers.IntegerField(min_value=1, max_value=2400, required=False, allow_null=True)
    attributes = serializers.DictField(required=False, allow_null=True)


class ActiveVariantsBody(serializers.Serializer[Any]):
    """Who asks; without a user a guest."""

    user = EvaluatedUserBody(required=False, allow_null=True)
    environment = EnvironmentBody(required=False, allow_null=True)
    supported_tests = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text="The tests that the client knows.",
    )


class ClientHitSerializer(serializers.Serializer[Any]):
    """A hit as `POST /api/v1/hits/` takes it, but for the `time`: send it when the variant is shown."""

    test = serializers.CharField()
    settings_group = serializers.IntegerField()
    variant = serializers.CharField()
    user_id = serializers.CharField(allow_null=True)
    device_id = serializers.CharField(allow_null=True)
    split_group = serializers.IntegerField(allow_null=True)
    environment = serializers.ChoiceField(Environment.choices)
    forced = serializers.BooleanField()
    test_user = serializers.BooleanField()


class ActiveVariantsSerializer(serializers.Serializer[Any]):
    """The tests in which the user has a variant, all by key of the test."""

    version = serializers.IntegerField(help_text="The version of the delivery that says so.")
    variants = serializers.DictField(child=serializers.CharField())
    payloads = serializers.DictField(
        child=serializers.JSONField(), help_text="Of the variants that have a payload."
    )
    hits = serializers.DictField(child=ClientHitSerializer())
