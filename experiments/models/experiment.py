"""Tests and user groups: one table, because a user group is a test without variants."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from changelog.models import SubjectKind
from core import clock
from core.protection import never_deleted
from experiments.lifecycle import TRANSITIONS, UNFINISHED
from experiments.lifecycle import Status as LifecycleStatus

KEY_PATTERN = r"^[a-z][a-z0-9_]{1,63}$"


class Kind(models.TextChoices):
    """The kinds of the test file."""

    TEST = "test", _("Test")
    GROUP = "group", _("User group")


class Side(models.TextChoices):
    """Where the variant is decided."""

    SERVER = "server", _("Server")
    CLIENT = "client", _("Client")
    CLIENT_SERVER = "client_server", _("Client and server")


class StatusChoices(models.TextChoices):
    """The statuses of the lifecycle, with the words the console uses."""

    DRAFT = LifecycleStatus.DRAFT.value, _("Draft")
    DEV = LifecycleStatus.DEV.value, _("Dev")
    RUNNING = LifecycleStatus.RUNNING.value, _("Running")
    PAUSED = LifecycleStatus.PAUSED.value, _("Paused")
    FINISHED = LifecycleStatus.FINISHED.value, _("Finished")


class Outcome(models.TextChoices):
    """How a test ended."""

    WINNER = "winner", _("A variant won")
    REJECTED = "rejected", _("Rejected")


class Scope(models.TextChoices):
    """Who gets the winner."""

    EVERYWHERE = "everywhere", _("Everyone")
    CONDITIONS = "conditions", _("Whoever meets the conditions")


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def tests(self) -> ExperimentQuerySet:
        return self.filter(kind=Kind.TEST)

    def groups(self) -> ExperimentQuerySet:
        return self.filter(kind=Kind.GROUP)

    def unfinished(self) -> ExperimentQuerySet:
        return self.filter(status__in=UNFINISHED)

    def delivered(self) -> ExperimentQuerySet:
        """Those that have a test file: published once, with settings."""
        return self.exclude(status=LifecycleStatus.DRAFT).exclude(current=None)


class Experiment(models.Model):
    """A test or a user group: its properties, its status and which settings group is current."""

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TEST)
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    hypothesis = models.TextField(blank=True)
    metric = models.TextField(blank=True, help_text="What is measured.")
    success = models.TextField(blank=True, help_text="What counts as success.")
    area = models.CharField(
        max_length=64, blank=True, help_text="The part of the product that the test changes."
    )
    side = models.CharField(max_length=16, choices=Side, default=Side.SERVER)
    jira_issue = models.CharField(max_length=64, blank=True)
    chat_room = models.CharField(max_length=255, blank=True)
    tags = ArrayField(
        models.CharField(max_length=32),
        default=list,
        blank=True,
        help_text="Lower case, in the order of the alphabet.",
    )
    managers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="managed_experiments", blank=True
    )

    status = models.CharField(
        max_length=16, choices=StatusChoices, default=StatusChoices.DRAFT, editable=False
    )
    current = models.ForeignKey(
        "experiments.SettingsGroup", null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    outcome = models.CharField(max_length=16, choices=Outcome, blank=True, editable=False)
    winner = models.ForeignKey(
        "experiments.Variant", null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    scope = models.CharField(max_length=16, choices=Scope, blank=True, editable=False)
    conclusion = models.TextField(blank=True, editable=False)

    revision = models.PositiveIntegerField(
        default=1, editable=False, help_text="Grows with every change of the properties."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    published_at = models.DateTimeField(
        null=True, editable=False, help_text="First published; the key is fixed from then on."
    )
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="experiments_key_unique"),
            models.CheckConstraint(condition=Q(key__regex=KEY_PATTERN), name="experiments_key_format"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="experiments_kind_known"),
            models.CheckConstraint(condition=Q(side__in=Side.values), name="experiments_side_known"),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(status=LifecycleStatus.FINISHED.value),
                name="experiments_outcome_when_finished",
            ),
            models.CheckConstraint(
                condition=Q(outcome="winner", winner__isnull=False, scope__in=Scope.values)
                | (~Q(outcome="winner") & Q(winner__isnull=True, scope="")),
                name="experiments_winner_complete",
            ),
            models.CheckConstraint(
                condition=Q(kind="test") | Q(outcome=""), name="experiments_groups_have_no_outcome"
            ),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(current__isnull=False),
                name="experiments_published_has_settings",
            ),
        ]
        indexes = [models.Index(fields=["kind", "status"], name="experiments_kind_status")]
        triggers = [
            pgtrigger.FSM(
                name="status_follows_lifecycle",
                field="status",
                transitions=sorted(
                    {(before.value, after.value) for (before, _), after in TRANSITIONS.items()}
                ),
            ),
            pgtrigger.Protect(
                name="key_is_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__published_at__isnull=False, old__key__df=pgtrigger.F("new__key")),
            ),
            *never_deleted(),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def subject_kind(self) -> SubjectKind:
        """The changelog's word for this kind."""
        return SubjectKind(self.kind)

    @property
    def is_test(self) -> bool:
        return self.kind == Kind.TEST

    @property
    def noun(self) -> str:
        """What people call it, in a sentence."""
        return "test" if self.is_test else "user group"

    @property
    def noun_shown(self) -> str:
        """The same in the reader's language, for pages."""
        return gettext("test") if self.is_test else gettext("user group")
