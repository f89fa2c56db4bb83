"""A connection as a form: the fields that its provider needs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.forms import ConsoleForm
from notifications.models import Connection, Provider
from notifications.providers import PROVIDERS_TYPED, Typed

_EXACT = {"autocomplete": "off", "spellcheck": "false"}


class ConnectionForm(ConsoleForm):
    """The secret goes in only: what is stored never comes back to a page."""

    name = forms.CharField(
        required=False,
        label=_("Name"),
        help_text=_("What people call it here, such as Chat of the company."),
        widget=forms.TextInput(attrs=_EXACT),
    )

    def __init__(self, provider: Provider, data: Any = None, *, edited: Connection | None = None) -> None:
        self.provider = provider
        self.edited = edited
        super().__init__(data, initial=_initial(provider, edited))

    def arrange(self) -> None:
        spec = PROVIDERS_TYPED[self.provider]
        if spec.url is not None:
            self.fields["url"] = _text(spec.url, forms.URLInput)
        if spec.account is not None:
            self.fields["account"] = _text(spec.account, forms.EmailInput)
        help_text = spec.secret.help
        if self.edited is not None:
            help_text = gettext("Empty: the one that is there stays. %(help)s") % {"help": help_text}
        self.fields["secret"] = forms.CharField(
            required=False,
            label=spec.secret.label,
            help_text=gettext("%(help)s Kept encrypted, and never shown again.") % {"help": help_text},
            # Not "off", which browsers ignore: they would fill in somebody's password.
            widget=forms.PasswordInput(attrs={**_EXACT, "autocomplete": "new-password"}),
        )
        for name, typed in spec.options:
            self.fields[name] = _option(typed)

    def values(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        return {name: self.cleaned_data[name] for name in self.fields}


def _initial(provider: Provider, edited: Connection | None) -> dict[str, Any]:
    spec = PROVIDERS_TYPED[provider]
    if edited is None:
        initial = {name: typed.default for name, typed in spec.options}
        return initial | {"name": provider.label.split(" (")[0], "url": spec.url.default if spec.url else ""}
    options = {name: edited.options.get(name, typed.default) for name, typed in spec.options}
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in options.items()}
    return shown | {"name": edited.name, "url": edited.url, "account": edited.account}


def _text(typed: Typed, widget: type[forms.widgets.Input]) -> forms.CharField:
    return forms.CharField(
        required=False, label=typed.label, help_text=typed.help, widget=widget(attrs=_EXACT)
    )


def _option(typed: Typed) -> forms.Field:
    if typed.choices:
        return forms.ChoiceField(
            required=False, label=typed.label, help_text=typed.help, choices=typed.choices
        )
    return _text(typed, forms.TextInput)
