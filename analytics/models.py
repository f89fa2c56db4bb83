"""Hits and events on their way to the store, and what was counted of them. The items themselves lie in the store."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Environment
from core import clock
from experiments.models import SettingsGroup


class Stream(models.TextChoices):
    """What is sent in batches."""

    HITS = "hits", "Hits"
    EVENTS = "events", "Events"


class Who(models.TextChoices):
    """Whose hits: only those of `users` count in results. Who is forced and a test user is `forced`."""

    USERS = "users", "Users"
    FORCED = "forced", "Forced users"
    TEST_USERS = "test_users", "Test users"


class Part(models.Model):
    """Batches that are moved to the store together. The number names what is written there: writing it twice is writing it once."""

    class State(models.TextChoices):
        OPEN = "open", "Being moved"
        DONE = "done", "In the store and counted"

    stream = models.CharField(max_length=8, choices=Stream)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    items = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(state="open"), name="analytics_part_open")]

    def __str__(self) -> str:
        return f"part {self.pk} of {self.stream}"


class Batch(models.Model):
    """A batch that was taken: the same id again is answered from here and counts no second time."""

    stream = models.CharField(max_length=8, choices=Stream)
    batch_id = models.UUIDField()
    received_at = models.DateTimeField(default=clock.now, db_index=True)
    items = models.PositiveIntegerField(help_text="Taken.")
    refused = models.PositiveIntegerField(default=0, help_text="Not taken, for what was wrong with them.")
    answer = models.JSONField(help_text="What its sender was told.")

    class Meta:
        verbose_name_plural = "batches"
        constraints = [
            models.UniqueConstraint(fields=["stream", "batch_id"], name="analytics_batch_once"),
        ]

    def __str__(self) -> str:
        return str(self.batch_id)


class WaitingBatch(models.Model):
    """The items of a batch until they are in the store: one JSON object a line, checked; deflated (zlib)."""

    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, related_name="waiting")
    stream = models.CharField(max_length=8, choices=Stream)
    part = models.ForeignKey(Part, null=True, on_delete=models.PROTECT, related_name="waiting")
    body = models.BinaryField()

    class Meta:
        verbose_name_plural = "waiting batches"
        indexes = [
            models.Index(fields=["stream", "id"], condition=Q(part=None), name="analytics_waiting_free"),
        ]

    def __str__(self) -> str:
        return str(self.batch_id)


class StoredFile(models.Model):
    """A file of the embedded store that holds items of one day (UTC). Readers read those that are not replaced."""

    stream = models.CharField(max_length=8, choices=Stream)
    day = models.DateField()
    path = models.CharField(max_length=200, unique=True, help_text="Below the store's folder.")
    items = models.BigIntegerField()
    replaced_at = models.DateTimeField(null=True, help_text="Since then a compacted file holds its items.")

    class Meta:
        indexes = [
            models.Index(
                fields=["stream", "day"], condition=Q(replaced_at=None), name="analytics_storedfile_live"
            ),
        ]

    def __str__(self) -> str:
        return self.path


class CountedHits(models.Model):
    """What variants, environments and kinds of users have in common: the rows below differ in the time they are about."""

    settings_group = models.ForeignKey(SettingsGroup, on_delete=models.PROTECT, related_name="+")
    variant = models.CharField(max_length=64)
    environment = models.CharField(max_length=16, choices=Environment)
    who = models.CharField(max_length=16, choices=Who)
    hits = models.BigIntegerField()
    users = models.BigIntegerField(
        default=0, help_text="Different users and devices, as of `users_counted_at`."
    )
    first_at = models.DateTimeField(help_text="The earliest of these hits.")
    last_at = models.DateTimeField(help_text="The latest of these hits.")
    changed_at = models.DateTimeField(default=clock.now, help_text="When hits were added last.")
    users_counted_at = models.DateTimeField(
        null=True, help_text="Before `changed_at` (or never): the users are to be counted anew."
    )
    users_due_at = models.DateTimeField(
        null=True, help_text="Not counted anew before: the longer it took, the rarer it is done."
    )

    class Meta:
        abstract = True


class HourlyHits(CountedHits):
    """Hits of one hour (UTC)."""

    hour = models.DateTimeField()

    class Meta:
        verbose_name_plural = "hourly hits"
        constraints = [
            models.UniqueConstraint(
                fields=["settings_group", "variant", "environment", "who", "hour"],
                name="analytics_hourlyhits_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["changed_at"],
                condition=Q(users_counted_at=None) | Q(users_counted_at__lt=models.F("changed_at")),
                name="analytics_hourlyhits_stale",
            )
        ]

    def __str__(self) -> str:
        return f"{self.variant} at {self.hour:%Y-%m-%d %H}:00"


class DailyHits(CountedHits):
    """Hits of one day (UTC)."""

    day = models.DateField()

    class Meta:
        verbose_name_plural = "daily hits"
        constraints = [
            models.UniqueConstraint(
                fields=["settings_group", "variant", "environment", "who", "day"],
                name="analytics_dailyhits_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["changed_at"],
                condition=Q(users_counted_at=None) | Q(users_counted_at__lt=models.F("changed_at")),
                name="analytics_dailyhits_stale",
            )
        ]

    def __str__(self) -> str:
        return f"{self.variant} on {self.day}"


class TotalHits(CountedHits):
    """All hits of a settings group so far."""

    class Meta:
        verbose_name_plural = "total hits"
        constraints = [
            models.UniqueConstraint(
                fields=["settings_group", "variant", "environment", "who"], name="analytics_totalhits_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.variant} of {self.settings_group}"


class SampleRatioWatch(models.Model):
    """The smallest always-valid p of a settings group in production so far (see analytics.srm): it never grows again."""

    settings_group = models.OneToOneField(SettingsGroup, on_delete=models.PROTECT, related_name="+")
    smallest_p = models.FloatField(default=1.0)
    smallest_at = models.DateTimeField(default=clock.now)
    told_at = models.DateTimeField(null=True, help_text="When the alarm was raised.")

    class Meta:
        verbose_name_plural = "sample ratio watches"
        constraints = [
            models.CheckConstraint(
                condition=Q(smallest_p__gte=0, smallest_p__lte=1), name="analytics_sampleratiowatch_is_a_p"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.settings_group}: {self.smallest_p:.2g}"


class UnknownHits(models.Model):
    """Hits for a test, settings group or variant that there is none of: most often a typo in somebody's code."""

    class Why(models.TextChoices):
        TEST = "test", _("There is no such test")
        SETTINGS_GROUP = "settings_group", _("The test has no such settings group")
        VARIANT = "variant", _("The settings group has no such variant")

    test = models.CharField(max_length=64)
    settings_group = models.IntegerField()
    variant = models.CharField(max_length=64)
    environment = models.CharField(max_length=16, choices=Environment)
    why = models.CharField(max_length=16, choices=Why)
    hits = models.BigIntegerField()
    first_at = models.DateTimeField(help_text="When the first was received.")
    last_at = models.DateTimeField(help_text="When the latest was received.")

    class Meta:
        verbose_name_plural = "unknown hits"
        constraints = [
            models.UniqueConstraint(
                fields=["test", "settings_group", "variant", "environment"], name="analytics_unknownhits_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.test}: {self.variant}"
