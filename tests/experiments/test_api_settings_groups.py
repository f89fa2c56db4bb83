"""Settings groups over HTTP: attached, copied, counted again, tried again, refused with paths."""

from __future__ import annotations

import pytest

from accounts.actors import Actor
from audience.warehouse import Warehouse
from experiments.lifecycle import Status, Verb
from experiments.models import Preparation, SettingsGroup
from experiments.services import apply_verb, prepare_settings_group
from experiments.services.preparation import fail_preparation
from tests.api import Api, problem, wrong_fields
from tests.conftest import People
from tests.factories import TWO_VARIANTS, add_prepared, add_settings, make_draft, make_experiment


@pytest.fixture
def api(people: People, warehouse: Warehouse) -> Api:
    return Api.of(people.manager)


def test_of_a_running_test_the_manager_attaches_new_settings(api: Api, manager: Actor) -> None:
    experiment = make_experiment(manager, Status.RUNNING, key="green_button")
    early = add_settings(manager, experiment)
    problem(api.post("/tests/green_button/settings-groups/2/attach/"), 409)
    prepare_settings_group(early.pk)
    assert api.get("/tests/green_button/settings-groups/2/").json()["is_current"] is False
    for _ in range(2):
        attached = api.post("/tests/green_button/settings-groups/2/attach/")
        assert attached.status_code == 200
        assert attached.json()["is_current"] is True
    assert api.get("/tests/green_button/").json()["settings_group"] == 2
    assert "copy it" in problem(api.post("/tests/green_button/settings-groups/1/attach/"), 409)["detail"]


def test_older_settings_are_copied_into_a_new_number(api: Api, manager: Actor) -> None:
    make_experiment(manager, key="green_button")
    answer = api.post("/tests/green_button/settings-groups/1/copy/")
    assert answer.status_code == 202
    assert (answer.json()["number"], answer.json()["copied_from"], answer.json()["state"]) == (2, 1, "queued")
    assert answer.headers["Location"] == answer.json()["url"]


def test_a_failed_preparation_shows_its_error_and_is_tried_again(api: Api, manager: Actor) -> None:
    settings_group = add_settings(manager, make_draft(manager, "green_button"))
    fail_preparation(settings_group.pk, "The users could not be counted.")
    failed = api.get("/tests/green_button/settings-groups/1/").json()
    assert (failed["state"], failed["error"]) == ("failed", "The users could not be counted.")
    again = api.post("/tests/green_button/settings-groups/1/retry/")
    assert again.status_code == 202
    assert (again.json()["state"], again.json()["error"]) == ("queued", None)
    problem(api.post("/tests/green_button/settings-groups/1/retry/"), 409)


def test_a_recount_is_enqueued_once_there_is_something_to_recount(api: Api, manager: Actor) -> None:
    experiment = make_draft(manager, "green_button")
    settings_group = add_settings(manager, experiment)
    problem(api.post("/tests/green_button/settings-groups/1/recount/"), 409)
    prepare_settings_group(settings_group.pk)
    assert api.post("/tests/green_button/settings-groups/1/recount/").status_code == 202


def test_the_list_is_short_and_newest_first(api: Api, manager: Actor) -> None:
    experiment = make_experiment(manager, key="green_button")
    add_prepared(manager, experiment)
    body = api.get("/tests/green_button/settings-groups/").json()
    assert [group["number"] for group in body["results"]] == [2, 1]
    assert body["results"][0]["variants"][1] == {
        "name": "green", "percent": "5", "is_control": False, "payload": {"color": "#0a0"}
    }  # fmt: skip


def test_settings_are_refused_with_the_path_of_everything_that_is_wrong(api: Api, manager: Actor) -> None:
    make_draft(manager, "green_button")
    answer = api.post(
        "/tests/green_button/settings-groups/",
        {
            "starts_at": "2026-12-01",
            "ends_at": "2026-11-01",
            "conditions": [
                {"filter": "is_test_user", "operator": "eq", "value": "Yes"},
                "OR",
                [{"filter": "country_id", "operator": "in", "value": "Germany"}],
            ],
            "draw": "by_horoscope",
            "variants": [
                {"name": "control", "percent": "5"},
                {"name": "control", "percent": "0.01"},
                {"name": "c", "percent": 101},
            ],
            "colour": "green",
        },
    )
    assert set(wrong_fields(answer)) == {
        "colour", "ends_at", "conditions[2][0].value[0]", "draw", "variants[1].name", "variants[1].percent", "variants[2].percent",
    }  # fmt: skip
    assert not SettingsGroup.objects.exists()
    assert not Preparation.objects.exists()


def test_percents_that_cannot_be_dealt_name_the_nearest_that_can(api: Api, manager: Actor) -> None:
    make_draft(manager, "green_button")
    body = {"variants": [{"name": "a", "percent": "33.3"}, {"name": "b", "percent": "5"}]}
    [error] = problem(api.post("/tests/green_button/settings-groups/", body), 400)["errors"]
    assert error["field"] == "variants[0].percent"
    assert "33 7/24 %" in error["message"]
    dealt = api.post(
        "/tests/green_button/settings-groups/",
        {"total_percent": "10", "variants": [{"name": "a"}, {"name": "b"}]},
    )
    assert [variant["percent"] for variant in dealt.json()["variants"]] == ["5", "5"]


@pytest.mark.parametrize("number", ["0", "2", "99999999999", "9" * 400])
def test_an_unknown_number_is_not_found(api: Api, manager: Actor, number: str) -> None:
    add_settings(manager, make_draft(manager, "green_button"), variants=TWO_VARIANTS)
    problem(api.get(f"/tests/green_button/settings-groups/{number}/"), 404)


def test_a_finished_test_takes_no_more_settings(api: Api, manager: Actor) -> None:
    make_experiment(manager, Status.FINISHED, key="green_button")
    problem(api.post("/tests/green_button/settings-groups/", {"variants": TWO_VARIANTS}), 409)
    problem(api.post("/tests/green_button/settings-groups/1/copy/"), 409)


def test_a_user_group_refuses_what_only_tests_have(api: Api, manager: Actor) -> None:
    make_draft(manager, "christmas", kind="group")
    answer = api.post("/groups/christmas/settings-groups/", {"variants": TWO_VARIANTS, "draw": "random"})
    assert set(wrong_fields(answer)) == {"variants", "draw"}


def test_a_draft_of_other_managers_is_only_a_number_in_intersections(
    api: Api, people: People, manager: Actor
) -> None:
    everybody = [{"name": "hidden_variant", "percent": "100"}]
    other = Actor.person(people.other_manager)
    make_experiment(other, Status.DRAFT, key="secret_idea", variants=everybody)
    make_experiment(manager, Status.DEV, key="green_button")
    address = "/tests/green_button/settings-groups/1/"
    for outsider in (api, Api.of(people.viewer)):
        answer = outsider.get(address)
        assert answer.json()["intersections"] == []
        [shared] = answer.json()["hidden_intersections"]
        assert shared["users"] > 0
        assert b"secret_idea" not in answer.content
        assert b"hidden_variant" not in answer.content
    seen = Api.of(people.superuser).get(address).json()
    assert seen["hidden_intersections"] == []
    [shared] = seen["intersections"]
    assert (shared["test"], shared["variants"][0]["theirs"]) == ("secret_idea", "hidden_variant")


def test_nobody_finds_drafts_by_being_exclusive_with_them(api: Api, people: People, manager: Actor) -> None:
    make_draft(Actor.person(people.other_manager), "secret_idea")
    make_draft(manager, "own_idea")
    make_draft(manager, "green_button")
    body = {"draw": "exclusive", "variants": TWO_VARIANTS}
    address = "/tests/green_button/settings-groups/"
    messages = [
        problem(api.post(address, {**body, "exclusive_with": [key]}), 400)["detail"].replace(key, "…")
        for key in ("secret_idea", "no_such_test")
    ]
    assert messages[0] == messages[1]
    assert api.post(address, {**body, "exclusive_with": ["own_idea"]}).status_code == 202


def test_a_test_that_became_a_draft_again_can_stay_named(api: Api, people: People, manager: Actor) -> None:
    other = Actor.person(people.other_manager)
    rival = make_experiment(other, Status.DEV, key="rival")
    make_draft(manager, "green_button")
    body = {"draw": "exclusive", "exclusive_with": ["rival"], "variants": TWO_VARIANTS}
    assert api.post("/tests/green_button/settings-groups/", body).status_code == 202
    apply_verb(other, rival, Verb.WITHDRAW)
    assert api.post("/tests/green_button/settings-groups/", body).status_code == 202
