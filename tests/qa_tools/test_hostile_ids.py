"""Ids full of HTML, SQL, formulas and line ends go through every page and API unharmed, and harm nothing."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from changelog.models import Entry
from core import clock
from delivery.evaluation import delivered_now
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.models import ForcedUser, TestsOff
from tests.conftest import People
from tests.factories import make_experiment
from tests.qa_tools.api import Api, api_for
from usersplit_sdk import Environment, User

HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\" autofocus onfocus=alert(1) x='",
    "sql": "'; DROP TABLE experiments_forceduser; --",
    "like": "%_\\%",
    "template": "{{ 7*7 }}{% csrf_token %}${7*7}",
    "lines": "first\nsecond\n\tthird",
    "formula": "=cmd|' /C calc'!A0",
    "path": "../../etc/passwd",
    "direction": "\u202egnp.exe\u2066",
    "wide": "💩" * 100,
    "long": "W" * 200,
    "spaces": "  two  spaces  ",
    "json": '{"user_id": null}\\u0000',
    "header": "x\u2028Set-Cookie: a=b",
}
# User ids and device ids in turn.
PEOPLE = [(("user_id", "device_id")[place % 2], value) for place, value in enumerate(HOSTILE.values())]
ALL = [{"name": "green", "percent": "100"}]
PAYING = [{"filter": "is_paying", "operator": "eq", "value": "yes"}]


@pytest.fixture
def api(people: People, manager: Actor) -> Api:
    make_experiment(manager, Status.RUNNING, key="running", conditions=PAYING, variants=ALL)
    return api_for(people.superuser, "qa", "read")


def assert_only_as_text(page: str, hostile: str) -> None:
    """The id stands on the page letter by letter, escaped, and nowhere as markup."""
    assert html.escape(hostile) in page
    if hostile != html.escape(hostile):
        assert hostile not in page


def test_through_the_api_and_back(api: Api) -> None:
    """Every id in one go: a test for each would prepare its experiment a dozen times."""
    for field, hostile in PEOPLE:
        person = {field: hostile}
        body = {"test": "running", "variant": "green", **person, "reason": hostile}
        status, forced = api.post("qa/forced/", body)
        assert (status, forced[field], forced["reason"]) == (201, hostile, hostile.strip()), hostile
        assert api.post("qa/tests-off/", person)[1][field] == hostile
        _, check = api.post("qa/check/", {**person, "attributes": {"is_paying": hostile}, "trace": True})
        (decision,) = check["decisions"]
        assert (decision["variant"], decision["reason"]) == ("green", "FORCED")
        operand = decision["conditions"]["conditions"]["chains"][0]["operands"][0]
        assert operand["seen"] == hostile
    listed = [api.get(f"qa/{name}/")[1]["results"] for name in ("forced", "tests-off")]
    for rows in listed:
        assert [row["user_id"] or row["device_id"] for row in rows][::-1] == list(HOSTILE.values())
    told = "\n".join(entry["message"] for entry in api.get("tests/running/changelog/")[1]["results"])
    assert all(hostile in told for hostile in HOSTILE.values())
    delivered = delivered_now(up_to_date=True).client("production")
    for field, hostile in PEOPLE:
        user, request = (
            (User(hostile), None) if field == "user_id" else (None, Environment(device_id=hostile))
        )
        assert delivered.get_active_variant("running", user, request, log_hit=False) == "green"
        assert api.delete("qa/forced/", {field: hostile}) == (204, None)
        assert api.delete("qa/tests-off/", {field: hostile}) == (204, None)


def test_through_every_page(client: Client, people: People, api: Api) -> None:
    client.force_login(people.superuser)
    for field, hostile in PEOPLE:
        given = {"reason": hostile, field: hostile}
        where = {"target": "running:green", "environment": "production"}
        assert client.post("/forced/", where | given).status_code == 302
        assert client.post("/tests-off/", given).status_code == 302
    with clock.frozen_at(clock.now() - dt.timedelta(minutes=1)):
        publish()
    for address in (
        "/forced/", "/tests-off/", "/changelog/", "/tests/running/changelog/", "/changelog/?verb=force",
    ):  # fmt: skip
        page = client.get(address).content.decode()
        for hostile in HOSTILE.values():
            assert_only_as_text(page, hostile)
    for field, hostile in PEOPLE:
        for address, query in (
            ("/forced/", {"q": hostile}),
            ("/tests-off/", {"q": hostile}),
            ("/check/", {field: hostile, "as_of": f"{clock.now():%Y-%m-%dT%H:%M:%S}", "q": "running"}),
        ):
            answer = client.get(address, query)
            assert answer.status_code == 200
            page = answer.content.decode()
            assert_only_as_text(page.partition("<main")[2], hostile)
            # What was searched for was found, and nothing was evaluated on the way.
            assert page.count('class="us-exact"') == 1, (address, hostile)
        assert client.get("/servers/", {"q": hostile}).status_code == 200


def test_every_one_is_let_go_on_its_page(client: Client, people: People, api: Api) -> None:
    for hostile in HOSTILE.values():
        api.post("qa/forced/", {"test": "running", "variant": "green", "device_id": hostile})
        api.post("qa/tests-off/", {"device_id": hostile})
    client.force_login(people.superuser)
    for address, rows in (("forced", ForcedUser.objects), ("tests-off", TestsOff.objects)):
        for row in rows.all():
            answer = client.post(f"/{address}/{row.pk}/remove/", follow=True)
            assert_only_as_text(answer.content.decode(), row.device_id)
        assert not rows.exists()


def test_through_the_changelogs_file(client: Client, people: People, api: Api) -> None:
    for field, hostile in PEOPLE:
        api.post("qa/forced/", {"test": "running", "variant": "green", field: hostile})
        api.post("qa/tests-off/", {field: hostile})
    client.force_login(people.superuser)
    text = b"".join(client.get("/changelog/export/").streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == Entry.objects.count()
    for hostile in HOSTILE.values():
        assert len([row for row in rows if hostile in row["message"]]) == 2, hostile
    assert not any(cell[:1] in {"=", "+", "-", "@"} for row in rows for cell in row.values())


def test_a_wrong_form_gives_it_back_as_it_was(client: Client, people: People, api: Api) -> None:
    client.force_login(people.qa)
    for hostile in HOSTILE.values():
        answer = client.post("/forced/", {"user_id": hostile, "device_id": hostile, "reason": hostile})
        assert answer.status_code == 422
        assert_only_as_text(answer.content.decode(), hostile)
        answer = client.get("/check/", {"user_id": hostile, "as_of": hostile, "q": hostile})
        assert answer.status_code == 422
        assert_only_as_text(answer.content.decode(), hostile)


def test_expired_ones_are_shown_and_leave_the_files(client: Client, people: People, api: Api) -> None:
    hostile = HOSTILE["lines"]
    soon = (clock.now() + dt.timedelta(hours=1)).isoformat()
    api.post("qa/forced/", {"test": "running", "variant": "green", "device_id": hostile, "expires_at": soon})
    api.post("qa/tests-off/", {"device_id": hostile, "expires_at": soon})
    client.force_login(people.viewer)
    with clock.frozen_at(clock.now() + dt.timedelta(hours=2)):
        publish()
        for address in ("/forced/", "/tests-off/"):
            assert "Expired" in client.get(address).content.decode().partition("<table")[2]
            assert hostile in client.get(address, {"state": "expired"}).content.decode()
            assert hostile not in client.get(address, {"state": "in_force"}).content.decode()
        request = Environment(device_id=hostile)
        decision: Any = delivered_now().client("production").explain("running", None, request)
        assert decision.reason == "CONDITIONS_NOT_MET"
