"""A fold that dies between any two of its steps: what it had begun is finished by the next, and counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from accounts.actors import Actor
from accounts.models import Scope
from analytics import folding
from analytics.models import Part, Stream, UnknownHits, WaitingBatch
from analytics.store import StoreError, get_store
from tests.analytics.batches import event, hit, send
from tests.analytics.stored import Sums, stored_rows
from tests.api import Api
from tests.conftest import People
from tests.factories import make_experiment

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """As good as SIGKILL: nobody catches it, and what was not committed is gone."""


class Fate:
    """Counts the steps of a fold, which are its statements and its writing to the store, and ends it at one of them."""

    def __init__(self, deadly: int, *, late: bool) -> None:
        self.deadly, self.late = deadly, late
        self.steps = 0

    def step(self, work: Callable[[], Any]) -> Any:
        self.steps += 1
        is_last = self.steps == self.deadly
        if is_last and not self.late:
            raise Killed
        done = work()
        if is_last:
            raise Killed
        return done

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return self.step(lambda: execute(sql, params, many, context))


@contextmanager
def killed_at(step: int, *, late: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fate]:
    """The block ends with its `step`-th step, before it or (late) after it, and loses its connection to the database."""
    fate = Fate(step, late=late)
    store = get_store()
    write = store.write
    with monkeypatch.context() as patch, connection.execute_wrapper(fate.statement):
        patch.setattr(store, "write", lambda *arguments: fate.step(lambda: write(*arguments)))
        try:
            yield fate
        except Killed:
            connection.close()


@pytest.fixture
def api(people: People) -> Api:
    make_experiment(Actor.person(people.manager), key="green_button")
    return Api.of(people.developer, [Scope.INGEST])


def send_some(api: Api) -> None:
    send(api, hit(), hit(user_id="2", variant="control"), hit(test="mistyped"))
    send(api, hit(forced=True))
    send(api, event(), event(), stream="events")


def assert_counted(times: int) -> None:
    assert Sums.now() == Sums.all(3 * times)
    assert UnknownHits.objects.get().hits == times
    assert len(stored_rows(Stream.EVENTS, "1")) == 2 * times
    assert not WaitingBatch.objects.exists()
    assert not Part.objects.filter(state=Part.State.OPEN).exists()


def test_killed_before_any_step_everything_is_counted_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    step = rounds = 0
    fate = None
    while fate is None or fate.steps >= step:
        step += 1
        rounds += 1
        send_some(api)
        with killed_at(step, late=False, monkeypatch=monkeypatch) as fate:
            folding.fold()
        folding.fold()
        assert_counted(rounds)
    assert step > 25


def test_killed_again_and_again_everything_is_counted_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    send_some(api)
    step, fate = 0, None
    while fate is None or fate.steps >= step:
        step += 1
        with killed_at(step, late=step % 2 == 0, monkeypatch=monkeypatch) as fate:
            folding.fold()
    assert_counted(1)


def test_a_store_that_fails_keeps_everything_waiting(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    send_some(api)

    def refuse(*arguments: object) -> list[object]:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(get_store(), "write", refuse)
        for _ in range(2):
            with pytest.raises(StoreError):
                folding.fold()
    assert WaitingBatch.objects.count() == 3
    assert Sums.now() == Sums.all(0)
    send_some(api)
    folding.fold()
    folding.fold()
    assert_counted(2)


def test_who_comes_second_with_a_part_changes_nothing(api: Api) -> None:
    send_some(api)
    part, _ = folding.begin_part(Stream.HITS)
    assert part is not None
    folding.move_part(part)
    with pytest.raises(folding.PartIsDone):
        folding.finish_part(part, [], folding.Counted(3, [], []))
    folding.fold()
    assert_counted(1)
