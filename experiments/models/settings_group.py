"""Settings groups and their variants: inserted once, never changed. How far one is prepared stands beside it."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core import clock
from core.protection import insert_only, never_deleted
from experiments.models.experiment import Experiment
from experiments.percents import SPLIT_GROUPS, format_percent


class DrawObjective(models.TextChoices):
    """What the draw of split groups tries to keep small."""

    FEWEST_SHARED_USERS = "fewest_shared_users", _("Fewest shared users")
    SMALLEST_WORST_PAIR = "smallest_worst_pair", _("Smallest worst pair")
    RANDOM = "random", _("Plain random")
    EXCLUSIVE = "exclusive", _("Exclusive with named tests")


class SettingsGroup(models.Model):
    """Date range, conditions and variants: number 1, 2, 3… within its test or user group."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="settings_groups")
    number = models.PositiveIntegerField()
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    conditions = models.JSONField(default=list, help_text="Typed, as delivered.")
    draw_objective = models.CharField(
        max_length=32, choices=DrawObjective, default=DrawObjective.FEWEST_SHARED_USERS
    )
    exclusive_with = ArrayField(models.CharField(max_length=64), default=list)
    draw_seed = models.BigIntegerField(
        null=True,
        help_text="Asked for, so that the draw is the one that was shown before; else one is made up.",
    )
    allow_control_to_treatment = models.BooleanField(
        default=False, help_text="Whether a split group of the control may be drawn for another variant."
    )
    tokens = models.JSONField(default=dict, help_text="Texts: token → variant → language → text.")
    copied_from = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    message = models.TextField(blank=True, help_text="Why these settings, in the words of whoever made them.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "number"], name="experiments_settingsgroup_number_unique"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="experiments_settingsgroup_number_from_1"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(starts_at__lt=F("ends_at")),
                name="experiments_settingsgroup_dates_in_order",
            ),
            models.CheckConstraint(
                condition=Q(draw_seed__isnull=True) | Q(draw_seed__gte=0),
                name="experiments_settingsgroup_seed_from_0",
            ),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"{self.experiment.key} #{self.number}"


class Variant(models.Model):
    """A named version within a settings group, and how many split groups it wants."""

    settings_group = models.ForeignKey(SettingsGroup, on_delete=models.PROTECT, related_name="variants")
    position = models.PositiveSmallIntegerField(
        help_text="1, 2, 3…: the number that stands for it in a draw."
    )
    name = models.CharField(max_length=64)
    split_group_count = models.PositiveSmallIntegerField()
    is_control = models.BooleanField(default=False)
    payload = models.JSONField(default=dict)

    class Meta:
        ordering = ["settings_group", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["settings_group", "name"], name="experiments_variant_name_unique"
            ),
            models.UniqueConstraint(
                fields=["settings_group", "position"], name="experiments_variant_position_unique"
            ),
            models.UniqueConstraint(
                fields=["settings_group"],
                condition=Q(is_control=True),
                name="experiments_variant_one_control",
            ),
            models.CheckConstraint(
                condition=Q(split_group_count__lte=SPLIT_GROUPS),
                name="experiments_variant_at_most_all_groups",
            ),
        ]
        triggers = [
            *insert_only(),
            pgtrigger.Trigger(
                name="complete_before_preparation",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func=(
                    "IF EXISTS (SELECT 1 FROM experiments_preparation WHERE settings_group_id = NEW.settings_group_id) THEN"
                    " RAISE EXCEPTION 'the variants of a settings group are fixed'; END IF; RETURN NEW;"
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> str:
        """Its share of all users, exact ("5", "33 1/3")."""
        return format_percent(self.split_group_count)


class PreparationState(models.TextChoices):
    """The states of a preparation."""

    QUEUED = "queued", _("Queued")
    PREPARING = "preparing", _("Preparing")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class PreparationQuerySet(models.QuerySet["Preparation"]):
    def open(self) -> PreparationQuerySet:
        """Still to be done, by whoever finds it."""
        return self.filter(state__in=[PreparationState.QUEUED, PreparationState.PREPARING])


class Preparation(models.Model):
    """How far the preparation of one settings group is. Fixed once it is ready."""

    settings_group = models.OneToOneField(SettingsGroup, on_delete=models.PROTECT, related_name="preparation")
    state = models.CharField(max_length=16, choices=PreparationState, default=PreparationState.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent done.")
    error = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, help_text="Not before this moment, after a failed attempt.")
    queued_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = PreparationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=PreparationState.values), name="experiments_preparation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(progress__lte=100), name="experiments_preparation_progress_percent"
            ),
        ]
        indexes = [
            models.Index(
                fields=["queued_at"],
                condition=Q(state__in=["queued", "preparing"]),
                name="experiments_preparation_open",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="ready_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="ready")
            ),
            *never_deleted(),
        ]

    def __str__(self) -> str:
        return f"{self.settings_group}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in {PreparationState.QUEUED, PreparationState.PREPARING}
