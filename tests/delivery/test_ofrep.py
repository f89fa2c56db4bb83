"""The OpenFeature Remote Evaluation Protocol: what a flag is worth, for whom, and why."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from accounts.actors import Actor
from audience.generator import FIRST_ID
from core import clock
from delivery.services import publish
from experiments.lifecycle import Status
from experiments.services import force_user, switch_tests_off
from tests.conftest import People
from tests.delivery.flags import PAYLOADS, USER_FILTER, Ofrep, all_get, deliver_flags, ofrep_for
from tests.factories import make_experiment

IN_TEST: dict[str, Any] = {"targetingKey": "4711", "split_group": 7}


@pytest.fixture
def ofrep(people: People) -> Ofrep:
    return ofrep_for(people.developer)


def test_a_flag_is_worth_the_payload_or_else_the_variants_name(ofrep: Ofrep, manager: Actor) -> None:
    deliver_flags(manager)
    for key, payload in PAYLOADS.items():
        assert ofrep.flag(key, **IN_TEST) == (
            200,
            {
                "key": key,
                "value": "new" if payload is None else payload,
                "variant": "new",
                "reason": "SPLIT",
                "metadata": {"usersplit_reason": "SPLIT", "settings_group": 1},
            },
        )


def test_whoever_gets_no_variant_gets_no_value_and_hears_why(ofrep: Ofrep, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="paying", variants=all_get(), conditions=USER_FILTER)
    make_experiment(manager, Status.PAUSED, key="paused", variants=all_get())
    publish()
    status, left_out = ofrep.flag("paying", **IN_TEST, is_paying=False)
    assert (status, left_out) == (
        200,
        {
            "key": "paying",
            "reason": "DEFAULT",
            "variant": "",
            "metadata": {
                "usersplit_reason": "CONDITIONS_NOT_MET",
                "usersplit_detail": "conditions[0]",
                "settings_group": 1,
            },
        },
    )
    _, nobody = ofrep.flag("paused", **IN_TEST)
    assert (nobody["reason"], nobody["metadata"]["usersplit_reason"]) == ("DISABLED", "PAUSED")
    assert "value" not in nobody


def test_a_flag_that_does_not_exist_is_404(ofrep: Ofrep, manager: Actor) -> None:
    make_experiment(manager, Status.DRAFT, key="draft")
    publish()
    for key in ("draft", "never", "a/b", "%3Cscript%3E"):
        status, body = ofrep.flag(key, **IN_TEST)
        assert (status, body["errorCode"]) == (404, "FLAG_NOT_FOUND")
        assert body["errorDetails"]


def test_forced_users_are_those_of_the_tokens_environment(people: People, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.PAUSED, key="paused", variants=all_get())
    force_user(manager, experiment, "new", "devel", user_id="4711")
    force_user(manager, experiment, "new", "devel", device_id="phone")
    publish()
    production, devel = ofrep_for(people.developer), ofrep_for(people.developer, environment="devel")
    assert "value" not in production.flag("paused", targetingKey="4711")[1]
    for context in ({"targetingKey": "4711"}, {"device_id": "phone"}):
        answer = devel.flag("paused", **context)[1]
        assert (answer["value"], answer["reason"]) == ("new", "TARGETING_MATCH")


def test_tests_off_count(ofrep: Ofrep, people: People, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="running", variants=all_get())
    switch_tests_off(Actor.person(people.qa), user_id="4711")
    publish()
    assert ofrep.flag("running", **IN_TEST)[1]["reason"] == "DISABLED"


def test_a_guest_has_no_targeting_key_but_a_split_group(ofrep: Ofrep, manager: Actor) -> None:
    make_experiment(manager, Status.RUNNING, key="running", variants=all_get())
    publish()
    assert ofrep.flag("running", split_group=7)[1]["value"] == "new"
    assert ofrep.flag("running", split_group=7, targetingKey="")[1]["value"] == "new"
    assert ofrep.flag("running")[1]["metadata"]["usersplit_reason"] == "NO_SPLIT_GROUP"
    for body in (b"{}", b'{"context": null}', b""):
        assert ofrep.ask("/running", body).json()["metadata"]["usersplit_reason"] == "NO_SPLIT_GROUP"


def test_tests_of_clients_are_for_clients_that_know_them(ofrep: Ofrep, manager: Actor) -> None:
    for side in ("client", "client_server"):
        make_experiment(manager, Status.RUNNING, key=side, properties={"side": side}, variants=all_get())
    publish()
    for side in ("client", "client_server"):
        assert ofrep.flag(side, **IN_TEST)[1]["metadata"]["usersplit_reason"] == "NOT_SUPPORTED_BY_CLIENT"
        assert ofrep.flag(side, **IN_TEST, supported_tests=[side])[1]["value"] == "new"


def test_the_warehouse_knows_what_the_context_does_not_say(
    ofrep: Ofrep, manager: Actor, warehouse: Any
) -> None:
    make_experiment(manager, Status.RUNNING, key="paying", variants=all_get(), conditions=USER_FILTER)
    publish()
    users = (warehouse.user(str(number)) for number in range(FIRST_ID, FIRST_ID + 1_000))
    payer = next(user for user in users if user is not None and user.attributes.get("is_paying"))
    assert ofrep.flag("paying", targetingKey=payer.id)[1]["value"] == "new"
    assert ofrep.flag("paying", targetingKey=payer.id, country_id=1)[1]["value"] == "new"
    assert "value" not in ofrep.flag("paying", targetingKey=payer.id, is_paying=False)[1]
    assert "value" not in ofrep.flag("paying", targetingKey=payer.id, is_paying=None)[1]


def test_all_flags_come_together_by_key_or_those_that_the_client_names(ofrep: Ofrep, manager: Actor) -> None:
    deliver_flags(manager)
    found = ofrep.flags(**IN_TEST)
    assert list(found) == sorted(PAYLOADS)
    for key, flag in found.items():
        assert flag == ofrep.flag(key, **IN_TEST)[1]
    assert list(ofrep.flags(**IN_TEST, supported_tests=["three", "never"])) == ["three"]


def test_the_tag_changes_with_the_delivery_the_date_and_the_context(ofrep: Ofrep, manager: Actor) -> None:
    now = clock.now()
    ends = (now + dt.timedelta(days=1)).isoformat()
    make_experiment(manager, Status.RUNNING, key="ending", variants=all_get(), ends_at=ends)
    publish()
    first = ofrep.ask("", {"context": IN_TEST})
    tag = first["ETag"]
    assert first.json()["metadata"] == {"version": publish_version(), "environment": "production"}

    def asked_again(context: dict[str, Any] = IN_TEST) -> Any:
        return ofrep.ask("", {"context": context}, **{"If-None-Match": f'"other", {tag}'})

    same = asked_again()
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", tag)
    assert ofrep.ask("", {"context": IN_TEST}, **{"If-None-Match": f"W/{tag}"}).status_code == 304
    assert asked_again({}).status_code == 200
    with clock.frozen_at(now + dt.timedelta(days=2)):
        late = asked_again()
        assert (late.status_code, late.json()["flags"][0]["reason"]) == (200, "DISABLED")
    make_experiment(manager, Status.RUNNING, key="another", variants=all_get())
    publish()
    assert asked_again().status_code == 200


def publish_version() -> int:
    from delivery.models import Manifest  # noqa: PLC0415

    return Manifest.objects.order_by("-version").values_list("version", flat=True)[0]


@pytest.mark.parametrize("scope", ["read", "manage", "qa", "deliver", "ingest"])
def test_no_other_scope_evaluates(people: People, scope: str) -> None:
    other = ofrep_for(people.superuser, scope)
    for path in ("", "/flag"):
        answer = other.ask(path)
        assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


def test_without_a_token_it_is_401() -> None:
    for path in ("", "/flag"):
        assert Ofrep({"Authorization": "Bearer none"}).ask(path).status_code == 401
