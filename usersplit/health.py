"""For load balancers and monitoring: is the process alive, can it work, how is the product doing. No token needed, nothing secret."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import psycopg
from celery import current_app
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from analytics.ledger import counted_hits, oldest_waiting, refused_since, unknown_hits, waiting_batches
from audience.warehouse import WarehouseError, get_warehouse
from changelog.models import Entry
from core import clock
from delivery.models import Manifest
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind, Preparation, PreparationState

# How long a part may take to answer one call, and how long all of them together are waited for.
TIMEOUT_SECONDS: Final = 2
WAIT_SECONDS: Final = 4


def _ask_database() -> None:
    # A connection of its own: the pooled one may hang for longer than a probe waits.
    parameters = connection.get_connection_params() | {"connect_timeout": TIMEOUT_SECONDS}
    with psycopg.connect(**parameters) as probe:
        probe.execute(f"SET statement_timeout = {TIMEOUT_SECONDS * 1000}")
        probe.execute("SELECT 1")


def _ask_broker() -> None:
    patience = {"socket_connect_timeout": TIMEOUT_SECONDS, "socket_timeout": TIMEOUT_SECONDS}
    options = {**(current_app.conf.broker_transport_options or {}), **patience}
    with current_app.connection_for_write(
        connect_timeout=TIMEOUT_SECONDS, transport_options=options
    ) as broker:
        channel = broker.transport.establish_connection()
        broker.transport.close_connection(channel)


def _ask_warehouse() -> None:
    get_warehouse().version()


CHECKS: Final[Mapping[str, Callable[[], None]]] = {
    "database": _ask_database,
    "broker": _ask_broker,
    "warehouse": _ask_warehouse,
}


def part_states() -> dict[str, str]:
    """Each part the product needs: "ok", or what kind of error it answers with (never its text, which may hold addresses)."""
    pool = ThreadPoolExecutor(len(CHECKS), thread_name_prefix="readiness")
    asked = {name: pool.submit(check) for name, check in CHECKS.items()}
    wait(asked.values(), timeout=WAIT_SECONDS)
    states = {name: _state(answer) for name, answer in asked.items()}
    # One that hangs must not hold up the answer.
    pool.shutdown(wait=False, cancel_futures=True)
    return states


def _state(answer: Future[None]) -> str:
    if not answer.done():
        return "error: no answer in time"
    error = answer.exception()
    # Whatever a driver raises means that the part is not there.
    return f"error: {type(error).__name__}" if error else "ok"


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nobody."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether everything that is needed answers: 200, or 503; each part by name."""
    states = part_states()
    is_ready = all(state == "ok" for state in states.values())
    body = {"status": "ok" if is_ready else "error", **states}
    return JsonResponse(body, status=200 if is_ready else 503)


class ProductCollector(Collector):
    """Read from the rows at every scrape, so that it is right with any number of processes and after a restart."""

    def collect(self) -> Iterator[Metric]:
        states = part_states()
        up = GaugeMetricFamily(
            "usersplit_part_up", "Whether a part the product needs answers.", labels=["part"]
        )
        for part, state in states.items():
            up.add_metric([part], state == "ok")
        # All of it is read before any is shown: half a scrape would look like numbers that fell to nothing.
        found: list[Metric] = []
        try:
            if states["database"] == "ok":
                found += [*_experiments(), *_preparations(), _deliveries(), _changes(), *_hits()]
        except DatabaseError:
            up.add_metric(["rows"], False)
        try:
            if states["warehouse"] == "ok":
                users = get_warehouse().user_count()
                found.append(GaugeMetricFamily("usersplit_warehouse_users", "Users in the warehouse.", users))
        except WarehouseError:
            up.add_metric(["users"], False)
        yield from [up, *found]


def _experiments() -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "usersplit_experiments", "Tests and user groups by status.", labels=["kind", "status"]
    )
    rows = Experiment.objects.order_by().values_list("kind", "status").annotate(Count("pk"))
    counted = {(kind, status): count for kind, status, count in rows}
    for kind in Kind.values:
        for status in Status:
            family.add_metric([kind, status.value], counted.get((kind, status.value), 0))
    yield family


def _preparations() -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "usersplit_preparations", "Preparations of settings groups by state.", labels=["state"]
    )
    counted = dict(Preparation.objects.order_by().values_list("state").annotate(Count("pk")))
    for state in PreparationState.values:
        family.add_metric([state], counted.get(state, 0))
    yield family
    oldest = Preparation.objects.open().aggregate(oldest=Min("queued_at"))["oldest"]
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily(
        "usersplit_oldest_open_preparation_seconds",
        "How long the oldest one has been waiting.",
        max(age, 0.0),
    )


def _deliveries() -> Metric:
    version = Manifest.objects.aggregate(version=Max("version"))["version"] or 0
    return GaugeMetricFamily(
        "usersplit_delivery_version", "Version of the newest manifest; 0 before the first delivery.", version
    )


def _changes() -> Metric:
    family = CounterMetricFamily(
        "usersplit_changelog_entries", "Entries in the changelog, by who wrote them.", labels=["by"]
    )
    counted = dict(Entry.objects.order_by().values_list("by_machine").annotate(Count("pk")))
    for by, is_machine in (("person", False), ("machine", True)):
        family.add_metric([by], counted.get(is_machine, 0))
    return family


def _hits() -> Iterator[Metric]:
    counted = CounterMetricFamily(
        "usersplit_hits_counted", "Hits in the counters.", labels=["environment", "who"]
    )
    for environment, who, hits in counted_hits():
        counted.add_metric([environment, who], hits)
    yield counted
    # No counter: somebody may dismiss them.
    yield GaugeMetricFamily("usersplit_hits_unknown", "Hits for what does not exist.", unknown_hits())
    yield GaugeMetricFamily(
        "usersplit_items_refused",
        "Hits and events refused in the last five minutes for what was wrong with them.",
        refused_since(clock.now() - dt.timedelta(minutes=5)),
    )
    yield GaugeMetricFamily("usersplit_batches_waiting", "Batches not counted yet.", waiting_batches())
    oldest = oldest_waiting()
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily(
        "usersplit_oldest_waiting_batch_seconds",
        "How long the oldest one has been waiting.",
        max(age, 0.0),
    )


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The product in numbers, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(ProductCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
