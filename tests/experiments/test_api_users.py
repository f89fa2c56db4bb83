"""The users in a test over HTTP: pages, streams, who may read them, and what cannot be asked."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from audience.loading import load_users
from audience.warehouse import Warehouse, WarehouseQueryFailed
from audience.warehouse.duckdb_engine import DuckDBWarehouse
from experiments.lifecycle import Status
from experiments.members import users_in
from experiments.models import Experiment, Kind
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment

AGE: list[Any] = [{"filter": "age", "operator": "gte", "value": 25}]
USERS = "/tests/button/users/"


@pytest.fixture
def experiment(manager: Actor, warehouse: Warehouse) -> Experiment:
    return make_experiment(manager, Status.RUNNING, key="button", conditions=AGE)


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager, ["read"])


def rows_of(experiment: Experiment, variant: str | None = None) -> list[dict[str, object]]:
    return [
        {"id": member.id, "split_group": member.split_group, "variant": member.variant}
        for member in users_in(experiment, variant)
    ]


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize("variant", [None, "green"])
def test_pages_lead_through_all_users_in_order(experiment: Experiment, api: Api, variant: str | None) -> None:
    address = f"{USERS}?limit=500" + (f"&variant={variant}" if variant else "")
    found: list[dict[str, object]] = []
    while address:
        body = api.get(address.removeprefix("http://testserver")).json()
        assert body["settings_group"] == 1
        assert body["not_counted"] == []
        assert body["loaded_meanwhile"] is False
        assert 0 < len(body["results"]) <= 500
        found += body["results"]
        address = body["next"]
    assert body["cursor"] is None
    assert found == rows_of(experiment, variant)


@pytest.mark.parametrize(
    "ask",
    [
        {"format": "csv"},
        {"headers": {"Accept": "text/csv"}},
        {"format": "csv", "headers": {"Accept": "application/json"}},
    ],
)
def test_all_of_them_as_csv(experiment: Experiment, api: Api, ask: dict[str, Any]) -> None:
    answer = api.get(USERS, **ask)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert (answer.headers["Settings-Group"], answer.headers["Not-Counted"]) == ("1", "")
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert rows == [row | {"split_group": str(row["split_group"])} for row in rows_of(experiment)]


def test_lines_of_json_tell_where_to_go_on(experiment: Experiment, api: Api) -> None:
    rows = rows_of(experiment)
    answer = api.get(USERS, headers={"Accept": "application/x-ndjson"})
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    lines = [json.loads(line) for line in text_of(answer).splitlines()]
    places = [place for place, line in enumerate(lines) if "cursor" in line]
    assert places == list(range(999, len(rows), 1_000))
    assert [{name: line[name] for name in rows[0]} for line in lines] == rows
    rest = text_of(api.get(USERS, format="jsonl", cursor=lines[999]["cursor"], limit=7)).splitlines()
    assert [json.loads(line)["id"] for line in rest] == [row["id"] for row in rows[1_000:1_007]]


def test_everybody_who_meets_the_conditions(experiment: Experiment, api: Api) -> None:
    found = [
        json.loads(line) for line in text_of(api.get(USERS, among="conditions", format="jsonl")).splitlines()
    ]
    rows = [{name: row[name] for name in ("id", "split_group", "variant")} for row in found]
    assert [row for row in rows if row["variant"]] == rows_of(experiment)
    assert len(rows) == sum(experiment.current.counts.latest("pk").users)  # type: ignore[union-attr]


def test_a_user_group_s_users_have_no_variant(manager: Actor, warehouse: Warehouse, api: Api) -> None:
    make_experiment(manager, Status.RUNNING, kind=Kind.GROUP, key="grown_up", conditions=AGE)
    [one] = api.get("/groups/grown_up/users/", limit=1).json()["results"]
    assert one.keys() == {"id", "split_group"}
    assert text_of(api.get("/groups/grown_up/users/", format="csv", limit=1)).startswith("id,split_group\r\n")
    assert wrong_fields(api.get("/groups/grown_up/users/", variant="green")) == ["variant"]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_nobody_keeps_a_copy_on_the_way(experiment: Experiment, api: Api, form: str) -> None:
    assert api.get(USERS, format=form, limit=1).headers["Cache-Control"] == "no-store"


def test_ids_are_read_by_managers_and_superusers_only(people: People, experiment: Experiment) -> None:
    for person in people:
        answer = Api.of(person, ["read"]).get(USERS, limit=1)
        if person in (people.superuser, people.manager, people.other_manager):
            assert answer.status_code == 200
        else:
            problem(answer, 403)
    problem(Api.of(people.superuser, ["manage", "qa", "deliver", "ingest", "evaluate"]).get(USERS), 403)
    problem(Api(None).get(USERS), 401)


def test_of_somebody_else_s_draft_nothing_is_told(
    people: People, manager: Actor, warehouse: Warehouse
) -> None:
    make_experiment(manager, key="button")
    assert Api.of(people.manager).get(USERS, limit=1).status_code == 200
    for person in (people.other_manager, people.qa):
        problem(Api.of(person).get(USERS), 404)
        problem(Api.of(person).get(USERS, format="csv"), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"variant": "blue"}, "variant"),
        ({"variant": ""}, "variant"),
        ({"variant": "\x00"}, "variant"),
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": "9" * 5_000}, "limit"),
        ({"limit": "x", "format": "csv"}, "limit"),
        ({"among": "everybody"}, "among"),
        ({"format": "xml"}, "format"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": "abc:def:ghi"}, "cursor"),
        ({"cursor": "x" * 5_000}, "cursor"),
        ({"cursor": "é\x00:🦄"}, "cursor"),
        ({"cursor": "é\x00:🦄", "format": "jsonl"}, "cursor"),
    ],
)
def test_what_cannot_be_asked_is_named(
    experiment: Experiment, api: Api, query: dict[str, Any], field: str
) -> None:
    assert wrong_fields(api.get(USERS, **query)) == [field]


def test_a_cursor_that_somebody_changed_is_none(experiment: Experiment, api: Api) -> None:
    cursor = api.get(USERS, limit=1).json()["cursor"]
    for place in range(0, len(cursor), 7):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert wrong_fields(api.get(USERS, cursor=changed)) == ["cursor"]
    assert wrong_fields(api.get(USERS, cursor=cursor, variant="green")) == ["cursor"]


def test_while_nothing_is_prepared_nobody_is_in_it(manager: Actor, api: Api) -> None:
    make_draft(manager, "button")
    assert "no prepared settings" in problem(api.get(USERS), 409)["detail"]


def test_media_types_that_do_not_exist_here(experiment: Experiment, api: Api) -> None:
    problem(api.get(USERS, headers={"Accept": "image/png"}), 406)


def test_a_warehouse_that_is_gone_is_503_in_every_form(
    experiment: Experiment, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: object, **options: object) -> Any:
        raise WarehouseQueryFailed("the disk is on fire")
        yield

    monkeypatch.setattr(DuckDBWarehouse, "iterate_users", gone)
    for form in ("json", "jsonl", "csv"):
        assert "on fire" in problem(api.get(USERS, format=form), 503)["detail"]


def test_a_stream_that_breaks_off_says_so_in_its_last_line(
    experiment: Experiment, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = DuckDBWarehouse.iterate_users

    def breaks_off(*args: Any, **options: Any) -> Any:
        yield from islice(walk(*args, **options), 1_600)
        raise WarehouseQueryFailed("the disk is on fire")

    monkeypatch.setattr(DuckDBWarehouse, "iterate_users", breaks_off)
    lines = text_of(api.get(USERS, format="jsonl")).splitlines()
    assert len(lines) == 1_501
    assert json.loads(lines[-1]) == {"error": "the disk is on fire"}
    rows = list(csv.reader(io.StringIO(text_of(api.get(USERS, format="csv")))))
    assert rows[-1] == ["", "", "the disk is on fire"]
    assert len(rows) == 1_502


def test_a_load_between_two_pages_is_told(manager: Actor, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("id,split_group\n" + "".join(f"u{n:04},{1 + n}\n" for n in range(2_400)))
    load_users(file)
    make_experiment(manager, key="button")
    first = api.get(USERS, limit=10).json()
    file.write_text("id\nnew\n")
    load_users(file)
    assert api.get(first["next"].removeprefix("http://testserver")).json()["loaded_meanwhile"] is True


def test_asked_for_the_headers_alone_nobody_is_walked(
    experiment: Experiment, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DuckDBWarehouse, "iterate_users", None)
    answer = api.send("HEAD", f"{USERS}?format=csv")
    assert (answer.status_code, answer.headers["Settings-Group"]) == (200, "1")
