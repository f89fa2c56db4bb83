"""What every test can lean on: personas, a small warehouse of real rows, folders of its own, real workers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connection
from django.test import override_settings
from pytest_django import DjangoDbBlocker, Settings

from accounts.actors import Actor
from accounts.models import ApiToken, Role, Scope, User
from accounts.services import create_token
from audience.default_filters import install_default_filters
from audience.models import Filter

pytest_plugins = ["tests.chromium", "tests.workers"]

PASSWORD = "a-good-long-password"


@dataclass(frozen=True, slots=True)
class People:
    """One person of each kind. `manager` manages what the factories make for them; `other_manager` does not."""

    superuser: User
    manager: User
    other_manager: User
    developer: User
    qa: User
    viewer: User

    def __iter__(self) -> Iterator[User]:
        return (getattr(self, field.name) for field in fields(self))


def _make_person(name: str, role: Role) -> User:
    person = User(username=name, first_name=name.replace("_", " ").title(), role=role)
    person.is_superuser = person.is_staff = role == Role.SUPERUSER
    person.set_password(PASSWORD)
    person.save()
    return person


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Settings) -> None:
    """Hashing that is slow on purpose would be most of the time of the suite."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _own_folders(settings: Settings, tmp_path: Path) -> None:
    """No test reads or writes another one's files."""
    settings.VAR_DIR = tmp_path / "var"
    settings.DELIVERY_DIR = tmp_path / "delivery"
    settings.WAREHOUSE_URL = f"duckdb://{tmp_path / 'warehouse'}"


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Settings) -> None:
    """Pages name static files by their own names: hashed ones would have to be collected first."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def people(db: None) -> People:
    roles = {
        "superuser": Role.SUPERUSER,
        "manager": Role.MANAGER,
        "other_manager": Role.MANAGER,
        "developer": Role.DEVELOPER,
        "qa": Role.QA,
        "viewer": Role.VIEWER,
    }
    return People(**{name: _make_person(name, role) for name, role in roles.items()})


@pytest.fixture
def manager(people: People) -> Actor:
    """The persona that most tests act as."""
    return Actor.person(people.manager)


@pytest.fixture
def password() -> str:
    """Every persona's."""
    return PASSWORD


@pytest.fixture
def token(people: People) -> tuple[ApiToken, str]:
    """A superuser's token with every scope: (row, secret)."""
    return create_token(Actor.person(people.superuser), "everything", list(Scope.values))


@pytest.fixture
def bearer(token: tuple[ApiToken, str]) -> dict[str, str]:
    """Headers for Django's test client."""
    return {"Authorization": f"Bearer {token[1]}"}


@pytest.fixture(scope="session")
def small_users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file of 24,000 generated users, ten in most split groups; always the same."""
    from audience.generator import write_users  # noqa: PLC0415 - needs Django's apps

    path = tmp_path_factory.mktemp("users") / "users.parquet"
    write_users(path, count=24_000, seed=7)
    return path


@pytest.fixture(scope="session")
def small_warehouse(
    small_users: Path,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> str:
    """The address of an embedded warehouse with the small users, loaded once: tests only read it."""
    from audience.loading import load_users  # noqa: PLC0415
    from audience.warehouse import get_warehouse  # noqa: PLC0415

    url = f"duckdb://{tmp_path_factory.mktemp('warehouse')}"
    with django_db_blocker.unblock(), override_settings(WAREHOUSE_URL=url):
        install_default_filters(Filter)
        load_users(small_users, split_group_column="split_group", warehouse=get_warehouse())
    return url


@pytest.fixture
def warehouse(db: None, small_warehouse: str, settings: Settings, _own_folders: None) -> Any:
    """The embedded warehouse with the small users. Tests that load users take an empty one of their own (the default)."""
    from audience.warehouse import get_warehouse  # noqa: PLC0415

    settings.WAREHOUSE_URL = small_warehouse
    return get_warehouse()


@pytest.fixture(autouse=True, scope="session")
def _empty_tables_fast() -> Iterator[None]:
    """What tests committed is deleted, from the tables that hold rows, instead of TRUNCATE of all and a new post_migrate.

    That takes a twentieth of the time, asks for no lock that a late reader could stand in the way of, and spares the
    content types. It runs as a replica would, for which neither triggers (of append-only tables) nor foreign keys fire.
    """

    def emptied(self: flush.Command, **options: Any) -> None:
        with connection.cursor() as cursor:
            held = " UNION ALL ".join(
                f"SELECT '{name}' WHERE EXISTS (SELECT FROM {connection.ops.quote_name(name)})"
                for name in connection.introspection.django_table_names(include_views=False)
                if name not in {"django_content_type", "auth_permission"}
            )
            cursor.execute(held)
            full = [name for (name,) in cursor.fetchall()]
            cursor.execute("SET session_replication_role = replica")
            try:
                for name in full:
                    cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")
            finally:
                cursor.execute("SET session_replication_role = DEFAULT")
        # What migrations put there is part of a new installation.
        install_default_filters(Filter)

    patch = pytest.MonkeyPatch()
    patch.setattr(flush.Command, "handle", emptied)
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    yield
    patch.undo()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whoever runs the tests may ask for the names of those that failed: scripts/run_tests.py does."""
    if note := os.environ.get("FAILED_TESTS"):
        reports = [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]
        Path(note).write_text(json.dumps(sorted({report.nodeid for report in reports})))
