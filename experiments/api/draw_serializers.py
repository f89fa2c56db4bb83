"""A draw as JSON: what it was made with, whom it moves, what to be warned of."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audience.overlap import Change, Movement


class VariantMoveSerializer(serializers.Serializer[Change]):
    """Users who would see another variant than before."""

    users = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a keyword of Python.
        ends = {
            "from": serializers.CharField(source="from_variant"),
            "to": serializers.CharField(source="to_variant"),
        }
        return {**ends, **super().get_fields()}


class MovesSerializer(serializers.Serializer[Movement]):
    """Users for whom the draw changes something against the one before."""

    stay = serializers.IntegerField(help_text="They keep their variant.")
    join = serializers.IntegerField(help_text="They get a variant and had none.")
    leave = serializers.IntegerField(help_text="They had a variant and get none.")
    change = VariantMoveSerializer(source="changes", many=True)


class TextsField(serializers.ListField):
    """Warnings as sentences."""

    child = serializers.CharField()

    def to_representation(self, data: Any) -> list[Any]:
        return [one.text for one in data]


class DrawnWithSerializer(serializers.Serializer[Any]):
    """The count that a draw was made with; it is kept."""

    counted_at = serializers.DateTimeField()
