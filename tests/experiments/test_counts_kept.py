"""Which counts stay: what was drawn with for good, of the others the newest few; whatever anybody tries."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.audience_report import audience_report
from experiments.lifecycle import Status, Verb
from experiments.models import AudienceCount, Draw, Kind, SettingsGroup
from experiments.models.audience import COUNTS_KEPT
from experiments.plans import redraw
from experiments.services import apply_verb, recount_settings_group
from experiments.services.recounts import prune_counts
from tests.factories import add_prepared, make_draft, make_experiment

HALF: list[dict[str, object]] = [{"name": "a", "percent": "25"}, {"name": "b", "percent": "25"}]
PAYING: list[object] = [{"filter": "is_paying", "operator": "eq", "value": True}]


def counts_of(settings_group: SettingsGroup) -> list[int]:
    return list(
        AudienceCount.objects.filter(settings_group=settings_group)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def test_old_recounts_go_and_what_was_drawn_with_stays(manager: Actor, warehouse: Warehouse) -> None:
    drawn, quiet = (add_prepared(manager, make_draft(manager)) for _ in range(2))
    group = add_prepared(manager, make_draft(manager, kind=Kind.GROUP))
    for _ in range(COUNTS_KEPT + 2):
        recount_settings_group(drawn.pk)
        recount_settings_group(group.pk)
    before = counts_of(drawn)
    assert prune_counts() == 2 + 3
    assert counts_of(drawn) == [before[0], *before[-COUNTS_KEPT:]]
    assert Draw.objects.get(settings_group=drawn).count_id == before[0]
    assert len(counts_of(group)) == COUNTS_KEPT
    assert len(counts_of(quiet)) == 1
    assert prune_counts() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM experiments_audiencecount WHERE id = {drawn_with}",
        "DELETE FROM experiments_audiencecount WHERE id = {newest}",
        "DELETE FROM experiments_audiencecount",
        "UPDATE experiments_audiencecount SET shared = ''::bytea WHERE id = {oldest}",
        "UPDATE experiments_draw SET count_id = {newest}",
        "TRUNCATE experiments_audiencecount CASCADE",
    ],
)
def test_the_database_refuses_to_lose_the_others(
    manager: Actor, warehouse: Warehouse, statement: str
) -> None:
    settings_group = add_prepared(manager, make_draft(manager))
    for _ in range(COUNTS_KEPT + 1):
        recount_settings_group(settings_group.pk)
    before = counts_of(settings_group)
    names = {"drawn_with": before[0], "oldest": before[1], "newest": before[-1]}
    refused = pytest.raises(ProgrammingError, match=r"kept|Cannot")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement.format(**names)}")
    assert counts_of(settings_group) == before


def test_every_draw_can_be_repeated_from_its_rows(manager: Actor, warehouse: Warehouse) -> None:
    for variants in (HALF, [{"name": "x", "percent": "70"}]):
        make_experiment(manager, Status.RUNNING, variants=variants, conditions=PAYING)
    done = make_experiment(manager, Status.RUNNING, variants=HALF)
    apply_verb(manager, done, Verb.FINISH, {"result": "rejected"})
    experiment = make_experiment(manager, Status.RUNNING, variants=HALF)
    grown = [{"name": "a", "percent": "30", "is_control": True}, {"name": "b", "percent": "30"}]
    second = add_prepared(manager, experiment, variants=grown, draw="smallest_worst_pair")
    # Whatever comes later: another test, another count.
    make_experiment(manager, Status.RUNNING, variants=HALF)
    recount_settings_group(second.pk)
    for draw in Draw.objects.select_related("count", "settings_group__experiment__current"):
        assert np.array_equal(redraw(draw).owners, draw.owners)
    assert Draw.objects.get(settings_group=second).previous_id == experiment.current_id


def test_blind_draws_can_be_repeated_too(manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, variants=HALF)
    draw = Draw.objects.get(settings_group=add_prepared(manager, make_draft(manager), variants=HALF))
    assert draw.log["is_blind"] is True
    assert np.array_equal(redraw(draw).owners, draw.owners)


def test_a_count_reads_itself(manager: Actor, warehouse: Warehouse) -> None:
    agent = [{"filter": "user_agent", "operator": "contains", "value": "Firefox"}]
    first = make_experiment(manager, Status.RUNNING, conditions=PAYING)
    second = make_experiment(manager, Status.RUNNING, conditions=agent)
    settings_group = add_prepared(manager, make_draft(manager), variants=HALF)
    table = Draw.objects.get(settings_group=settings_group).count.table()
    assert table.others == (first.current_id, second.current_id)
    assert table.not_counted == ((), ("user_agent",))
    paying = warehouse.count_table(PAYING, [], settings_group.created_at).users
    assert first.current_id is not None
    assert np.array_equal(table.with_other(first.current_id), paying)
    assert np.array_equal(table.shared[1], table.users)
    report = audience_report(settings_group)
    assert report is not None
    assert {tuple(one.not_counted) for one in report.intersections} == {(), ("user_agent",)}
