"""The same batch from several senders at the same moment, each with a connection of its own."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Scope
from analytics import folding
from analytics.models import Batch, TotalHits, WaitingBatch
from tests.analytics.batches import hit, send
from tests.analytics.stored import Sums
from tests.api import Api
from tests.conftest import People
from tests.factories import make_experiment

pytestmark = pytest.mark.django_db(transaction=True)
SENDERS = 6


def at_once(work: Any) -> list[Any]:
    """What `work` answers in threads that begin together."""
    barrier = threading.Barrier(SENDERS)

    def begin(_: int) -> Any:
        try:
            barrier.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(begin, range(SENDERS)))


def test_one_of_them_is_taken_and_all_get_the_same_answer(people: People) -> None:
    make_experiment(Actor.person(people.manager), key="green_button")
    api = Api.of(people.developer, [Scope.INGEST])
    for _ in range(5):
        batch_id = uuid.uuid4()
        answers = at_once(lambda batch_id=batch_id: send(api, hit(), hit(test=""), batch_id=batch_id))
        assert sorted(answer.pop("duplicate") for answer in answers) == [False] + [True] * (SENDERS - 1)
        assert all(answer == answers[0] for answer in answers)
    assert Batch.objects.count() == WaitingBatch.objects.count() == 5


def test_folds_at_once_count_once(people: People) -> None:
    make_experiment(Actor.person(people.manager), key="green_button")
    api = Api.of(people.developer, [Scope.INGEST])
    for turn in range(3):
        for _ in range(4):
            send(api, hit(), hit())
        at_once(folding.fold)
        folding.fold()
        assert Sums.now() == Sums.all(8 * (turn + 1))
    assert TotalHits.objects.get().hits == 24
