"""What the nightly check of the split groups found, one row per check."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audience.health import Verdict
from core import clock
from experiments.percents import SPLIT_GROUPS


class HealthVerdict(models.TextChoices):
    """How a check ended: the verdicts of `audience.health`, and that it could not be done."""

    FINE = Verdict.FINE.value, _("Fine")
    WATCH = Verdict.WATCH.value, _("Worth a look")
    BAD = Verdict.BAD.value, _("Bad")
    UNKNOWN = Verdict.UNKNOWN.value, _("Too few users")
    FAILED = "failed", _("Not checked")


class HealthCheckQuerySet(models.QuerySet["HealthCheck"]):
    def done(self) -> HealthCheckQuerySet:
        """Those that came to a verdict."""
        return self.filter(verdict__in=[HealthVerdict.FINE, HealthVerdict.WATCH, HealthVerdict.BAD])


class HealthCheck(models.Model):
    """One check. `sizes[i]` are the users of split group i + 1; `findings` and `worst` as `audience.health` has them.

    Never changed; old ones are removed.
    """

    checked_at = models.DateTimeField(default=clock.now, db_index=True)
    verdict = models.CharField(max_length=16, choices=HealthVerdict)
    problem = models.TextField(blank=True, help_text="Why it could not be done.")
    warehouse_version = models.CharField(max_length=100, blank=True)
    sizes = ArrayField(models.IntegerField(), null=True)
    past_tests = ArrayField(
        models.CharField(max_length=64), default=list, help_text="Finished tests looked at."
    )
    findings = models.JSONField(default=list)
    worst = models.JSONField(default=dict, help_text="By measure; an empty name is the size.")
    unsaid = ArrayField(models.CharField(max_length=64), default=list, help_text="Measures of too few users.")

    objects = HealthCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=HealthVerdict.values), name="experiments_healthcheck_verdict_known"
            ),
            models.CheckConstraint(
                condition=Q(sizes=None) | Q(sizes__len=SPLIT_GROUPS),
                name="experiments_healthcheck_all_groups",
            ),
        ]
        triggers = [pgtrigger.Protect(name="immutable", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} at {self.checked_at}"
