"""Conditions as SQL: sizes, dialects and operands at the edge. That SQL and the SDK agree is tested beside this."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from audience.compiling import as_flag, compile_conditions, is_always
from audience.conditions import MAX_LIST_VALUES, MAX_PREDICATES, parse_conditions
from audience.loading import load_users
from audience.specs import FilterType
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from tests.audience.catalogues import WIDER
from tests.audience.random_conditions import CATALOGUE, NOW, RandomConditions

COLUMNS: dict[str, FilterType] = {spec.column: spec.type for spec in WIDER.values() if spec.column}


@pytest.fixture(scope="module")
def ten_ages(tmp_path_factory: pytest.TempPathFactory) -> DuckDBWarehouse:
    folder = tmp_path_factory.mktemp("ages")
    (folder / "users.csv").write_text(
        "id,age,score\n" + "".join(f"{age},{age},{age}.5\n" for age in range(10))
    )
    warehouse = DuckDBWarehouse(folder / "store", lambda: WIDER)
    load_users(folder / "users.csv", warehouse=warehouse, catalogue=WIDER)
    return warehouse


def count(warehouse: DuckDBWarehouse, tree: object) -> int:
    return int(warehouse.count_table(tree, [tree], NOW).shared.sum())


def typed(name: str, operator: str, value: Any) -> list[Any]:
    """A predicate past the parser: what an older or a foreign tree may hold."""
    return [{"filter": name, "source": "user", "operator": operator, "value": value}]


def test_as_many_predicates_as_are_allowed_can_be_counted(ten_ages: DuckDBWarehouse) -> None:
    for joint, met in (("AND", 10), ("OR", 10)):
        raw: list[Any] = [{"filter": "age", "operator": "gte", "value": 0}]
        for _ in range(MAX_PREDICATES - 1):
            raw += [joint, {"filter": "age", "operator": "lt", "value": 100}]
        for _ in range(10):
            raw = [raw]
        assert count(ten_ages, parse_conditions(raw, WIDER)) == met


def test_as_many_values_as_are_allowed_can_be_counted(ten_ages: DuckDBWarehouse) -> None:
    raw = [{"filter": "age", "operator": "in", "value": list(range(5, 5 + MAX_LIST_VALUES))}]
    assert count(ten_ages, parse_conditions(raw, WIDER)) == 5


@pytest.mark.parametrize(
    ("name", "operator", "value", "met"),
    [
        ("age", "eq", 2**80, 0),
        ("age", "neq", 2**80, 10),
        ("age", "in", [2**80, 3], 1),
        ("age", "not_in", [2**80], 10),
        ("age", "lt", 2**80, 10),
        ("age", "gt", 2**80, 0),
        ("age", "gt", -(10**400), 10),
        ("age", "between", [-(2**80), 2**80], 10),
        ("age", "gt", 4.5, 5),
        ("age", "gte", 4.5, 5),
        ("age", "lt", 4.5, 5),
        ("age", "eq", 4.5, 0),
        ("age", "gt", float("inf"), 0),
        ("age", "lte", float("inf"), 10),
        ("age", "lt", float("nan"), 0),
        ("age", "neq", float("nan"), 0),
        ("age", "neq", "four", 0),
        ("age", "neq", True, 0),
        ("age", "not_in", ["four"], 0),
        ("age", "between", [1], 0),
        ("age", "eq", None, 0),
        ("score", "lt", 10**400, 10),
        ("score", "gt", 10**400, 0),
        ("score", "neq", float("inf"), 10),
        ("score", "neq", float("nan"), 0),
        ("score", "eq", "4.5", 0),
        ("age", "contains", "5", 0),
        ("age", "no_such_operator", 5, 0),
    ],
)
def test_operands_that_fit_no_column_are_answers_not_errors(
    ten_ages: DuckDBWarehouse, name: str, operator: str, value: Any, met: int
) -> None:
    assert count(ten_ages, typed(name, operator, value)) == met


def test_a_filter_whose_column_has_another_type_is_not_counted() -> None:
    compiled = compile_conditions(typed("age", "eq", 5), WIDER, {"age": "string"}, NOW)
    assert (is_always(compiled.expression), compiled.not_counted) == (True, ("age",))


def test_the_moment_of_counting_is_converted_to_utc() -> None:
    tree = parse_conditions([{"filter": "registered_at", "operator": "within_days", "value": 1}], WIDER)
    there = dt.datetime(2026, 11, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    sql = compile_conditions(tree, WIDER, COLUMNS, there).expression.sql(dialect="duckdb")
    assert "2026-10-31 23:00:00" in sql


@pytest.mark.parametrize(
    "dialect", ["duckdb", "clickhouse", "postgres", "snowflake", "bigquery", "trino", "spark", "exasol"]
)
def test_other_engines_can_read_the_same_tree(dialect: str) -> None:
    """Sums of CASE in every dialect; texts come back as they went in, whatever their quotes and backslashes."""
    texts = ["O'Neill", "back\\slash", 'quo"te', "a\nb", "100%", "'; DROP TABLE users; --"]
    tree = parse_conditions([{"filter": "language", "operator": "in", "value": texts}], WIDER)
    flag = as_flag(compile_conditions(tree, WIDER, COLUMNS, NOW).expression)
    sql = exp.select(exp.Sum(this=flag)).from_("users").sql(dialect=dialect)
    assert "FILTER" not in sql
    assert "COUNT_IF" not in sql.upper()
    (statement,) = sqlglot.parse(sql, dialect=dialect)
    assert statement is not None
    assert [literal.this for literal in statement.find_all(exp.Literal) if literal.is_string] == texts


def test_no_tree_makes_the_compiler_fail() -> None:
    source = RandomConditions(seed=1)
    columns = {spec.column: spec.type for spec in CATALOGUE.values()}
    for _ in range(200):
        tree = parse_conditions(source.tree(), CATALOGUE)
        assert compile_conditions(tree, CATALOGUE, columns, NOW).not_counted == ()


def test_a_database_file_is_never_written_by_a_count(ten_ages: DuckDBWarehouse) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(ten_ages.store.folder).iterdir()}
    count(ten_ages, [])
    assert {path: path.stat().st_mtime_ns for path in Path(ten_ages.store.folder).iterdir()} == before
