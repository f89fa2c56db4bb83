"""Queries and addresses that mean harm or are mistyped: refused in words that give nothing away, and nothing is written."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

import pytest

from audience.models import Watermark
from audience.source_loads import Query, load_query
from audience.source_postgresql import PostgreSQLSource, UnreadableSource
from audience.warehouse import get_warehouse
from tests.audience.shop_database import Shop, shop

__all__ = ["shop"]
NOON = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "harm",
    [
        "SELECT 1 AS id) AS x; COMMIT; DELETE FROM shop.people; SELECT * FROM (SELECT 1 AS id",
        "SELECT id FROM shop.people; DELETE FROM shop.people",
        "DELETE FROM shop.people RETURNING id",
        "SELECT shop.clear() AS id",
    ],
)
def test_a_query_can_only_read(shop: Shop, harm: str) -> None:
    shop.make()
    shop.put(("a", "1", NOON))
    shop.do("CREATE FUNCTION shop.clear() RETURNS int LANGUAGE sql AS 'DELETE FROM shop.people RETURNING 1'")
    with pytest.raises(UnreadableSource) as refused, PostgreSQLSource(shop.address, harm) as source:
        list(source.blocks(10))
    assert refused.value.errors[0].path == "query"
    assert shop.connection.execute("SELECT count(*) FROM shop.people").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:top@secret@localhost/db",
        "postgresql://user:secret/top@localhost/db",
        "postgresql://user:12/secret@localhost/db",
        "postgresql://user:secret?top@localhost/db",
        "postgresql://user:se:cret@localhost:top/db",
    ],
)
def test_a_password_that_is_not_written_for_an_address_is_not_repeated(address: str) -> None:
    with pytest.raises(UnreadableSource) as refused:
        PostgreSQLSource(address, "SELECT 1 AS id")
    assert "secret" not in str(refused.value.errors)
    assert "top" not in str(refused.value.errors)


def test_dates_without_end_are_missing_ones(shop: Shop) -> None:
    shop.make("timestamptz")
    shop.put(("a", "1", "infinity"), ("b", "2", "-infinity"), ("c", "3", NOON))
    with PostgreSQLSource(shop.address, shop.query, changed_at="changed") as source:
        (block,) = source.blocks(10)
    assert [cell and cell.date() for cell in list(block.columns)[2]] == [None, None, NOON.date()]


def test_another_database_behind_a_source_is_read_from_its_beginning(shop: Shop) -> None:
    asked = "SELECT 'a' AS id, CAST('2026-10-01' AS timestamptz) AS changed"
    elsewhere = urlsplit(shop.address)._replace(path="/postgres").geturl()
    here, there = (
        Query(address, asked, name="shop", changed_at_column="changed")
        for address in (shop.address, elsewhere)
    )
    assert load_query(here).read_from is None
    assert load_query(here).read_from is not None
    assert load_query(there).read_from is None


def test_a_mark_that_was_set_while_everybody_was_replaced_is_forgotten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.make()
    shop.put(("a", "1", NOON))
    query = Query(shop.address, shop.query, name="shop", changed_at_column="changed")
    warehouse = get_warehouse()
    merge = type(warehouse).merge_users

    def somebody_else_first(self: object, *arguments: object, **options: object) -> object:
        monkeypatch.setattr(type(warehouse), "merge_users", merge)
        load_query(query)
        return merge(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(warehouse), "merge_users", somebody_else_first)
    load_query(Query(shop.address, "SELECT 'z' AS id"), replace=True)
    assert not Watermark.objects.filter(name="shop").exists()
    assert load_query(query).report.added == 1
