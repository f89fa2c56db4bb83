"""Forms of the QA tools."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from django import forms

from accounts.models import Environment
from audience.casting import CELL_CASTS, CastError
from audience.specs import Catalogue, FilterSpec
from core.forms import ConsoleForm
from delivery.subjects import MAX_ID, Subject, complete_subject
from experiments.models import Experiment
from usersplit_sdk import SPLIT_GROUPS
from usersplit_sdk import Environment as RequestEnvironment

_PREFIX: Final = "filter_"
_NOT_SENT: Final = ("", "not sent")


class CheckForm(ConsoleForm):
    """Whom to ask about: a user of the warehouse or a guest, in a request with these values."""

    user_id = forms.CharField(
        max_length=MAX_ID, required=False, strip=False, label="User id", help_text="Empty: a guest."
    )
    device_id = forms.CharField(max_length=MAX_ID, required=False, strip=False, label="Device id")
    split_group = forms.IntegerField(
        min_value=1,
        max_value=SPLIT_GROUPS,
        required=False,
        label="Split group",
        help_text="Empty: the user's own. A guest has one only in the browser's cookie.",
    )
    environment = forms.ChoiceField(
        choices=Environment,
        required=False,
        initial=Environment.PRODUCTION,
        help_text="Whose forced users apply.",
    )
    supports = forms.BooleanField(required=False, initial=True, label="The client supports every client test")

    def __init__(self, *args: Any, catalogue: Catalogue, **kwargs: Any) -> None:
        self._filters = [
            spec for spec in catalogue.values() if spec.source == "environment" and not spec.archived
        ]
        filters = {_PREFIX + spec.name: _filter_field(spec) for spec in self._filters}
        # They have to be there before the base class looks at what was sent.
        self.base_fields = self.base_fields | filters  # type: ignore[misc]  # this form's own
        super().__init__(*args, **kwargs)

    @property
    def person_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("user_id", "device_id", "split_group", "environment")]

    @property
    def filter_fields(self) -> list[forms.BoundField]:
        return [self[_PREFIX + spec.name] for spec in self._filters]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        self.attributes = {}
        for spec in self._filters:
            text = given.get(_PREFIX + spec.name)
            if text:
                try:
                    self.attributes[spec.name] = CELL_CASTS[spec.type](text)
                except CastError as error:
                    self.add_error(_PREFIX + spec.name, f"It {error}.")
        return given

    def subject(self, client_tests: Sequence[str]) -> Subject:
        """Who is asked about, once the form is valid. Raises WarehouseError."""
        given = self.cleaned_data
        request = RequestEnvironment(
            device_id=given["device_id"] or None,
            attributes=self.attributes,
            supported_tests=client_tests if given["supports"] else None,
        )
        return complete_subject(given["user_id"], given["split_group"], None, request)


class ForceForm(ConsoleForm):
    """Put a user or a device into a variant. The service says what is wrong."""

    user_id = forms.CharField(max_length=MAX_ID, required=False, strip=False, label="User id")
    device_id = forms.CharField(
        max_length=MAX_ID, required=False, strip=False, label="or device id", help_text="One of the two."
    )
    environment = forms.ChoiceField(choices=Environment, required=False)
    reason = forms.CharField(max_length=500, required=False, label="Why")
    expires_on = forms.DateField(
        required=False,
        label="Last day",
        help_text="It ends with this day (UTC). Empty: when somebody removes it.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, tests: Sequence[Experiment], **kwargs: Any) -> None:
        self._tests = {test.key: test for test in tests}
        choices = [("", "Choose…"), *((test.key, _variants_of(test)) for test in tests)]
        target = forms.ChoiceField(choices=choices, required=False, label="Test and variant")
        self.base_fields = {"target": target} | self.base_fields  # type: ignore[misc]  # this form's own
        super().__init__(*args, **kwargs)

    def target_of(self) -> tuple[Experiment | None, str]:
        """The chosen test and the name of the variant; None if nothing was chosen."""
        key, _, variant = self.cleaned_data["target"].partition(":")
        return self._tests.get(key), variant

    def expires_at(self) -> dt.datetime | None:
        """The first moment at which it applies no more."""
        last: dt.date | None = self.cleaned_data.get("expires_on")
        if last is None or last == dt.date.max:
            return None
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC)


def _variants_of(test: Experiment) -> list[tuple[str, str]]:
    assert test.current is not None
    return [(f"{test.key}:{variant.name}", variant.name) for variant in test.current.variants.all()]


def _filter_field(spec: FilterSpec) -> forms.Field:
    """Choices where the catalogue names values, else text that is read as the filter's type."""
    if spec.type == "boolean":
        return forms.ChoiceField(
            choices=[_NOT_SENT, ("yes", "yes"), ("no", "no")], required=False, label=spec.label
        )
    if spec.choices:
        named = [(str(choice.value), choice.label) for choice in spec.choices]
        return forms.ChoiceField(choices=[_NOT_SENT, *named], required=False, label=spec.label)
    return forms.CharField(max_length=1_000, required=False, label=spec.label)
