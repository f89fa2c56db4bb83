"""What QA has set, as far as the asking person may know of it."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.actors import Actor
from experiments.models import ForcedUser, Kind, TestsOff
from experiments.selectors import visible_experiments


def forced_users(actor: Actor) -> QuerySet[ForcedUser]:
    """Everybody who is forced, the newest first; a withdrawn test is a draft again, and not everybody's to see."""
    rows = ForcedUser.objects.filter(experiment__in=visible_experiments(actor, Kind.TEST))
    return rows.select_related("experiment", "created_by").order_by("-pk")


def people_without_tests() -> QuerySet[TestsOff]:
    """Everybody for whom all tests are off, the newest first."""
    return TestsOff.objects.select_related("created_by").order_by("-pk")
