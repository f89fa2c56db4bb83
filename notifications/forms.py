"""Forms of notifications."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.preferences import zone_choices
from core.forms import ConsoleForm
from notifications.kinds import EVENTS
from notifications.models import DIRECT, ChannelKind, Connection, DeliveryState

WAITING = "waiting"
"""Not over yet, in whichever of its states."""


class RecordSearchForm(ConsoleForm):
    """What to see of the record."""

    q = forms.CharField(max_length=200, required=False, label=_("Test or recipient"))
    event = forms.ChoiceField(
        choices=[("", _("All events")), *((kind.value, spec.label) for kind, spec in EVENTS.items())],
        required=False,
        label=_("Event"),
    )
    channel = forms.ChoiceField(
        label=_("Channel"), choices=[("", _("All channels")), *ChannelKind.choices], required=False
    )
    connection = forms.ModelChoiceField(
        Connection.objects.all(), required=False, label=_("Connection"), empty_label=_("All connections")
    )
    state = forms.ChoiceField(
        choices=[("", _("All states")), (WAITING, _("Not over yet")), *DeliveryState.choices],
        required=False,
        label=_("State"),
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
        label=_("How"),
        help_text=_(
            "In the chat you are found by your e-mail address or user name. Where that fails a mail comes."
        ),
    )
    email = forms.EmailField(
        required=False,
        max_length=254,
        label=_("E-mail address"),
        help_text=_("Empty: no mail can be sent to you."),
    )
    time_zone = forms.ChoiceField(
        choices=lambda: zone_choices(gettext("The browser's; in messages UTC")),
        required=False,
        label=_("Time zone"),
        help_text=_("Quiet hours, the times in messages and those on pages are on this zone's clocks."),
    )
    quiet_from = forms.TimeField(
        required=False,
        label=_("Quiet from"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Empty: never quiet."),
    )
    quiet_until = forms.TimeField(
        required=False,
        label=_("Quiet until"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("What comes in between arrives then. Urgent messages don't wait."),
    )
    quiet_weekends = forms.BooleanField(required=False, label=_("Saturdays and Sundays are quiet"))
    digest = forms.BooleanField(required=False, label=_("Many messages at a time come as one"))

    def __init__(self, data: Any = None, *, initial: dict[str, Any], has_chat: bool) -> None:
        self.has_chat = has_chat
        super().__init__(data, initial=initial)

    def arrange(self) -> None:
        if not self.has_chat:
            del self.fields["direct"]
