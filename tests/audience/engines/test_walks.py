"""Walking the users, and readers beside loads, in every engine."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from audience.warehouse import Warehouse
from tests.audience.catalogues import WIDER
from tests.audience.engines.conftest import Place

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
HEADER = "id,split_group,age,language,app_version,registered_at,tags\n"
GROWN_UP = [{"filter": "age", "source": "user", "operator": "gte", "value": 18}]


@pytest.fixture
def three_users(place: Place) -> Warehouse:
    place.load(
        HEADER + "a,1,17,de,1.9,2026-01-31,x|y\nb,1,18,de,1.10,,\nc,2400,,fr,,2026-01-31T10:00:00Z,[]\n"
    )
    return place.open(WIDER)


def test_walking_yields_users_as_the_sdk_takes_them(three_users: Warehouse) -> None:
    users = {user.id: user for user in three_users.iterate_users([], NOW)}
    assert users["a"].attributes == {
        "age": 17,
        "language": "de",
        "app_version": "1.9",
        "registered_at": dt.datetime(2026, 1, 31, tzinfo=dt.UTC),
        "tags": ["x", "y"],
    }
    assert users["c"].attributes == {
        "language": "fr",
        "registered_at": dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC),
        "tags": [],
    }
    assert [user.id for user in three_users.iterate_users([], NOW, split_groups=[2400])] == ["c"]
    assert [user.id for user in three_users.iterate_users(GROWN_UP, NOW)] == ["b"]
    assert list(three_users.iterate_users([], NOW, split_groups=[])) == []


def test_a_walk_is_in_order_and_goes_on_where_one_stopped(place: Place) -> None:
    ids = ["B", "a", "Z", "ä", "b", "10", "9", "_", "é", "a'b", "日本"]
    place.load(
        "id,split_group\n" + "".join(f'"{name}",{index % 3 + 1}\n' for index, name in enumerate(ids * 1))
    )
    warehouse = place.open(WIDER)
    walked = [(user.split_group, user.id) for user in warehouse.iterate_users([], NOW)]
    assert walked == sorted(walked, key=lambda user: (user[0], user[1].encode()))
    for index, position in enumerate(walked):
        rest = [(user.split_group, user.id) for user in warehouse.iterate_users([], NOW, after=position)]
        assert rest == walked[index + 1 :]


def test_one_user_is_found_by_id(three_users: Warehouse) -> None:
    found = three_users.user("c")
    assert found is not None
    assert (found.split_group, found.attributes["language"]) == (2400, "fr")
    for stranger in ("d", "c' OR '1'='1", "c\\", "\0", "c\n", "%"):
        assert three_users.user(stranger) is None


def test_a_load_changes_the_version_and_disturbs_no_walk(place: Place) -> None:
    place.load("id\n" + "".join(f"{number}\n" for number in range(25_000)))
    warehouse = place.open(WIDER)
    before = warehouse.version()
    walk = warehouse.iterate_users([], NOW)
    first = next(walk)
    for round_ in range(3):
        place.load(f"id,age\nnew-{round_},5\n", replace=True)
    assert {first.id, *(user.id for user in walk)} == {str(number) for number in range(25_000)}
    assert [user.id for user in warehouse.iterate_users([], NOW)] == ["new-2"]
    assert warehouse.version() != before


def test_an_abandoned_walk_holds_nothing_up(three_users: Warehouse, place: Place) -> None:
    walk = three_users.iterate_users([], NOW)
    next(walk)
    walk.close()  # type: ignore[attr-defined] # a generator
    place.load("id,age\nnew,5\n", replace=True)
    assert three_users.user_count() == 1


def test_threads_count_while_users_are_loaded(three_users: Warehouse, place: Place) -> None:
    """Each count sees one load or another, never half of one."""
    seen: set[int] = set()
    failures: list[BaseException] = []
    done = threading.Event()

    def count() -> None:
        try:
            while not done.is_set():
                seen.add(int(three_users.count_table([], [GROWN_UP], NOW).users.sum()))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for size in (10, 20, 30):
        place.load("id\n" + "".join(f"user-{number}\n" for number in range(size)), replace=True)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert seen <= {3, 10, 20, 30}
    assert seen
