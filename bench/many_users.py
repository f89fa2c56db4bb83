"""Millions of generated users in an embedded warehouse, made once and kept in var/bench; and tests as people make them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from django.conf import settings

from audience.catalogue import FilterSpec, filter_spec
from audience.compiling import VERSION_KEY_SUFFIX
from audience.conditions import parse_conditions
from audience.countries import COUNTRIES
from audience.default_filters import default_filters
from audience.generator import DEFAULT_SEED, DEFAULT_TODAY, generate_users
from audience.models import Filter
from audience.specs import Catalogue
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from audience.warehouse.duckdb_store import NO_EXTENSIONS, Generation, quoted
from usersplit_sdk.values import version_key

CATALOGUE: Final[Catalogue] = {row["name"]: filter_spec(Filter(**row)) for row in default_filters()}
_PART: Final = 500_000
_COLUMNS: Final[Mapping[str, FilterSpec]] = {spec.column: spec for spec in CATALOGUE.values() if spec.column}
_LANGUAGES: Final = ("en", "de", "fr", "es", "it", "pl", "pt", "nl", "tr", "sv")


def warehouse_of(users: int, folder: Path | None = None) -> DuckDBWarehouse:
    """A warehouse with so many generated users, from an earlier run if there was one.

    Written straight into the file that a load would write, which at ten millions saves the minutes of reading a file of
    users; published by the store as a load is.
    """
    folder = folder or settings.VAR_DIR / "bench" / f"users-{users}"
    warehouse = DuckDBWarehouse(folder, lambda: CATALOGUE, codes_from=1)
    if warehouse.user_count() != users:
        with warehouse.store.exclusively() as before:
            number = before.number + 1
            file = warehouse.store.users_file(number, "bench")
            _write(folder / file, folder / "staging-bench.duckdb", users)
            types = {name: spec.type for name, spec in _COLUMNS.items()}
            warehouse.store.publish(
                Generation(f"{number}-bench", number, file, users, types, previous=before.file)
            )
            warehouse.store.clear_litter()
    return warehouse


def _write(path: Path, staging: Path, users: int) -> None:
    with duckdb.connect(":memory:", config={"memory_limit": "2GB", **NO_EXTENSIONS}) as connection:
        connection.execute(f"SET temp_directory = {quoted(staging.with_suffix('.spill'))}")
        connection.execute(f"ATTACH {quoted(staging)} AS staging")
        for part, start in enumerate(range(0, users, _PART)):
            columns = generate_users(min(_PART, users - start), DEFAULT_SEED + part, DEFAULT_TODAY)
            connection.register("part", _as_stored(columns))
            select = f"""SELECT * REPLACE (CAST(CAST(id AS BIGINT) + {start} AS VARCHAR) AS id,
                                           CAST(split_group AS USMALLINT) AS split_group) FROM part"""  # noqa: S608 - a number
            connection.execute(
                f"INSERT INTO staging.users {select}" if part else f"CREATE TABLE staging.users AS {select}"
            )
            connection.unregister("part")
        connection.execute(f"ATTACH {quoted(path)} AS new")
        connection.execute("CREATE TABLE new.users AS SELECT * FROM staging.users ORDER BY split_group, id")
        connection.execute("CREATE TABLE new.ledger AS SELECT id, split_group FROM staging.users ORDER BY id")
        connection.execute("CHECKPOINT new")


def _as_stored(columns: Mapping[str, Any]) -> dict[str, Any]:
    stored = {name: columns[name] for name in ("id", "split_group", *_COLUMNS)}
    for name, spec in _COLUMNS.items():
        if spec.type == "version":
            keys = {text: text and version_key(text) for text in set(columns[name])}
            stored[name + VERSION_KEY_SUFFIX] = np.array([keys[text] for text in columns[name]], dtype=object)
    return stored


# ---- conditions ------------------------------------------------------------------------------------------------


def conditions_of(tests: int, seed: int = 7) -> list[Any]:
    """Parsed conditions of so many tests, hardly two of them alike; one in ten is for everyone."""
    source = random.Random(seed)  # noqa: S311 - the same tests every time
    return [parsed(_tree(source)) for _ in range(tests)]


def parsed(tree: list[Any]) -> Any:
    """Conditions as the product stores them."""
    return parse_conditions(tree, CATALOGUE)


def asks(name: str, operator: str, value: Any) -> dict[str, Any]:
    return {"filter": name, "operator": operator, "value": value}


def _tree(source: random.Random) -> list[Any]:
    """Mostly a country list, an age or a version with something else; a third has brackets or an OR."""
    if source.random() < 0.1:
        return []
    tree: list[Any] = [_predicate(source)]
    for _ in range(source.choice((0, 1, 1, 2, 2, 3))):
        tree += ["AND", _predicate(source)]
    if source.random() < 0.2:
        tree += ["AND", [_predicate(source), "OR", _predicate(source), "AND", _predicate(source)]]
    if source.random() < 0.15:
        tree = [asks("is_test_user", "eq", True), "OR", tree]
    return tree


def _predicate(source: random.Random) -> dict[str, Any]:
    day = f"{source.randint(2022, 2026)}-{source.randint(1, 10):02}-{source.randint(1, 28):02}"
    choices = (
        lambda: asks("country_id", "in", _countries(source)),
        lambda: asks("country_id", "not_in", _countries(source)),
        lambda: asks("age", "gte", source.randint(14, 40)),
        lambda: asks("age", "between", sorted(source.sample(range(14, 90), 2))),
        lambda: asks("is_paying", "eq", source.random() < 0.5),
        lambda: asks("is_new_user", "eq", source.random() < 0.3),
        lambda: asks("gender", "eq", source.choice(("female", "male"))),
        lambda: asks("language", "in", source.sample(_LANGUAGES, source.randint(1, 5))),
        lambda: asks("app_version", "version_gte", source.choice(("1.9", "1.10", "2.0", "2.0.3", "2.1"))),
        lambda: asks("registered_at", source.choice(("gte", "lt")), day),
        lambda: asks("registered_at", "within_days", source.randint(1, 720)),
        lambda: asks("registered_at", "older_than_days", source.randint(1, 720)),
    )
    predicate: dict[str, Any] = source.choice(choices)()
    return predicate


def _countries(source: random.Random) -> list[int]:
    """Any of the world's, between one and sixty of them, among them some that have users."""
    users = (840, 276, 826, 250, 76, 724, 380, 616, 356, 484)
    others = [number for _, number, _ in COUNTRIES]
    return sorted(
        {*source.sample(users, source.randint(1, 5)), *source.sample(others, source.randint(0, 55))}
    )
