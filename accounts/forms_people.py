"""People as forms: added and changed by superusers, and letting themselves in by a link."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from core.forms import ConsoleForm

_EXACT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class PersonForm(ConsoleForm):
    """Who somebody is and what they are here for."""

    username = forms.CharField(
        required=False,
        label=_("User name"),
        help_text=_("They sign in by it, and the API calls them by it. It stays for good."),
        widget=forms.TextInput(attrs=_EXACT),
    )
    name = forms.CharField(
        required=False,
        label=_("Name"),
        help_text=_("As colleagues know them."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.CharField(
        required=False,
        label=_("E-mail"),
        help_text=_("Where links and notifications go. Only superusers see it."),
        widget=forms.EmailInput(attrs=_EXACT),
    )
    role = forms.ChoiceField(
        choices=Role,
        initial=Role.VIEWER,
        label=_("Role"),
        help_text=_("What each may do is said on this page."),
        error_messages={"required": _("Choose a role.")},
    )

    def __init__(self, data: Any = None, *, edited: User | None = None) -> None:
        self.edited = edited
        initial = (
            {"name": edited.get_full_name(), "email": edited.email, "role": edited.role} if edited else None
        )
        super().__init__(data, initial=initial)

    def arrange(self) -> None:
        if self.edited is not None:
            del self.fields["username"]

    def values(self) -> dict[str, Any]:
        """The service's arguments."""
        return dict(self.cleaned_data)


def _rules() -> str:
    return " ".join(str(words) for words in password_validators_help_texts())


class ChoosePasswordForm(ConsoleForm):
    """A new password, twice. It is never sent back to the browser."""

    password = forms.CharField(
        strip=False,
        label=_("New password"),
        help_text=lazy(_rules, str)(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        strip=False,
        label=_("The same once more"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_repeated(self) -> str:
        repeated: str = self.cleaned_data["repeated"]
        if self.cleaned_data.get("password", repeated) != repeated:
            raise forms.ValidationError(gettext("The two are not the same."))
        return repeated
