"""Is it worth running? As JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from experiments.worth import Effect, Worth
from experiments.worth_asked import DAYS, EFFECT_KINDS, METRICS, MOST_ANSWERS, MOST_DAYS
from experiments.worth_words import notes, sentences


class WorthBody(serializers.Serializer[Any]):
    """Only the baseline is needed. Numbers may be texts."""

    metric = serializers.ChoiceField(METRICS, required=False, help_text="proportion: a conversion rate.")
    baseline = serializers.FloatField(
        help_text="What the metric is today; a rate from 0 to 1, without both ends."
    )
    deviation = serializers.FloatField(
        required=False, allow_null=True, help_text="Standard deviation of single users; needed for a mean."
    )
    effect_kind = serializers.ChoiceField(
        EFFECT_KINDS, required=False, help_text="relative: parts of the baseline."
    )
    effects = serializers.ListField(
        child=serializers.FloatField(),
        required=False,
        max_length=MOST_ANSWERS,
        help_text="How long they take.",
    )
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_DAYS),
        required=False,
        max_length=MOST_ANSWERS,
        help_text=f"What is found after them; {', '.join(map(str, DAYS))} unless told.",
    )
    alpha = serializers.FloatField(required=False, help_text="Chance of any false alarm; 0.05 unless told.")
    power = serializers.FloatField(
        required=False, help_text="Chance to find an effect that is there; 0.8 unless told."
    )
    sides = serializers.ChoiceField([1, 2], required=False, help_text="2 unless told.")
    visitors_per_day = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="Different users who meet the conditions and come by in a day. A tenth of them unless told.",
    )
    visitors_per_week = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="The same in a week: tells how much they are the same users.",
    )
    arrivals_per_day = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="New users a day who meet the conditions; counted unless told.",
    )


class EffectSerializer(serializers.Serializer[Effect]):
    """How much the metric changes."""

    absolute = serializers.FloatField()
    relative = serializers.FloatField(allow_null=True, help_text="null where the baseline is 0.")


class WorthVariantSerializer(serializers.Serializer[Any]):
    """A variant; the one compared with is first."""

    name = serializers.CharField()
    is_control = serializers.BooleanField()
    users = serializers.IntegerField()
    arrivals_per_day = serializers.FloatField(source="arrivals")


class UsersField(serializers.DictField):
    """Users by variant."""

    child = serializers.IntegerField()


class AfterDaysSerializer(serializers.Serializer[Any]):
    """What is found after so many days."""

    days = serializers.IntegerField()
    users = UsersField(help_text="Reached by then, by variant.")
    smallest_effect = EffectSerializer(source="smallest", allow_null=True, help_text="null for the `reason`.")
    reason = serializers.CharField()
    is_rough = serializers.BooleanField(help_text="Fewer than ten conversions are expected in a variant.")


class ForEffectSerializer(serializers.Serializer[Any]):
    """How long an effect takes."""

    effect = EffectSerializer()
    users = UsersField(help_text="Needed, by variant.")
    days = serializers.IntegerField(allow_null=True, help_text="null for the `reason`.")
    reason = serializers.CharField()


class WorthSerializer(serializers.Serializer[Worth]):
    """What the settings can show."""

    settings_group = serializers.IntegerField(source="settings_group.number")
    counted_at = serializers.DateTimeField()
    not_counted = serializers.ListField(
        child=serializers.CharField(), help_text="With one of these, all users are upper bounds."
    )
    users = serializers.IntegerField(help_text="Who meet the conditions.")
    visitors_per_day = serializers.FloatField()
    arrivals_per_day = serializers.FloatField()
    assumed = serializers.ListField(child=serializers.CharField(), help_text="Fields that nobody told.")
    alpha_of_each = serializers.FloatField(
        help_text="Of each comparison with the first variant (Bonferroni)."
    )
    variants = WorthVariantSerializer(many=True)
    days = AfterDaysSerializer(many=True, source="by_days")
    effects = ForEffectSerializer(many=True, source="by_effects")
    sentences = serializers.SerializerMethodField()
    notes = serializers.SerializerMethodField()

    def get_sentences(self, worth: Worth) -> list[str]:
        return sentences(worth)

    def get_notes(self, worth: Worth) -> list[str]:
        return notes(worth)
