"""Forms of notifications."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms

from core.forms import ConsoleForm
from notifications.kinds import EVENTS
from notifications.models import DIRECT, ChannelKind, Connection, DeliveryState

WAITING = "waiting"
"""Not over yet, in whichever of its states."""


class RecordSearchForm(ConsoleForm):
    """What to see of the record."""

    q = forms.CharField(max_length=200, required=False, label="Test or recipient")
    event = forms.ChoiceField(
        choices=[("", "All events"), *((kind.value, spec.label) for kind, spec in EVENTS.items())],
        required=False,
    )
    channel = forms.ChoiceField(choices=[("", "All channels"), *ChannelKind.choices], required=False)
    connection = forms.ModelChoiceField(
        Connection.objects.all(), required=False, empty_label="All connections"
    )
    state = forms.ChoiceField(
        choices=[("", "All states"), (WAITING, "Not over yet"), *DeliveryState.choices], required=False
    )

    def arrange(self) -> None:
        # Nothing to choose from where nothing is connected.
        if not Connection.objects.exists():
            del self.fields["connection"]


class HabitsForm(ConsoleForm):
    """When and how one wants to hear."""

    direct = forms.ChoiceField(
        choices=DIRECT,
        required=False,
        label="How",
        help_text="In the chat you are found by your e-mail address or user name. Where that fails a mail comes.",
    )
    email = forms.EmailField(
        required=False, max_length=254, label="E-mail address", help_text="Empty: no mail can be sent to you."
    )
    time_zone = forms.ChoiceField(
        choices=[(name, name.replace("_", " ")) for name in sorted(available_timezones())],
        help_text="Quiet hours and the times in messages are on this zone's clocks.",
    )
    quiet_from = forms.TimeField(
        required=False,
        label="Quiet from",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="Empty: never quiet.",
    )
    quiet_until = forms.TimeField(
        required=False,
        label="Quiet until",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="What comes in between arrives then. Urgent messages don't wait.",
    )
    quiet_weekends = forms.BooleanField(required=False, label="Saturdays and Sundays are quiet")
    digest = forms.BooleanField(required=False, label="Many messages at a time come as one")

    def __init__(self, data: Any = None, *, initial: dict[str, Any], has_chat: bool) -> None:
        self.has_chat = has_chat
        super().__init__(data, initial=initial)

    def arrange(self) -> None:
        if not self.has_chat:
            del self.fields["direct"]
