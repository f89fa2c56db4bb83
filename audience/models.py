"""The filter catalogue's table, and where users come from: sources, loads, how far they have been read."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audience.specs import ChoiceValue
from core import clock
from core.protection import insert_only, never_deleted

# Doubled underscores are kept for the columns that a warehouse derives (`app_version__key`).
NAME_PATTERN = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
RESERVED_NAMES = ("id", "split_group", "rowid")


class FilterKind(models.TextChoices):
    """What kind of value a filter looks at; the types of the contract."""

    BOOLEAN = "boolean", _("Yes or no")
    INTEGER = "integer", _("Whole number")
    NUMBER = "number", _("Number")
    STRING = "string", _("Text")
    DATE = "date", _("Date")
    VERSION = "version", _("Version")
    LIST = "list", _("List of texts")


class FilterSource(models.TextChoices):
    """Where its value comes from."""

    USER = "user", _("Profile of the user")
    ENVIRONMENT = "environment", _("Environment of the request")


class ActiveFilterQuerySet(models.QuerySet["Filter"]):
    def offered(self) -> ActiveFilterQuerySet:
        """Those that new conditions may use."""
        return self.filter(archived=False)


class Filter(models.Model):
    """One thing that conditions can ask about a user or a request.

    `name`, `type` and `source` never change: stored and delivered conditions are typed by them.
    `choices` is a list of {"value", "label"}. `revision` grows with every change, for optimistic locking.
    """

    name = models.CharField(max_length=63, unique=True)
    label = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    type = models.CharField(max_length=16, choices=FilterKind)
    source = models.CharField(max_length=16, choices=FilterSource, default=FilterSource.USER)
    operators = ArrayField(models.CharField(max_length=32))
    choices: models.JSONField[list[dict[str, ChoiceValue]], list[dict[str, ChoiceValue]]] = models.JSONField(
        default=list, blank=True
    )
    column = models.CharField(max_length=63, blank=True, default="")
    position = models.PositiveIntegerField(default=1000)
    archived = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    objects = ActiveFilterQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(name__regex=NAME_PATTERN) & ~Q(name__in=RESERVED_NAMES),
                name="audience_filter_name_form",
            ),
            models.CheckConstraint(condition=~Q(label=""), name="audience_filter_label_some"),
            models.CheckConstraint(
                condition=Q(type__in=FilterKind.values), name="audience_filter_type_known"
            ),
            models.CheckConstraint(
                condition=Q(source__in=FilterSource.values), name="audience_filter_source_known"
            ),
            models.CheckConstraint(condition=Q(operators__len__gt=0), name="audience_filter_operators_some"),
            models.CheckConstraint(
                condition=Q(column="") | (Q(column__regex=NAME_PATTERN) & ~Q(column__in=RESERVED_NAMES)),
                name="audience_filter_column_form",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class LoadSchedule(models.TextChoices):
    """When a source is read by itself; the hours are UTC."""

    BY_HAND = "by_hand", _("Only when asked")
    HOURLY = "hourly", _("Every hour")
    NIGHTLY = "nightly", _("Every night")


class UserSource(models.Model):
    """A query against another database whose answer is users.

    The address of the database is a secret and is not kept here: `database_variable` names the environment variable of the
    web and worker processes that holds it. `mapping` is filter → column. `revision` grows with every edit.

    The last fields are the scheduler's: the `requested…` ones are set while somebody waits for a run, `slot` is the last hour or
    night that has been dealt with, and after failures `attempts` and `retry_at` say when it is tried again.
    """

    name = models.CharField(max_length=63, unique=True)
    database_variable = models.CharField(max_length=100)
    query = models.TextField()
    id_column = models.CharField(max_length=200, blank=True, default="")
    split_group_column = models.CharField(max_length=200, blank=True, default="")
    mapping: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict, blank=True)
    changed_at_column = models.CharField(max_length=200, blank=True, default="")
    overlap_minutes = models.PositiveIntegerField(default=10)
    schedule = models.CharField(max_length=16, choices=LoadSchedule, default=LoadSchedule.BY_HAND)
    archived = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    requested_at = models.DateTimeField(null=True)
    requested_by = models.CharField(max_length=200, blank=True, default="")
    requested_from_start = models.BooleanField(default=False)
    slot = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(name__regex=NAME_PATTERN), name="audience_source_name_form"),
            models.CheckConstraint(
                condition=Q(schedule__in=LoadSchedule.values), name="audience_source_schedule_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LoadState(models.TextChoices):
    """How far a load is. All but the first are for good."""

    RUNNING = "running", _("running")
    LOADED = "loaded", _("loaded")
    FAILED = "failed", _("failed")
    INTERRUPTED = "interrupted", _("interrupted")


class UserLoad(models.Model):
    """One load of users, from a source or from a file: the history is only added to.

    A load that runs holds an advisory lock, so that whoever finds the row without the lock knows that its process is gone.
    `part` is 0..1 of what there is to read, null where nobody knows. `summary` holds what the report says beyond the numbers:
    `mapped`, `ignored`, `split_groups_kept`, `user_count`, `version`, and for a source `read_from` and `read_to`.
    """

    source = models.ForeignKey(UserSource, null=True, on_delete=models.PROTECT, related_name="loads")
    title = models.CharField(max_length=300, help_text="The file's or the source's name.")
    actor_name = models.CharField(max_length=200)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=LoadState, default=LoadState.RUNNING)
    part = models.FloatField(null=True)
    rows_read = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    summary: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=LoadState.values), name="audience_load_state_known"),
            models.CheckConstraint(
                condition=Q(state=LoadState.RUNNING, finished_at=None)
                | (~Q(state=LoadState.RUNNING) & Q(finished_at__isnull=False)),
                name="audience_load_finished_has_a_time",
            ),
        ]
        triggers = [
            *never_deleted(),
            pgtrigger.Protect(
                name="finished_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.started_at:%Y-%m-%d %H:%M}"


class LoadRejects(models.Model):
    """The first rows that a load left out, as gzipped CSV (line, reason); how many are kept is bounded."""

    load = models.OneToOneField(
        UserLoad, on_delete=models.PROTECT, primary_key=True, related_name="kept_rejects"
    )
    count = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        triggers = insert_only()

    def __str__(self) -> str:
        return f"{self.count} rejects of load {self.load_id}"


class Watermark(models.Model):
    """How far a source has been read: the highest value of its changed-at column that a published load has seen.

    `fingerprint` is of all that decides what a row means (query, columns, filters they feed): after a change of any of it
    everything is read again. `value` is a text in the form of its `kind`.
    """

    name = models.CharField(max_length=63, unique=True)
    fingerprint = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)
    value = models.CharField(max_length=64)
    load = models.ForeignKey(UserLoad, null=True, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
