"""Every page in both themes and at both widths: no accessibility violations, nothing to scroll sideways, no complaints."""

from __future__ import annotations

from collections import defaultdict
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import resolve
from playwright.sync_api import Page, expect

from accounts.actors import Actor
from accounts.services import create_token
from analytics.models import UnknownHits
from audience.load_history import recorded_load
from audience.loading import Reject
from audience.models import UserLoad
from audience.source_services import create_source
from core import clock
from delivery.code_places import CodeScan, Place, report_scan
from delivery.services import deliver
from experiments.lifecycle import Status
from experiments.models import AppText, Experiment, Kind
from experiments.services import check_split_groups, force_user, switch_tests_off
from notifications.kinds import EventKind
from notifications.models import Connection, Provider
from notifications.unsubscribing import unsubscribe_url
from tests.analytics.counted import count_hits
from tests.browser.axe import complaints, sideways
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.browser.pages import NOT_PAGES, PAGES
from tests.conftest import People
from tests.factories import add_prepared, add_settings, make_draft, make_experiment
from tests.usersplit.test_console_matrix import OPEN, RULES

WIDEST = 2_560
PARTS = 2

CONDITIONS: list[Any] = [
    {"filter": "is_test_user", "operator": "eq", "value": True},
    "OR",
    [
        {"filter": "country_id", "operator": "in", "value": [40, 276]},
        "AND",
        [
            {"filter": "age", "operator": "between", "value": [18, 30]},
            "OR",
            {"filter": "registered_at", "operator": "within_days", "value": 7},
        ],
    ],
    "AND",
    {"filter": "platform", "operator": "matches", "value": "^ios"},
]


LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung" * 2


@pytest.fixture
def everything(mia: Actor, people: People, warehouse: Any) -> dict[str, object]:
    """A bit of everything that can stand on a page, long words included; the numbers that stand in addresses."""
    texts: dict[str, object] = {"area": "payments", "hypothesis": LONG, "chat_room": "x" * 200}
    wide = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]
    make_experiment(mia, Status.RUNNING, key="red_banner", properties=texts, variants=wide)
    other = Actor.person(people.other_manager)
    make_experiment(other, Status.DRAFT, key="secret_idea", properties={"area": "payments"}, variants=wide)
    test = make_experiment(
        mia, Status.RUNNING, key="green_button", properties={**texts, "name": LONG}, conditions=CONDITIONS
    )
    add_prepared(mia, test, conditions=CONDITIONS[:1], message=LONG)
    add_settings(mia, test)
    idea = make_draft(mia, key="an_idea")
    add_settings(mia, idea)
    ending = {"result": "winner", "variant": "green", "scope": "everywhere", "conclusion": LONG}
    make_experiment(mia, Status.FINISHED, key="old_button", ending=ending)
    make_experiment(mia, Status.RUNNING, kind=Kind.GROUP, key="christmas", conditions=CONDITIONS)
    force_user(mia, test, "green", "production", user_id="4711", reason=LONG)
    switch_tests_off(Actor.person(people.qa), device_id="M" * 100, reason=LONG)
    deliver()
    check_split_groups()
    check_split_groups()
    _hits_and_code(test, mia)
    return _things_of_a_superuser(Actor.person(people.superuser), people)


def _hits_and_code(test: Experiment, mia: Actor) -> None:
    assert test.current is not None
    for variant in ("control", "green"):
        count_hits(test.current, variant, 600, 500)
    UnknownHits.objects.create(
        test="green_buton", settings_group=1, variant=LONG[:64], environment="production", why="test",
        hits=1_204, first_at=clock.now(), last_at=clock.now(),
    )  # fmt: skip
    places = [Place(key, "test", f"{'deep/' * 30}page.py", 7) for key in ("green_button", "old_button")]
    report_scan(mia, CodeScan("shop", "0123abcd", None, "", 12, places))


def _things_of_a_superuser(superuser: Actor, people: People) -> dict[str, object]:
    """What is connected, loaded and handed out; their numbers."""
    AppText.objects.create(token="pay_button", language="en", text=LONG)
    create_token(superuser, "M" * 100, ["read", "deliver"])
    source = {
        "database_variable": "SOURCE_SHOP",
        "query": "SELECT id FROM users",
        "changed_at_column": "changed",
    }
    create_source(superuser, name="shop", **source)
    with recorded_load("a_file_with_a_rather_long_name_" * 4 + ".csv", superuser) as log:
        log.reject(Reject(2, f"age must be a whole number, not {LONG}"))
    return {
        "connection": Connection.objects.create(name=LONG[:100], provider=Provider.SLACK, secret=b"").pk,
        "load": UserLoad.objects.get().pk,
        "person": people.manager.pk,
        "unsubscribe": unsubscribe_url(people.viewer.pk, EventKind.PAUSED).rstrip("/").rpartition("/")[2],
    }


def _settled(page: Page) -> None:
    """Cards that load by themselves have."""
    expect(page.locator("[hx-trigger=load]")).to_have_count(0)
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)


def test_no_page_is_forgotten(people: People) -> None:
    """Every address of the console that answers a GET is looked at, or has its reason."""
    browser = Client()
    browser.force_login(people.superuser)
    numbers: defaultdict[str, object] = defaultdict(lambda: 1)
    answers_get = set()
    for name, rule in RULES.items():
        answer = browser.get(rule.path.format_map(numbers))
        list(answer)  # a file is closed once it is read
        if answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            answers_get.add(name)
    looked_at = {
        resolve(urlsplit(address.format_map(numbers)).path).view_name
        for address in PAGES
        if address != "/nowhere/"
    }
    assert (answers_get | OPEN) - looked_at == NOT_PAGES.keys()


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page(
    theme: str, part: int, people: People, everything: dict[str, object], new_page: NewPage
) -> None:
    """In parts that workers share. Each page is loaded once and looked at in every width."""
    page = new_page(people.superuser, theme)
    wrong: list[str] = []
    pages = PAGES[part::PARTS]
    for pattern in pages:
        address = pattern.format(**everything)
        page.goto(address)
        _settled(page)
        page.evaluate(
            "document.querySelectorAll('details:not(.us-menu)').forEach((one) => { one.open = true; })"
        )
        for width, look in ((WIDEST, sideways), (WIDE, complaints), (NARROW, complaints)):
            page.set_viewport_size({"width": width, "height": 900})
            wrong += [f"{address} at {width}: {found}" for found in look(page)]
    print(f"{theme}, part {part + 1}: {len(pages)} pages x 2 widths, {len(wrong)} violations")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("theme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_draws_beside_each_other(
    theme: str, width: int, people: People, everything: dict[str, object], new_page: NewPage
) -> None:
    page = new_page(people.superuser, theme, width)
    page.goto("/tests/green_button/settings/new/")
    page.locator("summary", has_text="Tests to keep away from").click()
    page.get_by_label("Red banner").check()
    page.get_by_role("button", name="Compare the draws").click()
    expect(page.locator(".us-objective-compared")).to_have_count(4)
    assert complaints(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sign_in_page(theme: str, people: People, mia: Actor, new_page: NewPage) -> None:
    page = new_page(None, theme, NARROW)
    page.goto("/login/?next=/tests/")
    assert complaints(page) == []
    page.get_by_label("User name").fill("manager")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    assert complaints(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_menu_and_refused_forms(
    theme: str, people: People, everything: dict[str, object], new_page: NewPage
) -> None:
    page = new_page(people.manager, theme, NARROW)
    page.goto("/tests/green_button/settings/new/")
    page.get_by_label("Percent of variant 1").fill("0.7")
    page.get_by_role("button", name="Save and prepare").click()
    page.get_by_role("alert").wait_for()
    assert complaints(page) == []
    page.goto("/new/tests/")
    page.get_by_role("button", name="Create the draft").click()
    page.get_by_role("alert").wait_for()
    assert complaints(page) == []
    page.get_by_label("Menu").click()
    assert complaints(page) == []
