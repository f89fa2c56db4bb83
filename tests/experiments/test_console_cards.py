"""The settings, audience and changelog cards: progress that ends by itself, attaching, taking up again, overlaps."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.models import AudienceCount, Experiment, Preparation, SettingsGroup
from experiments.services import recount_settings_group
from experiments.services.preparation import fail_preparation, prepare_settings_group
from tests.conftest import People
from tests.factories import add_prepared, add_settings, make_draft, make_experiment
from usersplit.celery import app

PAGE = "/tests/green_button/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


def test_progress_polls_until_it_is_done(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_draft(mia, key="green_button")
    group = add_settings(mia, test)
    Preparation.objects.update(state="preparing", progress=40)
    address = f"{PAGE}settings/1/progress/"
    response = client.get(address, headers=HTMX)
    text = response.content.decode()
    assert "every 1s" in text
    assert 'value="40"' in text
    assert "HX-Trigger" not in response
    assert prepare_settings_group(group.pk)
    response = client.get(address, headers=HTMX)
    assert "every 1s" not in response.content.decode()
    assert "settings-changed" in response["HX-Trigger"]


def test_a_failure_is_shown_and_tried_again(mia: Actor, client: Client) -> None:
    test = make_draft(mia, key="green_button")
    group = add_settings(mia, test)
    fail_preparation(group.pk, "There is not enough room <here>.")
    text = client.get(f"{PAGE}settings/", headers=HTMX).content.decode()
    assert "There is not enough room &lt;here&gt;." in text
    assert "Try again" in text
    response = client.post(f"{PAGE}settings/1/retry/", headers=HTMX)
    assert response.status_code == 200
    assert "every 1s" in response.content.decode()
    assert client.post(f"{PAGE}settings/1/retry/", headers=HTMX).status_code == 409


def test_settings_of_a_running_test_wait_to_be_attached(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.RUNNING, key="green_button")
    variants = [{"name": "control", "percent": "10", "is_control": True}, {"name": "green", "percent": "10"}]
    add_prepared(mia, test, variants=variants)
    text = strip_tags(client.get(PAGE).content.decode())
    assert "Settings 2 are prepared and wait" in text
    assert "[removed: 5 ]" in text
    assert "[added: 10 ]" in text
    response = client.post(f"{PAGE}settings/2/attach/", headers=HTMX)
    assert "experiment-changed" in response["HX-Trigger"]
    assert Experiment.objects.get().current == SettingsGroup.objects.get(number=2)


def test_older_settings_are_taken_up_again(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.DRAFT, key="green_button", message="The first")
    add_prepared(mia, test, message="The second")
    text = client.get(f"{PAGE}settings/", headers=HTMX).content.decode()
    assert "Older versions" in text
    assert client.post(f"{PAGE}settings/1/copy/")["Location"] == PAGE
    assert SettingsGroup.objects.get(number=3).copied_from == SettingsGroup.objects.get(number=1)
    changes = client.get(f"{PAGE}settings/2/", headers=HTMX).content.decode()
    assert "What differs from settings 1" in changes


@pytest.mark.parametrize("address", ["settings/9/", "settings/99999999999999/", "settings/9/progress/"])
def test_numbers_that_do_not_exist(address: str, mia: Actor, client: Client) -> None:
    make_draft(mia, key="green_button")
    assert client.get(PAGE + address).status_code == 404


def test_only_managers_act_on_settings(mia: Actor, people: People, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.RUNNING, key="green_button")
    add_prepared(mia, test)
    client.force_login(people.developer)
    text = client.get(PAGE).content.decode()
    assert "Attach" not in text
    assert "Count again" not in client.get(f"{PAGE}audience/").content.decode()
    for act in ("settings/2/attach/", "settings/1/copy/", "settings/1/retry/", "audience/recount/"):
        assert client.post(PAGE + act).status_code == 403


def test_overlaps_name_tests_and_mark_the_same_area(mia: Actor, warehouse: Any, client: Client) -> None:
    all_users = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]
    make_experiment(
        mia, Status.RUNNING, key="red_banner", properties={"area": "payments"}, variants=all_users
    )
    make_experiment(mia, Status.RUNNING, key="blue_box", properties={"area": "start"}, variants=all_users)
    make_experiment(mia, Status.DEV, key="green_button", properties={"area": "payments"})
    text = client.get(f"{PAGE}audience/", headers=HTMX).content.decode()
    assert "red_banner" in text
    assert "blue_box" in text
    assert text.count("us-same-area") == 1
    assert "same area: payments" in text
    assert "By variant" in text


def test_a_draft_of_others_is_only_a_number(
    mia: Actor, people: People, warehouse: Any, client: Client
) -> None:
    other = Actor.person(people.other_manager)
    variants = [{"name": "hidden_variant", "percent": "100"}]
    make_experiment(
        other, Status.DRAFT, key="secret_idea", properties={"area": "payments"}, variants=variants
    )
    make_experiment(mia, Status.DEV, key="green_button", properties={"area": "payments"})
    text = client.get(f"{PAGE}audience/").content.decode()
    assert "A draft of other managers" in text
    assert "secret_idea" not in text
    assert "hidden_variant" not in text


def test_what_the_warehouse_lacks_is_said(mia: Actor, warehouse: Any, client: Client) -> None:
    conditions = [{"filter": "platform", "operator": "eq", "value": "ios"}]
    make_experiment(mia, Status.DEV, key="green_button", conditions=conditions)
    text = client.get(f"{PAGE}audience/").content.decode()
    assert "These are upper bounds. Not counted: platform" in text


def test_counting_again_polls_until_the_new_count(
    mia: Actor,
    warehouse: Any,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(app, "send_task", lambda name, args, **rest: sent.append((name, args)))
    test = make_experiment(mia, Status.RUNNING, key="green_button")
    with django_capture_on_commit_callbacks(execute=True):
        text = client.post(f"{PAGE}audience/recount/", headers=HTMX).content.decode()
    count = AudienceCount.objects.get()
    assert sent[-1] == ("experiments.tasks.recount", (test.current_id,))
    assert f"after={count.pk}" in text
    assert "every 1s" in text
    recount_settings_group(count.settings_group_id)
    assert (
        "every 1s"
        not in client.get(f"{PAGE}audience/?after={count.pk}&polls=3", headers=HTMX).content.decode()
    )
    newest = AudienceCount.objects.first()
    assert newest is not None
    late = client.get(f"{PAGE}audience/?after={newest.pk}&polls=60", headers=HTMX).content.decode()
    assert "every 1s" not in late
    assert "not there yet" in late


def test_machines_can_be_hidden(mia: Actor, warehouse: Any, client: Client) -> None:
    make_experiment(mia, Status.DEV, key="green_button")
    assert "Preparation" in client.get(f"{PAGE}changelog/latest/", headers=HTMX).content.decode()
    text = client.get(f"{PAGE}changelog/latest/?people=1", headers=HTMX).content.decode()
    assert ">machine<" not in text
    assert 'aria-pressed="true"' in text
