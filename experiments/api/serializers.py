"""Tests, user groups and their changes as JSON. What clients send is described here and judged by the services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.actors import may_write, requesting_actor
from experiments.api.addresses import address
from experiments.lifecycle import Verb
from experiments.models import Experiment, Kind, Outcome, Scope, Side
from experiments.models.experiment import StatusChoices
from experiments.selectors import verbs_for
from experiments.services.property_rules import LABELS, LONGEST_TAG, MAX_LENGTH, MOST_TAGS

KEY_PATTERN = "^[a-z][a-z0-9_]{1,63}$"


class OutcomeSerializer(serializers.Serializer[Experiment]):
    """How a test ended, as in the test file: {"result": "winner", "variant", "scope"} or {"result": "rejected"}."""

    result = serializers.ChoiceField(Outcome.choices)
    variant = serializers.CharField(required=False)
    scope = serializers.ChoiceField(Scope.choices, required=False)


class GroupSerializer(serializers.ModelSerializer[Experiment]):
    """A user group."""

    kind = serializers.ChoiceField(Kind.choices)
    status = serializers.ChoiceField(StatusChoices.choices)
    managers = serializers.SlugRelatedField[Any](slug_field="username", many=True, read_only=True)
    settings_group = serializers.IntegerField(
        source="current.number",
        allow_null=True,
        default=None,
        help_text="Number of the current settings group.",
    )
    verbs = serializers.SerializerMethodField(help_text="What the caller may do to it now.")
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Experiment
        fields = [
            "key",
            "kind",
            "name",
            "description",
            "area",
            "jira_issue",
            "chat_room",
            "tags",
            "managers",
            "status",
            "verbs",
            "revision",
            "settings_group",
            "conclusion",
            "created_by",
            "created_at",
            "published_at",
            "started_at",
            "finished_at",
            "url",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField([verb.value for verb in Verb])))
    def get_verbs(self, experiment: Experiment) -> list[str]:
        request: Request = self.context["request"]
        if not may_write(request):
            return []
        return [verb.value for verb in verbs_for(requesting_actor(request), experiment)]

    @extend_schema_field(serializers.URLField())
    def get_url(self, experiment: Experiment) -> str:
        return address(self.context["request"], experiment.kind, "detail", key=experiment.key)


class TestSerializer(GroupSerializer):
    """A split test."""

    # Tells pytest that this is no test class.
    __test__ = False

    side = serializers.ChoiceField(Side.choices)
    outcome = serializers.SerializerMethodField(
        help_text="null while the test is not finished, or was given up before it started."
    )

    class Meta(GroupSerializer.Meta):
        fields = [*GroupSerializer.Meta.fields, "hypothesis", "metric", "success", "side", "outcome"]
        read_only_fields = fields

    @extend_schema_field(OutcomeSerializer(allow_null=True))
    def get_outcome(self, experiment: Experiment) -> dict[str, str] | None:
        if not experiment.outcome:
            return None
        if experiment.winner is None:
            return {"result": experiment.outcome}
        return {"result": experiment.outcome, "variant": experiment.winner.name, "scope": experiment.scope}


def _text(field: str, **options: Any) -> serializers.CharField:
    return serializers.CharField(label=LABELS[field], max_length=MAX_LENGTH[field], **options)


class GroupBody(serializers.Serializer[Any]):
    """Properties of a new user group."""

    key = serializers.RegexField(KEY_PATTERN, help_text="Cannot change any more once published.")
    name = _text("name")
    description = _text("description", required=False, allow_blank=True)
    area = _text("area", required=False, allow_blank=True)
    jira_issue = serializers.RegexField(
        r"^([A-Z][A-Z0-9_]{1,30}-[1-9][0-9]{0,9})?$", required=False, allow_blank=True
    )
    chat_room = _text("chat_room", required=False, allow_blank=True)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TAG),
        required=False,
        max_length=MOST_TAGS,
        help_text="Kept in lower case, each once.",
    )
    managers = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        max_length=100,
        help_text="User names. Whoever creates is one anyway.",
    )


class TestBody(GroupBody):
    """Properties of a new test."""

    __test__ = False

    hypothesis = _text("hypothesis", required=False, allow_blank=True)
    metric = _text("metric", required=False, allow_blank=True)
    success = _text("success", required=False, allow_blank=True)
    side = serializers.ChoiceField(Side.choices, required=False)


REVISION_HELP = "The revision that the edit is based on; when somebody saved in between, 409 and no change."


class GroupEdit(GroupBody):
    """Properties to change; those left out stay as they are."""

    key = serializers.RegexField(KEY_PATTERN, required=False)
    name = _text("name", required=False)
    revision = serializers.IntegerField(required=False, help_text=REVISION_HELP)


class TestEdit(TestBody):
    """Properties to change; those left out stay as they are."""

    __test__ = False

    key = serializers.RegexField(KEY_PATTERN, required=False)
    name = _text("name", required=False)
    revision = serializers.IntegerField(required=False, help_text=REVISION_HELP)


class VerbBody(serializers.Serializer[Any]):
    """Nothing is needed."""

    expected_status = serializers.ChoiceField(
        StatusChoices.choices,
        required=False,
        allow_null=True,
        help_text="The status on which the decision is based; when it is another by now, 409.",
    )


class GroupEnding(VerbBody):
    """A user group ends with a conclusion at most."""

    conclusion = serializers.CharField(required=False, allow_blank=True, max_length=20_000)


class TestEnding(GroupEnding):
    """How the test ends: winner and scope, or rejected."""

    __test__ = False

    result = serializers.ChoiceField(Outcome.choices)
    variant = serializers.CharField(required=False, help_text="The winner's name.")
    scope = serializers.ChoiceField(Scope.choices, required=False)


class ApprovalSerializer(serializers.Serializer[Any]):
    """Who asked for the start, who approved it."""

    settings_group = serializers.IntegerField(source="settings_group.number")
    requested_by = serializers.CharField(source="requested_by.username")
    requested_at = serializers.DateTimeField()
    approved_by = serializers.CharField(source="approved_by.username", allow_null=True, default=None)
    approved_at = serializers.DateTimeField(allow_null=True)
