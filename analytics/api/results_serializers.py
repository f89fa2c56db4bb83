"""Results as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Environment
from analytics.api.hits_serializers import SampleRatioSerializer
from analytics.intervals import Difference, Interval
from analytics.results import EventResult, Results, VariantResult


class IntervalSerializer(serializers.Serializer[Interval]):
    """95 % confidence; null is open."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class DifferenceSerializer(serializers.Serializer[Difference]):
    """From the variant that is compared with. What cannot be said is null."""

    absolute = serializers.FloatField()
    absolute_interval = IntervalSerializer()
    relative = serializers.FloatField(allow_null=True, help_text="0.05 is 5 % more.")
    relative_interval = IntervalSerializer(allow_null=True)
    p_value = serializers.FloatField(allow_null=True, help_text="Two-sided, for who looks once.")


class VariantResultSerializer(serializers.Serializer[VariantResult]):
    """One event in one variant."""

    name = serializers.CharField()
    users = serializers.IntegerField(help_text="Who saw the variant, and no other.")
    conversions = serializers.IntegerField(
        help_text="Those of them who had the event at or after their first hit."
    )
    rate = serializers.FloatField(allow_null=True)
    rate_interval = IntervalSerializer(allow_null=True)
    rate_difference = DifferenceSerializer(
        allow_null=True, help_text="Newcombe's interval. null for the variant that is compared with."
    )
    events = serializers.IntegerField()
    mean_events = serializers.FloatField(
        allow_null=True, help_text="Per user, those without the event included."
    )
    events_difference = DifferenceSerializer(allow_null=True, help_text="Of means, after Welch.")
    value = serializers.FloatField(help_text="Sum of the events' values.")
    mean_value = serializers.FloatField(
        allow_null=True, help_text="Per user, those without the event included."
    )
    value_difference = DifferenceSerializer(allow_null=True, help_text="Of means, after Welch.")


class EventResultSerializer(serializers.Serializer[EventResult]):
    """One event, variant by variant."""

    event = serializers.CharField()
    variants = VariantResultSerializer(many=True)


class ExposedSerializer(serializers.Serializer[Any]):
    """A variant and who saw it alone."""

    name = serializers.CharField()
    users = serializers.IntegerField()


class ResultsSerializer(serializers.Serializer[Results]):
    """What users did after they saw a variant of these settings. Forced and test users are left out."""

    settings_group = serializers.IntegerField(source="settings_group.number")
    environment = serializers.ChoiceField(Environment.choices)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(
        allow_null=True, help_text="As asked; else, of a test with a winner, when it was finished."
    )
    computed_at = serializers.DateTimeField()
    control = serializers.CharField(allow_null=True)
    compared_with = serializers.CharField(
        allow_null=True, help_text="The control, or the first variant without one."
    )
    variants = serializers.SerializerMethodField()
    users_in_several_variants = serializers.IntegerField(source="users_in_several", help_text="Left out.")
    srm = SampleRatioSerializer(
        source="ratio",
        help_text="With a mismatch nothing else here can be trusted. Not limited to since and until.",
    )
    events = EventResultSerializer(many=True, help_text="The most frequent first.")
    events_left_out = serializers.IntegerField(help_text="So many more names of events there are.")

    @extend_schema_field(ExposedSerializer(many=True))
    def get_variants(self, results: Results) -> list[dict[str, Any]]:
        return [{"name": name, "users": users} for name, users in results.users.items()]
