"""What happened, who is told, how far that is; connections, rooms, and what people do not want to hear.

Events and deliveries are the record: each is written once, a delivery then moves from pending to an end.
"""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from changelog.models import Entry
from core import clock
from experiments.models import Experiment


class ChannelKind(models.TextChoices):
    """The ways out. Each has a queue of its own, so that none waits for another."""

    MAIL = "mail", _("E-mail")
    CHAT = "chat", _("Chat")
    JIRA = "jira", "Jira"


DIRECT: Final = (
    (ChannelKind.MAIL.value, _("By e-mail")),
    (ChannelKind.CHAT.value, _("In the chat, else by e-mail")),
)
"""How people are told themselves."""


class Provider(models.TextChoices):
    """What a connection speaks to."""

    MATRIX = "matrix", "Matrix"
    SLACK = "slack", "Slack"
    WEBHOOK = "webhook", _("Incoming webhook (Mattermost, Rocket.Chat, Teams)")
    JIRA_CLOUD = "jira_cloud", "Jira Cloud"
    JIRA_DATA_CENTER = "jira_data_center", "Jira Data Center"

    @property
    def channel(self) -> ChannelKind:
        return ChannelKind.JIRA if self.value.startswith("jira") else ChannelKind.CHAT


class Connection(models.Model):
    """An account at a provider. The secret is encrypted and never shown; the last columns are the circuit breaker's."""

    name = models.CharField(max_length=100, unique=True)
    provider = models.CharField(max_length=24, choices=Provider)
    url = models.URLField(max_length=500)
    account = models.CharField(
        max_length=200,
        blank=True,
        help_text="Jira Cloud: the e-mail address. Matrix: the user id, found by the test.",
    )
    secret = models.BinaryField(help_text="Encrypted.")
    options = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    closed_until = models.DateTimeField(
        null=True, help_text="After failures in a row nothing is sent before."
    )
    last_ok_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)
    check_asked_at = models.DateTimeField(null=True, help_text="When somebody asked for a test of it last.")
    checked_at = models.DateTimeField(null=True, help_text="When that test was over.")
    check_steps = models.JSONField(default=list, help_text="What it found: [step, whether it worked, words].")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(provider__in=Provider.values), name="notifications_connection_provider_known"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def channel(self) -> ChannelKind:
        return Provider(self.provider).channel


class Progress(models.Model):
    """How far the outbox was read: one row."""

    name = models.CharField(max_length=32, primary_key=True)
    entry_id = models.BigIntegerField(
        default=0, help_text="All entries up to this one are events, or are none."
    )
    since = models.DateTimeField(default=clock.now, help_text="What happened before is not told.")
    next_entry_id = models.BigIntegerField(
        default=0, help_text="All entries up to this one are too, once the transactions of then are over."
    )
    next_entry_at = models.DateTimeField(null=True, help_text="When that was seen, by the database's clock.")

    def __str__(self) -> str:
        return f"{self.name}: {self.entry_id}"


class Event(models.Model):
    """Something that people hear of. The same key twice is the same event."""

    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=32)
    experiment = models.ForeignKey(Experiment, null=True, on_delete=models.PROTECT, related_name="+")
    entry = models.OneToOneField(Entry, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="When it happened, or is due.")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    planned_at = models.DateTimeField(null=True, help_text="Since then it is known who is told.")
    skipped = models.CharField(max_length=200, blank=True, help_text="Why nobody is told.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(planned_at=None), name="notifications_event_unplanned"),
            models.Index(fields=["experiment", "-id"], name="notifications_event_of_test"),
        ]

    def __str__(self) -> str:
        return self.key


class DeliveryState(models.TextChoices):
    """From pending to an end. `sending` has a lease: whoever was killed meanwhile is followed by another."""

    PENDING = "pending", _("Pending")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed, will be tried again")
    GIVEN_UP = "given_up", _("Given up")
    DIGESTED = "digested", _("In a digest")
    MUTED = "muted", _("Muted")


class Delivery(models.Model):
    """One event (or a digest of several) for one recipient on one channel."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=ChannelKind)
    connection = models.ForeignKey(Connection, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    recipient = models.CharField(
        max_length=255,
        help_text="Whom: an address, room:<id>, issue:<key>. Part of what makes a delivery unique.",
    )
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.PENDING)
    not_before = models.DateTimeField(default=clock.now, help_text="Quiet hours, a digest, or the next try.")
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    token = models.UUIDField(
        default=uuid.uuid4, editable=False, help_text="What the provider knows a repetition by."
    )
    digest_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="digested",
        help_text="The one that tells it.",
    )
    answer = models.TextField(blank=True, help_text="What the provider said last.")
    reference = models.CharField(max_length=255, blank=True, help_text="What the provider calls the message.")
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "channel", "recipient"], name="notifications_delivery_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="notifications_delivery_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "not_before"],
                condition=Q(state__in=["pending", "sending", "failed"]),
                name="notifications_delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.recipient}"


class Mute(models.Model):
    """What a person does not want to hear: an event, a test, or that event of that test. Without a channel: on any."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mutes")
    experiment = models.ForeignKey(Experiment, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=32, blank=True)
    channel = models.CharField(max_length=8, choices=ChannelKind, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "experiment", "kind", "channel"],
                nulls_distinct=False,
                name="notifications_mute_once",
            ),
            models.CheckConstraint(
                condition=Q(experiment__isnull=False) | ~Q(kind="") | ~Q(channel=""),
                name="notifications_mute_of_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.kind or 'everything'} of {self.experiment or 'all tests'}"


class Habits(models.Model):
    """When a person wants to hear: quiet hours on the clocks of the person's time zone, which is the account's."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_habits"
    )
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    quiet_weekends = models.BooleanField(default=False)
    digest = models.BooleanField(default=True, help_text="Many messages at a time come as one.")
    direct = models.CharField(
        max_length=8,
        choices=DIRECT,
        default=ChannelKind.MAIL,
    )

    class Meta:
        verbose_name_plural = "habits"
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="notifications_habits_quiet_hours_whole",
            )
        ]

    def __str__(self) -> str:
        return str(self.person)


class Room(models.Model):
    """The chat room of a test."""

    class State(models.TextChoices):
        WANTED = "wanted", _("Being made")
        OPEN = "open", _("Open")
        ARCHIVED = "archived", _("Archived")
        FAILED = "failed", _("Could not be made")

    experiment = models.OneToOneField(Experiment, on_delete=models.PROTECT, related_name="room")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.WANTED)
    token = models.UUIDField(default=uuid.uuid4, editable=False)
    room_id = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255)
    url = models.URLField(max_length=500, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    synced_at = models.DateTimeField(null=True, help_text="When invitations were brought in step last.")
    attempts = models.PositiveIntegerField(default=0, help_text="Failed in a row.")
    not_before = models.DateTimeField(default=clock.now, help_text="The next try after a failure.")

    def __str__(self) -> str:
        return self.name


class RoomMember(models.Model):
    """Somebody who belongs into a room: a manager, or who was added by hand."""

    class State(models.TextChoices):
        WANTED = "wanted", _("To be invited")
        INVITED = "invited", _("Invited")
        UNKNOWN = "unknown", _("Not found at the provider")
        LEAVING = "leaving", _("To be removed")

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="members")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by_hand = models.BooleanField(default=False, help_text="Stays, whether or not they manage the test.")
    state = models.CharField(max_length=16, choices=State, default=State.WANTED)
    address = models.CharField(max_length=255, blank=True, help_text="What the provider calls the person.")
    error = models.TextField(blank=True)
    looked_at = models.DateTimeField(
        null=True, help_text="When it did not work last; it is tried again later."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["room", "person"], name="notifications_roommember_once")
        ]

    def __str__(self) -> str:
        return f"{self.person} in {self.room}"


class JiraIssue(models.Model):
    """What Jira said of a test's issue, and of the task to cut the test out of the code."""

    class Role(models.TextChoices):
        TEST = "test", "The test's issue"
        CUT = "cut", "Cut it out of the code"

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="jira_issues")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=8, choices=Role)
    key = models.CharField(max_length=64, blank=True)
    title = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=100, blank=True)
    is_done = models.BooleanField(default=False)
    url = models.URLField(max_length=500, blank=True)
    token = models.UUIDField(default=uuid.uuid4, editable=False)
    linked_at = models.DateTimeField(null=True, help_text="When the link back was made.")
    checked_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "role"], name="notifications_jiraissue_once"),
        ]
        indexes = [models.Index(F("checked_at").asc(nulls_first=True), name="notifications_jira_checked")]

    def __str__(self) -> str:
        return self.key or f"{self.role} of {self.experiment}"
