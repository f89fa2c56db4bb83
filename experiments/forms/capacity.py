"""Asking when there will be room: so many split groups, for so many days."""

from __future__ import annotations

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.forms import ConsoleForm
from experiments.capacity import MOST_DAYS
from experiments.percents import SPLIT_GROUPS


def _whole_number() -> forms.TextInput:
    # A field of type number would swallow what is no number, and nobody would see what was wrong with it.
    return forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})


class RoomForm(ConsoleForm):
    """Read from the address. No days means for good."""

    groups = forms.IntegerField(
        label=_("Split groups"),
        min_value=1,
        max_value=SPLIT_GROUPS,
        help_text=_("24 are one percent of all users."),
        widget=_whole_number(),
        error_messages={
            "required": _("Say how many split groups you need."),
            "invalid": _("Must be a whole number from 1 to 2,400."),
        },
    )
    days = forms.IntegerField(
        label=_("Free for days"),
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("Empty: for good."),
        widget=_whole_number(),
        error_messages={
            "invalid": format_lazy(
                _("Must be a whole number from 1 to {most}, or empty."), most=f"{MOST_DAYS:,}"
            )
        },
    )
