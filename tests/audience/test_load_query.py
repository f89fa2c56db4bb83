"""Users from a query: what is read, what is refused, and that a second load asks only for what is new."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from accounts.actors import Actor
from audience import source_loads
from audience.models import Watermark
from audience.services import create_filter
from audience.source_loads import Query, QueryReport, forget_watermarks, load_query
from audience.warehouse import get_warehouse
from core.errors import InvalidInput
from tests.audience.shop_database import Shop, shop

__all__ = ["shop"]
NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)


def minutes(number: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=number)


def query(shop: Shop, **other: Any) -> Query:
    return Query(
        shop.address, **{"text": shop.query, "name": "shop", "changed_at_column": "changed", **other}
    )


def counts(done: QueryReport) -> tuple[int, int, int, int]:
    return done.report.rows_read, done.report.added, done.report.changed, done.report.rejected


def age(user_id: str) -> Any:
    user = get_warehouse().user(user_id)
    return None if user is None else user.attributes.get("age")


def test_the_answer_is_loaded_and_bad_rows_are_named(shop: Shop) -> None:
    shop.make()
    shop.put(("a", "30", NOON), ("b", "thirty", NOON), ("c", None, NOON))
    done = load_query(query(shop))
    assert counts(done) == (3, 2, 0, 1)
    assert done.report.rejects == ((2, 'age must be a whole number, not "thirty"'),)
    assert (age("a"), age("b"), age("c")) == (30, None, None)


def test_columns_of_any_type_are_read(shop: Shop) -> None:
    text = """SELECT '8a1e5f3c-0000-4000-8000-000000000001'::uuid AS id, 41::numeric AS age, true AS is_paying, 'de'::char(2) AS language,
              '2026-01-31 10:00+02'::timestamptz AS registered_at, 7::int2 AS split_group, '{"a": 1}'::jsonb AS other -- the end"""
    assert counts(load_query(query(shop, text=text + ";\n", changed_at_column=""))) == (1, 1, 0, 0)
    user = get_warehouse().user("8a1e5f3c-0000-4000-8000-000000000001")
    assert user is not None
    assert user.split_group == 7
    assert user.attributes == {
        "age": 41,
        "is_paying": True,
        "language": "de",
        "registered_at": dt.datetime(2026, 1, 31, 8, tzinfo=dt.UTC),
    }


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("timestamptz", minutes(0), minutes(60)),
        ("timestamp", minutes(0).replace(tzinfo=None), minutes(600).replace(tzinfo=None)),
        ("date", dt.date(2026, 9, 1), dt.date(2026, 10, 1)),
        ("bigint", 1000, 1001),
    ],
)
def test_the_next_load_asks_only_for_what_is_new(shop: Shop, kind: str, old: Any, new: Any) -> None:
    shop.make(kind)
    shop.put(("a", "1", old), ("b", "1", old), ("c", "1", new))
    first = load_query(query(shop))
    assert (counts(first), first.read_from) == ((3, 3, 0, 0), None)
    shop.put(("c", "2", new), ("d", "2", new))
    second = load_query(query(shop))
    assert second.read_from is not None
    assert counts(second) == (2, 1, 1, 0)
    assert (age("a"), age("c"), age("d")) == (1, 2, 2)
    assert counts(load_query(query(shop)))[1:3] == (0, 0)


def test_what_was_committed_late_is_found_within_the_overlap(shop: Shop) -> None:
    shop.make()
    shop.put(("a", "1", minutes(60)))
    load_query(query(shop))
    shop.put(("late", "1", minutes(55)), ("too_late", "1", minutes(0)))
    assert counts(load_query(query(shop, overlap=dt.timedelta(minutes=10))))[:2] == (2, 1)
    assert (age("late"), age("too_late")) == (1, None)
    load_query(query(shop), from_start=True)
    assert age("too_late") == 1


def test_a_clock_that_went_back_an_hour_hides_nobody(shop: Shop) -> None:
    shop.make("timestamp")
    shop.put(("summer", "1", "2026-10-25 02:59:00"))
    load_query(query(shop, overlap=dt.timedelta(0)))
    shop.put(("winter", "1", "2026-10-25 02:05:00"))
    assert counts(load_query(query(shop, overlap=dt.timedelta(0))))[1] == 1


def test_the_session_time_zone_of_the_source_does_not_matter(shop: Shop) -> None:
    shop.make()
    shop.put(("a", "1", minutes(0)), ("b", "1", minutes(30)))
    east = f"{shop.address}&options=-c%20timezone%3DPacific/Auckland"
    for _ in range(2):
        load_query(dataclasses.replace(query(shop), address=east))
    assert Watermark.objects.get().value == "2026-10-01 12:30:00+00:00"


def test_a_row_from_the_future_does_not_hide_those_of_tomorrow(shop: Shop) -> None:
    shop.make()
    shop.put(("a", "1", dt.datetime(2099, 1, 1, tzinfo=dt.UTC)))
    load_query(query(shop))
    shop.put(("b", "1", dt.datetime.now(dt.UTC)))
    assert counts(load_query(query(shop)))[:2] == (2, 1)


def test_rows_that_never_say_when_they_changed_are_read_each_time(shop: Shop) -> None:
    shop.make()
    shop.put(("a", "1", minutes(0)), ("b", "1", None))
    load_query(query(shop))
    shop.put(("b", "2", None))
    assert counts(load_query(query(shop))) == (2, 0, 1, 0)


def test_no_news_is_no_mistake_and_keeps_the_mark(shop: Shop) -> None:
    shop.make("bigint")
    shop.put(("a", "1", 5))
    load_query(query(shop))
    shop.do("DELETE FROM shop.people")
    done = load_query(query(shop))
    assert (counts(done), done.read_to) == ((0, 0, 0, 0), "5")


def test_a_load_that_was_published_but_not_noted_is_repeated_harmlessly(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.make()
    shop.put(("a", "1", minutes(0)))
    load_query(query(shop))
    shop.put(("b", "1", minutes(60)))

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(source_loads, "_move_watermark", killed)
        with pytest.raises(KeyboardInterrupt):
            load_query(query(shop))
    version = get_warehouse().version()
    assert Watermark.objects.get().value.startswith("2026-10-01 12:00")
    assert counts(load_query(query(shop)))[1:3] == (0, 0)
    assert get_warehouse().version() == version
    assert Watermark.objects.get().value.startswith("2026-10-01 13:00")


def test_a_load_that_fails_does_not_move_the_mark(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.make()
    shop.put(("a", "1", minutes(0)))
    load_query(query(shop))
    shop.put(("b", "1", minutes(60)))
    with monkeypatch.context() as patch:
        patch.setattr("audience.warehouse.duckdb_store.sync", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            load_query(query(shop))
    assert Watermark.objects.get().value.startswith("2026-10-01 12:00")
    assert counts(load_query(query(shop)))[1] == 1


def test_what_changes_the_meaning_of_rows_has_everything_read_again(shop: Shop) -> None:
    shop.make()
    shop.put(("a", "1", minutes(0)), ("b", "1", minutes(60)))
    load_query(query(shop))
    assert counts(load_query(query(shop)))[0] == 1
    create_filter(Actor.machine("test"), name="years", label="Years", type="integer")
    wider = query(shop, text="SELECT id, years AS age, years, changed FROM shop.people")
    assert counts(load_query(wider))[0] == 2
    assert counts(load_query(wider))[0] == 1
    forget_watermarks()
    assert counts(load_query(wider))[0] == 2


@pytest.mark.parametrize(
    ("changed", "path", "words"),
    [
        ({"address": "mysql://secret@host/db"}, "database", "must be an address like postgresql://"),
        (
            {"address": "postgresql://user:secret@/db?nonsense=1"},
            "database",
            "is not a valid PostgreSQL address",
        ),
        ({"address": "postgresql://user:secret@/db?host=/nowhere"}, "database", "cannot be reached"),
        ({"text": "SELEC 1"}, "query", "syntax error"),
        ({"text": " ; "}, "query", "is empty"),
        ({"text": "SELECT 1; DROP SCHEMA shop"}, "query", "syntax error"),
        ({"text": "SELECT id FROM shop.people WHERE false", "changed_at_column": ""}, "query", "has no row"),
        (
            {"text": "SELECT id, id FROM shop.people", "changed_at_column": ""},
            "query",
            "more than one column",
        ),
        ({"text": "SELECT 1 AS x", "changed_at_column": ""}, "id", "the query has"),
        (
            {"text": "SELECT id, 1/(years::int - 1) AS age, changed FROM shop.people"},
            "query",
            "division by zero",
        ),
        ({"changed_at_column": "when"}, "changed-at", 'no column "when"'),
        ({"changed_at_column": "age"}, "changed-at", "must be a timestamp, a date or a whole number"),
    ],
)
def test_what_cannot_be_read_is_named_and_changes_nothing(
    shop: Shop, changed: Any, path: str, words: str
) -> None:
    shop.make()
    shop.put(("a", "1", NOON))
    with pytest.raises(InvalidInput) as caught:
        load_query(dataclasses.replace(query(shop), **changed))
    problem = caught.value.errors[0]
    assert problem.path == path
    assert words in problem.message
    assert "secret" not in str(caught.value)
    assert get_warehouse().user_count() == 0
    assert not Watermark.objects.exists()


def test_a_query_cannot_write(shop: Shop) -> None:
    shop.make()
    shop.do("CREATE FUNCTION shop.pest() RETURNS text LANGUAGE sql AS 'DELETE FROM shop.people RETURNING id'")
    shop.put(("a", "1", NOON))
    with pytest.raises(InvalidInput, match="read-only"):
        load_query(query(shop, text="SELECT shop.pest() AS id", changed_at_column=""))
