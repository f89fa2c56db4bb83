"""The test list: status tabs, search, filters, order, pages, and a number of queries that does not grow with the tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from console.counted import counted
from experiments.audience_report import audience_report
from experiments.lifecycle import Status
from experiments.list_rows import audience_totals
from experiments.models import Experiment
from tests.conftest import People
from tests.factories import make_draft, make_experiment

LIST = "/tests/"


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def _keys(text: str) -> set[str]:
    return {key for key in Experiment.objects.values_list("key", flat=True) if f"<code>{key}</code>" in text}


def test_queries_do_not_grow_with_the_list(mia: Actor, warehouse: Any, client: Client) -> None:
    wide = [{"name": "a", "percent": "40"}, {"name": "b", "percent": "40"}]
    for status in Status:
        make_experiment(mia, status, variants=wide)
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number, status in enumerate(Status):
        make_experiment(mia, status, properties={"area": f"area {number % 3}"}, variants=wide)
    client.get(LIST)
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(few) <= 25


def test_users_per_variant_are_those_of_the_latest_count(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.RUNNING)
    assert test.current is not None
    totals = audience_totals([test.current.pk])[test.current.pk]
    found = counted([test.current.pk])[test.current.pk]
    assert {position: found.users_of(position) for position in totals.by_position} == totals.by_position
    assert found.users_of(99) == 0
    assert 0 < found.users == totals.variant_users < totals.users
    text = client.get(LIST).content.decode()
    for users in totals.by_position.values():
        assert f"{users:,}" in text


def test_the_largest_overlap_is_that_of_the_audience_card(mia: Actor, warehouse: Any, client: Client) -> None:
    wide = [{"name": "a", "percent": "40"}, {"name": "b", "percent": "40"}]
    make_experiment(mia, Status.RUNNING, key="wide", variants=wide)
    make_experiment(mia, Status.FINISHED, key="over", variants=wide)
    all_of_them = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]
    make_experiment(mia, Status.RUNNING, key="everybody", variants=all_of_them)
    test = make_experiment(mia, Status.DEV, key="narrow", variants=wide)
    assert test.current is not None
    report = audience_report(test.current)
    assert report is not None
    shared = {one.experiment.key: one for one in report.intersections}
    row = next(row for row in client.get(LIST).context["rows"] if row.key == test.key)
    assert row.worst is not None
    assert (row.worst.key, row.worst.users, row.worst.tests) == ("wide", shared["wide"].users, 1)
    assert row.worst.share == pytest.approx(shared["wide"].share, abs=0.0001)
    assert shared["everybody"].users > row.worst.users


def test_a_draft_of_others_is_no_overlap(mia: Actor, people: People, warehouse: Any, client: Client) -> None:
    wide = [{"name": "a", "percent": "40"}, {"name": "b", "percent": "40"}]
    make_experiment(Actor.person(people.other_manager), Status.DRAFT, key="secret", variants=wide)
    make_experiment(mia, Status.DEV, key="mine", variants=wide)
    answer = client.get(LIST)
    assert [row.worst for row in answer.context["rows"]] == [None]
    assert b"secret" not in answer.content


def test_tabs_count_what_the_search_finds(mia: Actor, warehouse: Any, client: Client) -> None:
    make_draft(mia, key="green_button", area="payments", jira_issue="PAY-17")
    make_draft(mia, key="red_button", area="start page")
    make_experiment(mia, Status.RUNNING, key="red_banner")
    assert _keys(client.get(LIST).content.decode()) == {"green_button", "red_button", "red_banner"}
    assert _keys(client.get(LIST, {"q": "button"}).content.decode()) == {"green_button", "red_button"}
    assert _keys(client.get(LIST, {"q": "PAY-17"}).content.decode()) == {"green_button"}
    assert _keys(client.get(LIST, {"q": "red start"}).content.decode()) == {"red_button"}
    assert _keys(client.get(LIST, {"area": "payments"}).content.decode()) == {"green_button"}
    response = client.get(LIST, {"q": "red", "status": "running"})
    assert _keys(response.content.decode()) == {"red_banner"}
    counts = {value: number for value, _, number in response.context["tabs"]}
    assert counts == {"": 2, "draft": 1, "dev": 0, "running": 1, "paused": 0, "finished": 0}


def test_by_manager(mia: Actor, people: People, client: Client) -> None:
    make_draft(mia, key="mine")
    make_draft(mia, key="ours", managers=["other_manager"])
    assert _keys(client.get(LIST, {"manager": "other_manager"}).content.decode()) == {"ours"}


def test_the_rarer_filters(mia: Actor, warehouse: Any, client: Client) -> None:
    make_draft(mia, key="idea", tags=["winter"], jira_issue="PAY-17")
    make_draft(mia, key="app", side="client", tags=["winter", "app"])
    starts_at, ends_at = "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"
    make_experiment(mia, Status.DEV, key="june", starts_at=starts_at, ends_at=ends_at)
    make_experiment(mia, Status.RUNNING, key="always")
    for query, keys in (
        ({"tag": "Winter"}, {"idea", "app"}),
        ({"q": "winter"}, {"idea", "app"}),
        ({"side": "client"}, {"app"}),
        ({"jira": "pay-"}, {"idea"}),
        ({"from": "2026-06-30", "to": "2026-06-30"}, {"june", "always"}),
        ({"from": "2026-07-01"}, {"always"}),
        ({"to": "2026-05-31"}, {"always"}),
    ):
        assert _keys(client.get(LIST, query).content.decode()) == keys, query


def test_order(mia: Actor, warehouse: Any, client: Client) -> None:
    for key, area, month in (("one", "b", 3), ("two", "A", 1), ("three", "c", 2)):
        start = f"2027-0{month}-01T00:00:00Z"
        make_experiment(mia, Status.DEV, key=key, properties={"area": area}, starts_at=start)
    make_draft(mia, key="four")
    for sort, keys in (
        ("", ["four", "three", "two", "one"]),
        ("name", ["four", "one", "three", "two"]),
        ("-name", ["two", "three", "one", "four"]),
        ("area", ["four", "two", "one", "three"]),
        ("start", ["two", "three", "one", "four"]),
        ("-start", ["one", "three", "two", "four"]),
        ("hits", ["four", "three", "two", "one"]),
    ):
        answer = client.get(LIST, {"sort": sort})
        assert [row.key for row in answer.context["rows"]] == keys, sort
    assert 'aria-sort="descending"' in client.get(LIST, {"sort": "-name"}).content.decode()


def test_order_by_what_is_counted(mia: Actor, warehouse: Any, client: Client) -> None:
    for key, percent in (("small", "5"), ("large", "45"), ("middle", "20")):
        variants = [{"name": "a", "percent": percent}, {"name": "b", "percent": percent}]
        make_experiment(mia, Status.RUNNING, key=key, variants=variants)
    make_draft(mia, key="idea")
    keys: dict[str, list[str]] = {}
    for sort in ("users", "-users", "overlap", "-overlap"):
        rows = client.get(LIST, {"sort": sort}).context["rows"]
        keys[sort] = [row.key for row in rows]
        text = b"".join(client.get("/tests.csv", {"sort": sort}).streaming_content).decode()  # type: ignore[attr-defined]  # streamed
        assert [line.partition(",")[0] for line in text.splitlines()[1:]] == keys[sort]
        if sort == "-overlap":
            shares = [row.worst.share if row.worst else 0 for row in rows]
            assert shares == sorted(shares, reverse=True)
            assert shares[0] > 0
    # What is not counted stands last either way.
    assert keys["users"] == ["small", "middle", "large", "idea"]
    assert keys["-users"] == ["large", "middle", "small", "idea"]
    # Which share nobody is unknown to the order, too: they stand behind in the order of their making.
    # It was counted last, with the others; what they share they learn with the next count.
    assert keys["overlap"][0] == keys["-overlap"][0] == "middle"


def test_queries_do_not_grow_when_it_is_ordered_by_what_is_counted(
    mia: Actor, warehouse: Any, client: Client
) -> None:
    counts = []
    for _ in range(2):
        for _ in range(2):
            make_experiment(mia, Status.RUNNING)
        client.get(LIST, {"sort": "-overlap"})
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST, {"sort": "-overlap"})
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_typing_gets_the_results_alone(mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    response = client.get(LIST, {"q": "green"}, headers={"HX-Request": "true", "HX-Target": "results"})
    text = response.content.decode()
    assert _keys(text) == {"green_button"}
    assert "<html" not in text
    assert response.headers["HX-Push-Url"] == "/tests/?q=green"


def test_pages(mia: Actor, client: Client) -> None:
    for number in range(60):
        make_draft(mia, key=f"idea_{number}")
    assert len(_keys(client.get(LIST).content.decode())) == 50
    assert len(_keys(client.get(LIST, {"page": "2", "q": "idea"}).content.decode())) == 10
    assert "q=idea" in client.get(LIST, {"q": "idea"}).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        *(
            {"page": "x"},
            {"page": "-1"},
            {"page": "9" * 30},
            {"q": "\x00"},
            {"status": "moon"},
            {"area": "'--"},
        ),
        *({"side": "up"}, {"from": "soon"}, {"to": "9999-12-31"}, {"from": "0001-01-01"}, {"sort": "-x"}),
        *({"attention": "green"}, {"tag": "\x00"}, {"sort": "hits; DROP"}),
    ],
)
def test_nonsense_in_the_address_is_ignored(query: dict[str, str], mia: Actor, client: Client) -> None:
    assert client.get(LIST, query).status_code == 200


def test_an_empty_list_says_what_to_do(mia: Actor, client: Client) -> None:
    assert "No tests yet" in client.get(LIST).content.decode()
    assert "Nothing fits" in client.get(LIST, {"q": "x"}).content.decode()
