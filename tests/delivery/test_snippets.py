"""Code to paste: it runs, it says this test's own names, and nothing in it can be anything but what it stands for."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client as Browser
from pytest_django import Settings

import usersplit_sdk
from accounts.actors import Actor
from accounts.services import create_token
from audience.warehouse import Warehouse
from core import clock
from delivery.documents import build_document, delivered_experiments
from delivery.snippets import snippet_for
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services import force_user
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_draft, make_experiment

URL = "https://usersplit.example"
HOSTILE = 'it\'s "quoted"\n`$(id)` </script> \\ ü \u2028'
CONDITIONS = [
    {"filter": "gender", "operator": "in", "value": [HOSTILE, "x"]},
    "OR",
    [
        {"filter": "country_id", "operator": "eq", "value": 50},
        "AND",
        {"filter": "platform", "operator": "eq", "value": "web"},
    ],
    "OR",
    {"filter": "language", "operator": "is_set"},
]


def make_running(manager: Actor, side: str, conditions: list[Any] | None = None) -> Experiment:
    """A running test in which user 4711 is forced into the green variant."""
    experiment = make_experiment(
        manager, Status.RUNNING, key="button", properties={"side": side}, conditions=conditions or []
    )
    force_user(manager, experiment, "green", "production", user_id="4711")
    return experiment


def documents() -> list[dict[str, Any]]:
    return [build_document(experiment) for experiment in delivered_experiments(clock.now())]


@pytest.fixture
def run_python(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run Python code with a client of what is delivered now; answers its names."""

    def run(code: str) -> dict[str, Any]:
        found = documents()
        tests = [one for one in found if one["kind"] == "test"]
        groups = [one for one in found if one["kind"] == "group"]
        asked: list[Any] = []

        def from_url(url: str, token: str) -> usersplit_sdk.Client:
            asked.append((url, token))
            return usersplit_sdk.Client.from_documents(tests, groups)

        monkeypatch.setattr(usersplit_sdk.Client, "from_url", staticmethod(from_url))
        monkeypatch.setenv("USERSPLIT_TOKEN", "ust_x")
        names: dict[str, Any] = {}
        exec(compile(code, "snippet", "exec"), names)
        assert asked == [(URL, "ust_x")]
        return names

    return run


@pytest.mark.parametrize("side", ["server", "client", "client_server"])
@pytest.mark.parametrize("conditions", [[], CONDITIONS])
def test_python_runs_and_finds_the_variant(
    manager: Actor, warehouse: Warehouse, run_python: Any, side: str, conditions: list[Any]
) -> None:
    experiment = make_running(manager, side, conditions)
    names = run_python(snippet_for(experiment, "python", URL).code)
    assert names["variant"] == "green"
    assert names["payload"] == {"color": "#0a0"}
    if conditions:
        assert names["user"].attributes == {"gender": HOSTILE, "country_id": 50, "language": "…"}
        assert names["request"].attributes == {"platform": "web"}
    supported = names["request"].supported_tests
    assert supported == (None if side == "server" else {"button"})


def test_python_has_a_branch_for_each_variant_and_for_none(manager: Actor, warehouse: Warehouse) -> None:
    lines = snippet_for(make_running(manager, "server"), "python", URL).code.splitlines()
    branches = [line for line in lines if line.startswith(("if ", "elif ", "else"))]
    assert branches == ['if variant == "control":', 'elif variant == "green":', "else:"]


def test_texts_are_asked_for_in_a_language_that_they_have(
    manager: Actor, warehouse: Warehouse, run_python: Any
) -> None:
    tokens = {"pay_button": {"green": {"de": "Hol es dir"}}}
    experiment = make_experiment(manager, Status.RUNNING, key="button", tokens=tokens)
    force_user(manager, experiment, "green", "production", user_id="4711")
    snippet = snippet_for(experiment, "python", URL)
    assert run_python(snippet.code)["text"] == "Hol es dir"
    # It has payloads, too.
    assert ("get_active_variant" in snippet.code, snippet.is_for_texts) == (True, False)


def test_a_test_of_texts_alone_needs_no_branches(
    people: People, manager: Actor, warehouse: Warehouse, run_python: Any, client: Browser
) -> None:
    variants = [{"name": "control", "percent": "5", "is_control": True}, {"name": "green", "percent": "5"}]
    tokens = {"pay_button": {"green": {"de": "Hol es dir"}}}
    experiment = make_experiment(manager, Status.RUNNING, key="button", variants=variants, tokens=tokens)
    force_user(manager, experiment, "green", "production", user_id="4711")
    snippet = snippet_for(experiment, "python", URL)
    assert (snippet.is_for_texts, "variant ==" in snippet.code) == (True, False)
    assert run_python(snippet.code)["text"] == "Hol es dir"
    client.force_login(people.viewer)
    card = client.get("/tests/button/code/").content.decode()
    assert "asks UserSplit for its texts shows them by itself" in card


def test_a_test_without_settings_has_a_snippet_too(manager: Actor, run_python: Any) -> None:
    names = run_python(snippet_for(make_draft(manager, "button"), "python", URL).code)
    assert names["variant"] is None


def test_a_user_group_is_asked_about_by_servers(
    people: People, manager: Actor, warehouse: Warehouse, run_python: Any
) -> None:
    group = make_experiment(manager, Status.RUNNING, kind="group", key="christmas", conditions=CONDITIONS)
    assert 'client.is_in_group("christmas"' in snippet_for(group, "python", URL).code
    assert run_python(snippet_for(group, "python", URL).code)["user"].id == "4711"
    api = Api.of(people.manager)
    assert "/api/v1/qa/check/" in api.get("/groups/christmas/snippet/", language="curl").json()["code"]
    assert wrong_fields(api.get("/groups/christmas/snippet/", language="javascript")) == ["language"]


def test_javascript_runs_with_the_browser_client(
    manager: Actor, warehouse: Warehouse, tmp_path: Path
) -> None:
    """In Node, with a page's storage and a server stood in for."""
    code = snippet_for(make_running(manager, "client", CONDITIONS), "javascript", URL).code
    module = Path(django_settings.BASE_DIR) / "static/client/usersplit.js"
    address = f'"{URL}/static/client/usersplit.js"'
    assert address in code
    assert "</script" not in code
    (tmp_path / "snippet.mjs").write_text(
        """
globalThis.localStorage = { getItem: () => null, setItem: () => {} };
globalThis.document = { hidden: false, addEventListener: () => {} };
globalThis.addEventListener = () => {};
globalThis.USERSPLIT_TOKEN = "ust_x";
const asked = [];
globalThis.fetch = async (address, options) => {
  asked.push([address, options.headers.Authorization, JSON.parse(options.body)]);
  const answer = { variants: { button: "green" }, payloads: { button: { color: "#0a0" } }, hits: {} };
  return new Response(JSON.stringify(answer), { status: 200 });
};
const { seen } = await import("./page.mjs");
console.log(JSON.stringify({ seen, asked: asked[0] }));
process.exit(0);
"""
    )
    page = code.replace(address, json.dumps(module.as_uri())) + "\nexport const seen = [variant, payload];\n"
    (tmp_path / "page.mjs").write_text(page)
    ran = subprocess.run(
        ["node", "snippet.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["seen"] == ["green", {"color": "#0a0"}]
    address, authorization, body = told["asked"]
    assert (address, authorization) == (f"{URL}/api/v1/active-variants/", "Bearer ust_x")
    assert body["supported_tests"] == ["button"]
    assert body["user"]["attributes"] == {"gender": HOSTILE, "country_id": 50, "language": "…"}
    assert body["environment"]["platform"] == "web"


@pytest.mark.parametrize("side", ["server", "client"])
def test_curl_asks_the_running_server(
    transactional_db: None, manager: Actor, warehouse: Warehouse, live_server: Any, side: str
) -> None:
    experiment = make_running(manager, side, CONDITIONS)
    snippet = snippet_for(experiment, "curl", live_server.url)
    _, token = create_token(manager, "curl", snippet.scopes)
    ran = subprocess.run(
        ["sh", "-c", snippet.code],
        env=os.environ | {"USERSPLIT_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["variants"] == {"button": "green"}


def test_the_api_answers_with_the_code_and_the_scopes(
    people: People, manager: Actor, warehouse: Warehouse, settings: Settings
) -> None:
    settings.PUBLIC_URL = f"{URL}/"
    make_running(manager, "server")
    api = Api.of(people.viewer, ["read"])
    answer = api.get("/tests/button/snippet/", language="javascript").json()
    assert (answer["language"], answer["scopes"]) == ("javascript", ["evaluate", "ingest"])
    assert f'url: "{URL}",' in answer["code"]
    assert api.get("/tests/button/snippet/").json()["language"] == "python"
    assert wrong_fields(api.get("/tests/button/snippet/", language="cobol")) == ["language"]
    assert wrong_fields(api.get("/tests/button/snippet/", lang="curl")) == ["lang"]
    problem(api.get("/tests/nowhere/snippet/"), 404)


def test_somebody_else_s_draft_has_no_code(people: People, manager: Actor) -> None:
    make_draft(manager, "button")
    problem(Api.of(people.viewer).get("/tests/button/snippet/"), 404)
    browser = Browser()
    browser.force_login(people.viewer)
    assert browser.get("/tests/button/code/").status_code == 404


def test_the_card_shows_each_language_and_escapes_what_is_in_it(
    people: People, manager: Actor, warehouse: Warehouse
) -> None:
    make_running(manager, "server", CONDITIONS)
    browser = Browser()
    browser.force_login(people.developer)
    for language, said in (
        ("python", "get_active_variant"),
        ("javascript", "split.variant"),
        ("curl", "curl"),
    ):
        card = browser.get(f"/tests/button/code/?language={language}", headers={"HX-Request": "true"})
        text = card.content.decode()
        assert said in text
        assert "</script> " not in text
        assert 'id="code-text"' in text
    assert "get_active_variant" in browser.get("/tests/button/code/?language=cobol").content.decode()
    assert 'hx-get="/tests/button/code/"' in browser.get("/tests/button/").content.decode()
