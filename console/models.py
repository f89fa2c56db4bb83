"""What people keep of the console for themselves."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from core import clock


class SavedView(models.Model):
    """A search of the test list under a name of its owner's. Nobody else sees it; its address can be sent to anybody."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(
        max_length=2_000, blank=True, help_text="What stands behind the ? of its address."
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["person", "name"], name="console_savedview_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class Pulse(models.Model):
    """When a worker last did the smallest task there is, by queue: the clock has sent it, and somebody serves the queue."""

    queue = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.queue


class FirstTest(models.Model):
    """Who is led through a first test, since when, and whether they have enough of it.

    Without `experiment` it is the newest test that this person has made since. `tried_at`: they said that they checked a user.
    """

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="first_test", primary_key=True
    )
    experiment = models.ForeignKey(
        "experiments.Experiment", null=True, on_delete=models.PROTECT, related_name="+"
    )
    begun_at = models.DateTimeField(default=clock.now)
    tried_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.person_id}"
