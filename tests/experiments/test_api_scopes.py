"""Who may do what over HTTP: every scope × every address, roles, strangers, the console's own session."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope
from audience.warehouse import Warehouse
from experiments.lifecycle import Status
from experiments.models import Experiment
from tests.api import Api, problem
from tests.conftest import People
from tests.factories import TWO_VARIANTS, make_draft, make_experiment

READS = ["", "{key}/", "{key}/settings-groups/", "{key}/settings-groups/1/", "{key}/changelog/"]
# With the status that it answers on a draft with prepared settings.
WRITES = [
    ("POST", "", {"key": "another", "name": "Another"}, 201),
    ("PATCH", "{key}/", {"name": "New name"}, 200),
    ("POST", "{key}/settings-groups/", {}, 202),
    ("POST", "{key}/settings-groups/1/attach/", None, 200),
    ("POST", "{key}/settings-groups/1/copy/", None, 202),
    ("POST", "{key}/settings-groups/1/recount/", None, 202),
    ("POST", "{key}/settings-groups/1/retry/", None, 409),
    ("POST", "{key}/publish/", None, 200),
    ("POST", "{key}/withdraw/", None, 409),
    ("POST", "{key}/start/", None, 409),
    ("POST", "{key}/pause/", None, 409),
    ("POST", "{key}/resume/", None, 409),
    ("POST", "{key}/finish/", None, 409),
    ("POST", "{key}/request-approval/", None, 409),
    ("POST", "{key}/approve/", None, 409),
]


@pytest.fixture(params=["test", "group"])
def experiment(request: pytest.FixtureRequest, manager: Actor, warehouse: Warehouse) -> Experiment:
    return make_experiment(manager, kind=request.param, key="button")


def full(experiment: Experiment, address: str) -> str:
    return f"/{experiment.kind}s/{address.format(key=experiment.key)}"


@pytest.mark.parametrize("scope", Scope.values)
def test_only_the_read_scope_reads(people: People, experiment: Experiment, scope: str) -> None:
    api = Api.of(people.manager, [scope])
    for address in READS:
        answer = api.get(full(experiment, address))
        if scope == Scope.READ:
            assert answer.status_code == 200
        else:
            assert "scope" in problem(answer, 403)["detail"]


@pytest.mark.parametrize("scope", sorted(set(Scope.values) - {Scope.MANAGE}))
def test_without_the_manage_scope_nothing_is_written(
    people: People, experiment: Experiment, scope: str
) -> None:
    api = Api.of(people.superuser, [scope])
    for method, address, body, _ in WRITES:
        problem(api.send(method, full(experiment, address), body), 403)
    assert Experiment.objects.get().revision == 1


@pytest.mark.parametrize(("method", "address", "body", "status"), WRITES)
def test_the_manage_scope_writes(
    people: People,
    experiment: Experiment,
    method: str,
    address: str,
    body: dict[str, object] | None,
    status: int,
) -> None:
    if address.endswith("settings-groups/") and experiment.is_test:
        body = {"variants": TWO_VARIANTS}
    answer = Api.of(people.manager, ["manage"]).send(method, full(experiment, address), body)
    assert answer.status_code == status, answer.content


@pytest.mark.parametrize(("method", "address", "body", "status"), WRITES)
def test_a_scope_does_not_lift_its_owner_above_their_role(
    people: People,
    experiment: Experiment,
    method: str,
    address: str,
    body: dict[str, object] | None,
    status: int,
) -> None:
    for person in (people.viewer, people.qa, people.developer):
        answer = Api.of(person).send(method, full(experiment, address), body)
        # Of somebody else's draft even its existence is nobody's business.
        problem(answer, 404 if "{key}" in address else 403)


def test_a_draft_is_there_for_its_managers_and_superusers_only(
    people: People, experiment: Experiment
) -> None:
    for person in people:
        api, sees = Api.of(person), person in (people.manager, people.superuser)
        assert api.get(full(experiment, "")).json()["results"] == (
            [api.get(full(experiment, "{key}/")).json()] if sees else []
        )
        for address in READS[1:]:
            assert api.get(full(experiment, address)).status_code == (200 if sees else 404)


def test_what_is_published_is_seen_by_all_and_changed_by_its_managers(
    people: People, manager: Actor, warehouse: Warehouse
) -> None:
    make_experiment(manager, Status.DEV, key="button")
    for person in people:
        may = person in (people.manager, people.superuser)
        api = Api.of(person)
        assert bool(api.get("/tests/button/").json()["verbs"]) == may
        assert api.patch("/tests/button/", {"name": f"By {person}"}).status_code == (200 if may else 403)


def test_verbs_are_shown_only_to_tokens_that_could_use_them(people: People, experiment: Experiment) -> None:
    assert Api.of(people.manager, ["read"]).get(full(experiment, "{key}/")).json()["verbs"] == []


def test_without_a_token_everything_is_401(experiment: Experiment) -> None:
    api = Api(None)
    answers = [api.get(full(experiment, address)) for address in READS]
    answers += [api.send(method, full(experiment, address), body) for method, address, body, _ in WRITES]
    for answer in answers:
        assert problem(answer, 401)["code"] == "not_authenticated"
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="usersplit"'


def test_the_console_s_session_needs_its_csrf_token_to_write(people: People, manager: Actor) -> None:
    make_draft(manager, "button")
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.manager)
    assert client.get("/api/v1/tests/").status_code == 200
    problem(client.patch("/api/v1/tests/button/", {"name": "B"}, "application/json"), 403)
    client.cookies["csrftoken"] = secret = "a" * 32
    answer = client.patch(
        "/api/v1/tests/button/", {"name": "B"}, "application/json", headers={"X-CSRFToken": secret}
    )
    assert answer.status_code == 200
    assert answer.json()["name"] == "B"


def test_approval_needs_a_second_person(
    people: People, manager: Actor, warehouse: Warehouse, settings: object
) -> None:
    settings.START_NEEDS_APPROVAL = True  # type: ignore[attr-defined]  # pytest-django's settings take any name
    make_experiment(manager, Status.DEV, key="button")
    asker, second = Api.of(people.manager), Api.of(people.other_manager)
    problem(asker.post("/tests/button/start/"), 409)
    problem(second.post("/tests/button/approve/"), 409)
    asked = asker.post("/tests/button/request-approval/")
    assert asked.status_code == 200
    assert asked.json()["approved_by"] is None
    problem(asker.post("/tests/button/approve/"), 403)
    assert second.post("/tests/button/approve/").json()["approved_by"] == "other_manager"
    assert asker.post("/tests/button/start/").json()["status"] == "running"
