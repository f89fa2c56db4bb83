"""Who may open and do what in the console: each address × each role. A new address without a line here fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from accounts.actors import Actor
from accounts.services import create_token
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import ForcedUser
from experiments.services import force_user, switch_tests_off
from notifications.models import Connection, Provider
from tests.conftest import People
from tests.factories import make_experiment

ROLES: Final = ("superuser", "manager", "other_manager", "developer", "qa", "viewer")
EVERYBODY: Final = frozenset(ROLES)
SUPERUSERS: Final = frozenset({"superuser"})
ITS_MANAGERS: Final = frozenset({"superuser", "manager"})
MANAGERS: Final = ITS_MANAGERS | {"other_manager"}
TESTERS: Final = ITS_MANAGERS | {"qa"}
QA: Final = frozenset({"superuser", "qa"})
# No session is asked for: probes, the way in, and signed addresses in mails.
OPEN: Final = {
    "healthz",
    "readyz",
    "metrics",
    "accounts:login",
    "accounts:language_choose",
    "accounts:logout",
    "accounts:link_open",
    "accounts:password_choose",
    "notifications:unsubscribe",
}
TEST: Final = "/tests/button/"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may, and where. `missing`: there is no such thing, which those who may are told."""

    path: str
    roles: frozenset[str] = EVERYBODY
    method: str = "GET"
    missing: bool = False


def _does(path: str, roles: frozenset[str], *, missing: bool = False) -> Rule:
    return Rule(path, roles, "POST", missing)


RULES: Final[dict[str, Rule]] = {
    "accounts:mine": Rule("/me/"),
    "accounts:password_change": _does("/me/password/", EVERYBODY),
    "accounts:token_list": Rule("/tokens/"),
    "accounts:token_revoke": _does("/tokens/{token}/revoke/", SUPERUSERS | {"viewer"}),
    "audience:filter_list": Rule("/filters/"),
    "audience:filter_create": _does("/new/filter/", SUPERUSERS),
    "audience:filter_edit": _does("/filters/age/", SUPERUSERS),
    "audience:filter_archive": _does("/filters/age/archive/", SUPERUSERS),
    "audience:filter_restore": _does("/filters/age/restore/", SUPERUSERS),
    "audience:load_list": Rule("/loads/", SUPERUSERS),
    "audience:load_page": Rule("/loads/1/", SUPERUSERS, missing=True),
    "audience:load_rejects": Rule("/loads/1/rejects.csv", SUPERUSERS, missing=True),
    "audience:source_create": _does("/new/source/", SUPERUSERS),
    "audience:source_edit": _does("/sources/shop/", SUPERUSERS, missing=True),
    "audience:source_load": _does("/sources/shop/load/", SUPERUSERS, missing=True),
    "audience:source_archive": _does("/sources/shop/archive/", SUPERUSERS, missing=True),
    "audience:source_restore": _does("/sources/shop/restore/", SUPERUSERS, missing=True),
    "console:home": Rule("/"),
    "console:test_list": Rule("/tests/"),
    "console:test_export": Rule("/tests.csv"),
    # Whose tests they may tag is each test's own business; keeping a view is everybody's.
    "console:test_tag": _does("/tag/tests/", EVERYBODY),
    "console:view_save": _does("/views/keep/", EVERYBODY),
    "console:view_remove": _does("/views/1/remove/", EVERYBODY, missing=True),
    "console:calendar": Rule("/calendar/"),
    "console:overlap": Rule("/overlap/"),
    "console:overlap_pair": Rule("/overlap/button/button/"),
    "console:person_list": Rule("/people/"),
    "console:person_create": _does("/new/person/", SUPERUSERS),
    "console:person_page": Rule("/people/{person}/"),
    "console:person_edit": _does("/people/{person}/edit/", SUPERUSERS),
    "console:person_link": _does("/people/{person}/link/", SUPERUSERS),
    "console:person_off": _does("/people/{person}/switch/off/", SUPERUSERS),
    "console:person_on": _does("/people/{person}/switch/on/", SUPERUSERS),
    "console:search": Rule("/search/?q=button"),
    "console:first_test": Rule("/first-test/", MANAGERS),
    "console:first_test_follow": _does("/first-test/follow/", MANAGERS),
    "console:first_test_tried": _does("/first-test/tried/", MANAGERS),
    "console:first_test_dismiss": _does("/first-test/dismiss/", MANAGERS),
    # Nothing for most, but the page of the test asks for everybody.
    "console:first_test_strip": Rule(f"{TEST}first-test/"),
    "console:help": Rule("/help/"),
    "console:help_page": Rule("/help/hits/"),
    "console:help_picture": Rule("/help/pictures/home.png"),
    "experiments:entry_list": Rule("/changelog/"),
    "experiments:entry_export": Rule("/changelog/export/"),
    "experiments:capacity_page": Rule("/capacity/"),
    "console:approval_list": Rule("/approvals/"),
    "experiments:health_page": Rule("/split-groups/"),
    "experiments:health_check": _does("/split-groups/check/", MANAGERS),
    "experiments:group_list": Rule("/groups/"),
    "experiments:experiment_create": _does("/new/tests/", MANAGERS),
    "experiments:experiment_page": Rule(TEST),
    "experiments:experiment_header": Rule(f"{TEST}header/"),
    "experiments:experiment_verb": _does(f"{TEST}verbs/pause/", ITS_MANAGERS),
    "experiments:approval_ask": _does(f"{TEST}approval/ask/", ITS_MANAGERS),
    "experiments:approval_approve": _does(f"{TEST}approval/approve/", MANAGERS),
    "experiments:properties_card": Rule(f"{TEST}properties/"),
    "experiments:properties_edit": _does(f"{TEST}properties/edit/", ITS_MANAGERS),
    "experiments:settings_card": Rule(f"{TEST}settings/"),
    "experiments:settings_create": _does(f"{TEST}settings/new/", ITS_MANAGERS),
    "experiments:settings_preview": _does(f"{TEST}settings/new/preview/", ITS_MANAGERS),
    "experiments:texts_preview": _does(f"{TEST}settings/new/texts/", ITS_MANAGERS),
    "experiments:settings_versions": Rule(f"{TEST}settings/versions/"),
    "experiments:settings_group_page": Rule(f"{TEST}settings/1/"),
    "experiments:preparation_progress": Rule(f"{TEST}settings/1/progress/"),
    "experiments:settings_attach": _does(f"{TEST}settings/1/attach/", ITS_MANAGERS),
    "experiments:settings_retry": _does(f"{TEST}settings/1/retry/", ITS_MANAGERS),
    "experiments:settings_copy": _does(f"{TEST}settings/1/copy/", ITS_MANAGERS),
    "experiments:audience_card": Rule(f"{TEST}audience/"),
    "experiments:text_list": Rule("/texts/"),
    "experiments:text_edit": _does("/texts/edit/", MANAGERS),
    "experiments:text_upload": _does("/texts/upload/", MANAGERS),
    "experiments:token_test_create": _does("/texts/test/", MANAGERS, missing=True),
    "experiments:token_options": Rule("/texts/tokens/?new_token=pay"),
    "experiments:uses_card": Rule(f"{TEST}uses/", missing=True),
    "experiments:audience_recount": _does(f"{TEST}audience/recount/", ITS_MANAGERS),
    "experiments:worth_card": Rule(f"{TEST}worth/"),
    "experiments:experiment_entry_list": Rule(f"{TEST}changelog/"),
    "experiments:latest_card": Rule(f"{TEST}changelog/latest/"),
    "experiments:experiment_entry_export": Rule(f"{TEST}changelog/export/"),
    "console:code_seen": Rule(f"{TEST}checklist/code/"),
    "console:system": Rule("/system/", SUPERUSERS),
    "delivery:server_list": Rule("/servers/"),
    "delivery:code_card": Rule(f"{TEST}code/"),
    "delivery:places_card": Rule(f"{TEST}in-code/"),
    "qa_tools:card": Rule(f"{TEST}qa/"),
    "qa_tools:user_check": Rule("/check/"),
    # The page is everybody's; for whom nobody may force, the form says so.
    "qa_tools:forced_list": Rule("/forced/"),
    "qa_tools:forced_many": Rule("/forced/many/"),
    "qa_tools:forced_remove": _does("/forced/{forced}/remove/", TESTERS),
    "qa_tools:tests_off_list": _does("/tests-off/", QA),
    "qa_tools:tests_off_remove": _does("/tests-off/{off}/remove/", QA),
    "analytics:hits_card": Rule(f"{TEST}hits/"),
    "analytics:several_note": Rule(f"{TEST}hits/several/"),
    "analytics:results_page": Rule(f"{TEST}results/"),
    "analytics:results_effects": Rule(f"{TEST}results/effects/"),
    "analytics:unknown_list": Rule("/hits/unknown/"),
    "analytics:unknown_dismiss": _does("/hits/unknown/1/dismiss/", MANAGERS | {"developer"}, missing=True),
    "analytics:user_hits": Rule("/analytics/user-hits/"),
    "notifications:record": Rule("/notifications/"),
    "notifications:resend": _does("/notifications/1/resend/", EVERYBODY, missing=True),
    "notifications:card": Rule(f"{TEST}notifications/"),
    "notifications:room_make": _does(f"{TEST}notifications/room/", ITS_MANAGERS),
    "notifications:member_add": _does(f"{TEST}notifications/room/add/", ITS_MANAGERS),
    "notifications:member_remove": _does(f"{TEST}notifications/room/remove/", ITS_MANAGERS),
    "notifications:mutes_save": _does(f"{TEST}notifications/mutes/", EVERYBODY),
    "notifications:jira_check": Rule("/notifications/jira/check/?key=PAY-17", MANAGERS),
    "notifications:jira_card": Rule(f"{TEST}jira/"),
    "notifications:jira_ask": _does(f"{TEST}jira/ask/", ITS_MANAGERS),
    "notifications:connection_list": Rule("/connections/", SUPERUSERS),
    "notifications:connection_create": _does("/new/connection/slack/", SUPERUSERS),
    "notifications:connection_page": _does("/connections/{connection}/", SUPERUSERS),
    "notifications:connection_check": _does("/connections/{connection}/check/", SUPERUSERS),
    "notifications:connection_off": _does("/connections/{connection}/switch/off/", SUPERUSERS),
    "notifications:connection_on": _does("/connections/{connection}/switch/on/", SUPERUSERS),
    "notifications:mine": _does("/notifications/mine/", EVERYBODY),
    "notifications:mute_remove": _does("/notifications/mine/mutes/1/remove/", EVERYBODY),
}


def _names(entries: list[Any], path: str = "", namespace: str = "") -> Iterator[str]:
    for entry in entries:
        here = path + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from _names(entry.url_patterns, here, entry.namespace or namespace)
        elif not here.lstrip("^(?:").startswith(("api", "ofrep")):
            yield f"{namespace}:{entry.name}" if namespace else entry.name


def test_every_address_has_its_line() -> None:
    assert set(_names(get_resolver().url_patterns)) == RULES.keys() | OPEN


@pytest.fixture
def addresses(people: People, warehouse: Warehouse) -> dict[str, str]:
    """A running test with a forced user, somebody without tests, a token of the viewer's."""
    superuser, manager = Actor.person(people.superuser), Actor.person(people.manager)
    test = make_experiment(manager, Status.RUNNING, key="button")
    made = {
        "forced": force_user(superuser, test, "green", "production", user_id="1").pk,
        "person": people.other_manager.pk,
        "off": switch_tests_off(superuser, user_id="2").pk,
        "token": create_token(Actor.person(people.viewer), "reader", ["read"])[0].pk,
        "connection": Connection.objects.create(name="Chat", provider=Provider.SLACK, secret=b"").pk,
    }
    return {name: rule.path.format(**made) for name, rule in RULES.items()}


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_each_role_at_each_address(people: People, addresses: dict[str, str], role: str) -> None:
    browser = Client(raise_request_exception=False)
    if role != "nobody":
        browser.force_login(getattr(people, role))
    wrong = []
    for name, rule in RULES.items():
        with transaction.atomic():
            answer = browser.generic(rule.method, addresses[name], b"", "application/x-www-form-urlencoded")
            transaction.set_rollback(True)
        location = answer.headers.get("Location", "")
        if role == "nobody":
            good = answer.status_code == 302 and location.startswith("/login/")
        elif role in rule.roles:
            good = (
                answer.status_code == 404 if rule.missing else answer.status_code in {200, 201, 302, 409, 422}
            )
        else:
            good = answer.status_code == 403
        if not good:
            wrong.append(f"{name}: {answer.status_code} {location}")
    assert wrong == []


@pytest.mark.parametrize("role", ["other_manager", "developer", "viewer"])
def test_whoever_may_not_force_is_told_and_forces_nobody(
    people: People, addresses: dict[str, str], role: str
) -> None:
    browser = Client()
    browser.force_login(getattr(people, role))
    answer = browser.post("/forced/", {"target": "button:green", "user_id": "5", "environment": "production"})
    assert answer.status_code in {403, 422}
    assert not ForcedUser.objects.filter(user_id="5").exists()
