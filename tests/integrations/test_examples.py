"""The examples run, each with a real client over a delivery folder."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from starlette.testclient import TestClient

from tests.integrations.delivered import deliver
from tests.workers import another_application

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
Load = Callable[[str], ModuleType]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the examples read."""
    return {
        "DELIVERY_DIR": str(deliver(tmp_path / "shop-delivery")),
        "HITS_FILE": str(tmp_path / "hits.jsonl"),
        "DATABASE": str(tmp_path / "shop.sqlite3"),
        "SECRET_KEY": "a secret",
        "BROKER_URL": "memory://",
        "RESULT_BACKEND": "cache+memory://",
    }


@pytest.fixture
def load(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import an example by its name."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def load_example(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load_example


def run(*arguments: str, cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def hits_of(environment: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(environment["HITS_FILE"]).read_text().splitlines()]


def test_flask_shop(load: Load, environment: dict[str, str]) -> None:
    shop = load("flask_shop")
    mia = {"Authorization": "Basic " + b64encode(b"mia:secret").decode(), "Accept-Language": "de"}
    page = shop.app.test_client().get("/", headers=mia).text
    assert '<button class="green">Hol es dir</button>' in page
    assert "Merry Christmas!" in page

    guest = shop.app.test_client()
    first = guest.get("/")
    assert first.headers["Set-Cookie"].startswith("usersplit=")
    assert "Merry Christmas!" not in first.text
    assert guest.get("/").text == first.text
    shop.client.close()
    assert {hit["user_id"] for hit in hits_of(environment)} == {"mia", None}


def test_starlette_shop(load: Load) -> None:
    shop = load("starlette_shop")
    browser = TestClient(shop.app)
    mia = {"X-Customer": "mia"}
    assert browser.get("/", headers=mia).text == '<button class="green">Buy</button>'
    assert browser.get("/api/button", headers=mia).json() == {"variant": "green", "button": {"color": "#0a0"}}

    page, answer = browser.get("/").text, browser.get("/api/button").json()
    assert ("green" in page) == (answer["variant"] == "green")
    assert list(browser.cookies) == ["usersplit"]
    shop.client.close()


def test_celery_letters(load: Load, environment: dict[str, str]) -> None:
    with another_application():
        sent = _letters_sent(load)
    assert sent == [
        "To mia@example.org: Green buttons are here!",
        "To tom@example.org: Grey buttons are here!",
    ]
    assert {(hit["user_id"], hit["variant"]) for hit in hits_of(environment)} == {
        ("mia@example.org", "green"),
        ("tom@example.org", "control"),
    }


def test_openfeature_provider(environment: dict[str, str], tmp_path: Path) -> None:
    example = str(EXAMPLES / "openfeature_provider.py")
    printed = run(example, environment["DELIVERY_DIR"], "123", "1187", cwd=tmp_path, environment=environment)
    assert printed.splitlines() == [
        "variant: green",
        "is it green: True",
        "button: {'color': '#0a0'}",
        "why: SPLIT",
        "tracked: order.paid 123 19.9",
    ]


IN_THE_SHOP = """
import json, django
django.setup()
from django.core.management import call_command
from django.test import Client
from shop.models import Customer
from shop.split import make_client
call_command("migrate", run_syncdb=True, verbosity=0)
mia = Customer.objects.create(username="mia", country_id=50, split_group=2000)
drawn = {Customer.objects.create(username=str(number)).split_group for number in range(30)}
guest, member = Client(), Client(headers={"accept-language": "de"})
member.force_login(mia)
first = guest.get("/")
print(json.dumps({
    "member": member.get("/").content.decode(), "cookies": list(first.cookies), "drawn": len(drawn),
    "guest": [first.content.decode(), guest.get("/").content.decode()],
}))
"""


def test_django_shop(environment: dict[str, str]) -> None:
    cwd = EXAMPLES / "django_shop"
    settings = {**environment, "DJANGO_SETTINGS_MODULE": "shop.settings"}
    answers = json.loads(run("-c", IN_THE_SHOP, cwd=cwd, environment=settings))
    assert '<button type="submit" class="green">Hol es dir</button>' in answers["member"]
    assert "Merry Christmas!" in answers["member"]
    assert "<p>19 €</p>" in answers["member"]
    assert answers["guest"][0] == answers["guest"][1]
    assert "Merry Christmas!" not in answers["guest"][0]
    assert answers["cookies"] == ["usersplit"]
    assert answers["drawn"] > 20
    assert ("2000", "green") in {(str(hit["split_group"]), hit["variant"]) for hit in hits_of(environment)}
    assert "no issues" in run("manage.py", "check", cwd=cwd, environment=settings)


def test_variants_as_code() -> None:
    example = EXAMPLES / "variants_as_code.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "mia gets cheapest: dwarf coconut",
        "noah gets control: king coconut",
        "vera, a VIP, gets None: king coconut",
        "hits: mia cheapest, noah control",
    ]
    counts = {
        name: int(count)
        for name, count in re.findall(r"^(\w+ \S+): (\d+) visitors$", done.stdout, re.MULTILINE)
    }
    assert len(counts) == 7
    assert sum(counts.values()) == 1100
    pricing = sum(count for name, count in counts.items() if name.startswith("pricing "))
    assert 960 < pricing < 1040
    assert lines[-1] == "similar suggestions for mia: coconut milk"
    assert done.stderr == ""


def _letters_sent(load: Load) -> list[object]:
    letters = load("celery_letters")
    letters.app.conf.broker_transport_options = {"polling_interval": 0.01}
    try:
        with start_worker(letters.app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
            ids = letters.send_letters({"mia@example.org": 2000, "tom@example.org": 1})
            return [letters.app.AsyncResult(task_id).get(timeout=30, interval=0.01) for task_id in ids]
    finally:
        letters.splits.disconnect()
        letters.client.close()
