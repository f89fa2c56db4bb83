"""Every page in both themes and at both widths: no accessibility violations, nothing to scroll sideways, no complaints."""

from __future__ import annotations

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
from experiments.models import Experiment, Kind
from experiments.services import check_split_groups, force_user, switch_tests_off
from notifications.kinds import EventKind
from notifications.models import Connection, Provider
from notifications.unsubscribing import unsubscribe_url
from tests.analytics.counted import count_hits
from tests.browser.axe import complaints, sideways
from tests.browser.conftest import NARROW, WIDE, NewPage
from tests.conftest import People
from tests.factories import add_prepared, add_settings, make_draft, make_experiment
from tests.usersplit.test_console_matrix import OPEN, RULES

WIDEST = 2_560
PARTS = 2

PAGES = [
    "/",
    "/calendar/",
    "/overlap/",
    "/overlap/green_button/red_banner/",
    "/search/?q=button",
    "/first-test/",
    "/me/",
    "/help/",
    "/help/hits/",
    "/help/sdk-integrations/",
    "/help/readme/",
    "/tests/",
    "/tests/?q=nothing-like-this",
    "/groups/",
    "/new/tests/",
    "/new/groups/",
    "/tests/an_idea/",
    "/tests/green_button/",
    "/tests/green_button/verbs/pause/",
    "/tests/green_button/verbs/finish/",
    "/tests/green_button/properties/edit/",
    "/tests/green_button/settings/new/",
    "/tests/green_button/settings/1/",
    "/tests/green_button/settings/versions/?before=1&after=3",
    "/tests/green_button/audience/",
    "/tests/green_button/changelog/",
    "/tests/old_button/",
    "/groups/christmas/",
    "/groups/christmas/settings/new/",
    "/tests/green_button/audience/?settings=2",
    "/capacity/",
    "/capacity/?groups=1200&days=14",
    "/capacity/?groups=many",
    "/split-groups/",
    "/check/?user_id=100001",
    "/check/?user_id=nobody",
    "/forced/",
    "/changelog/",
    "/filters/",
    "/filters/country_id/",
    "/new/filter/",
    "/tokens/?everybody",
    "/tests/green_button/code/?language=javascript",
    "/tests/green_button/in-code/",
    "/servers/",
    "/system/?now",
    "/nowhere/",
    "/tests/green_button/hits/",
    "/tests/green_button/hits/several/",
    "/tests/green_button/worth/",
    "/tests/green_button/notifications/",
    "/tests/green_button/jira/",
    "/groups/christmas/uses/",
    "/hits/unknown/",
    "/analytics/user-hits/?user_id=4711",
    "/notifications/",
    "/notifications/mine/",
    "/notifications/stop/{unsubscribe}/",
    "/connections/",
    "/new/connection/slack/",
    "/new/connection/matrix/",
    "/connections/{connection}/",
    "/loads/",
    "/loads/{load}/",
    "/new/source/",
    "/sources/shop/",
    "/forced/many/",
    "/tests-off/",
    "/tests/green_button/results/",
]
# Addresses that answer a GET and are no pages, each with why.
NOT_PAGES = {
    **dict.fromkeys(("healthz", "readyz", "metrics"), "for probes"),
    "accounts:login": "has a test of its own",
    "accounts:logout": "only leads away",
    "accounts:language_choose": "only leads back",
    "console:help_picture": "a picture",
    **dict.fromkeys(
        ("console:test_export", "experiments:entry_export", "experiments:experiment_entry_export"), "a file"
    ),
    "audience:load_rejects": "a file",
    **dict.fromkeys(
        ("experiments:experiment_header", "experiments:properties_card", "experiments:settings_card"),
        "part of the test's page, which holds it from the start",
    ),
    **dict.fromkeys(
        ("experiments:preparation_progress", "experiments:latest_card", "console:code_seen"),
        "part of the test's page, where it stands",
    ),
    **dict.fromkeys(
        ("experiments:token_options", "notifications:jira_check"), "what a field of a form proposes"
    ),
}
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
    numbers = dict.fromkeys(("forced", "off", "token", "connection", "load"), 1)
    answers_get = set()
    for name, rule in RULES.items():
        answer = browser.get(rule.path.format(**numbers))
        answer.close()
        if answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            answers_get.add(name)
    looked_at = {
        resolve(urlsplit(address.format(**numbers, unsubscribe="x")).path).view_name
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
