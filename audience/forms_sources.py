"""A source of users as a form. Columns for filters are lines: `country_id = country`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audience.models import LoadSchedule, UserSource
from core.forms import ConsoleForm

_CODE = {"class": "form-control font-monospace", "autocomplete": "off", "spellcheck": "false"}


class SourceForm(ConsoleForm):
    """The name is for good: how far a source has been read is remembered under it."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        help_text=_("Lower-case letters, digits, underscores, such as shop. For good."),
        widget=forms.TextInput(attrs=_CODE),
    )
    database_variable = forms.CharField(
        required=False,
        label=_("Database"),
        help_text=_(
            "The environment variable of the workers that holds its address (postgresql://…), such as SOURCE_SHOP. The address is never kept here."
        ),
        widget=forms.TextInput(attrs=_CODE),
    )
    query = forms.CharField(
        label=_("Query"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, **_CODE}),
        help_text=_(
            "SELECT one row for each user. Columns feed the filters of their names; the session may only read."
        ),
    )
    id_column = forms.CharField(
        required=False,
        label=_("Column of user ids"),
        help_text=_("Left empty: id, user_id or userid."),
        widget=forms.TextInput(attrs=_CODE),
    )
    split_group_column = forms.CharField(
        required=False,
        label=_("Column of split groups"),
        help_text=_(
            "If users have one there already. Left empty: split_group, if there is one; else each new user draws one."
        ),
        widget=forms.TextInput(attrs=_CODE),
    )
    mapping = forms.CharField(
        required=False,
        label=_("Columns for filters"),
        help_text=_(
            "For columns that are called otherwise than their filter, one a line: country_id = country."
        ),
        widget=forms.Textarea(attrs={"rows": 3, **_CODE}),
    )
    changed_at_column = forms.CharField(
        required=False,
        label=_("Changed-at column"),
        help_text=_(
            "Says when a row was changed last: then only what is new is read. A timestamp, a date or a number that grows with each change."
        ),
        widget=forms.TextInput(attrs=_CODE),
    )
    overlap_minutes = forms.IntegerField(
        required=False,
        label=_("Overlap in minutes"),
        help_text=_(
            "So far before the last row each load begins, for transactions that were still open. Longer than your longest one."
        ),
    )
    schedule = forms.ChoiceField(label=_("Schedule"), choices=LoadSchedule, required=False)

    def __init__(self, data: Any = None, *, edited: UserSource | None = None) -> None:
        self.edited = edited
        super().__init__(data, initial={"overlap_minutes": 10} if edited is None else _initial(edited))

    def arrange(self) -> None:
        if self.edited is not None:
            del self.fields["name"]

    def values(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        values = {name: self.cleaned_data[name] for name in self.fields}
        if values["overlap_minutes"] is None:
            values["overlap_minutes"] = 0
        values["mapping"] = read_mapping(values["mapping"])
        return values


def _initial(edited: UserSource) -> dict[str, Any]:
    mapping = "\n".join(f"{name} = {column}" for name, column in edited.mapping.items())
    return {**{name: getattr(edited, name) for name in SourceForm.base_fields}, "mapping": mapping}


def read_mapping(text: str) -> dict[str, str]:
    """The lines as filter → column; a line without a sign has no column, which the service refuses."""
    mapping = {}
    for line in text.splitlines():
        if line.strip():
            name, _sign, column = line.partition("=")
            mapping[name.strip()] = column.strip()
    return mapping
