"""The record, sending again, and what one wants to hear."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import Actor
from core import clock
from experiments.lifecycle import Status
from experiments.models import Experiment
from notifications.models import Connection, Delivery, DeliveryState, Event, Habits, Mute, Provider
from notifications.services import mute
from tests.conftest import People
from tests.factories import make_draft, make_experiment

pytestmark = pytest.mark.usefixtures("warehouse")


def failed(experiment: Experiment, recipient: str = "a@example.org") -> Delivery:
    event = Event.objects.create(
        key=f"e:{experiment.key}:{recipient}",
        kind="paused",
        experiment=experiment,
        at=clock.now(),
        planned_at=clock.now(),
    )
    return Delivery.objects.create(
        event=event,
        channel="mail",
        recipient=recipient,
        state=DeliveryState.GIVEN_UP,
        answer="no such <b>address</b>",
    )


def text(client: Client, address: str = "/notifications/") -> str:
    return client.get(address).content.decode()


def test_the_record_says_what_happened_and_hides_drafts(client: Client, people: People) -> None:
    manager = Actor.person(people.manager)
    failed(make_experiment(manager, Status.RUNNING, key="button"))
    failed(make_draft(manager, "secret_idea"))
    client.force_login(people.viewer)
    page = text(client)
    assert "button" in page
    assert "no such &lt;b&gt;address" in page
    assert "secret_idea" not in page
    assert "Send again" not in page
    client.force_login(people.manager)
    assert "secret_idea" in text(client)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=butt", True),
        ("q=nothing", False),
        ("state=sent", False),
        ("event=paused", True),
        ("q=%00", True),
        ("state=x", True),
    ],
)
def test_the_record_is_searched(client: Client, people: People, query: str, found: bool) -> None:
    failed(make_experiment(Actor.person(people.manager), Status.RUNNING, key="button"))
    client.force_login(people.manager)
    assert ("no such" in text(client, f"/notifications/?{query}")) is found


@pytest.mark.parametrize(
    ("asks", "query", "found"),
    [
        ("viewer", "q=qa%40example", False),
        ("viewer", "q=example.org", False),
        ("manager", "q=qa%40example", False),
        ("superuser", "q=qa%40example", True),
        ("viewer", "q=qa", True),
        ("viewer", "q=wong", True),
    ],
)
def test_nobody_finds_out_addresses_by_trying(
    client: Client, people: People, asks: str, query: str, found: bool
) -> None:
    delivery = failed(make_experiment(Actor.person(people.manager), Status.RUNNING), "qa@example.org")
    people.qa.last_name = "Wong"
    people.qa.save(update_fields=["last_name"])
    Delivery.objects.filter(pk=delivery.pk).update(person=people.qa)
    client.force_login(getattr(people, asks))
    page = text(client, f"/notifications/?{query}")
    assert ("no such" in page) is found
    assert "qa@example.org" not in page


def test_a_manager_sends_again_and_others_cannot(client: Client, people: People) -> None:
    delivery = failed(make_experiment(Actor.person(people.manager), Status.RUNNING))
    address = f"/notifications/{delivery.pk}/resend/"
    client.force_login(people.viewer)
    assert "Only the test&#x27;s managers" in client.post(address, follow=True).content.decode()
    client.force_login(people.manager)
    assert "It is tried again" in client.post(address, follow=True).content.decode()
    assert "only what failed" not in text(client)
    delivery.refresh_from_db()
    assert delivery.state == "failed"


def test_what_went_over_a_connection_that_is_off_is_not_said_to_be_tried_again(
    client: Client, people: People
) -> None:
    delivery = failed(make_experiment(Actor.person(people.manager), Status.RUNNING), "hook:1")
    off = Connection.objects.create(
        name="Team chat", provider=Provider.WEBHOOK, url="https://example.org", secret=b"", is_active=False
    )
    Delivery.objects.update(channel="chat", connection=off)
    client.force_login(people.manager)
    answer = client.post(f"/notifications/{delivery.pk}/resend/", follow=True).content.decode()
    assert "Team chat is switched off: nothing goes out over it." in answer
    delivery.refresh_from_db()
    assert delivery.state == "given_up"


def test_a_digest_that_was_given_up_does_not_look_as_if_all_of_it_were_told(
    client: Client, people: People
) -> None:
    experiment = make_experiment(Actor.person(people.manager), Status.RUNNING)
    digest, other = failed(experiment), failed(experiment, "b@example.org")
    Delivery.objects.filter(pk=other.pk).update(state=DeliveryState.DIGESTED, digest_of=digest)
    client.force_login(people.viewer)
    assert '<span class="badge bg-red-lt">In a digest: given up</span>' in text(client)


def test_one_says_when_and_of_what_one_wants_to_hear(client: Client, people: People) -> None:
    client.force_login(people.manager)
    mute(people.manager, kind="started", channel="mail")
    assert 'value="started"\n' in text(client, "/notifications/mine/")
    form = {
        "email": "me@example.org",
        "time_zone": "Asia/Tokyo",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "digest": "on",
        "wanted": ["paused", "started"],
    }
    assert client.post("/notifications/mine/", form).status_code == 302
    habits = Habits.objects.get(person=people.manager)
    assert (str(habits.quiet_from), habits.digest) == ("22:00:00", True)
    people.manager.refresh_from_db()
    assert (people.manager.email, people.manager.time_zone) == ("me@example.org", "Asia/Tokyo")
    muted = set(Mute.objects.values_list("kind", "channel"))
    assert ("finished", "") in muted
    assert not {kind for kind, _ in muted} & {"paused", "started"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"time_zone": "Mars/Base"}, "Select a valid choice"),
        ({"quiet_until": ""}, "Quiet hours need both ends."),
        ({"quiet_from": "25:00"}, "Enter a valid time."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    client: Client, people: People, wrong: dict[str, str], said: str
) -> None:
    client.force_login(people.manager)
    form = {"time_zone": "UTC", "quiet_from": "22:00", "quiet_until": "07:00"} | wrong
    response = client.post("/notifications/mine/", form)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Habits.objects.exists()


def test_a_test_that_was_muted_is_heard_again(client: Client, people: People) -> None:
    experiment = make_experiment(Actor.person(people.manager), Status.RUNNING, key="button")
    mute(people.manager, experiment=experiment)
    row = Mute.objects.get()
    client.force_login(people.viewer)
    client.post(f"/notifications/mine/mutes/{row.pk}/remove/")
    assert Mute.objects.exists(), "it is another's"
    client.force_login(people.manager)
    assert "button" in text(client, "/notifications/mine/")
    client.post(f"/notifications/mine/mutes/{row.pk}/remove/")
    assert not Mute.objects.exists()
