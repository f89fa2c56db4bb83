"""Signing in, and making API tokens."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from accounts.models import Environment, Scope
from core.forms import ConsoleForm


class SignInForm(AuthenticationForm):
    """Django's own, in the console's look."""

    error_messages = {
        "invalid_login": _("That user name and password do not go together. Both are case-sensitive."),
        "inactive": _("This account is switched off."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"


class TokenForm(ConsoleForm):
    """A new API token of one's own."""

    name = forms.CharField(
        max_length=100,
        required=False,
        label=_("Name"),
        help_text=_("What uses it, such as “deploy job of the shop”."),
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label=_("What it may do"),
        help_text=_(
            "In a page or an app everybody can read the token: give such a one “Ask for the variants of a user” and “Send hits and "
            "events”, nothing else. Whoever has it can ask which variants another user id gets, and send hits. App servers need "
            "“Read test files” and “Send hits and events”."
        ),
    )
    environment = forms.ChoiceField(
        choices=Environment,
        label=_("Environment"),
        help_text=_("Where its caller runs: forced users apply per environment."),
    )
    expires_on = forms.DateField(
        required=False,
        label=_("Last day"),
        help_text=_("It stops working at the end of this day (UTC). Empty: never."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def expires_at(self) -> dt.datetime | None:
        """The first moment at which the token works no more."""
        last: dt.date | None = self.cleaned_data.get("expires_on")
        if last is None or last == dt.date.max:
            return None
        return dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), dt.UTC)
