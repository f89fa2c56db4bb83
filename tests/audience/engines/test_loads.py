"""Loading means the same in every engine."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import numpy as np
import pytest

from audience.loading import LoadReport
from audience.specs import FilterSpec
from audience.warehouse import DuplicateId, UserBatch, WarehouseQueryFailed
from core.errors import InvalidInput
from tests.audience.catalogues import WIDER
from tests.audience.engines.conftest import Place

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
NOBODYS = np.zeros(1, dtype=np.int16)


def attributes(place: Place, user_id: str) -> Any:
    user = place.open(WIDER).user(user_id)
    assert user is not None
    return user.attributes


def split_group(place: Place, user_id: str) -> int:
    user = place.open(WIDER).user(user_id)
    assert user is not None
    return user.split_group


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return report.rows_read, report.added, report.changed, report.unchanged, report.rejected


def test_a_second_import_of_the_same_file_changes_nothing(place: Place) -> None:
    text = "id,age,tags,app_version,registered_at,is_paying,score\n1,30,a|b,1.10,2026-01-31,yes,0.1\n2,,,,,,\n3,1,[],,,,\n"
    first = place.load(text)
    again = place.load(text)
    assert counts(first) == (3, 3, 0, 0, 0)
    assert counts(again) == (3, 0, 0, 3, 0)
    assert again.version == first.version == place.open(WIDER).version()


def test_every_type_comes_back_as_it_went_in(place: Place) -> None:
    place.load(
        "id,age,tags,app_version,registered_at,is_paying,score,language\n"
        '1,-9223372036854775808,"[""a\'b"", """"]",1.10,0001-01-01,yes,5e-324,"ü\\n""\'"\n'
        "2,9223372036854775807,[],0,9999-12-31T23:59:59.999999Z,no,-1e308,🦄\n"
    )
    first, second = attributes(place, "1"), attributes(place, "2")
    assert (first["age"], second["age"]) == (-(2**63), 2**63 - 1)
    assert (first["tags"], second["tags"]) == (["a'b", ""], [])
    assert (first["registered_at"].isoformat(), second["registered_at"].isoformat()) == (
        "0001-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59.999999+00:00",
    )
    assert (first["is_paying"], second["is_paying"]) == (True, False)
    assert (first["score"], second["score"]) == (5e-324, -1e308)
    assert (first["language"], second["language"]) == ("ü\\n\"'", "🦄")


def test_a_file_is_the_truth_about_its_columns_only(place: Place) -> None:
    place.load("id,age,language,tags\n1,30,de,a\n2,40,fr,\n3,50,it,[]\n")
    report = place.load("id,age\n1,31\n2,\n4,20\n")
    assert counts(report) == (3, 1, 2, 0, 0)
    assert attributes(place, "1") == {"age": 31, "language": "de", "tags": ["a"]}
    assert attributes(place, "2") == {"language": "fr"}
    assert attributes(place, "3") == {"age": 50, "language": "it", "tags": []}
    assert attributes(place, "4") == {"age": 20}


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [
        ("age", "30", ""), ("age", "", "30"), ("tags", "[]", ""), ("tags", "", "[]"), ("tags", "a", "a|b"),
        ("language", "de", ""), ("is_paying", "no", ""), ("app_version", "1.1", "1.10"), ("registered_at", "2026-01-31", "2026-02-01"),
        ("score", "0.1", "0.2"),
    ],
)  # fmt: skip
def test_a_changed_value_is_seen(place: Place, column: str, before: str, after: str) -> None:
    place.load(f"id,{column}\n1,{before}\n2,{before}\n")
    assert counts(place.load(f"id,{column}\n1,{before}\n2,{after}\n")) == (2, 0, 1, 1, 0)


def test_replace_leaves_only_this_file(place: Place) -> None:
    place.load("id,age,language,tags\n1,30,de,a\n2,40,fr,b\n")
    report = place.load("id,age\n1,30\n3,50\n", replace=True)
    assert (report.added, report.changed, report.removed, report.user_count) == (1, 1, 1, 2)
    assert place.open(WIDER).user("2") is None
    assert place.open(WIDER).columns() == {"age"}
    assert place.open(WIDER).user_count() == 2


def test_a_split_group_is_for_life(place: Place) -> None:
    place.load("id,age\n" + "".join(f"{number},1\n" for number in range(500)))
    first = {str(number): split_group(place, str(number)) for number in range(0, 500, 50)}
    place.load("id\nsomebody\n", replace=True)
    assert place.open(WIDER).user("0") is None
    report = place.load("id,split_group\n" + "".join(f"{number},7\n" for number in range(500)))
    assert {number: split_group(place, number) for number in first} == first
    assert report.split_groups_kept >= 490


def test_split_groups_of_the_file_are_taken_for_new_users(place: Place) -> None:
    place.load("id,sg\na,1\nb,2400\nc,\n", split_group_column="sg")
    assert (split_group(place, "a"), split_group(place, "b")) == (1, 2400)
    assert 1 <= split_group(place, "c") <= 2400
    report = place.load("id,split_group\na,5\nb,2400\n")
    assert report.split_groups_kept == 1
    assert split_group(place, "a") == 1


def test_the_first_row_of_a_user_counts_and_every_other_is_told(place: Place) -> None:
    told: list[DuplicateId] = []
    rows = 60
    batches = [
        UserBatch(
            lines=[line],
            ids=["same"],
            split_groups=[line],
            drawn=NOBODYS,
            values={"age": [line]},
        )
        for line in range(1, rows + 1)
    ]
    report = place.open(WIDER).merge_users(batches, {"age": "integer"}, each_duplicate=told.append)
    assert told == [DuplicateId(line, "same", 1) for line in range(2, rows + 1)]
    assert (report.added, report.duplicate_count, report.duplicates) == (1, rows - 1, tuple(told[:20]))
    assert (attributes(place, "same"), split_group(place, "same")) == ({"age": 1}, 1)


def test_a_column_that_became_another_type_starts_anew(place: Place) -> None:
    place.load("id,age\n1,30\n2,40\n")
    otherwise = {**WIDER, "age": FilterSpec("age", "Age", "string", column="age")}
    report = place.load("id,age\n1,thirty\n", otherwise)
    assert (report.changed, report.user_count) == (1, 2)
    users = {user.id: user.attributes for user in place.open(otherwise).iterate_users([], NOW)}
    assert users == {"1": {"age": "thirty"}, "2": {}}


def test_a_refused_load_changes_nothing(place: Place) -> None:
    place.load("id,age\nsomebody,5\n")
    before = place.open(WIDER).version()
    with pytest.raises(InvalidInput, match="nobody was replaced"):
        place.load("id,age\n,2\n", replace=True)
    assert place.open(WIDER).version() == before
    assert attributes(place, "somebody") == {"age": 5}


def test_loads_at_the_same_time_all_count(place: Place) -> None:
    failures: list[BaseException] = []

    def load(part: int) -> None:
        batch = UserBatch(
            lines=[1], ids=[f"user-{part}"], split_groups=[part + 1], drawn=NOBODYS, values={"age": [part]}
        )
        try:
            place.open(WIDER).merge_users([batch], {"age": "integer"})
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=load, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    users = {user.id: user.attributes["age"] for user in place.open(WIDER).iterate_users([], NOW)}
    assert users == {f"user-{part}": part for part in range(4)}


def test_a_server_with_fewer_dates_is_given_no_others(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audience.warehouse.clickhouse_merge._LAST_MICROSECOND", 0)
    place.load("id,registered_at\n1,2299-12-31\n")
    if place.engine == "clickhouse":
        with pytest.raises(WarehouseQueryFailed, match="registered_at has 2300-01-01"):
            place.load("id,registered_at\n2,2300-01-01\n")
    else:
        place.load("id,registered_at\n2,2300-01-01\n")
