"""Whom to ask about, in which request, at which moment: read from the address of the page, so that it can be sent around."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Environment
from audience.casting import CELL_CASTS, CastError
from audience.specs import Catalogue, FilterSpec, Source
from core import clock
from core.forms import ConsoleForm, PlainSelect, UtcDateTimeField
from core.text import unstorable_text
from delivery.subjects import MAX_ID, Subject, complete_subject
from usersplit_sdk import SPLIT_GROUPS, User
from usersplit_sdk import Environment as RequestEnvironment

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_PREFIXES: Final[dict[Source, str]] = {"environment": "filter_", "user": "user_"}
_UNTYPED: Final[dict[Source, tuple[str, StrOrPromise]]] = {
    "environment": ("", _("not sent")),
    "user": ("", _("as in the warehouse")),
}
_MOMENTS: Final = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
_FIRST_YEAR: Final = 1970


class CheckForm(ConsoleForm):
    """A user of the warehouse, one whose profile is typed in, or a guest; in a request with these values."""

    user_id = forms.CharField(
        max_length=MAX_ID, required=False, strip=False, label=_("User id"), help_text=_("Empty: a guest.")
    )
    device_id = forms.CharField(max_length=MAX_ID, required=False, strip=False, label=_("Device id"))
    environment = forms.ChoiceField(
        choices=Environment,
        required=False,
        initial=Environment.PRODUCTION,
        label=_("Environment"),
        help_text=_("Whose forced users apply."),
    )
    as_of = UtcDateTimeField(
        required=False,
        input_formats=_MOMENTS,
        label=_("As of (UTC)"),
        help_text=_("Empty: now. Else what was delivered at that moment."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        error_messages={"invalid": _("Must be a moment such as 2026-11-22T14:30.")},
    )
    split_group = forms.IntegerField(
        min_value=1,
        max_value=SPLIT_GROUPS,
        required=False,
        label=_("Split group"),
        help_text=_("Empty: the user's own. A guest has one only in the browser's cookie."),
    )
    supports = forms.BooleanField(
        required=False, initial=True, label=_("The client supports every client test")
    )
    q = forms.CharField(
        max_length=200,
        required=False,
        label=_("Only tests and groups like"),
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Key or name"), "list": "test-keys"}
        ),
    )

    def __init__(self, *args: Any, catalogue: Catalogue, **kwargs: Any) -> None:
        self._filters = [spec for spec in catalogue.values() if not spec.archived]
        super().__init__(*args, **kwargs)

    def arrange(self) -> None:
        """A field for each filter. Not among the class's: those are copied, and some have hundreds of choices."""
        self.fields.update({_field_name(spec): _filter_field(spec) for spec in self._filters})

    @property
    def person_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("user_id", "device_id", "environment", "as_of")]

    @property
    def request_fields(self) -> list[forms.BoundField]:
        return [self[_field_name(spec)] for spec in self._filters if spec.source == "environment"]

    @property
    def profile_fields(self) -> list[forms.BoundField]:
        return [self["split_group"]] + [
            self[_field_name(spec)] for spec in self._filters if spec.source == "user"
        ]

    @property
    def has_request(self) -> bool:
        """Whether anything of the request is typed in, or wrong."""
        return self._any(self.request_fields)

    @property
    def has_profile(self) -> bool:
        """Whether anything of the profile is."""
        return self._any(self.profile_fields)

    def clean_as_of(self) -> dt.datetime | None:
        moment: dt.datetime | None = self.cleaned_data["as_of"]
        if moment is None:
            return None
        if moment.year < _FIRST_YEAR:
            raise forms.ValidationError(gettext("Nothing had been delivered then."))
        if moment > clock.now():
            raise forms.ValidationError(gettext("Lies in the future."))
        return moment

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        self._typed: dict[Source, dict[str, Any]] = {"user": {}, "environment": {}}
        for name in ("user_id", "device_id"):
            problem = unstorable_text(given.get(name) or "")
            if problem:
                self.add_error(name, gettext("It %(problem)s.") % {"problem": problem})
        for spec in self._filters:
            text = given.get(_field_name(spec))
            if text:
                try:
                    self._typed[spec.source][spec.name] = CELL_CASTS[spec.type](text)
                except CastError as error:
                    self.add_error(_field_name(spec), gettext("It %(problem)s.") % {"problem": error})
        return given

    @property
    def typed_profile(self) -> dict[str, Any]:
        """What was typed in of the user's profile, by filter; once the form is valid."""
        return self._typed["user"]

    def subject(self, tests: Sequence[str]) -> Subject:
        """Who is asked about, once the form is valid: what was typed in stands over what the warehouse knows.

        `tests` are those that a client may say it supports. Raises WarehouseError.
        """
        given = self.cleaned_data
        request = RequestEnvironment(
            device_id=given["device_id"] or None,
            attributes=self._typed["environment"],
            supported_tests=tests if given["supports"] else None,
        )
        if not given["user_id"]:
            return complete_subject("", given["split_group"], self.typed_profile or None, request)
        known = complete_subject(given["user_id"], given["split_group"], None, request)
        if known.user is None or not self.typed_profile:
            return known
        attributes = {**known.user.attributes, **self.typed_profile}
        return Subject(User(known.user.id, known.user.split_group, attributes), request, known.profile)

    def _any(self, fields: Sequence[forms.BoundField]) -> bool:
        return self.is_bound and any(field.data or field.errors for field in fields)


def _field_name(spec: FilterSpec) -> str:
    return _PREFIXES[spec.source] + spec.name


def _filter_field(spec: FilterSpec) -> forms.Field:
    """Choices where the catalogue names values, else text that is read as the filter's type."""
    untyped = _UNTYPED[spec.source]
    if spec.type == "boolean":
        return forms.ChoiceField(
            choices=[untyped, ("yes", _("yes")), ("no", _("no"))], required=False, label=spec.label
        )
    if spec.choices and spec.type != "list":
        named = [(str(choice.value), choice.label) for choice in spec.choices]
        return forms.ChoiceField(
            choices=[untyped, *named], required=False, label=spec.label, widget=PlainSelect
        )
    hint = {"placeholder": untyped[1]}
    return forms.CharField(
        max_length=1_000, required=False, label=spec.label, widget=forms.TextInput(attrs=hint)
    )
