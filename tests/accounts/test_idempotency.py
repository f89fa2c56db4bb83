"""`Idempotency-Key`: the same request again is answered again and done once; nobody else's key matters."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from accounts.actors import Actor
from accounts.api.idempotency import IdempotentPosts
from accounts.idempotency import forget_old_answers
from accounts.models import ApiToken, KeptAnswer, Scope
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment, ForcedUser
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import make_experiment

NEW = {"key": "button", "name": "Button"}


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.manager)


def post(api: Api, key: str, body: object = NEW, address: str = "/tests/") -> Any:
    return api.post(address, body, headers={"Idempotency-Key": key})


def test_the_same_again_is_answered_again_and_done_once(api: Api) -> None:
    first, again = post(api, "one"), post(api, "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Experiment.objects.count() == 1


def test_without_a_key_it_is_simply_another_request(api: Api) -> None:
    assert api.post("/tests/", NEW).status_code == 201
    problem(api.post("/tests/", NEW), 400)
    assert KeptAnswer.objects.count() == 0


def test_the_key_belongs_to_one_body_however_it_is_spaced(api: Api) -> None:
    post(api, "one")
    spaced = b'{ "name":"Button",\n "key":"button" }'
    assert post(api, "one", spaced).headers["Idempotency-Replayed"] == "true"
    other = problem(post(api, "one", {"key": "other", "name": "Button"}), 422)
    assert other["code"] == "idempotency_key_reused"
    assert Experiment.objects.count() == 1


def test_the_key_belongs_to_one_address(api: Api) -> None:
    post(api, "one")
    problem(post(api, "one", NEW, "/groups/"), 422)
    problem(post(api, "one", NEW, "/tests/?x=1"), 422)
    assert Experiment.objects.count() == 1


def test_keys_of_other_tokens_and_people_are_other_keys(people: People, api: Api) -> None:
    post(api, "one")
    browser = Client(headers={"Idempotency-Key": "one"})
    browser.force_login(people.manager)
    taken = [
        post(Api.of(people.manager), "one", {"key": "second", "name": "B"}),
        browser.post("/api/v1/tests/", {"key": "third", "name": "C"}, "application/json"),
    ]
    assert [answer.status_code for answer in taken] == [201, 201]
    assert browser.post("/api/v1/tests/", {"key": "third", "name": "C"}, "application/json").headers[
        "Idempotency-Replayed"
    ]
    callers = {f"token:{token.pk}" for token in ApiToken.objects.all()} | {f"person:{people.manager.pk}"}
    assert set(KeptAnswer.objects.values_list("caller", flat=True)) == callers


def test_what_was_refused_is_not_kept(api: Api) -> None:
    problem(post(api, "one", {"key": "button"}), 400)
    problem(post(api, "one", {"key": "button"}), 400)
    assert KeptAnswer.objects.count() == 0
    # The same key, now with a body that is right.
    assert post(api, "one").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\tin it", "ümlaut"])
def test_a_key_that_cannot_be_is_bad_input(api: Api, key: str) -> None:
    answer = api.client.post("/api/v1/tests/", NEW, "application/json", HTTP_IDEMPOTENCY_KEY=key)
    assert wrong_fields(answer) == ["Idempotency-Key"]
    assert Experiment.objects.count() == 0


@pytest.mark.parametrize("key", ["x" * 200, '"quoted"', "with space ~!"])
def test_any_printable_text_is_a_key(api: Api, key: str) -> None:
    assert [post(api, key).status_code for _ in range(2)] == [201, 201]


def test_keys_are_kept_for_a_day(api: Api) -> None:
    noon = clock.now()
    with clock.frozen_at(noon - dt.timedelta(hours=25)):
        KeptAnswer.objects.create(caller="token:1", key="old", digest="", status=201)
    with clock.frozen_at(noon - dt.timedelta(hours=23)):
        KeptAnswer.objects.create(caller="token:1", key="young", digest="", status=201)
    assert forget_old_answers() == 1
    assert KeptAnswer.objects.get().key == "young"


def test_after_a_day_a_key_is_new_even_before_it_is_swept(people: People) -> None:
    api, noon = Api.of(people.manager), clock.now()
    with clock.frozen_at(noon - dt.timedelta(hours=24)):
        post(api, "one")
    assert post(api, "one", {"key": "other", "name": "Other"}).status_code == 201


def test_verbs_and_forced_users_take_keys_too(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.DEV, key="button")
    forced = {"test": "button", "variant": "green", "user_id": "4711"}
    answers = [post(api, "f", forced, "/qa/forced/?wait=0") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    # The delivery is looked at again, the user is not forced again.
    assert "delivery" in answers[1].json()
    assert ForcedUser.objects.count() == 1
    started = [post(api, "s", None, "/tests/button/start/") for _ in range(2)]
    assert [answer.json()["status"] for answer in started] == ["running", "running"]
    assert started[1].headers["Idempotency-Replayed"] == "true"


def test_every_post_that_changes_something_takes_one() -> None:
    # Whoever evaluates changes nothing; hits and events come in batches that have ids of their own.
    exempt = {Scope.EVALUATE, Scope.INGEST}
    without = {
        view.__name__
        for pattern in _patterns(get_resolver().url_patterns)
        if (view := getattr(pattern.callback, "cls", None)) is not None
        and hasattr(view, "post")
        and not issubclass(view, IdempotentPosts)
        and getattr(view, "write_scope", None) not in exempt
    }
    assert without == set()


def _patterns(entries: list[Any]) -> list[Any]:
    found = []
    for entry in entries:
        found += _patterns(entry.url_patterns) if hasattr(entry, "url_patterns") else [entry]
    return found
