"""Hits and results as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Environment
from analytics.mismatch_words import sentence
from analytics.models import UnknownHits
from analytics.reports import VariantHits
from analytics.selectors import Moment
from analytics.srm import ALARM_LEVEL, Method, Reason, SampleRatio, Verdict
from analytics.unknown import Unknown


class ExpectedSerializer(serializers.Serializer[Any]):
    """A variant: users seen, and how many its audience lets expect."""

    name = serializers.CharField()
    seen = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of all users seen, as expected, 0 to 1.")
    users = serializers.FloatField(help_text="As expected.")


class SampleRatioSerializer(serializers.Serializer[SampleRatio]):
    """Whether users are divided over the variants as the counted audience is."""

    verdict = serializers.ChoiceField([one.value for one in Verdict])
    reason = serializers.ChoiceField(
        [one.value for one in Reason], allow_null=True, help_text="Why nothing can be said, else null."
    )
    sentence = serializers.SerializerMethodField(help_text="The same for people.")
    users = serializers.IntegerField(help_text="Different users who are compared.")
    expected = ExpectedSerializer(many=True, source="variants")
    uncounted_variants = serializers.ListField(
        child=serializers.CharField(),
        source="uncounted",
        help_text="Seen although nobody was counted for them; left out.",
    )
    chi_square = serializers.FloatField(allow_null=True)
    degrees_of_freedom = serializers.IntegerField(source="freedom", allow_null=True)
    p_value = serializers.FloatField(allow_null=True, help_text="For who looks once.")
    method = serializers.ChoiceField(
        [one.value for one in Method], allow_null=True, help_text="How `p_value` was computed."
    )
    always_valid_p_value = serializers.FloatField(
        source="always_valid_p",
        allow_null=True,
        help_text="However often somebody looks; the smallest so far.",
    )
    holds_always = serializers.BooleanField(help_text="Whether `always_valid_p_value` alone is an alarm.")
    alarm_below = serializers.SerializerMethodField()

    def get_sentence(self, ratio: SampleRatio) -> str:
        return sentence(ratio)

    def get_alarm_below(self, ratio: SampleRatio) -> float:
        return ALARM_LEVEL


class VariantHitsSerializer(serializers.Serializer[VariantHits]):
    """A variant since the beginning of these settings. Forced and test users are in no other figure."""

    name = serializers.CharField()
    is_control = serializers.BooleanField()
    hits = serializers.IntegerField()
    users = serializers.IntegerField(help_text="Different users and devices, as of `users_counted_at`.")
    share = serializers.FloatField(
        allow_null=True, help_text="Of all users, 0 to 1; null while there are none."
    )
    expected_share = serializers.FloatField(
        allow_null=True, help_text="Of the counted audience; null while it is not counted."
    )
    forced_hits = serializers.IntegerField()
    forced_users = serializers.IntegerField()
    test_user_hits = serializers.IntegerField()
    test_users = serializers.IntegerField()


class _RowSerializer(serializers.Serializer[Moment]):
    variant = serializers.CharField()
    hits = serializers.IntegerField()
    users = serializers.IntegerField()
    forced_hits = serializers.IntegerField()
    test_user_hits = serializers.IntegerField()


class HourSerializer(_RowSerializer):
    """One variant in one hour."""

    hour = serializers.DateTimeField(source="at", help_text="When it begins, UTC.")


class HitsOfDaySerializer(_RowSerializer):
    """One variant on one day."""

    day = serializers.SerializerMethodField(help_text="UTC.")

    @extend_schema_field(serializers.DateField())
    def get_day(self, moment: Moment) -> str:
        return moment.at.date().isoformat()


class HitsSerializer(serializers.Serializer[Any]):
    """Hits of one settings group in one environment. Totals are since its beginning; rows are of the time asked for."""

    next = serializers.URLField(allow_null=True, help_text="Where the later rows are; null with the last.")
    settings_group = serializers.IntegerField(allow_null=True, help_text="null before there are settings.")
    environment = serializers.ChoiceField(Environment.choices)
    hits = serializers.IntegerField(help_text="Without those of forced and test users.")
    users = serializers.IntegerField()
    first_hit_at = serializers.DateTimeField(allow_null=True)
    last_hit_at = serializers.DateTimeField(allow_null=True)
    users_counted_at = serializers.DateTimeField(
        allow_null=True, help_text="Users are exact as of then; null before the first count."
    )
    expected_counted_at = serializers.DateTimeField(allow_null=True, help_text="Of the audience.")
    variants = VariantHitsSerializer(many=True)
    srm = SampleRatioSerializer(allow_null=True, help_text="null before there are settings.")
    by = serializers.ChoiceField(["hour", "day"])
    hours = HourSerializer(many=True, help_text="In the order of time; empty with `by=day`.")
    days = HitsOfDaySerializer(many=True, help_text="The same by day; empty with `by=hour`.")


class UnknownSerializer(serializers.Serializer[Unknown]):
    """Hits of one kind for what there is none of."""

    test = serializers.CharField(source="row.test")
    settings_group = serializers.IntegerField(source="row.settings_group")
    variant = serializers.CharField(source="row.variant")
    environment = serializers.ChoiceField(Environment.choices, source="row.environment")
    why = serializers.ChoiceField(
        UnknownHits.Why.choices, source="row.why", help_text="What there is none of."
    )
    hits = serializers.IntegerField(source="row.hits")
    first_at = serializers.DateTimeField(source="row.first_at", help_text="When the first was received.")
    last_at = serializers.DateTimeField(source="row.last_at", help_text="When the latest was received.")
    near = serializers.ListField(
        child=serializers.CharField(), help_text="What may have been meant, the likeliest first."
    )
