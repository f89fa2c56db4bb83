"""Batches of hits and events are taken, told apart by their ids, and kept for the fold."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import uuid
import zlib

import pytest
from celery import current_app

from accounts.actors import Actor
from accounts.models import Environment, Scope
from accounts.services import create_token
from analytics import ingest
from analytics.models import Batch, WaitingBatch
from core import clock
from experiments.lifecycle import Status
from tests.analytics.batches import batch, event, hit, send
from tests.api import Api, problem
from tests.conftest import People
from tests.factories import make_experiment
from usersplit_sdk.model import Hit


@pytest.fixture
def api(people: People) -> Api:
    return Api.of(people.developer, [Scope.INGEST])


def waiting_items() -> list[dict[str, object]]:
    bodies = WaitingBatch.objects.order_by("pk").values_list("body", flat=True)
    return [json.loads(line) for body in bodies for line in zlib.decompress(body).splitlines()]


def test_what_the_sdk_sends_is_taken_as_it_is(api: Api) -> None:
    now = clock.now()
    hits = [
        Hit(
            "green_button", 3, "green", "4711", "a-b-c", 1187, "production", now, forced=True, test_user=True
        ),
        Hit(
            "green_button",
            3,
            "green",
            None,
            None,
            None,
            "production",
            now.replace(microsecond=0),
            False,
            False,
        ),
    ]
    answer = send(api, *[each.as_json() for each in hits])
    assert (answer["accepted"], answer["rejected_count"], answer["duplicate"]) == (2, 0, False)
    stored = waiting_items()
    assert [{**item, "time": None} for item in stored] == [{**each.as_json(), "time": None} for each in hits]
    assert [str(item["time"]) for item in stored] == [
        each.time.isoformat().replace("+00:00", "Z") for each in hits
    ]


def test_a_hit_needs_only_test_settings_group_variant_and_time(api: Api) -> None:
    send(api, {"test": "a", "settings_group": 1, "variant": "b", "time": clock.now().isoformat()})
    [stored] = waiting_items()
    del stored["time"]
    assert stored == {
        "test": "a",
        "settings_group": 1,
        "variant": "b",
        "user_id": None,
        "device_id": None,
        "split_group": None,
        "environment": "production",
        "forced": False,
        "test_user": False,
    }


def test_times_are_kept_in_utc(api: Api) -> None:
    moment = clock.now().replace(microsecond=5)
    eastern = moment.astimezone(dt.timezone(dt.timedelta(hours=9)))
    send(api, hit(time=eastern.isoformat()))
    assert waiting_items()[0]["time"] == moment.isoformat().replace("+00:00", "Z")


def test_a_batch_may_come_packed(api: Api) -> None:
    body = gzip.compress(json.dumps(batch(hit(), hit())).encode())
    response = api.post("/hits/", body, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 202
    assert response.json()["accepted"] == 2


def test_an_empty_batch_is_taken_and_nothing_waits(api: Api) -> None:
    assert send(api)["accepted"] == 0
    assert Batch.objects.count() == 1
    assert not WaitingBatch.objects.exists()


def test_a_batch_sent_again_is_answered_as_before(api: Api) -> None:
    batch_id = uuid.uuid4()
    first = send(api, hit(), hit(test=""), batch_id=batch_id)
    again = send(api, hit(), hit(), hit(), batch_id=batch_id)
    assert again == {**first, "duplicate": True}
    assert WaitingBatch.objects.count() == 1


def test_the_same_id_may_stand_for_hits_and_for_events(api: Api) -> None:
    batch_id = uuid.uuid4()
    send(api, hit(), batch_id=batch_id)
    assert send(api, event(), stream="events", batch_id=batch_id)["duplicate"] is False


def test_an_event_is_taken_with_and_without_a_value(api: Api) -> None:
    answer = send(api, event(value=3), event(value=None), event(user_id=None, device_id="d"), stream="events")
    assert answer["accepted"] == 3
    assert [item["value"] for item in waiting_items()] == [3.0, None, 9.5]


def test_a_hit_without_an_environment_is_of_the_tokens(people: People) -> None:
    token = create_token(
        Actor.person(people.developer), "devel", [Scope.INGEST], environment=Environment.DEVEL
    )[1]
    item = hit()
    del item["environment"]
    send(Api(token), item, hit(environment=None))
    assert [stored["environment"] for stored in waiting_items()] == ["devel", "devel"]


@pytest.mark.parametrize(("bound", "other"), [("production", "devel"), ("devel", "production")])
def test_a_token_sends_no_hits_of_the_other_environment(people: People, bound: str, other: str) -> None:
    token = create_token(Actor.person(people.developer), "bound", [Scope.INGEST], environment=bound)[1]
    answer = send(Api(token), hit(environment=other), hit(environment=bound))
    assert answer["accepted"] == 1
    [refused] = answer["rejected"]
    assert refused["index"] == 0
    assert refused["errors"][0]["field"] == "environment"
    assert bound in refused["errors"][0]["message"]


def test_hits_nobody_knows_are_told_and_taken(people: People, api: Api) -> None:
    make_experiment(Actor.person(people.manager), Status.DEV, key="known_test")
    good = hit(test="known_test", variant="green")
    answer = send(
        api,
        good,
        *[hit(test="konwn_test")] * 3,
        hit(test="known_test", settings_group=9),
        hit(test="known_test", variant="grene"),
    )
    assert answer["accepted"] == 6
    assert answer["unknown_count"] == 5
    assert answer["unknown"] == [
        {"test": "konwn_test", "settings_group": 1, "variant": "green", "hits": 3, "why": "test"},
        {"test": "known_test", "settings_group": 1, "variant": "grene", "hits": 1, "why": "variant"},
        {"test": "known_test", "settings_group": 9, "variant": "green", "hits": 1, "why": "settings_group"},
    ]


def test_a_draft_exists_for_its_managers_only(people: People, api: Api) -> None:
    make_experiment(Actor.person(people.manager), key="secret_idea")
    sent = [
        hit(test="secret_idea"),
        hit(test="secret_idea", variant="grene"),
        hit(test="secret_idea", settings_group=9),
    ]
    assert {one["why"] for one in send(Api.of(people.viewer, ["ingest"]), *sent)["unknown"]} == {"test"}
    assert sorted(one["why"] for one in send(Api.of(people.manager, ["ingest"]), *sent)["unknown"]) == [
        "settings_group",
        "variant",
    ]


def test_a_user_group_is_no_test(people: People, api: Api) -> None:
    make_experiment(Actor.person(people.manager), kind="group", key="some_users")
    assert send(api, hit(test="some_users"))["unknown"][0]["why"] == "test"


def test_hits_need_the_scope(people: People) -> None:
    others = [scope for scope in Scope.values if scope != Scope.INGEST]
    for stream in ("hits", "events"):
        problem(Api.of(people.superuser, others).post(f"/{stream}/", batch(stream=stream)), 403)
        problem(Api(None).post(f"/{stream}/", batch(stream=stream)), 401)


def test_a_person_in_the_console_sends_no_hits(people: People) -> None:
    api = Api(None)
    api.client.force_login(people.superuser)
    assert "token" in problem(api.post("/hits/", batch(hit())), 403)["detail"]
    assert not Batch.objects.exists()


def test_a_batch_of_one_stream_is_not_taken_for_the_other(api: Api) -> None:
    assert problem(api.post("/events/", batch(hit())), 400)["errors"][0]["field"] == "hits"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that this process asks for, as if it had just begun."""
    tasks: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: tasks.append(name))
    monkeypatch.setattr(ingest.wake_folder, "next", 0.0)
    return tasks


def test_many_batches_ask_for_one_fold(api: Api, asked: list[str]) -> None:
    for _ in range(5):
        send(api, hit())
    assert asked == ["analytics.tasks.fold"]


def test_a_broker_that_is_down_keeps_no_hit_away(
    api: Api, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str, **options: object) -> None:
        asked.append(name)
        raise ConnectionError("no broker")

    monkeypatch.setattr(current_app, "send_task", fail)
    for _ in range(5):
        assert send(api, hit())["accepted"] == 1
    assert len(asked) == 1
    assert WaitingBatch.objects.count() == 5
