"""Twenty settings groups prepared by two workers at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.db import transaction

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.models import Draw, Preparation, PreparationState
from tests.factories import add_settings, make_draft
from tests.waiting import wait_until
from tests.workers import WorkerProcess

TESTS = 20
# 8 % each: the first twelve find only free groups, the others must share.
VARIANTS: list[dict[str, object]] = [{"name": "a", "percent": "4"}, {"name": "b", "percent": "4"}]


@pytest.mark.django_db(transaction=True)
def test_free_groups_first_in_all_and_no_group_with_two_owners(
    start_worker: Callable[..., WorkerProcess], manager: Actor, warehouse: Warehouse
) -> None:
    with transaction.atomic():
        for _ in range(TESTS):
            add_settings(manager, make_draft(manager), variants=VARIANTS)
    for _ in range(2):
        start_worker(concurrency=2, beat=False)
    wait_until(
        lambda: Preparation.objects.filter(state=PreparationState.READY).count() == TESTS,
        "all are prepared",
        120,
    )

    busy = np.zeros(2400, dtype=bool)
    for draw in Draw.objects.order_by("pk"):
        owners = np.asarray(draw.owners)
        mine = owners > 0
        # One number per group: two variants of a test cannot own the same one. Both got what they asked for.
        assert [int((owners == position).sum()) for position in (1, 2)] == [96, 96]
        free = ~busy
        if free.sum() >= mine.sum():
            assert not (mine & busy).any()
        else:
            assert (mine & free).sum() == free.sum()
        busy |= mine
    assert busy.all()
