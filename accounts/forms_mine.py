"""My settings as forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.preferences import zone_choices
from core.forms import ConsoleForm


def _languages() -> list[tuple[str, str]]:
    # By their own names: who landed in a language that they cannot read must find theirs.
    return [("", gettext("As the browser asks")), *settings.LANGUAGES]


class OwnSettingsForm(ConsoleForm):
    """Language, clocks and address."""

    language = forms.ChoiceField(
        choices=_languages,
        required=False,
        label=_("Language"),
        help_text=_("Of the pages. The API, the changelog and messages to others are English."),
    )
    time_zone = forms.ChoiceField(
        choices=lambda: zone_choices(gettext("The browser's; in messages UTC")),
        required=False,
        label=_("Time zone"),
        help_text=_(
            "Of all times on pages and in messages, and of your quiet hours. UTC is in their tooltips."
        ),
        widget=forms.Select(attrs={"data-own-zone": True}),
    )
    email = forms.CharField(
        required=False,
        label=_("E-mail address"),
        help_text=_("Empty: no mail can be sent to you."),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, person: User) -> None:
        initial = {name: getattr(person, name) for name in ("language", "time_zone", "email")}
        super().__init__(data, initial=initial)


class OwnPasswordForm(PasswordChangeForm):
    """Django's own, in the console's look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            invalid = " is-invalid" if self.is_bound and name in self.errors else ""
            field.widget.attrs["class"] = f"form-control{invalid}"
        # The field that a page begins with is not the second card's.
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
