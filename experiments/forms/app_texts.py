"""One text of the application, and the draft of a test that tries other words for it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from core.forms import ConsoleForm
from experiments.models import Experiment, Kind
from experiments.models.app_text import MAX_LANGUAGE, MAX_TOKEN

_MONOSPACE: Final = {"class": "form-control font-monospace", "autocomplete": "off", "spellcheck": "false"}
_LONGEST_KEY: Final = 58
"""Leaves room for a number behind it."""


class AppTextForm(ConsoleForm):
    """What a token says in one language. Which one it is, is fixed once the text exists."""

    token = forms.CharField(
        label=_("Token"),
        required=False,
        help_text=_("As the application asks for it: its name, or the message itself."),
        widget=forms.TextInput(attrs={**_MONOSPACE, "maxlength": MAX_TOKEN}),
    )
    language = forms.CharField(
        label=_("Language"),
        required=False,
        help_text=_("As the application asks for it: de, de_at or pt-BR."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "maxlength": MAX_LANGUAGE, "list": "text-languages"}
        ),
    )
    text = forms.CharField(
        label=_("Text"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None, is_new: bool) -> None:
        self.is_new = is_new
        super().__init__(data, initial=initial)

    def arrange(self) -> None:
        if not self.is_new:
            self.fields["token"].widget = self.fields["language"].widget = forms.HiddenInput()


class TokenTestForm(ConsoleForm):
    """Key and name of the draft."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        help_text=_("As people read it."),
        widget=forms.TextInput(attrs={"maxlength": 200}),
    )
    key = forms.CharField(
        label=_("Key"),
        required=False,
        help_text=_("As code and reports call the test: lower-case letters, digits and underscores."),
        widget=forms.TextInput(attrs={**_MONOSPACE, "maxlength": 64}),
    )


def proposed_key(token: str) -> str:
    """A key for a test of this token that no test has: `pay_button` → `pay_button_text`, then `pay_button_text_2`."""
    plain = unicodedata.normalize("NFKD", token).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"^[^a-z]+", "", re.sub(r"[^a-z0-9]+", "_", plain))
    base = f"{slug[: _LONGEST_KEY - 5].strip('_')}_text".strip("_") if slug else "text_test"
    taken = set(Experiment.objects.filter(kind=Kind.TEST, key__startswith=base).values_list("key", flat=True))
    return next(
        key
        for number in range(1, len(taken) + 2)
        if (key := base if number == 1 else f"{base}_{number}") not in taken
    )
