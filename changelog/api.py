"""Entries of the changelog as the API shows them; whoever owns the subject brings the address and checks who may look."""

from __future__ import annotations

from typing import Any

import django_filters
from rest_framework import serializers

from changelog.models import Entry, SubjectKind, Verb


class ChangeSerializer(serializers.Serializer[Any]):
    """One field, before and after, in words people read."""

    field = serializers.CharField()
    label = serializers.CharField(label="What people call the field")  # type: ignore[assignment]  # the column is called like DRF's own attribute
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class EntrySerializer(serializers.ModelSerializer[Entry]):
    """One thing that happened."""

    actor = serializers.CharField(
        source="actor.username", allow_null=True, default=None, help_text="User name; null for machines."
    )
    verb = serializers.ChoiceField(Verb.choices)
    subject_kind = serializers.ChoiceField(SubjectKind.choices)
    changes = ChangeSerializer(many=True)

    class Meta:
        model = Entry
        fields = [
            "id",
            "at",
            "actor",
            "actor_name",
            "by_machine",
            "subject_kind",
            "subject_key",
            "verb",
            "message",
            "changes",
        ]
        read_only_fields = fields


class EntryFilter(django_filters.FilterSet):
    """What to see of a history."""

    verb = django_filters.MultipleChoiceFilter(
        choices=Verb.choices, help_text="Only these verbs; may be repeated."
    )
    actor = django_filters.CharFilter(
        field_name="actor__username", max_length=150, help_text="Only what this user name did."
    )
    by_machine = django_filters.BooleanFilter(
        help_text="true: only what the product itself did; false: only people."
    )
    after = django_filters.IsoDateTimeFilter(
        field_name="at", lookup_expr="gte", help_text="Not before this moment."
    )
    before = django_filters.IsoDateTimeFilter(
        field_name="at", lookup_expr="lt", help_text="Before this moment."
    )

    class Meta:
        model = Entry
        fields: list[str] = []
