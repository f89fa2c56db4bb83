"""The hits card: what it says of shares, times, forced and test users, and where the test stands in its life."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client

from accounts.actors import Actor
from analytics.models import SampleRatioWatch, Who
from analytics.store import UserCount
from core import clock
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment, Kind, SettingsGroup
from experiments.services import apply_verb, attach_settings_group
from tests.analytics.counted import HOUR, FakeStore, count_hits, use_store
from tests.conftest import People
from tests.factories import add_prepared, make_draft, make_experiment

CARD = "/tests/button/hits/"
HTMX = {"HX-Request": "true"}
HALVES: list[dict[str, object]] = [
    {"name": "control", "percent": "50", "is_control": True},
    {"name": "green", "percent": "50"},
]


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def button(mia: Actor, warehouse: object) -> Experiment:
    return make_experiment(mia, Status.RUNNING, key="button", variants=HALVES)


def current(experiment: Experiment) -> SettingsGroup:
    assert experiment.current is not None
    return experiment.current


def card(client: Client, **query: str | int) -> str:
    """The words of the card as htmx gets it."""
    response = client.get(CARD, query, headers=HTMX)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_test_page_loads_the_card_and_a_user_group_has_none(
    button: Experiment, mia: Actor, client: Client
) -> None:
    assert f'hx-get="{CARD}"' in client.get("/tests/button/").content.decode()
    make_experiment(mia, kind=Kind.GROUP, key="grown_up")
    assert "/hits/" not in client.get("/groups/grown_up/").content.decode().replace("/hits/unknown/", "")
    assert client.get("/tests/grown_up/hits/").status_code == 404


def test_users_hits_and_shares_beside_what_the_audience_lets_expect(
    button: Experiment, client: Client
) -> None:
    count_hits(current(button), "control", 1_500, 1_006)
    count_hits(current(button), "green", 1_600, 994)
    text = card(client)
    assert '<span class="us-number">2,000</span> users saw a variant' in text
    assert '<span class="us-number">3,100</span> hits in all' in text
    assert '<td class="text-end">1,006</td> <td class="text-end">50.3 %</td> <td class="text-end">' in text
    assert "The shares fit" in text
    assert "Latest hit" in text
    assert "users counted as of" in text
    assert 'hx-trigger="every 15s"' in text


def test_a_mismatch_is_said_at_once_with_both_figures(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 9_000, 9_000)
    count_hits(current(button), "green", 7_000, 7_000)
    text = card(client)
    assert "The shares do not fit" in text
    assert re.search(r"“green” has 7,000 users, 9\d\d fewer than the 7,9\d\d expected", text) or re.search(
        r"“control” has 9,000 users, 1?,?\d+ more than", text
    )
    assert "however often somebody looked" in text
    assert "Chi-square test" in text
    assert "Always valid" in text
    assert text.index("The shares do not fit") < text.index("saw a variant")


def test_what_only_a_single_look_finds_says_so(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 530, 530)
    count_hits(current(button), "green", 400, 400)
    text = card(client)
    assert "The shares do not fit" in text
    assert "the second figure does not confirm it yet" in text
    SampleRatioWatch.objects.create(settings_group=current(button), smallest_p=1e-9)
    assert "however often somebody looked" in card(client)


def test_forced_and_test_users_stand_apart(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 10, 5)
    assert "Forced and test users" not in card(client)
    count_hits(current(button), "green", 77, 66, who=Who.FORCED)
    count_hits(current(button), "green", 55, 44, who=Who.TEST_USERS)
    text = card(client)
    assert '<span class="us-number">5</span> users saw a variant' in text
    assert (
        '<td>green</td> <td class="text-end">66</td> <td class="text-end">77</td>'
        ' <td class="text-end">44</td> <td class="text-end">55</td>' in text
    )


def test_users_that_are_not_counted_yet_are_judged_later(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 10, 0, users_counted=False)
    text = card(client)
    assert "users are being counted" in text
    assert "Different users are being counted" in text


def test_hours_and_days_have_lines_and_a_table(button: Experiment, client: Client) -> None:
    now = clock.now()
    count_hits(current(button), "control", 10, 7, ago=3 * HOUR)
    count_hits(current(button), "green", 20, 9, ago=HOUR)
    text = card(client)
    assert text.count("<polyline") == 4
    hour = (now - 3 * HOUR).strftime("%Y-%m-%d %H:00")
    assert (
        f'<th scope="row" class="text-nowrap">{hour}</th> <td class="text-end">7</td> <td class="text-end">10</td>'
        in text
    )
    assert "By hour, last two days" in text
    days = card(client, by="day")
    assert f'<th scope="row" class="text-nowrap">{(now - HOUR):%Y-%m-%d}</th>' in days


def test_an_old_test_is_drawn_by_day_and_without_gaps(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 10, 7, ago=dt.timedelta(days=9))
    count_hits(current(button), "green", 10, 7, ago=dt.timedelta(days=5))
    text = card(client)
    assert 'id="hits-by-day"' in text
    assert text.count('<th scope="row"') == 12
    assert "No hits in the last two days" in card(client, by="hour")


def test_devel_is_looked_at_apart_and_not_judged(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 40, 40, environment="devel")
    assert "No hit from production yet, although the test is running" in card(client)
    text = card(client, environment="devel")
    assert '<span class="us-number">40</span> users saw a variant' in text
    assert "Shares are judged in production only" in text
    assert "although the test is running" in card(client, environment="<script>")


def test_older_settings_can_be_chosen(button: Experiment, mia: Actor, client: Client) -> None:
    count_hits(current(button), "green", 10, 7)
    second = add_prepared(mia, button, variants=HALVES)
    attach_settings_group(mia, button, second.number)
    assert "No hit from production yet" in card(client)
    text = card(client, settings=1)
    assert '<span class="us-number">7</span> users saw a variant' in text
    assert "Hits of settings 1" in text
    assert "Settings 2 (current)" in text
    assert client.get(CARD, {"settings": 7}).status_code == 404


def test_where_nothing_came_it_says_what_to_do(mia: Actor, warehouse: object, client: Client) -> None:
    make_draft(mia, "button")
    text = card(client)
    assert "Once there are prepared settings" in text
    for link in ("/tests/button/#code", "/api/v1/docs/", "/hits/unknown/"):
        assert f'href="{link}"' in text


def test_a_test_in_dev_says_when_the_first_production_hit_came(
    mia: Actor, warehouse: object, client: Client
) -> None:
    experiment = make_experiment(mia, Status.DEV, key="button", variants=HALVES)
    count_hits(current(experiment), "green", 3, 1, who=Who.TEST_USERS, environment="devel")
    assert "No hit from production yet" in card(client)
    count_hits(current(experiment), "green", 3, 1, who=Who.TEST_USERS, ago=2 * HOUR)
    text = card(client)
    assert "The code is in production" in text
    assert f"{clock.now() - 2 * HOUR:%Y-%m-%d %H:}" in text
    assert "Only forced and test users saw a variant so far" in text


def test_a_finished_test_that_is_still_asked_for_says_so(
    button: Experiment, mia: Actor, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock.frozen_at(clock.now() - dt.timedelta(days=2)):
        count_hits(current(button), "control", 800, 800)
        count_hits(current(button), "green", 800, 800)
        ending = {"result": "winner", "variant": "green", "scope": "everywhere"}
        apply_verb(mia, button, Verb.FINISH, ending)
    assert "still asks" not in card(client)
    # Everybody gets the winner from then on: that is no mismatch.
    count_hits(current(button), "green", 5_000, 5_000)
    assert current(button).pk is not None
    counted = [
        UserCount(current(button).pk, name, "production", "users", None, 800) for name in ("control", "green")
    ]
    store = use_store(monkeypatch, FakeStore(counts=counted))
    text = card(client)
    assert "5,000 hits from production since it was finished" in text
    assert "The shares fit" in text
    assert "until the winner was declared" in text
    button.refresh_from_db()
    assert store.asked == [([current(button).pk], None, button.finished_at, None)]
    store.fails = "The disk is gone."
    text = card(client)
    assert "cannot be read at the moment" in text
    assert '<td class="text-end">5,800</td>' in text


def test_users_in_several_variants_come_from_the_store(
    button: Experiment, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_hits(current(button), "control", 10, 7)
    assert 'hx-get="/tests/button/hits/several/"' in card(client)
    store = use_store(monkeypatch, FakeStore(in_several=3))
    several = f"{CARD}several/"
    assert "3</strong> users saw more than one variant" in client.get(several, headers=HTMX).content.decode()
    store.in_several = 0
    assert "Nobody saw more than one" in client.get(several).content.decode()
    store.fails = "<b>The disk is gone.</b>"
    text = client.get(several, headers=HTMX).content.decode()
    assert "&lt;b&gt;The disk is gone." in text
    assert "counted already and stand" in text


def test_without_htmx_it_is_a_page(button: Experiment, client: Client) -> None:
    count_hits(current(button), "control", 10, 7)
    text = client.get(CARD).content.decode()
    assert "<html" in text
    assert "saw a variant" in text


def test_everybody_reads_it_but_drafts_stay_with_their_managers(
    button: Experiment, mia: Actor, people: People, client: Client
) -> None:
    make_experiment(mia, key="idea")
    for person in people:
        client.force_login(person)
        assert client.get(CARD).status_code == 200
        expected = 200 if person in {people.manager, people.superuser} else 404
        assert client.get("/tests/idea/hits/").status_code == expected
        assert client.get("/tests/idea/hits/several/").status_code == expected


def test_a_card_costs_few_queries(
    button: Experiment, client: Client, django_assert_max_num_queries: object
) -> None:
    for hours in range(40):
        count_hits(current(button), "control", 10, 7, ago=hours * HOUR)
    with django_assert_max_num_queries(16):  # type: ignore[operator]  # a fixture that pytest-django leaves untyped
        card(client)
