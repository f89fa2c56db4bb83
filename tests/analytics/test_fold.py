"""What waits comes into the store and is counted, by hour, day and in all; what nobody knows is kept apart."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from accounts.models import Scope
from analytics import folding
from analytics.counters import MAX_UNKNOWN, OTHERS, UnknownCount, add_unknown
from analytics.ledger import oldest_waiting, prune
from analytics.models import Batch, DailyHits, HourlyHits, Part, Stream, TotalHits, UnknownHits, WaitingBatch
from analytics.store import get_store
from core import clock
from experiments.models import Experiment
from tests.analytics.batches import event, hit, send
from tests.analytics.stored import Sums, stored_rows
from tests.api import Api
from tests.conftest import People
from tests.factories import make_experiment


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.developer, [Scope.INGEST])


@pytest.fixture
def test(people: People) -> Experiment:
    return make_experiment(Actor.person(people.manager), key="green_button")


def at(hour: int, minute: int = 0) -> str:
    """A moment of yesterday."""
    day = (clock.now() - dt.timedelta(days=1)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return day.isoformat()


def test_hits_are_counted_by_hour_day_and_in_all(api: Api, test: Experiment) -> None:
    send(api, hit(time=at(7, 1)), hit(time=at(7, 59)), hit(time=at(8)), hit(time=at(8), variant="control"))
    folding.fold()
    green = HourlyHits.objects.filter(variant="green").order_by("hour")
    assert [(row.hour.hour, row.hits, row.first_at.minute, row.last_at.minute) for row in green] == [
        (7, 2, 1, 59),
        (8, 1, 0, 0),
    ]
    assert [row.hits for row in DailyHits.objects.order_by("variant")] == [1, 3]
    total = TotalHits.objects.get(variant="green")
    assert (total.hits, total.settings_group, total.environment, total.who) == (
        3,
        test.current,
        "production",
        "users",
    )
    assert Sums.now() == Sums.all(4)


def test_a_later_fold_adds_to_what_is_there(api: Api, test: Experiment) -> None:
    send(api, hit(time=at(7, 30)))
    folding.fold()
    send(api, hit(time=at(7, 10)), hit(time=at(7, 50)))
    folding.fold()
    row = HourlyHits.objects.get()
    assert (row.hits, row.first_at.minute, row.last_at.minute) == (3, 10, 50)
    assert Sums.now() == Sums.all(3)


def test_counters_tell_that_they_changed_whatever_the_clock_does(api: Api, test: Experiment) -> None:
    """Different users are counted up to a `changed_at`: standing still it would hide what came since."""
    send(api, hit())
    folding.fold()
    first = TotalHits.objects.get().changed_at
    with clock.frozen_at(first - dt.timedelta(hours=1)):
        send(api, hit(time=(first - dt.timedelta(hours=1)).isoformat()))
        folding.fold()
    assert TotalHits.objects.get().changed_at > first


def test_the_day_is_that_of_utc(api: Api, test: Experiment) -> None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    eastern = dt.timezone(dt.timedelta(hours=9))
    send(api, hit(time=(midnight - dt.timedelta(seconds=1)).astimezone(eastern).isoformat()))
    folding.fold()
    assert DailyHits.objects.get().day == midnight.date() - dt.timedelta(days=1)
    assert stored_rows(what='"time"') == [(midnight.replace(tzinfo=None) - dt.timedelta(seconds=1),)]


def test_forced_and_test_users_are_counted_apart(api: Api, test: Experiment) -> None:
    send(api, hit(), hit(forced=True), hit(test_user=True), hit(forced=True, test_user=True))
    folding.fold()
    assert dict(TotalHits.objects.values_list("who", "hits")) == {"users": 1, "forced": 2, "test_users": 1}


def test_every_field_is_in_the_store_as_it_was_sent(api: Api, test: Experiment) -> None:
    ids = ["4711", "<b>'; DROP TABLE x;--\n\t\"\\", "ключ 🗝", "\x7f\u2028", " ", "null", "NaN", "{}", "1e5"]
    send(api, *[hit(user_id=user, device_id=user[::-1], split_group=None) for user in ids])
    folding.fold()
    group = test.current
    assert group is not None
    for user in ids:
        [stored] = get_store().hits_of(user, None)
        assert (stored.user_id, stored.device_id, stored.split_group) == (user, user[::-1], None)
        assert (stored.test, stored.settings_group, stored.variant) == ("green_button", 1, "green")
        assert stored.group_id == group.pk


def test_what_nobody_knows_is_kept_apart(api: Api, test: Experiment) -> None:
    send(
        api,
        hit(),
        hit(test="gren_button"),
        hit(test="gren_button"),
        hit(variant="grene"),
        hit(settings_group=7),
    )
    folding.fold()
    found = UnknownHits.objects.order_by("why").values_list(
        "test", "settings_group", "variant", "why", "hits"
    )
    assert list(found) == [
        ("green_button", 7, "green", "settings_group", 1),
        ("gren_button", 1, "green", "test", 2),
        ("green_button", 1, "grene", "variant", 1),
    ]
    assert Sums.now() == Sums.all(1)
    assert not WaitingBatch.objects.exists()


def test_a_sender_that_makes_up_names_fills_no_table(api: Api, test: Experiment) -> None:
    send(api, *[hit(test=f"made_up_{number}") for number in range(MAX_UNKNOWN + 50)])
    folding.fold()
    send(api, hit(test="made_up_too"), hit(test="made_up_7"))
    folding.fold()
    assert UnknownHits.objects.count() == MAX_UNKNOWN + 1
    assert UnknownHits.objects.get(test=OTHERS).hits >= 51
    assert sum(UnknownHits.objects.values_list("hits", flat=True)) == MAX_UNKNOWN + 52


def test_events_come_into_the_store(api: Api) -> None:
    send(api, event(value=2.5), event(event="page.seen", value=None), stream="events")
    folding.fold()
    rows = stored_rows(Stream.EVENTS, "event, environment, value")
    assert sorted(rows, key=str) == [
        ("order.paid", "production", 2.5),
        ("page.seen", "production", None),
    ]
    assert not WaitingBatch.objects.exists()


def test_a_backlog_is_moved_in_parts_of_bounded_size(
    api: Api, test: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "PART_ITEMS", 5)
    for _ in range(10):
        send(api, hit(), hit())
    folding.fold(seconds=600)
    assert Sums.now() == Sums.all(20)
    assert {part.state for part in Part.objects.all()} == {Part.State.DONE}
    assert max(Part.objects.values_list("items", flat=True)) == 6


def test_nothing_to_do_leaves_no_trace(db: None) -> None:
    folding.fold()
    assert not Part.objects.exists()


def test_how_long_the_oldest_has_been_waiting_is_told(api: Api, test: Experiment) -> None:
    assert oldest_waiting() is None
    with clock.frozen_at(clock.now() - dt.timedelta(minutes=5)):
        send(api, hit())
        early = clock.now()
    send(api, hit())
    assert oldest_waiting() == early
    folding.fold()
    assert oldest_waiting() is None


def test_the_ledger_forgets_only_what_would_be_refused_anyway(api: Api, test: Experiment) -> None:
    long_ago = clock.now() - dt.timedelta(days=368)
    with clock.frozen_at(long_ago):
        old = send(api, hit(time=long_ago.isoformat()))
    young = send(api, hit())
    folding.fold()
    assert prune() == 1
    assert str(Batch.objects.get().batch_id) == young["batch_id"]
    again = send(api, hit(time=long_ago.isoformat()), batch_id=old["batch_id"])
    assert (again["accepted"], again["duplicate"]) == (0, False)


def test_a_batch_that_still_waits_is_never_forgotten(api: Api) -> None:
    long_ago = clock.now() - dt.timedelta(days=400)
    with clock.frozen_at(long_ago):
        send(api, hit(time=long_ago.isoformat()))
    assert prune() == 0
    assert Batch.objects.exists()


def test_unknown_hits_of_long_ago_make_room(db: None) -> None:
    with clock.frozen_at(clock.now() - dt.timedelta(days=100)):
        add_unknown([UnknownCount("a", 1, "b", "production", "test", 3)])
    add_unknown([UnknownCount("c", 1, "b", "production", "test", 3)])
    prune()
    assert [row.test for row in UnknownHits.objects.all()] == ["c"]


def test_users_are_counted_in_the_store(api: Api, test: Experiment) -> None:
    send(api, hit(user_id="1"), hit(user_id="1"), hit(user_id="2"), hit(user_id=None, device_id="1"))
    folding.fold()
    assert test.current is not None
    [count] = get_store().count_users([test.current.pk], None, None, None)
    assert count.users == 3
