"""A filter of the catalogue as a form. Choices are lines: `40 = Austria`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audience.models import Filter, FilterKind, FilterSource
from audience.operator_words import LABELS
from audience.specs import operators_of
from core.forms import ConsoleForm


class FilterForm(ConsoleForm):
    """Name, type and source are fixed once the filter exists: stored conditions are typed by them."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        help_text=_(
            "As programs call it, such as country_id: lower-case letters, digits, underscores. For good."
        ),
        widget=forms.TextInput(
            attrs={"class": "form-control font-monospace", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    label = forms.CharField(
        label=_("Label"), required=False, help_text=_("As people read it, such as Country.")
    )
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    type = forms.ChoiceField(label=_("Type"), choices=FilterKind, required=False)
    source = forms.ChoiceField(choices=FilterSource, required=False, label=_("Comes from"))
    column = forms.CharField(
        required=False,
        label=_("Warehouse column"),
        help_text=_(
            "Where its value stands in the warehouse of users. Without one it is not counted: numbers are upper bounds."
        ),
    )
    operators = forms.MultipleChoiceField(
        label=_("Operators"),
        required=False,
        choices=list(LABELS.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What it can be compared with. None chosen: everything that its type allows."),
    )
    choices = forms.CharField(
        label=_("Choices"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 8, "class": "form-control font-monospace", "spellcheck": "false"}
        ),
        help_text=_(
            "Names for values, one a line: 40 = Austria. They help people pick; other values stay possible."
        ),
    )

    def __init__(self, data: Any = None, *, edited: Filter | None = None) -> None:
        self.edited = edited
        super().__init__(data, initial=None if edited is None else _initial(edited))

    def arrange(self) -> None:
        if self.edited is None:
            return
        for name in ("name", "type", "source"):
            del self.fields[name]
        possible = operators_of(self.edited.type)
        self.fields["operators"] = forms.MultipleChoiceField(
            label=_("Operators"),
            required=False,
            choices=[(name, LABELS[name]) for name in possible],
            widget=forms.CheckboxSelectMultiple,
            help_text=_("What it can be compared with."),
        )

    def values(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        values = {name: self.cleaned_data[name] for name in self.fields}
        values["choices"] = read_choices(values["choices"])
        values["operators"] = values["operators"] or None
        return values


def _initial(edited: Filter) -> dict[str, Any]:
    return {
        "label": edited.label,
        "description": edited.description,
        "column": edited.column,
        "operators": edited.operators,
        "choices": written_choices(edited.choices),
    }


def written_choices(choices: list[dict[str, Any]]) -> str:
    """One line for each choice."""
    return "\n".join(f"{_text(choice['value'])} = {choice['label']}" for choice in choices)


def read_choices(text: str) -> list[dict[str, str]]:
    """The lines as choices; a value without a name is its own."""
    choices = []
    for line in text.splitlines():
        if line.strip():
            value, sign, label = line.partition("=")
            choices.append({"value": value.strip(), "label": label.strip() if sign else value.strip()})
    return choices


def _text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
