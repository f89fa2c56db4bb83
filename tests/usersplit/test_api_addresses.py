"""Addresses of the API as a whole: its schema and documentation, what does not exist, what is asked the wrong way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from tests.api import Api, problem
from tests.conftest import People
from tests.factories import make_draft


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager)


def test_the_schema_is_valid_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")
    assert "openapi: 3.0.3" in capsys.readouterr().out


def test_the_schema_needs_no_token_and_tells_the_problems(db: None, client: Client) -> None:
    schema = client.get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    create = schema["paths"]["/api/v1/tests/"]["post"]
    assert {"201", "400", "401", "403", "406", "409", "411", "413", "415"} <= create["responses"].keys()
    assert "application/problem+json" in create["responses"]["400"]["content"]
    assert schema["components"]["schemas"]["TestBody"]["required"] == ["key", "name"]


def test_the_documentation_page_brings_everything_from_here(
    db: None, client: Client, settings: Settings
) -> None:
    # Tests don't collect static files, so there is no manifest of their hashed names.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "http://" not in text
    assert "https://" not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy  # so scripts stay with default-src
    assert client.get("/api/v1/docs/?script=").headers["Content-Type"] == "application/javascript"


@pytest.mark.parametrize(
    "address",
    [
        "/api/",
        "/api/v1/",
        "/api/v2/tests/",
        "/api/v1/tests/x/explode/",
        "/api/v1/tests/x/settings-groups/one/",
        "/ofrep/v1/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_a_problem_document(
    db: None, client: Client, address: str, method: str
) -> None:
    assert problem(client.generic(method, address), 404)["code"] == "not_found"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_missing_last_slash_leads_to_the_address_with_it(db: None, client: Client, method: str) -> None:
    answer = client.generic(method, "/api/v1/tests", QUERY_STRING="status=dev")
    # 308: a POST stays a POST, and its body goes along.
    assert (answer.status_code, answer.headers["Location"]) == (308, "/api/v1/tests/?status=dev")


def test_a_slash_too_many_leads_to_the_address_without(db: None, client: Client) -> None:
    answer = client.get("/api/v1/delivery/manifest/")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/api/v1/delivery/manifest")


@pytest.mark.parametrize(
    ("method", "address"), [("DELETE", "/tests/"), ("PUT", "/tests/button/"), ("GET", "/tests/button/start/")]
)
def test_a_method_that_is_not_there_is_405_and_names_those_that_are(
    api: Api, manager: Actor, method: str, address: str
) -> None:
    make_draft(manager, "button")
    answer = api.send(method, address)
    assert problem(answer, 405)
    assert method not in answer.headers["Allow"]


def test_only_json_is_offered(api: Api) -> None:
    problem(api.get("/tests/", headers={"Accept": "text/html"}), 406)
    assert api.get("/tests/", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_a_strange_host_is_a_problem_too(db: None, client: Client) -> None:
    problem(client.get("/api/v1/nowhere/", headers={"Host": "evil.example"}), 400)


def test_a_crash_is_a_problem_that_tells_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("experiments.api.views.visible_experiments", crash)
    answer = api.get("/tests/")
    assert problem(answer, 500)["code"] == "server_error"
    assert b"the secret" not in answer.content


def test_the_schema_is_the_same_for_all_who_ask_at_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usersplit.api._written", {})

    def ask(form: str) -> tuple[int, str, int]:
        answer = Client().get(f"/api/v1/schema/?format={form}&version=%0aX")
        return answer.status_code, answer.headers["Content-Type"], len(answer.content)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, ["json", "yaml"] * 2))
    assert [status for status, _, _ in answers] == [200] * 4
    assert answers[:2] == answers[2:]
    assert "json" in answers[0][1]
    assert "openapi" in answers[1][1]
