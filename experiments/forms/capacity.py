"""Asking when there will be room: so many split groups, for so many days."""

from __future__ import annotations

from django import forms

from core.forms import ConsoleForm
from experiments.capacity import MOST_DAYS
from experiments.percents import SPLIT_GROUPS


def _whole_number() -> forms.TextInput:
    # A field of type number would swallow what is no number, and nobody would see what was wrong with it.
    return forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})


class RoomForm(ConsoleForm):
    """Read from the address. No days means for good."""

    groups = forms.IntegerField(
        label="Split groups",
        min_value=1,
        max_value=SPLIT_GROUPS,
        help_text="24 are 1 % of all users.",
        widget=_whole_number(),
        error_messages={
            "required": "Say how many split groups you need.",
            "invalid": f"Must be a whole number from 1 to {SPLIT_GROUPS:,}.",
        },
    )
    days = forms.IntegerField(
        label="Free for days",
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text="Empty: for good.",
        widget=_whole_number(),
        error_messages={"invalid": f"Must be a whole number from 1 to {MOST_DAYS:,}, or empty."},
    )
