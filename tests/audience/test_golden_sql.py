"""What each dialect is asked, word by word. After a change that was meant: `python -m tests.audience.golden_cases`."""

from __future__ import annotations

import pytest
import sqlglot

from audience.dialects import DIALECTS, NotInThisDialect, render
from audience.specs import operators_of
from tests.audience.golden_cases import FOLDER, cases, golden, written
from usersplit_sdk.operators import FILTER_TYPES


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_is_asked_what_its_file_says(dialect: str) -> None:
    assert golden(dialect) == (FOLDER / f"{dialect}.sql").read_text(encoding="utf-8")


def test_there_is_a_file_for_each_dialect_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_asked_is_read_back_as_it_was_meant(dialect: str) -> None:
    """sqlglot's parser of the dialect takes every statement and writes the same one again."""
    asked = 0
    for title, tree in cases():
        sql = written(tree, dialect)
        if sql.startswith("-- refused: "):
            continue
        (statement,) = sqlglot.parse(sql, dialect=dialect)
        assert statement is not None
        assert statement.sql(dialect=dialect) + ";" == sql, title
        assert "FILTER" not in sql
        assert "COUNT_IF" not in sql.upper()
        asked += 1
    assert asked > 60


def test_every_operator_with_every_type_is_in_the_files() -> None:
    titles = [title for title, _ in cases()]
    for kind in FILTER_TYPES:
        for operator in operators_of(kind):
            assert any(title.split()[:2] == [kind, operator] for title in titles)


@pytest.mark.parametrize(
    ("dialect", "refused"),
    [
        ("duckdb", set()),
        ("postgres", set()),
        ("clickhouse", set()),
        ("trino", set()),
        ("spark", set()),
        ("snowflake", {"number eq 5e-324"}),
        ("bigquery", {"list has_none ['a']", "list is_set", "list is_not_set"}),
        ("exasol", {"string eq ''", "string not_in ['', 'de']", "list has 'a'", "list is_set"}),
    ],
)
def test_what_an_engine_cannot_mean_is_refused_by_name(dialect: str, refused: set[str]) -> None:
    refusals = {
        title: sql for title, tree in cases() if (sql := written(tree, dialect)).startswith("-- refused")
    }
    assert refused <= set(refusals)
    assert bool(refused) == bool(refusals)
    for title, sql in refusals.items():
        assert dialect in sql
        assert all(word in sql for word in title.split()[:2] if title.split()[0] in FILTER_TYPES)


def test_a_dialect_that_is_not_there_is_named() -> None:
    with pytest.raises(NotInThisDialect, match="'oracle'; there are duckdb, postgres"):
        render(sqlglot.exp.true(), "oracle")
