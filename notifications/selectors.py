"""Questions about what was told."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Q, QuerySet

from accounts.actors import Actor
from experiments.models import Experiment, Kind
from experiments.selectors import visible_experiments
from notifications.models import Delivery, DeliveryState

OPEN_STATES: Final = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.FAILED)


def deliveries_for(actor: Actor) -> QuerySet[Delivery]:
    """What this actor may see of the record, the newest first: never of drafts that do not exist for them."""
    rows = Delivery.objects.select_related("event__experiment", "connection", "person", "digest_of")
    if not actor.is_superuser:
        visible = Q(event__experiment__in=visible_experiments(actor, Kind.TEST)) | Q(
            event__experiment__in=visible_experiments(actor, Kind.GROUP)
        )
        rows = rows.filter(visible | Q(person=actor.user))
    return rows.order_by("-pk")


def deliveries_of(actor: Actor, experiment: Experiment) -> QuerySet[Delivery]:
    """The record of one test."""
    return deliveries_for(actor).filter(event__experiment=experiment)


def waiting_by_connection() -> dict[int, int]:
    """Of each connection, how many messages still have to go out over it; those without any are not in it."""
    open_ones = Delivery.objects.exclude(connection=None).filter(state__in=OPEN_STATES)
    return dict(open_ones.order_by().values_list("connection_id").annotate(count=Count("pk")))
