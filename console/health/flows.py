"""What flows through the product: users in, hits in, test files and notifications out."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.conf import settings
from django.db.models import Count, Q

from analytics.ledger import oldest_waiting, refused_since, waiting_batches
from audience.models import LoadState, UserLoad
from audience.warehouse import WarehouseError, get_warehouse
from console.health.findings import Finding, State, graded, span_in_words
from core import clock
from delivery.folder import DeliveryFolder
from delivery.formats import version_in
from delivery.models import Manifest
from delivery.server_rows import fleets
from notifications.breaker import FAILURES
from notifications.models import Connection, Delivery, DeliveryState

# Who loads users every night sees a load that did not come by noon.
OLD_LOAD: Final = dt.timedelta(hours=36)
_DAY: Final = dt.timedelta(days=1)
_WAITING_WATCH: Final = 60.0
_WAITING_BAD: Final = 600.0


def warehouse() -> Finding:
    """Does it answer, and are its users of today?"""
    name, page = "Users in the warehouse", "audience:load_list"
    try:
        users = get_warehouse().user_count()
    except WarehouseError as error:
        advice = (
            "See that it runs, and that WAREHOUSE_URL is right. Until then nothing can be counted or drawn."
        )
        return Finding(name, State.BAD, f"It does not answer: {error.title.lower()}.", advice)
    last = UserLoad.objects.exclude(state=LoadState.RUNNING).order_by("-pk").first()
    if last is None or not users:
        sentence = f"{users:,} users; no load is recorded." if users else "It is empty."
        advice = "Load users: by a source, or with `manage.py import_users`."
        return Finding(name, State.FINE if users else State.WATCH, sentence, "" if users else advice, page)
    age = clock.now() - (last.finished_at or last.started_at)
    if last.state != LoadState.LOADED:
        sentence = f"{users:,} users; the last load, {span_in_words(age)} ago, {last.get_state_display()}."
        return Finding(name, State.BAD, sentence, "Its page says why; load again.", page)
    state = State.WATCH if age >= OLD_LOAD else State.FINE
    advice = (
        "" if state == State.FINE else "Counts are of users as they were then: give the source a schedule."
    )
    return Finding(name, state, f"{users:,} users, loaded {span_in_words(age)} ago.", advice, page)


def hits() -> Finding:
    """Hits that came in and are not counted yet, and those that were not taken."""
    name = "Hits"
    waiting, oldest = waiting_batches(), oldest_waiting()
    now = clock.now()
    age = now - oldest if oldest else dt.timedelta()
    refused = refused_since(now - dt.timedelta(hours=1))
    state = graded(age.total_seconds(), _WAITING_WATCH, _WAITING_BAD)
    sentence = "All that came in are counted."
    if waiting:
        sentence = f"{waiting:,} batch{'' if waiting == 1 else 'es'} to be counted, the oldest for {span_in_words(age)}."
    facts = (("Refused in the last hour", f"{refused:,}"),)
    advice = ""
    if state != State.FINE:
        advice = "See that the queue “hits” is served and the disk has room. No hit is lost while they wait."
    return Finding(name, state, sentence, advice, "analytics:unknown_list", facts)


def delivery() -> Finding:
    """The newest version, whether the folder holds it, and whether servers run it."""
    name, page = "Delivery", "delivery:server_list"
    newest = Manifest.objects.order_by("-version").values_list("version", "published_at").first()
    if newest is None:
        return Finding(
            name,
            State.UNKNOWN,
            "Nothing was delivered yet.",
            "The first sweep delivers; or `manage.py deliver`.",
            page,
        )
    version, published_at = newest
    in_folder = version_in(DeliveryFolder(settings.DELIVERY_DIR).manifest())
    behind = sum(fleet.behind for fleet in fleets())
    age = span_in_words(clock.now() - published_at)
    facts = (("In the delivery folder", f"{in_folder:,}" if in_folder else "none"),)
    if in_folder != version:
        sentence = f"Version {version:,} is {age} old, but the delivery folder does not hold it."
        advice = "See that DELIVERY_DIR can be written, and that the queue “celery” is served."
        # A delivery takes a moment: the folder is written after the rows.
        late = clock.now() - published_at > dt.timedelta(minutes=1)
        return Finding(name, State.BAD if late else State.FINE, sentence, advice if late else "", page, facts)
    if behind:
        sentence = (
            f"Version {version:,} is {age} old; {behind:,} server{'' if behind == 1 else 's'} not there yet."
        )
        state = State.WATCH if clock.now() - published_at > dt.timedelta(minutes=2) else State.FINE
        return Finding(
            name, state, sentence, "" if state == State.FINE else "See which, and why.", page, facts
        )
    return Finding(name, State.FINE, f"Version {version:,}, {age} old.", "", page, facts)


def notifications() -> Finding:
    """Connections that fail, and messages that were given up."""
    name, page = "Notifications", "notifications:record"
    failing = list(
        Connection.objects.filter(is_active=True, failures__gte=FAILURES)
        .order_by("name")
        .values_list("name", flat=True)
    )
    found = Delivery.objects.aggregate(
        given_up=Count("pk", filter=Q(state=DeliveryState.GIVEN_UP, created_at__gte=clock.now() - _DAY)),
        retried=Count("pk", filter=Q(state=DeliveryState.FAILED)),
    )
    facts = (
        ("Will be tried again", f"{found['retried']:,}"),
        ("Given up in a day", f"{found['given_up']:,}"),
    )
    if failing:
        sentence = f"Nothing gets through to {', '.join(failing[:5])}."
        advice = "Test the connection: it says what fails. Messages wait and go out once it works."
        return Finding(name, State.BAD, sentence, advice, "notifications:connection_list", facts)
    if found["given_up"]:
        sentence = f"{found['given_up']:,} given up within a day."
        return Finding(name, State.WATCH, sentence, "The record says why; send them again.", page, facts)
    return Finding(name, State.FINE, "All that is due goes out.", "", page, facts)
