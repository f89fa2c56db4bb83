"""What QA sets for single users or devices: a forced variant, or all tests off. Both are delivered with the test files."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import clock
from experiments.models.experiment import Experiment


class Environment(models.TextChoices):
    """Where a forced variant applies."""

    PRODUCTION = "production", _("Production")
    DEVEL = "devel", _("Devel")


class ForPerson(models.Model):
    """Exactly one of a user id and a device id; until when, who set it and why."""

    user_id = models.CharField(max_length=200, blank=True)
    device_id = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=(~Q(user_id="") & Q(device_id="")) | (Q(user_id="") & ~Q(device_id="")),
                name="%(app_label)s_%(class)s_one_id",
            )
        ]


class ForcedUser(ForPerson):
    """A user or device that QA put into a variant of a test."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="forced_users")
    variant = models.CharField(
        max_length=64, help_text="By name: it stays valid over new settings that keep the variant."
    )
    environment = models.CharField(max_length=16, choices=Environment)

    class Meta(ForPerson.Meta):
        ordering = ["-id"]
        constraints = [
            *ForPerson.Meta.constraints,
            models.UniqueConstraint(
                fields=["experiment", "environment", "user_id", "device_id"],
                name="experiments_forceduser_once",
            ),
            models.CheckConstraint(
                condition=Q(environment__in=Environment.values),
                name="experiments_forceduser_environment_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id or self.device_id} → {self.variant}"


class TestsOff(ForPerson):
    """A user or device for whom all tests are off."""

    # Tells pytest that this is no test class.
    __test__ = False

    class Meta(ForPerson.Meta):
        ordering = ["-id"]
        verbose_name_plural = "tests off"
        constraints = [
            *ForPerson.Meta.constraints,
            models.UniqueConstraint(fields=["user_id", "device_id"], name="experiments_testsoff_once"),
        ]

    def __str__(self) -> str:
        return self.user_id or self.device_id
