"""Settings groups as JSON: how far their preparation is, and what it found."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.actors import requesting_actor
from experiments.api.addresses import address
from experiments.api.draw_serializers import DrawnWithSerializer, MovesSerializer
from experiments.audience_report import AudienceReport, Intersection, audience_report, warnings_for
from experiments.models import (
    DrawObjective,
    Kind,
    PreparationState,
    RecountRequest,
    SettingsGroup,
    Variant,
)
from experiments.selectors import hidden_keys, visible_ids

# OpenAPI 3.0 has no recursive list without a name of its own; what may stand in it is told in words.
CONDITIONS_SCHEMA = {
    "type": "array",
    "description": 'Operands alternating with "AND" / "OR"; an operand is {"filter", "operator", "value"} or another such list. '
    "AND binds tighter than OR; the empty list matches everyone.",
    "items": {},
    "example": [{"filter": "is_test_user", "operator": "eq", "value": True}],
}
SPLIT_GROUPS_SCHEMA = {
    "type": "array",
    "description": "Inclusive ranges within 1..2400, ascending.",
    "items": {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 2400},
        "minItems": 2,
        "maxItems": 2,
    },
}
PERCENT_SCHEMA = {
    "type": "string",
    "description": 'Of all users, exact: "5", "12.5", or where decimals cannot say it, "33 1/3". The smallest step is 1/24 of a percent.',
    "example": "5",
}


@extend_schema_field(CONDITIONS_SCHEMA)
class ConditionsField(serializers.JSONField):
    pass


@extend_schema_field(SPLIT_GROUPS_SCHEMA)
class SplitGroupsField(serializers.JSONField):
    pass


@extend_schema_field(PERCENT_SCHEMA)
class PercentField(serializers.CharField):
    pass


@extend_schema_field(
    {
        "type": "string",
        "description": "ISO 8601; a time without a zone is UTC, a day is its midnight; empty or null is no limit.",
    }
)
class MomentField(serializers.DateTimeField):
    """A date and time as loosely as the services take it."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.JSONField):
    """Any JSON object."""


class VariantSummary(serializers.Serializer[Any]):
    """A variant as it was asked for."""

    name = serializers.CharField()
    percent = PercentField()
    is_control = serializers.BooleanField()
    payload = ObjectField()


class VariantDetail(VariantSummary):
    """A variant with what the preparation found; before that no split groups and no number of users."""

    split_groups = SplitGroupsField()
    users = serializers.IntegerField(
        allow_null=True, help_text="Counted users who get it; null while nothing is counted."
    )


class AudienceSerializer(serializers.Serializer[Any]):
    """Counted users who meet the conditions."""

    users = serializers.IntegerField(allow_null=True, help_text="null while nothing is counted.")
    not_counted = serializers.ListField(
        child=serializers.CharField(),
        help_text="Filters that the warehouse does not have: with one of these, `users` is an upper bound.",
    )


class PairSerializer(serializers.Serializer[Any]):
    """Users in variant `mine` of this test and in `theirs` of the other."""

    mine = serializers.CharField()
    theirs = serializers.CharField()
    split_groups = serializers.IntegerField(help_text="Split groups that both own.")
    users = serializers.IntegerField()


class IntersectionSerializer(serializers.Serializer[Any]):
    """What the settings group shares with another test."""

    test = serializers.CharField(source="experiment.key")
    users = serializers.IntegerField()
    share = serializers.FloatField(
        help_text="Of this settings group's users in its own split groups, 0 to 1."
    )
    same_area = serializers.BooleanField()
    variants = PairSerializer(many=True)


class HiddenIntersectionSerializer(serializers.Serializer[Any]):
    """What it shares with a draft of other managers, whose name is nobody else's business."""

    users = serializers.IntegerField()
    share = serializers.FloatField()


class RecountSerializer(serializers.ModelSerializer[RecountRequest]):
    """A recount that was asked for and is not done."""

    error = serializers.SerializerMethodField(help_text="Why it failed or waits, else null.")

    class Meta:
        model = RecountRequest
        fields = ["requested_at", "retry_at", "given_up", "error"]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error(self, request: RecountRequest) -> str | None:
        return request.error or None


class GroupSettingsSummary(serializers.ModelSerializer[SettingsGroup]):
    """Settings of a user group, and how far they are prepared."""

    state = serializers.ChoiceField(PreparationState.choices, source="preparation.state")
    is_current = serializers.SerializerMethodField()
    progress = serializers.IntegerField(
        source="preparation.progress", min_value=0, max_value=100, help_text="Percent done."
    )
    error = serializers.SerializerMethodField(
        help_text="Why the preparation failed or waits; null when nothing is wrong."
    )
    conditions = ConditionsField(help_text="Typed, as they are delivered.")
    copied_from = serializers.IntegerField(source="copied_from.number", allow_null=True, default=None)
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    url = serializers.SerializerMethodField()

    class Meta:
        model = SettingsGroup
        fields = [
            "number",
            "state",
            "is_current",
            "progress",
            "error",
            "starts_at",
            "ends_at",
            "conditions",
            "message",
            "copied_from",
            "created_at",
            "created_by",
            "url",
        ]
        read_only_fields = fields

    def get_is_current(self, settings_group: SettingsGroup) -> bool:
        return settings_group.experiment.current_id == settings_group.pk

    def get_error(self, settings_group: SettingsGroup) -> str | None:
        return settings_group.preparation.error or None

    @extend_schema_field(serializers.URLField())
    def get_url(self, settings_group: SettingsGroup) -> str:
        experiment = settings_group.experiment
        request = self.context["request"]
        return address(
            request, experiment.kind, "settings_group", key=experiment.key, number=settings_group.number
        )


class _ExclusiveWith(metaclass=serializers.SerializerMetaclass):
    """The tests that settings keep away from, as whoever asks may know them."""

    context: dict[str, Any]
    exclusive_with = serializers.SerializerMethodField(
        help_text="Keys; drafts of other managers are left out."
    )
    hidden_exclusive_with = serializers.SerializerMethodField(help_text="How many drafts are left out there.")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_exclusive_with(self, settings_group: SettingsGroup) -> list[str]:
        hidden = self._hidden(settings_group)
        return [key for key in settings_group.exclusive_with if key not in hidden]

    def get_hidden_exclusive_with(self, settings_group: SettingsGroup) -> int:
        return len(self._hidden(settings_group))

    def _hidden(self, settings_group: SettingsGroup) -> frozenset[str]:
        return hidden_keys(requesting_actor(self.context["request"]), settings_group.exclusive_with)


class TestSettingsSummary(_ExclusiveWith, GroupSettingsSummary):
    """Settings of a test, and how far they are prepared. The address of each tells the rest."""

    __test__ = False

    draw = serializers.ChoiceField(DrawObjective.choices, source="draw_objective")
    variants = VariantSummary(many=True)
    tokens = ObjectField()

    class Meta(GroupSettingsSummary.Meta):
        fields = [
            *GroupSettingsSummary.Meta.fields,
            "draw",
            "exclusive_with",
            "hidden_exclusive_with",
            "variants",
            "tokens",
        ]
        read_only_fields = fields


class _WithReport(GroupSettingsSummary):
    """Reads the audience once for all fields that show a part of it."""

    def to_representation(self, instance: SettingsGroup) -> dict[str, Any]:
        self.report = audience_report(instance)
        others = [one.experiment.pk for one in self.report.intersections] if self.report else []
        self.visible = visible_ids(requesting_actor(self.context["request"]), Kind.TEST, others)
        return super().to_representation(instance)

    report: AudienceReport | None = None
    visible: Collection[int] = ()


class GroupSettingsDetail(_WithReport):
    """Settings of a user group with their counted users."""

    counted_at = serializers.SerializerMethodField(help_text="null while nothing is counted.")
    recount = serializers.SerializerMethodField(
        help_text="A recount that was asked for and is not done; else null."
    )
    audience = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField(
        help_text="What to think of before a start, in sentences; empty while nothing is counted."
    )

    class Meta(GroupSettingsSummary.Meta):
        fields = [*GroupSettingsSummary.Meta.fields, "counted_at", "recount", "audience", "warnings"]
        read_only_fields = fields

    @extend_schema_field(RecountSerializer(allow_null=True))
    def get_recount(self, settings_group: SettingsGroup) -> Any:
        request = RecountRequest.objects.filter(settings_group=settings_group).first()
        return request and RecountSerializer(request).data

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, settings_group: SettingsGroup) -> list[str]:
        if self.report is None:
            return []
        return [one.text for one in warnings_for(settings_group, self.report, self.visible)]

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_counted_at(self, settings_group: SettingsGroup) -> Any:
        return self.report and serializers.DateTimeField().to_representation(self.report.counted_at)

    @extend_schema_field(AudienceSerializer)
    def get_audience(self, settings_group: SettingsGroup) -> dict[str, Any]:
        if self.report is None:
            return {"users": None, "not_counted": []}
        return {"users": self.report.users, "not_counted": self.report.not_counted}


class TestSettingsDetail(_ExclusiveWith, GroupSettingsDetail):
    """Settings of a test with counted users, split groups, and what they share with other tests."""

    __test__ = False

    draw = serializers.ChoiceField(DrawObjective.choices, source="draw_objective")
    variants = serializers.SerializerMethodField()
    tokens = ObjectField()
    intersections = serializers.SerializerMethodField(
        help_text="The largest first; empty while nothing is counted."
    )
    hidden_intersections = serializers.SerializerMethodField(help_text="With drafts of other managers.")
    objective = serializers.ChoiceField(
        DrawObjective.choices, source="draw_objective", help_text="The same as `draw`."
    )
    seed = serializers.SerializerMethodField(
        help_text="Of the draw; before it the one that was asked for, or null."
    )
    drawn_with = serializers.SerializerMethodField(help_text="null while nothing is drawn.")
    recounted = serializers.SerializerMethodField(
        help_text="Whether what is shown was counted after the draw."
    )
    moves = serializers.SerializerMethodField(
        help_text="Whom the draw moved, against the settings that it continues; null without such."
    )

    class Meta(GroupSettingsDetail.Meta):
        fields = [
            *GroupSettingsDetail.Meta.fields,
            "draw",
            "objective",
            "seed",
            "allow_control_to_treatment",
            "drawn_with",
            "recounted",
            "moves",
            "exclusive_with",
            "hidden_exclusive_with",
            "variants",
            "tokens",
            "intersections",
            "hidden_intersections",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_seed(self, settings_group: SettingsGroup) -> int | None:
        if self.report is None or self.report.seed is None:
            return settings_group.draw_seed
        return self.report.seed

    @extend_schema_field(DrawnWithSerializer(allow_null=True))
    def get_drawn_with(self, settings_group: SettingsGroup) -> Any:
        if self.report is None or self.report.drawn_with is None:
            return None
        return DrawnWithSerializer({"counted_at": self.report.drawn_with}).data

    def get_recounted(self, settings_group: SettingsGroup) -> bool:
        return self.report is not None and self.report.is_recount

    @extend_schema_field(MovesSerializer(allow_null=True))
    def get_moves(self, settings_group: SettingsGroup) -> Any:
        moves = self.report and self.report.moves
        return moves and MovesSerializer(moves).data

    @extend_schema_field(VariantDetail(many=True))
    def get_variants(self, settings_group: SettingsGroup) -> list[dict[str, Any]]:
        if self.report is not None:
            return list(VariantDetail(self.report.variants, many=True).data)
        return [
            dict(summary) | {"split_groups": [], "users": None}
            for summary in _summaries(settings_group.variants.all())
        ]

    @extend_schema_field(IntersectionSerializer(many=True))
    def get_intersections(self, settings_group: SettingsGroup) -> list[dict[str, Any]]:
        return list(IntersectionSerializer(self._intersections(known=True), many=True).data)

    @extend_schema_field(HiddenIntersectionSerializer(many=True))
    def get_hidden_intersections(self, settings_group: SettingsGroup) -> list[dict[str, Any]]:
        return list(HiddenIntersectionSerializer(self._intersections(known=False), many=True).data)

    def _intersections(self, *, known: bool) -> list[Intersection]:
        found: list[Intersection] = self.report.intersections if self.report else []
        return [one for one in found if (one.experiment.pk in self.visible) is known]


def _summaries(variants: Iterable[Variant]) -> list[dict[str, Any]]:
    return list(VariantSummary(variants, many=True).data)
