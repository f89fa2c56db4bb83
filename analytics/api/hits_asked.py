"""What the reading addresses may be asked: parameters that exist, with values that make sense."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Environment
from analytics.timelines import BY
from core.errors import FieldError, InvalidInput
from core.text import unstorable_text
from experiments.models import Experiment, SettingsGroup
from experiments.selectors import settings_group_of

PAGE: Final = 500
MOST: Final = 2_000


class RangeQuery(serializers.Serializer[Any]):
    """Which settings group, environment and time."""

    settings_group = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="Its number; the current one unless told."
    )
    environment = serializers.ChoiceField(Environment.choices, default=Environment.PRODUCTION.value)
    since = serializers.DateTimeField(required=False, help_text="Not before; without an offset it is UTC.")
    until = serializers.DateTimeField(required=False, help_text="Before.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if since is not None and until is not None and until <= since:
            raise serializers.ValidationError({"until": "Must be after `since`."})
        return attrs


class HitsQuery(RangeQuery):
    """And in which steps."""

    by = serializers.ChoiceField(BY, default="hour", help_text="What the rows are about.")
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST, default=PAGE, help_text="So many hours or days with hits a page."
    )


def read_query(request: Request, query: type[RangeQuery]) -> dict[str, Any]:
    """The checked parameters. Raises InvalidInput for names that there are not, ValidationError for values that make no sense."""
    given = request.query_params.dict()
    read = query(data=given)
    unknown = [name for name in given if name not in read.fields]
    if unknown:
        offered = f"There is no such parameter; known are {', '.join(sorted(read.fields))}."
        raise InvalidInput([FieldError(name[:64], offered) for name in unknown])
    unstorable = [(name, unstorable_text(str(value))) for name, value in given.items()]
    if any(message for _, message in unstorable):
        raise InvalidInput([FieldError(name, message) for name, message in unstorable if message])
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


def asked_settings(experiment: Experiment, asked: dict[str, Any]) -> SettingsGroup | None:
    """The settings group that is asked for, else the current one; None before there is one. Raises NotFound."""
    number = asked.get("settings_group")
    return experiment.current if number is None else settings_group_of(experiment, number)
