"""Configured sources: set up by superusers, read when they are due, by one process at a time, with a history."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from accounts.actors import Actor
from audience.load_history import _LOAD_LOCK, _SOURCE_LOCK, close_interrupted_loads
from audience.models import LoadRejects, LoadState, UserLoad, UserSource
from audience.source_loads import MOST_ATTEMPTS, due_sources, load_source
from audience.source_services import archive_source, create_source, request_load, update_source
from audience.tasks import load_users_from, sweep_sources
from audience.warehouse import WarehouseError, get_warehouse
from changelog.models import Entry
from core import clock
from core.errors import InvalidInput, NotAllowed, StaleTransition
from tests.audience.shop_database import Shop, shop
from tests.conftest import People
from tests.waiting import wait_until
from tests.workers import WorkerProcess, database_url

__all__ = ["shop"]
MACHINE = Actor.machine("test")
MORNING = dt.datetime(2026, 10, 2, 8, 30, tzinfo=dt.UTC)


@pytest.fixture
def source(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> UserSource:
    monkeypatch.setenv("SOURCE_SHOP", shop.address)
    shop.make()
    shop.put(("a", "1", MORNING), ("b", "x", MORNING))
    with clock.frozen_at(MORNING - dt.timedelta(days=3)):
        return create_source(
            MACHINE,
            name="shop",
            database_variable="SOURCE_SHOP",
            query=shop.query,
            changed_at_column="changed",
            schedule="nightly",
        )


def loads() -> list[tuple[str, int, int]]:
    return [(load.state, load.added, load.rejected) for load in UserLoad.objects.order_by("id")]


def test_a_load_is_written_into_the_history(source: UserSource) -> None:
    load_source(source.pk)
    load = UserLoad.objects.get()
    assert (load.source, load.title, load.actor_name, load.state) == (source, "shop", "Schedule", "loaded")
    assert (load.rows_read, load.added, load.rejected, load.part) == (2, 1, 1, 1.0)
    assert load.summary["mapped"] == {"age": "age"}
    assert load.summary["read_to"].startswith("2026-10-02 08:30")
    kept = LoadRejects.objects.get(load=load)
    assert gzip.decompress(kept.content).decode() == (
        'line,reason\r\n2,"age must be a whole number, not ""x"""\r\n'
    )


def test_a_failure_is_written_in_words_and_nothing_is_loaded(source: UserSource, shop: Shop) -> None:
    shop.do("DROP TABLE shop.people")
    with pytest.raises(InvalidInput):
        load_source(source.pk)
    load = UserLoad.objects.get()
    assert load.state == LoadState.FAILED
    assert load.error == 'query: cannot be answered: relation "shop.people" does not exist'
    assert load.finished_at is not None


def test_a_source_without_its_variable_says_which_one(
    source: UserSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_SHOP")
    load_users_from(source.pk)
    load_users_from(source.pk)
    assert "the environment variable SOURCE_SHOP is not set" in UserLoad.objects.get().error


def test_the_history_cannot_be_changed(source: UserSource) -> None:
    load_source(source.pk)
    for change in (
        lambda: UserLoad.objects.all().delete(),
        lambda: UserLoad.objects.update(added=7),
        lambda: LoadRejects.objects.update(count=7),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert loads() == [("loaded", 1, 1)]


def test_two_processes_never_load_one_source_at_once(source: UserSource) -> None:
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [_SOURCE_LOCK, source.pk])
        assert load_source(source.pk) is None
        assert not UserLoad.objects.exists()
        # Closing would free it too, but some time later.
        other.execute("SELECT pg_advisory_unlock(%s, %s)", [_SOURCE_LOCK, source.pk])
    assert load_source(source.pk) is not None


def test_a_load_whose_process_is_gone_is_interrupted(db: None) -> None:
    gone = UserLoad.objects.create(title="gone", actor_name="test")
    alive = UserLoad.objects.create(title="alive", actor_name="test")
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [_LOAD_LOCK, alive.pk])
        assert close_interrupted_loads() == 1
    gone.refresh_from_db()
    alive.refresh_from_db()
    assert (gone.state, alive.state) == (LoadState.INTERRUPTED, LoadState.RUNNING)


@pytest.mark.parametrize(
    ("schedule", "moment", "due"),
    [
        ("by_hand", MORNING, False),
        ("hourly", MORNING, True),
        ("nightly", MORNING, True),
        ("nightly", MORNING.replace(hour=0), True),
    ],
)
def test_schedules(source: UserSource, schedule: str, moment: dt.datetime, due: bool) -> None:
    update_source(MACHINE, "shop", revision=1, schedule=schedule)
    with clock.frozen_at(moment):
        assert due_sources() == ([source.pk] if due else [])
        load_users_from(source.pk)
        load_users_from(source.pk)
        assert UserLoad.objects.count() == int(due)
        assert due_sources() == []
    with clock.frozen_at(moment + dt.timedelta(hours=1)):
        assert due_sources() == ([source.pk] if schedule == "hourly" or moment.hour == 0 else [])
    with clock.frozen_at(moment + dt.timedelta(days=1)):
        assert due_sources() == ([source.pk] if due else [])


def test_what_fails_for_a_while_is_tried_again_later_and_not_for_ever(
    source: UserSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise WarehouseError("the disk is full")

    monkeypatch.setattr("audience.source_loads.load_from", full)
    moment = MORNING
    for attempt in range(MOST_ATTEMPTS):
        with clock.frozen_at(moment):
            load_users_from(source.pk)
            load_users_from(source.pk)
        assert UserLoad.objects.count() == attempt + 1
        moment += dt.timedelta(minutes=20)
    with clock.frozen_at(moment):
        assert due_sources() == []
    assert {load.error for load in UserLoad.objects.all()} == {"the disk is full"}
    with clock.frozen_at(MORNING + dt.timedelta(days=1)):
        assert due_sources() == [source.pk]


def test_one_that_kills_its_worker_is_not_tried_for_ever(
    source: UserSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*arguments: Any, **options: Any) -> None:
        raise Killed

    monkeypatch.setattr("audience.source_loads._load", killed)
    moment = MORNING
    for _ in range(MOST_ATTEMPTS):
        with clock.frozen_at(moment), pytest.raises(Killed):
            load_source(source.pk, only_due=True)
        moment += dt.timedelta(minutes=20)
    with clock.frozen_at(moment):
        assert load_source(source.pk, only_due=True) is None
        assert due_sources() == []


def test_asking_for_a_load_makes_it_due_under_the_name_of_who_asked(
    source: UserSource, people: People
) -> None:
    update_source(MACHINE, "shop", revision=1, schedule="by_hand")
    request_load(Actor.person(people.superuser), "shop")
    request_load(Actor.person(people.superuser), "shop", from_start=True)
    sweep_sources()
    load_users_from(source.pk)
    load_users_from(source.pk)
    assert UserLoad.objects.get().actor_name == str(people.superuser)
    assert due_sources() == []


def test_archived_sources_are_left_alone(source: UserSource) -> None:
    archive_source(MACHINE, "shop", revision=1)
    assert due_sources() == []
    with pytest.raises(InvalidInput, match="archived"):
        request_load(MACHINE, "shop")


def test_only_superusers_may_and_every_change_is_in_the_changelog(source: UserSource, people: People) -> None:
    with pytest.raises(NotAllowed):
        create_source(Actor.person(people.manager), name="x", database_variable="SOURCE_X", query="SELECT 1")
    with pytest.raises(NotAllowed):
        request_load(Actor.person(people.manager), "shop")
    update_source(Actor.person(people.superuser), "shop", revision=1, overlap_minutes=30)
    entry = Entry.objects.latest("id")
    assert (entry.subject_kind, entry.verb, entry.message) == (
        "source",
        "edit",
        "edited the source of users shop",
    )
    assert entry.changes == [
        {"field": "overlap_minutes", "label": "Overlap in minutes", "before": 10, "after": 30}
    ]
    with pytest.raises(StaleTransition):
        update_source(MACHINE, "shop", revision=1, overlap_minutes=5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "Shop!"}, "small letters"),
        ({"name": "shop"}, "there is a source shop already"),
        ({"database_variable": "SECRET_KEY"}, "begins with SOURCE_"),
        ({"database_variable": "postgresql://user:secret@host/db"}, "begins with SOURCE_"),
        ({"query": " "}, "must not be empty"),
        ({"query": "\x00"}, "NUL"),
        ({"overlap_minutes": -1}, "minutes from 0"),
        ({"schedule": "weekly"}, "must be one of"),
        ({"mapping": {"age": ""}}, "must be lines like"),
        ({"color": "red"}, "there is no such field"),
    ],
)
def test_what_is_wrong_with_a_source_is_named(source: UserSource, wrong: dict[str, Any], words: str) -> None:
    right = {"name": "other", "database_variable": "SOURCE_OTHER", "query": "SELECT 1 AS id"}
    with pytest.raises(InvalidInput) as caught:
        create_source(MACHINE, **{**right, **wrong})
    assert [problem.path for problem in caught.value.errors] == list(wrong)
    assert words in str(caught.value)
    assert UserSource.objects.count() == 1


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_loads_and_a_killed_one_is_replaced(
    source: UserSource, shop: Shop, start_worker: Callable[..., WorkerProcess], settings: Any
) -> None:
    # A view that waits for a lock holds the first worker in the middle of its load.
    shop.do(
        "CREATE FUNCTION shop.wait() RETURNS text LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(77)::text'"
    )
    update_source(
        MACHINE,
        "shop",
        revision=1,
        schedule="by_hand",
        query="SELECT id, years AS age, changed, shop.wait() AS w FROM shop.people",
    )
    with psycopg.connect(database_url()) as gate:
        gate.execute("SELECT pg_advisory_lock(77)")
        workers = [start_worker(), start_worker()]
        request_load(MACHINE, "shop")
        load_users_from.delay(source.pk)
        wait_until(lambda: UserLoad.objects.filter(state=LoadState.RUNNING).count() == 1, "one worker loads")
        for worker in workers:
            worker.kill()
        with connection.cursor() as cursor:
            wait_until(lambda: lock_is_free(cursor, source.pk), "the killed worker's lock is gone")
    assert get_warehouse().user_count() == 0
    UserSource.objects.update(retry_at=None)
    start_worker()
    sweep_sources()
    wait_until(lambda: UserLoad.objects.filter(state=LoadState.LOADED).count() == 1, "another worker loads")
    assert [state for state, *_ in loads()] == ["interrupted", "loaded"]
    assert get_warehouse().user_count() == 1


def lock_is_free(cursor: Any, source_id: int) -> bool:
    cursor.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s",
        [_SOURCE_LOCK, source_id],
    )
    return bool(cursor.fetchone()[0] == 0)
