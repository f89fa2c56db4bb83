"""Who may use what over HTTP: each address of the API × each role in a session × each scope of a token, as one table.

The addresses come from the schema: a new one without a line here fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from audience.warehouse import Warehouse
from delivery.code_places import CodeScan, Place, report_scan
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.models import Experiment, Kind
from experiments.services import force_user, switch_tests_off
from tests.conftest import People
from tests.factories import TWO_VARIANTS, make_experiment

ROLES: Final = ("superuser", "manager", "other_manager", "developer", "qa", "viewer")
EVERYBODY: Final = frozenset(ROLES)
# Who manages this test, who manages any, who forces users into it, who forces users into all.
ITS_MANAGERS: Final = frozenset({"superuser", "manager"})
MANAGERS: Final = ITS_MANAGERS | {"other_manager"}
TESTERS: Final = ITS_MANAGERS | {"qa"}
QA: Final = frozenset({"superuser", "qa"})
# Hits come from programs: what one person sends by hand would be in no environment.
NOBODY: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """Which roles may (in a session), with which single scope a token may, and a body that gets past what is checked first."""

    scope: str
    roles: frozenset[str]
    body: Any = None
    query: str = ""


BATCH: Final = {"batch_id": "6a1f9a3e-6b0f-4a55-9f43-0c8a3f6f8a11"}
SETTINGS: Final = {"variants": TWO_VARIANTS}
FORCED: Final = {"test": "button", "variant": "green", "user_id": "5"}

BOTH_KINDS: Final[dict[str, Rule]] = {
    "GET ": Rule("read", EVERYBODY),
    "POST ": Rule("manage", MANAGERS, {"key": "new", "name": "New"}),
    "GET {key}/": Rule("read", EVERYBODY),
    "PATCH {key}/": Rule("manage", ITS_MANAGERS, {"name": "Other"}),
    "GET {key}/changelog/": Rule("read", EVERYBODY),
    "GET {key}/snippet/": Rule("read", EVERYBODY),
    "GET {key}/code-places/": Rule("read", EVERYBODY),
    "GET {key}/users/": Rule("read", MANAGERS),
    "POST {key}/what-if/": Rule("manage", ITS_MANAGERS, SETTINGS),
    "GET {key}/settings-groups/": Rule("read", EVERYBODY),
    "POST {key}/settings-groups/": Rule("manage", ITS_MANAGERS, SETTINGS),
    "GET {key}/settings-groups/{number}/": Rule("read", EVERYBODY),
    **{
        f"POST {{key}}/settings-groups/{{number}}/{action}/": Rule("manage", ITS_MANAGERS)
        for action in ("attach", "copy", "recount", "retry")
    },
    **{
        f"POST {{key}}/{verb}/": Rule("manage", ITS_MANAGERS)
        for verb in ("publish", "withdraw", "start", "pause", "resume", "finish", "request-approval")
    },
    # Any second manager may.
    "POST {key}/approve/": Rule("manage", MANAGERS),
}
OF_TESTS: Final[dict[str, Rule]] = {
    "POST {key}/settings-groups/{number}/worth/": Rule("read", EVERYBODY, {"baseline": 0.1, "mde": 0.01}),
    "GET {key}/hits/": Rule("read", EVERYBODY),
    "GET {key}/results/": Rule("read", EVERYBODY),
}


def _below(folder: str, rules: dict[str, Rule]) -> dict[str, Rule]:
    return {name.replace(" ", f" /api/v1/{folder}/", 1): rule for name, rule in rules.items()}


RULES: Final[dict[str, Rule]] = {
    **_below("tests", BOTH_KINDS),
    **_below("groups", BOTH_KINDS),
    **_below("tests", OF_TESTS),
    "GET /api/v1/capacity/": Rule("read", EVERYBODY),
    "GET /api/v1/hits/unknown/": Rule("read", EVERYBODY),
    "POST /api/v1/hits/": Rule("ingest", NOBODY, {**BATCH, "hits": []}),
    "POST /api/v1/events/": Rule("ingest", NOBODY, {**BATCH, "events": []}),
    "GET /api/v1/delivery/manifest": Rule("deliver", EVERYBODY),
    "GET /api/v1/delivery/files/{path}": Rule("deliver", EVERYBODY),
    "GET /api/v1/delivery/servers/": Rule("read", EVERYBODY),
    "GET /api/v1/delivery/code-places/": Rule("read", EVERYBODY),
    "PUT /api/v1/delivery/code-places/": Rule(
        "manage", MANAGERS | {"developer"}, {"repository": "shop", "places": []}
    ),
    "DELETE /api/v1/delivery/code-places/": Rule("manage", MANAGERS | {"developer"}, query="?repository=web"),
    "POST /api/v1/active-variants/": Rule("evaluate", EVERYBODY, {}),
    "POST /ofrep/v1/evaluate/flags": Rule("evaluate", EVERYBODY, {"context": {"targetingKey": "1"}}),
    "POST /ofrep/v1/evaluate/flags/{key}": Rule("evaluate", EVERYBODY, {"context": {"targetingKey": "1"}}),
    "POST /api/v1/qa/check/": Rule("qa", EVERYBODY, {"user_id": "1"}),
    "GET /api/v1/qa/forced/": Rule("qa", EVERYBODY),
    "POST /api/v1/qa/forced/": Rule("qa", TESTERS, FORCED),
    "DELETE /api/v1/qa/forced/": Rule("qa", TESTERS, query="?user_id=1"),
    "DELETE /api/v1/qa/forced/{forced_id}/": Rule("qa", TESTERS),
    "GET /api/v1/qa/tests-off/": Rule("qa", EVERYBODY),
    "POST /api/v1/qa/tests-off/": Rule("qa", QA, {"user_id": "3"}),
    "DELETE /api/v1/qa/tests-off/": Rule("qa", QA, query="?user_id=2"),
    "DELETE /api/v1/qa/tests-off/{off_id}/": Rule("qa", QA),
}


@dataclass
class World:
    """A running test and a user group of the manager's, with a forced user and one without tests."""

    addresses: dict[str, str] = field(default_factory=dict)

    def refused(self, caller: Client, expected: Callable[[Rule], int | None]) -> list[str]:
        """Ask each address; answers what did not come as expected. `expected` is a status, None for "may"."""
        wrong = []
        for name, rule in RULES.items():
            method, _, _ = name.partition(" ")
            with transaction.atomic():
                body = b"" if rule.body is None else json.dumps(rule.body).encode()
                address = self.addresses[name] + rule.query
                status = caller.generic(method, address, body, "application/json").status_code
                transaction.set_rollback(True)
            wanted = expected(rule)
            good = status < 500 and status not in {401, 403, 404} if wanted is None else status == wanted
            if not good:
                wrong.append(f"{name}: {status}, not {wanted or 'let in'}")
        return wrong


@pytest.fixture
def world(people: People, warehouse: Warehouse) -> World:
    superuser, manager = Actor.person(people.superuser), Actor.person(people.manager)
    test = make_experiment(manager, Status.RUNNING, key="button")
    make_experiment(manager, Status.RUNNING, kind=Kind.GROUP, key="club")
    forced = force_user(superuser, test, "green", "production", user_id="1")
    off = switch_tests_off(superuser, user_id="2")
    report_scan(superuser, CodeScan("web", "", None, "", 0, [Place("button", "test", "pay.py", 1)]))
    publish()
    found = World()
    for name in RULES:
        address = name.partition(" ")[2]
        key = "club" if "/groups/" in address else "button"
        found.addresses[name] = address.format(
            key=key, number=1, forced_id=forced.pk, off_id=off.pk, path="tests/button.json"
        )
    return found


def test_every_address_has_its_line() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    described = {
        f"{method.upper()} {path}": operation.get("x-scope")
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    }
    assert described == {name: rule.scope for name, rule in RULES.items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_person_in_the_console(people: People, world: World, role: str) -> None:
    caller = Client(raise_request_exception=False)
    caller.force_login(getattr(people, role))
    assert world.refused(caller, lambda rule: None if role in rule.roles else 403) == []


@pytest.mark.parametrize("scope", Scope.values)
def test_a_token_with_one_scope(people: People, world: World, scope: str) -> None:
    """Of a superuser, so that the scope alone decides. One that delivers reads files, and nothing else."""
    secret = create_token(Actor.person(people.superuser), "one scope", [scope])[1]
    caller = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)
    assert world.refused(caller, lambda rule: None if scope == rule.scope else 403) == []


@pytest.mark.parametrize("role", ["manager", "viewer"])
def test_a_token_never_lifts_its_owner(people: People, world: World, role: str) -> None:
    """With all scopes it may what its owner may, and send hits."""
    secret = create_token(Actor.person(getattr(people, role)), "all scopes", list(Scope.values))[1]
    caller = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)

    def expected(rule: Rule) -> int | None:
        return None if role in rule.roles or rule.scope == Scope.INGEST else 403

    assert world.refused(caller, expected) == []


@pytest.mark.parametrize("header", ["", "Bearer ust_" + "x" * 43])
def test_a_stranger(world: World, header: str) -> None:
    caller = Client(headers={"Authorization": header} if header else {}, raise_request_exception=False)
    assert world.refused(caller, lambda rule: 401) == []


def test_somebody_else_s_draft_is_not_there(people: People, manager: Actor, world: World) -> None:
    """For whoever is neither its manager nor a superuser each address below it is 404, whatever they may elsewhere."""
    make_experiment(manager, key="secret")
    for name, address in world.addresses.items():
        world.addresses[name] = address.replace("/button", "/secret")
    below = {name: rule for name, rule in RULES.items() if "/tests/{key}/" in name}
    assert Experiment.objects.filter(status=Status.DRAFT).count() == 1
    for role in ("other_manager", "qa"):
        caller = Client(raise_request_exception=False)
        caller.force_login(getattr(people, role))
        for name, rule in below.items():
            body = b"" if rule.body is None else json.dumps(rule.body).encode()
            answer = caller.generic(name.partition(" ")[0], world.addresses[name], body, "application/json")
            assert answer.status_code == 404, (role, name)
