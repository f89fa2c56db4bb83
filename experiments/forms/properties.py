"""The properties of a test or user group as a form. The rules are the service's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from core.forms import ConsoleForm
from experiments.list_rows import areas_of
from experiments.models import Experiment, Kind, Side
from experiments.services.property_rules import LABELS, MAX_LENGTH, TEST_ONLY

# People begin with the name, from which a key is suggested.
_ORDER = ("name", *(name for name in LABELS if name != "name"))
_LONG_TEXTS = ("description", "hypothesis", "metric", "success")
_LABELS = {
    "key": _("Key"),
    "name": _("Name"),
    "description": _("Description"),
    "hypothesis": _("Hypothesis"),
    "metric": _("What is measured"),
    "success": _("What counts as success"),
    "area": _("Area"),
    "side": _("Side"),
    "jira_issue": _("Jira issue"),
    "chat_room": _("Chat room"),
    "tags": _("Tags"),
    "managers": _("Managers"),
}
_HELP = {
    "key": _(
        "How code and files call it: lower-case letters, digits, underscores. Fixed once it is published."
    ),
    "hypothesis": _("What you believe will happen, and why."),
    "metric": _("What you look at when it is over."),
    "success": _("From which difference on you call it a success."),
    "area": _("The part of the product it changes. Tests of one area that share users are shown in red."),
    "side": _("Where the variant is decided: by app servers, or by clients that ask for it."),
    "jira_issue": _("Such as PAY-17."),
    "chat_room": _("Where its people talk."),
    "tags": _("Words to find it by, with commas between them."),
    "managers": _("Who may change it, start it and end it."),
}


class PropertiesForm(ConsoleForm):
    """The fields of `property_rules.LABELS`; a user group has fewer."""

    def __init__(
        self,
        kind: str,
        data: Any = None,
        *,
        initial: dict[str, Any] | None = None,
        key_is_fixed: bool = False,
    ) -> None:
        self.kind = kind
        self.key_is_fixed = key_is_fixed
        super().__init__(data, initial=initial)

    def arrange(self) -> None:
        for name in _ORDER:
            if not (self.kind == Kind.GROUP and name in TEST_ONLY) and not (
                self.key_is_fixed and name == "key"
            ):
                self.fields[name] = _field(name)

    def properties(self) -> dict[str, object]:
        """What was typed, as the services take it. Call after `is_valid()`."""
        typed = {name: self.cleaned_data.get(name) for name in self.fields}
        words = (word.strip() for word in (typed.get("tags") or "").split(","))
        return typed | {"tags": [word for word in words if word]}


def initial_properties(experiment: Experiment) -> dict[str, Any]:
    """The present properties, as the form's initial values."""
    values = {name: getattr(experiment, name) for name in LABELS if name != "managers"}
    return values | {
        "managers": [person.username for person in experiment.managers.all()],
        "tags": ", ".join(experiment.tags),
    }


def _field(name: str) -> forms.Field:
    label, help_text = _LABELS[name], _HELP.get(name, "")
    if name == "managers":
        people = User.objects.filter(role__in=[Role.SUPERUSER, Role.MANAGER], is_active=True).order_by(
            "username"
        )
        choices = [(person.username, f"{person} ({person.username})") for person in people]
        return forms.MultipleChoiceField(
            label=label,
            help_text=help_text,
            choices=choices,
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )
    if name == "side":
        return forms.ChoiceField(label=label, help_text=help_text, choices=Side, required=False)
    widget: forms.Widget = forms.TextInput()
    if name in _LONG_TEXTS:
        widget = forms.Textarea(attrs={"rows": 3})
    elif name == "name":
        widget = forms.TextInput(attrs={"data-suggests": "id_key"})
    elif name == "key":
        widget = forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "class": "form-control font-monospace"}
        )
    elif name == "area":
        widget = forms.TextInput(attrs={"list": "areas", "autocomplete": "off"})
    if name in MAX_LENGTH and name not in _LONG_TEXTS:
        widget.attrs["maxlength"] = MAX_LENGTH[name]
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget)


def suggested_areas(kind: str) -> list[str]:
    """The areas that published tests or groups have already."""
    return areas_of(Experiment.objects.filter(kind=kind).delivered())
