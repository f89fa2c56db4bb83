"""Nothing is locked while the warehouse works, and yet each draw sees all before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import psycopg
import pytest
from django.db import transaction

from accounts.actors import Actor
from audience.warehouse import CountTable, Warehouse
from experiments.models import Draw, SettingsGroup
from experiments.services import prepare_settings_group
from experiments.services.locks import Lock
from experiments.services.preparation import _MOST_ROUNDS
from tests.factories import add_prepared, add_settings, make_draft, make_experiment
from tests.workers import database_url

HALF: list[dict[str, object]] = [{"name": "a", "percent": "50"}]
TENTH: list[dict[str, object]] = [{"name": "a", "percent": "10"}]


def before_each_count(
    monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse, act: Callable[[int], None]
) -> None:
    """`act` hears which count of users (0, 1, …) begins; counts that it makes itself are not heard of."""
    count_table, heard, is_acting = warehouse.count_table, [0], [False]

    def watched(*args: object, **kwargs: object) -> CountTable:
        if not is_acting[0]:
            is_acting[0] = True
            act(heard[0])
            heard[0] += 1
            is_acting[0] = False
        return count_table(*args, **kwargs)  # type: ignore[arg-type]  # passes on whatever came

    monkeypatch.setattr(warehouse, "count_table", watched)


def owned(settings_group: SettingsGroup | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(Draw.objects.get(settings_group=settings_group).owners) > 0


def test_a_test_that_is_drawn_in_between_is_counted_before_the_draw(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group, rival = add_settings(manager, make_draft(manager), variants=HALF), make_draft(manager)
    counts: list[int] = []

    def drawn_in_between(number: int) -> None:
        counts.append(number)
        if number == 0:
            add_prepared(manager, rival, variants=HALF)

    before_each_count(monkeypatch, warehouse, drawn_in_between)
    assert prepare_settings_group(settings_group.pk) is True
    rival.refresh_from_db()
    assert len(counts) == 2
    assert Draw.objects.get(settings_group=settings_group).count.others == [rival.current_id]
    assert not np.any(owned(settings_group) & owned(rival.current))


def test_it_comes_to_an_end_though_others_are_always_faster(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_group = add_settings(manager, make_draft(manager), variants=TENTH)

    def faster(number: int) -> None:
        if number < _MOST_ROUNDS:
            make_experiment(manager, variants=TENTH)

    before_each_count(monkeypatch, warehouse, faster)
    assert prepare_settings_group(settings_group.pk) is True
    count = Draw.objects.get(settings_group=settings_group).count
    assert len(count.others) == _MOST_ROUNDS
    drawn = [owned(group) for group in SettingsGroup.objects.all()]
    assert np.sum(drawn, axis=0).max() == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_warehouse(
    manager: Actor, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        settings_group = add_settings(manager, make_draft(manager), variants=HALF)
    free: list[bool] = []

    def try_to_draw(number: int) -> None:
        with psycopg.connect(database_url()) as other:
            got = other.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [Lock.DRAWING.value]).fetchone()
            free.append(got == (True,))

    before_each_count(monkeypatch, warehouse, try_to_draw)
    assert prepare_settings_group(settings_group.pk) is True
    assert free == [True]
