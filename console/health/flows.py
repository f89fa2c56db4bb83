"""What flows through the product: users in, hits in, test files and notifications out."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.conf import settings
from django.db.models import Count, Q
from django.utils.translation import gettext, ngettext

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
    name, page = gettext("Users in the warehouse"), "audience:load_list"
    try:
        users = get_warehouse().user_count()
    except WarehouseError as error:
        advice = gettext(
            "See that it runs, and that WAREHOUSE_URL is right. Until then nothing can be counted or drawn."
        )
        return Finding(
            name, State.BAD, gettext("It does not answer: %(why)s.") % {"why": error.title.lower()}, advice
        )
    last = UserLoad.objects.exclude(state=LoadState.RUNNING).order_by("-pk").first()
    if last is None or not users:
        sentence = (
            gettext("%(n)s users; no load is recorded.") % {"n": f"{users:,}"}
            if users
            else gettext("It is empty.")
        )
        advice = gettext("Load users: by a source, or with `manage.py import_users`.")
        return Finding(name, State.FINE if users else State.WATCH, sentence, "" if users else advice, page)
    age = clock.now() - (last.finished_at or last.started_at)
    if last.state != LoadState.LOADED:
        sentence = gettext("%(n)s users; the last load, %(age)s ago, %(state)s.") % {
            "n": f"{users:,}",
            "age": span_in_words(age),
            "state": last.get_state_display(),
        }
        return Finding(name, State.BAD, sentence, gettext("Its page says why; load again."), page)
    state = State.WATCH if age >= OLD_LOAD else State.FINE
    advice = (
        ""
        if state == State.FINE
        else gettext("Counts are of users as they were then: give the source a schedule.")
    )
    sentence = gettext("%(n)s users, loaded %(age)s ago.") % {"n": f"{users:,}", "age": span_in_words(age)}
    return Finding(name, state, sentence, advice, page)


def hits() -> Finding:
    """Hits that came in and are not counted yet, and those that were not taken."""
    name = gettext("Hits")
    waiting, oldest = waiting_batches(), oldest_waiting()
    now = clock.now()
    age = now - oldest if oldest else dt.timedelta()
    refused = refused_since(now - dt.timedelta(hours=1))
    state = graded(age.total_seconds(), _WAITING_WATCH, _WAITING_BAD)
    sentence = gettext("All that came in are counted.")
    if waiting:
        sentence = ngettext(
            "%(n)s batch to be counted, the oldest for %(age)s.",
            "%(n)s batches to be counted, the oldest for %(age)s.",
            waiting,
        ) % {"n": f"{waiting:,}", "age": span_in_words(age)}
    facts = ((gettext("Refused in the last hour"), f"{refused:,}"),)
    advice = ""
    if state != State.FINE:
        advice = gettext(
            "See that the queue “hits” is served and the disk has room. No hit is lost while they wait."
        )
    return Finding(name, state, sentence, advice, "analytics:unknown_list", facts)


def delivery() -> Finding:
    """The newest version, whether the folder holds it, and whether servers run it."""
    name, page = gettext("Delivery"), "delivery:server_list"
    newest = Manifest.objects.order_by("-version").values_list("version", "published_at").first()
    if newest is None:
        return Finding(
            name,
            State.UNKNOWN,
            gettext("Nothing was delivered yet."),
            gettext("The first sweep delivers; or `manage.py deliver`."),
            page,
        )
    version, published_at = newest
    in_folder = version_in(DeliveryFolder(settings.DELIVERY_DIR).manifest())
    behind = sum(fleet.behind for fleet in fleets())
    age = span_in_words(clock.now() - published_at)
    facts = ((gettext("In the delivery folder"), f"{in_folder:,}" if in_folder else gettext("none")),)
    if in_folder != version:
        sentence = gettext(
            "Version %(version)s is %(age)s old, but the delivery folder does not hold it."
        ) % {"version": f"{version:,}", "age": age}
        advice = gettext("See that DELIVERY_DIR can be written, and that the queue “celery” is served.")
        # A delivery takes a moment: the folder is written after the rows.
        late = clock.now() - published_at > dt.timedelta(minutes=1)
        return Finding(name, State.BAD if late else State.FINE, sentence, advice if late else "", page, facts)
    if behind:
        sentence = ngettext(
            "Version %(version)s is %(age)s old; %(n)s server not there yet.",
            "Version %(version)s is %(age)s old; %(n)s servers not there yet.",
            behind,
        ) % {"version": f"{version:,}", "age": age, "n": f"{behind:,}"}
        state = State.WATCH if clock.now() - published_at > dt.timedelta(minutes=2) else State.FINE
        return Finding(
            name, state, sentence, "" if state == State.FINE else gettext("See which, and why."), page, facts
        )
    sentence = gettext("Version %(version)s, %(age)s old.") % {"version": f"{version:,}", "age": age}
    return Finding(name, State.FINE, sentence, "", page, facts)


def notifications() -> Finding:
    """Connections that fail, and messages that were given up."""
    name, page = gettext("Notifications"), "notifications:record"
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
        (gettext("Will be tried again"), f"{found['retried']:,}"),
        (gettext("Given up in a day"), f"{found['given_up']:,}"),
    )
    if failing:
        sentence = gettext("Nothing gets through to %(names)s.") % {"names": gettext(", ").join(failing[:5])}
        advice = gettext("Test the connection: it says what fails. Messages wait and go out once it works.")
        return Finding(name, State.BAD, sentence, advice, "notifications:connection_list", facts)
    if found["given_up"]:
        sentence = gettext("%(n)s given up within a day.") % {"n": f"{found['given_up']:,}"}
        return Finding(
            name, State.WATCH, sentence, gettext("The record says why; send them again."), page, facts
        )
    return Finding(name, State.FINE, gettext("All that is due goes out."), "", page, facts)
