"""What a preparation found: who owns which split group, and how many users that is. Inserted once, never changed."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core import clock
from core.protection import insert_only
from experiments.models.settings_group import DrawObjective, SettingsGroup
from experiments.percents import SPLIT_GROUPS


class Draw(models.Model):
    """The draw of one settings group. `owners[i]` is the position of the variant that owns split group i + 1; 0 is nobody.

    One array, so that no split group can have two owners.
    """

    settings_group = models.OneToOneField(SettingsGroup, on_delete=models.PROTECT, related_name="drawn")
    owners = ArrayField(models.SmallIntegerField())
    objective = models.CharField(max_length=32, choices=DrawObjective)
    seed = models.BigIntegerField()
    log = models.JSONField(
        help_text="Why which split groups were drawn; with the seed enough to repeat the draw."
    )
    drawn_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(owners__len=SPLIT_GROUPS), name="experiments_draw_all_groups"),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"draw of {self.settings_group}"


class AudienceCount(models.Model):
    """Users who meet the conditions, per split group, counted at one moment. A recount adds another; the latest is shown."""

    settings_group = models.ForeignKey(SettingsGroup, on_delete=models.PROTECT, related_name="counts")
    users = ArrayField(models.IntegerField())
    not_counted = ArrayField(
        models.CharField(max_length=64), default=list, help_text="Filters the warehouse does not have."
    )
    warehouse_version = models.CharField(max_length=100)
    counted_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(users__len=SPLIT_GROUPS), name="experiments_audiencecount_all_groups"
            ),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"count of {self.settings_group} at {self.counted_at}"


class SharedCount(models.Model):
    """Users who meet the conditions of both settings groups, per split group."""

    count = models.ForeignKey(AudienceCount, on_delete=models.PROTECT, related_name="shared")
    other = models.ForeignKey(SettingsGroup, on_delete=models.PROTECT, related_name="+")
    users = ArrayField(models.IntegerField())
    not_counted = ArrayField(
        models.CharField(max_length=64), default=list, help_text="The other's filters taken as met."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["count", "other"], name="experiments_sharedcount_unique"),
            models.CheckConstraint(
                condition=Q(users__len=SPLIT_GROUPS), name="experiments_sharedcount_all_groups"
            ),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"{self.count} with {self.other}"
