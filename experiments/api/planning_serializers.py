"""What-ifs and the capacity calendar as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from experiments.api.draw_serializers import MovesSerializer, TextsField
from experiments.api.settings_serializers import (
    AudienceSerializer,
    HiddenIntersectionSerializer,
    IntersectionSerializer,
    PercentField,
)
from experiments.capacity import MOST_DAYS
from experiments.models import DrawObjective
from experiments.percents import SPLIT_GROUPS
from experiments.what_if import ObjectiveOutcome, PairOutcome


class VariantOutcomeSerializer(serializers.Serializer[Any]):
    """What a variant would get."""

    name = serializers.CharField()
    percent = PercentField()
    is_control = serializers.BooleanField()
    users = serializers.IntegerField()
    split_groups_count = serializers.IntegerField()


class WorstPairSerializer(serializers.Serializer[PairOutcome]):
    """The other test with which most users would be shared."""

    test = serializers.SerializerMethodField(help_text="null for a draft of other managers.")
    users = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the users who get a variant, 0 to 1.")

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_test(self, pair: PairOutcome) -> str | None:
        return pair.experiment.key if pair.experiment else None


class ObjectiveOutcomeSerializer(serializers.Serializer[ObjectiveOutcome]):
    """One objective beside the others. One that is not possible has a reason, and no figures."""

    objective = serializers.ChoiceField(DrawObjective.choices)
    possible = serializers.BooleanField()
    reason = serializers.SerializerMethodField(help_text="Why it is not possible, else null.")
    free_from = serializers.DateField(
        allow_null=True, help_text="The first day on which it would be possible; null when that is not known."
    )
    variants = VariantOutcomeSerializer(many=True)
    variant_users = serializers.IntegerField(help_text="Users who would get a variant.")
    users_in_other_tests = serializers.IntegerField(
        help_text="Those of them who are in at least one other test: at most so many."
    )
    users_in_other_tests_at_least = serializers.IntegerField(
        help_text="At least so many: who is in two others at once is not counted."
    )
    worst_pair = WorstPairSerializer(allow_null=True)
    mean_pair_users = serializers.FloatField(help_text="Shared with one other test, on average.")
    intersections = IntersectionSerializer(
        many=True, help_text="The largest first; at most 50 with the hidden."
    )
    hidden_intersections = HiddenIntersectionSerializer(many=True, help_text="With drafts of other managers.")
    moves = MovesSerializer(
        allow_null=True, help_text="Against the draw that is continued; null without one."
    )
    warnings = TextsField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_reason(self, outcome: ObjectiveOutcome) -> str | None:
        return outcome.reason or None


class WhatIfSerializer(serializers.Serializer[Any]):
    """What the settings would give. With this seed they are drawn just so, as long as users and other tests stay as they are."""

    counted_at = serializers.DateTimeField()
    seed = serializers.IntegerField(min_value=0)
    audience = AudienceSerializer(source="*")
    objectives = ObjectiveOutcomeSerializer(many=True, help_text="Empty for a user group.")
    warnings = TextsField(help_text="Of the objective that the settings name.")


class DaySerializer(serializers.Serializer[Any]):
    """Split groups that no test owns on this day (UTC), and those that at least one owns."""

    date = serializers.DateField()
    free = serializers.IntegerField(min_value=0, max_value=SPLIT_GROUPS)
    busy = serializers.IntegerField(min_value=0, max_value=SPLIT_GROUPS)


class EarliestSerializer(serializers.Serializer[Any]):
    """The first day from which on so many split groups are free for so long."""

    groups = serializers.IntegerField()
    duration = serializers.IntegerField(help_text="Days in a row.")
    date = serializers.DateField(allow_null=True, help_text="null when no such day is known.")


class CapacitySerializer(serializers.Serializer[Any]):
    """The calendar. Tests without an end date never end; tests on all split groups are left out."""

    days = DaySerializer(many=True)
    earliest = EarliestSerializer(allow_null=True, help_text="null unless `groups` was asked for.")


class CapacityQuery(serializers.Serializer[Any]):
    """What to see of the calendar."""

    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, default=90)
    groups = serializers.IntegerField(
        min_value=1,
        max_value=SPLIT_GROUPS,
        required=False,
        help_text="When will so many split groups be free?",
    )
    duration = serializers.IntegerField(
        min_value=1, max_value=MOST_DAYS, default=1, help_text="For so many days in a row."
    )
