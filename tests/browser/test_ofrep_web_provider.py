"""OFREP asked by the OpenFeature community's own provider for browsers, which nobody here wrote, in Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response

from accounts.actors import Actor
from accounts.services import create_token
from delivery.services import publish
from experiments.lifecycle import Status, Verb
from experiments.services import apply_verb, force_user
from tests.browser.shop import web_server
from tests.delivery.flags import USER_FILTER, all_get, deliver_flags
from tests.factories import make_experiment

_MODULES = Path(__file__).parents[2] / "node_modules/@openfeature"
_SOURCES = {
    "@openfeature/core": _MODULES / "core/dist/esm/index.js",
    "@openfeature/web-sdk": _MODULES / "web-sdk/dist/esm/index.js",
    "@openfeature/ofrep-core": _MODULES / "ofrep-core/index.esm.js",
    "@openfeature/ofrep-web-provider": _MODULES / "ofrep-web-provider/index.esm.js",
}
_IMPORTS = json.dumps({"imports": {name: f"/{name}.js" for name in _SOURCES}})
_SCRIPT = """
import { OpenFeature } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
Object.assign(window, { OpenFeature, OFREPWebProvider, changes: [] });
"""
_PAGE = f"""<!doctype html><title>Flags</title><link rel="icon" href="data:,">
<script type="importmap">{_IMPORTS}</script><script type="module">{_SCRIPT}</script>"""
_START = """async ({ url, token, context, pollInterval }) => {
  await OpenFeature.setContext(context);
  const headers = [["Authorization", `Bearer ${token}`]];
  const provider = new OFREPWebProvider({ baseUrl: url, headers, pollInterval, cacheMode: "disabled" });
  OpenFeature.addHandler("PROVIDER_CONFIGURATION_CHANGED", (event) => changes.push(...event.flagsChanged));
  window.flags = OpenFeature.getClient();
  try {
    await OpenFeature.setProviderAndWait(provider);
  } catch (error) {
    return String(error);
  }
  return flags.providerStatus;
}"""
IN_TEST = {"targetingKey": "4711", "split_group": 7}
DEFAULTS: dict[str, object] = {"Boolean": False, "String": "as ever", "Number": 7, "Object": {"as": "ever"}}


@pytest.fixture
def page(chromium: Browser, live_server: Any, mia: Actor, settings: Any) -> Iterator[Page]:
    deliver_flags(mia)
    files = {f"/{name}.js": ("text/javascript", path.read_bytes()) for name, path in _SOURCES.items()}
    with web_server({"/": ("text/html", _PAGE.encode()), **files}) as origin:
        settings.CORS_ALLOWED_ORIGINS = [origin]
        context = chromium.new_context()
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(f"{origin}/")
        page.wait_for_function("() => window.OpenFeature")
        yield page
        context.close()


def start(page: Page, url: str, token: str, poll: int = -1, **context: object) -> str:
    """Make the provider; its status, or what is wrong."""
    given = {"url": url, "token": token, "pollInterval": poll, "context": context or IN_TEST}
    status: str = page.evaluate(_START, given)
    return status


def details(page: Page, kind: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(
        f"([key, missing]) => flags.get{kind}Details(key, missing)", [key, DEFAULTS[kind]]
    )
    return found


@pytest.fixture
def token(mia: Actor) -> str:
    return create_token(mia, "flags", ["evaluate"])[1]


def test_values_of_every_type_reasons_and_errors(
    page: Page, live_server: Any, mia: Actor, token: str
) -> None:
    make_experiment(mia, Status.RUNNING, key="paying", variants=all_get(), conditions=USER_FILTER)
    make_experiment(mia, Status.PAUSED, key="paused", variants=all_get())
    publish()
    assert start(page, live_server.url, token) == "READY"
    page.evaluate(
        "flags.addHooks({ after: (context, details) => (window.seen = [context.flagKey, details.variant]) })"
    )
    for kind, key, value in (
        ("Boolean", "yes", True),
        ("Boolean", "no", False),
        ("String", "text", "blue"),
        ("String", "nothing", "new"),
        ("Number", "three", 3),
        ("Number", "half", 0.5),
        ("Object", "object", {"a": 1}),
    ):
        found = details(page, kind, key)
        assert (found["value"], found["variant"], found["reason"]) == (value, "new", "SPLIT")
        assert found["flagMetadata"] == {"usersplit_reason": "SPLIT", "settings_group": 1}
        assert page.evaluate("seen") == [key, "new"]
    for key, reason, why in (("paying", "DEFAULT", "CONDITIONS_NOT_MET"), ("paused", "DISABLED", "PAUSED")):
        found = details(page, "String", key)
        assert (found["value"], found["reason"], found.get("errorCode")) == ("as ever", reason, None)
        assert found["flagMetadata"]["usersplit_reason"] == why
    for kind, key, code in (("String", "never", "FLAG_NOT_FOUND"), ("Number", "text", "TYPE_MISMATCH")):
        found = details(page, kind, key)
        assert (found["value"], found["errorCode"]) == (DEFAULTS[kind], code)


def test_another_context_is_another_user(page: Page, live_server: Any, mia: Actor, token: str) -> None:
    experiment = make_experiment(mia, Status.PAUSED, key="paused", variants=all_get())
    force_user(mia, experiment, "new", "production", user_id="forced")
    publish()
    assert start(page, live_server.url, token) == "READY"
    assert details(page, "String", "paused")["value"] == "as ever"
    page.evaluate("OpenFeature.setContext({ targetingKey: 'forced' })")
    found = details(page, "String", "paused")
    assert (found["value"], found["reason"]) == ("new", "TARGETING_MATCH")
    assert details(page, "String", "nothing")["flagMetadata"]["usersplit_reason"] == "NO_SPLIT_GROUP"
    page.evaluate("OpenFeature.setContext({ split_group: 7 })")
    assert details(page, "String", "nothing")["value"] == "new"


def test_polling_hears_that_nothing_changed_and_then_what_did(
    page: Page, live_server: Any, mia: Actor, token: str
) -> None:
    experiment = make_experiment(mia, Status.RUNNING, key="running", variants=all_get())
    publish()

    def is_unchanged(response: Response) -> bool:
        return response.url.endswith("/flags") and response.status == 304

    with page.expect_response(is_unchanged):
        assert start(page, live_server.url, token, poll=200) == "READY"
    assert page.evaluate("changes") == []
    apply_verb(mia, experiment, Verb.PAUSE)
    publish()
    page.wait_for_function("() => changes.length")
    assert page.evaluate("changes") == ["running"]
    assert details(page, "String", "running")["reason"] == "DISABLED"


def test_what_is_refused_is_told(page: Page, live_server: Any, token: str) -> None:
    assert start(page, live_server.url, "wrong").startswith("ProviderFatalError")
    assert details(page, "String", "nothing")["value"] == "as ever"
    assert "400" in start(page, live_server.url, token, targetingKey="x" * 201)
    assert start(page, live_server.url, token) == "READY"
