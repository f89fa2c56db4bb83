"""How the schema describes batches. They are read by analytics.ingest_body, which is faster and refuses items one by one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Environment
from analytics.ingest_body import MAX_ITEMS
from analytics.items import MAX_ID, MAX_NAME, MAX_NUMBER
from analytics.models import UnknownHits


class HitSerializer(serializers.Serializer[Any]):
    """That a user was shown a variant. Without user_id and device_id it is a hit of nobody: counted, but no user."""

    test = serializers.CharField(max_length=MAX_NAME)
    settings_group = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
    variant = serializers.CharField(max_length=MAX_NAME)
    user_id = serializers.CharField(max_length=MAX_ID, required=False, allow_null=True, allow_blank=True)
    device_id = serializers.CharField(max_length=MAX_ID, required=False, allow_null=True, allow_blank=True)
    split_group = serializers.IntegerField(min_value=1, max_value=2400, required=False, allow_null=True)
    environment = serializers.ChoiceField(
        Environment.choices, required=False, allow_null=True, help_text="The token's; may be left out."
    )
    time = serializers.DateTimeField(help_text="With its offset from UTC; at most an hour ahead.")
    forced = serializers.BooleanField(required=False)
    test_user = serializers.BooleanField(required=False)


class EventSerializer(serializers.Serializer[Any]):
    """Something that a user (user_id) or a device (device_id) did."""

    event = serializers.RegexField(r"^[a-z][a-z0-9_.]{0,63}$")
    user_id = serializers.CharField(max_length=MAX_ID, required=False, allow_null=True, allow_blank=True)
    device_id = serializers.CharField(max_length=MAX_ID, required=False, allow_null=True, allow_blank=True)
    environment = serializers.ChoiceField(
        Environment.choices, required=False, allow_null=True, help_text="The token's; may be left out."
    )
    time = serializers.DateTimeField(help_text="With its offset from UTC; at most an hour ahead.")
    value = serializers.FloatField(required=False, allow_null=True)


class HitBatchSerializer(serializers.Serializer[Any]):
    """The same batch_id again counts once."""

    batch_id = serializers.UUIDField()
    hits = serializers.ListField(child=HitSerializer(), max_length=MAX_ITEMS)


class EventBatchSerializer(serializers.Serializer[Any]):
    """The same batch_id again counts once."""

    batch_id = serializers.UUIDField()
    events = serializers.ListField(child=EventSerializer(), max_length=MAX_ITEMS)


class ItemErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong with an item."""

    field = serializers.CharField()
    message = serializers.CharField()


class RejectedItemSerializer(serializers.Serializer[Any]):
    """An item that was not taken."""

    index = serializers.IntegerField(help_text="Its place in the list, from 0.")
    # The name is that of problem documents; DRF keeps its own errors under it, which nobody asks for here.
    errors = ItemErrorSerializer(many=True)  # type: ignore[assignment]


class UnknownTripleSerializer(serializers.Serializer[Any]):
    """Hits for a test, settings group or variant that there is none of: taken, kept apart, in no result."""

    test = serializers.CharField()
    settings_group = serializers.IntegerField()
    variant = serializers.CharField()
    hits = serializers.IntegerField()
    why = serializers.ChoiceField(UnknownHits.Why.choices)


class BatchAnswerSerializer(serializers.Serializer[Any]):
    """What became of a batch."""

    batch_id = serializers.UUIDField()
    accepted = serializers.IntegerField(help_text="Items taken, unknown ones included.")
    rejected_count = serializers.IntegerField()
    rejected = RejectedItemSerializer(many=True, help_text="The first hundred.")
    unknown_count = serializers.IntegerField(help_text="Hits among the taken ones that nobody knows.")
    unknown = UnknownTripleSerializer(many=True, help_text="The hundred with the most hits.")
    duplicate = serializers.BooleanField(help_text="It was taken before; this is the answer of that time.")
