"""Django: the field draws at creation, the database for rows that were there before, each its own number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, migrations, models, transaction
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from usersplit_sdk.integrations.django import BackfillSplitGroups, SplitGroupField

ROWS = 48_000
# The 99.9999 % point of chi-square with 2399 degrees of freedom is about 2750: a fair draw stays below.
FAIR = 2750.0


def chi_square(numbers: list[int]) -> float:
    """How far the numbers are from being even over 1..2400."""
    assert set(numbers) <= set(range(1, 2401))
    expected = len(numbers) / 2400
    counts = Counter(numbers)
    return sum((counts[number] - expected) ** 2 / expected for number in range(1, 2401))


class Shop:
    """A table of customers in one of the databases, which migrations change."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.state = ProjectState()
        self.run(migrations.CreateModel("Customer", [("id", models.BigAutoField(primary_key=True))]))

    def run(self, *operations: Any) -> None:
        for operation in operations:
            before, self.state = self.state, self.state.clone()
            operation.state_forwards("shop", self.state)
            with connections[self.alias].schema_editor(atomic=False) as editor:
                operation.database_forwards("shop", editor, before, self.state)

    @property
    def customers(self) -> Any:
        return self.state.apps.get_model("shop", "Customer")

    def fill(self, rows: int = ROWS) -> None:
        made = [self.customers() for _ in range(rows)]
        self.customers.objects.using(self.alias).bulk_create(made, batch_size=10_000)

    def numbers(self) -> list[int]:
        return list(
            self.customers.objects.using(self.alias).order_by("pk").values_list("split_group", flat=True)
        )


ADD = migrations.AddField("customer", "split_group", SplitGroupField())


@pytest.fixture
def sqlite_shop(
    django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shop]:
    """In a database that the tests' settings do not know."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "shop.sqlite3")}
    settings = ConnectionHandler({"default": database}).settings
    monkeypatch.setitem(connections.settings, "sqlite", settings["default"])
    with django_db_blocker.unblock():
        yield Shop("sqlite")
        connections["sqlite"].close()
        del connections["sqlite"]


@pytest.fixture
def shop(db: None) -> Shop:
    assert connection.vendor == "postgresql"
    return Shop()


def test_rows_that_were_there_before_get_a_number_each(shop: Shop) -> None:
    shop.fill()
    shop.run(ADD)
    assert chi_square(shop.numbers()) < FAIR


def test_the_trap_that_the_field_avoids(shop: Shop) -> None:
    """Django evaluates a default once per migration. If this fails the field's own default is needed no more."""
    from usersplit_sdk import draw_split_group  # noqa: PLC0415

    shop.fill(100)
    shop.run(
        migrations.AddField("customer", "split_group", models.SmallIntegerField(default=draw_split_group))
    )
    assert len(set(shop.numbers())) == 1


def test_large_tables_are_filled_in_batches_and_go_on_where_they_stopped(shop: Shop) -> None:
    shop.fill()
    shop.run(migrations.AddField("customer", "split_group", models.SmallIntegerField(null=True)))
    kept = shop.customers.objects.order_by("pk").first()
    kept.split_group = 17
    kept.save()
    shop.run(BackfillSplitGroups("customer", batch_size=7_000))
    first = shop.numbers()
    assert first[0] == 17
    assert chi_square(first) < FAIR

    shop.run(
        BackfillSplitGroups("customer"), migrations.AlterField("customer", "split_group", SplitGroupField())
    )
    assert shop.numbers() == first


def test_sqlite_draws_for_each_row_too(sqlite_shop: Shop) -> None:
    sqlite_shop.fill()
    sqlite_shop.run(ADD)
    assert chi_square(sqlite_shop.numbers()) < FAIR


def test_sqlite_is_filled_in_batches_too(sqlite_shop: Shop) -> None:
    sqlite_shop.fill()
    sqlite_shop.run(
        migrations.AddField("customer", "split_group", models.SmallIntegerField(null=True)),
        BackfillSplitGroups("customer", batch_size=7_000),
        migrations.AlterField("customer", "split_group", SplitGroupField()),
    )
    assert chi_square(sqlite_shop.numbers()) < FAIR


def test_the_field_alone_fills_what_is_still_empty(shop: Shop) -> None:
    shop.fill(2000)
    shop.run(
        migrations.AddField("customer", "split_group", models.SmallIntegerField(null=True)),
        migrations.AlterField("customer", "split_group", SplitGroupField()),
    )
    assert len(set(shop.numbers())) > 1000


def test_objects_draw_theirs_when_they_are_made(shop: Shop) -> None:
    shop.run(ADD)
    shop.fill()
    assert chi_square(shop.numbers()) < FAIR
    assert 1 <= shop.customers().split_group <= 2400


def test_rows_inserted_past_django_get_one_too(shop: Shop) -> None:
    shop.run(ADD)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_customer SELECT number FROM generate_series(1, %s) number", [ROWS])
    assert chi_square(shop.numbers()) < FAIR


def test_a_number_never_changes_by_itself(shop: Shop) -> None:
    shop.run(ADD)
    customer = shop.customers.objects.create()
    number = customer.split_group
    for _ in range(5):
        customer.save()
        customer = shop.customers.objects.get(pk=customer.pk)
        assert customer.split_group == number
    assert shop.customers.objects.create(split_group=None).split_group in range(1, 2401)
    assert shop.customers.objects.create(split_group=5).split_group == 5


@pytest.mark.parametrize("number", [0, 2401, -1])
def test_other_numbers_are_refused(shop: Shop, number: int) -> None:
    shop.run(ADD)
    with pytest.raises(ValidationError):
        shop.customers(split_group=number).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        shop.customers.objects.create(split_group=number)


def test_migrations_name_the_field_and_nothing_of_its_inside() -> None:
    field = SplitGroupField(db_index=True)
    assert (
        MigrationWriter.serialize(field)[0]
        == "usersplit_sdk.integrations.django.SplitGroupField(db_index=True)"
    )
    assert isinstance(field.clone(), SplitGroupField)
    operation = MigrationWriter.serialize(BackfillSplitGroups("customer"))[0]
    assert operation.startswith("usersplit_sdk.integrations.django")


def test_a_migration_that_was_made_needs_no_other() -> None:
    def state(field: SplitGroupField) -> ProjectState:
        project = ProjectState()
        project.add_model(
            ModelState(
                "shop", "Customer", [("id", models.BigAutoField(primary_key=True)), ("split_group", field)]
            )
        )
        return project

    autodetector: Any = MigrationAutodetector(state(SplitGroupField()), state(SplitGroupField()))
    assert autodetector._detect_changes() == {}
