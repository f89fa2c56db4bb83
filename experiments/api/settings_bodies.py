"""New settings groups as clients send them: described here for the schema, judged by the services."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from experiments.api.settings_serializers import ConditionsField, MomentField, ObjectField, PercentField
from experiments.models import DrawObjective
from experiments.services.settings_rules import MAX_MESSAGE, MAX_SEED, MAX_VARIANTS


class VariantBody(serializers.Serializer[Any]):
    """A variant of new settings."""

    name = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    percent = PercentField(required=False, help_text="Needed unless `total_percent` is given.")
    is_control = serializers.BooleanField(required=False)
    payload = ObjectField(required=False)


class GroupSettingsBody(serializers.Serializer[Any]):
    """New settings of a user group. Dates are UTC unless they say otherwise; null is open."""

    starts_at = MomentField(required=False, allow_null=True)
    ends_at = MomentField(required=False, allow_null=True)
    conditions = ConditionsField(required=False)
    message = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_MESSAGE, help_text="Why these settings."
    )
    based_on = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="Number of the newest settings group that these come from (0: none); when there is a newer one, 409.",
    )


class TestSettingsBody(GroupSettingsBody):
    """New settings of a test: variants with a percent each, or a total dealt evenly."""

    __test__ = False

    draw = serializers.ChoiceField(DrawObjective.choices, required=False)
    exclusive_with = serializers.ListField(child=serializers.CharField(), required=False, max_length=1_000)
    seed = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_SEED,
        help_text="As a what-if answered it, so that its draw is the one that is made.",
    )
    allow_control_to_treatment = serializers.BooleanField(
        required=False,
        help_text="Let the draw move users from the control to other variants when there is no other way.",
    )
    variants = serializers.ListField(child=VariantBody(), min_length=1, max_length=MAX_VARIANTS)
    total_percent = PercentField(
        required=False, help_text="Instead of a percent for each variant: dealt evenly."
    )
    tokens = ObjectField(required=False, help_text="Texts: token → variant → language → text.")
