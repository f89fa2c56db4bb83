"""A second person's word before a start."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core import clock
from experiments.models.settings_group import SettingsGroup


class StartApproval(models.Model):
    """Asked for one settings group; new settings need a new approval. Nobody approves their own request."""

    settings_group = models.OneToOneField(SettingsGroup, on_delete=models.PROTECT, related_name="approval")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")),
                name="experiments_startapproval_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"approval of {self.settings_group}"
