"""The audience card in detail: two-way tables, the draw and its seed, warnings, whom the draw moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.actors import Actor
from experiments.audience_report import VariantPair
from experiments.audience_rows import balance_in_words, two_way
from experiments.lifecycle import Status
from experiments.models import AudienceCount, Draw, Experiment, RecountRequest
from experiments.services import attach_settings_group, recount_settings_group
from experiments.tasks import recount
from experiments.views import audience
from tests.conftest import People
from tests.factories import add_prepared, make_experiment

EVERYBODY: list[dict[str, object]] = [{"name": "a", "percent": "50"}, {"name": "b", "percent": "50"}]


@pytest.fixture
def mia(people: People, client: Client) -> Actor:
    client.force_login(people.manager)
    return Actor.person(people.manager)


@pytest.fixture
def card(client: Client) -> Callable[[], str]:
    return lambda: " ".join(client.get("/tests/green_button/audience/").content.decode().split())


def test_pairs_become_a_table_with_every_cell() -> None:
    pairs = [
        VariantPair("control", "a", 3, 30),
        VariantPair("green", "b", 2, 10),
        VariantPair("green", "a", 1, 5),
    ]
    table = two_way(pairs, {"control": 300, "green": 100}, is_known=True)
    assert table.columns == ["a", "b"]
    assert [(name, [cell.users for cell in cells]) for name, cells, _ in table.rows] == [
        ("control", [30, 0]),
        ("green", [5, 10]),
    ]
    assert [(total.users, total.split_groups, total.share) for *_, total in table.rows] == [
        (30, 3, 0.1),
        (15, 3, 0.15),
    ]


def test_of_a_draft_nobody_learns_how_many_variants_it_has() -> None:
    pairs = [VariantPair("control", "secret", 3, 30), VariantPair("control", "other_secret", 1, 10)]
    table = two_way(pairs, {"control": 0}, is_known=False)
    assert table.columns == []
    assert [(cells, total.users, total.share) for _, cells, total in table.rows] == [([], 40, 0.0)]


def test_the_balance_of_a_deal_in_words() -> None:
    assert balance_in_words({}) == ""
    assert balance_in_words({"deal": {"variants_met": 0, "within_one": 0, "furthest": 0.0}}) == ""
    assert "as evenly as whole split groups allow" in balance_in_words(
        {"deal": {"variants_met": 4, "within_one": 4, "furthest": 0.5}}
    )
    assert "the furthest is 2.5 off" in balance_in_words(
        {"deal": {"variants_met": 4, "within_one": 3, "furthest": 2.52}}
    )


def test_users_per_variant_with_their_share_of_the_audience(
    mia: Actor, warehouse: Any, card: Callable[[], str]
) -> None:
    make_experiment(mia, Status.DEV, key="green_button", variants=EVERYBODY)
    text = card()
    assert '<th scope="col" class="text-end">Of the audience</th>' in text
    assert "49." in text or "50." in text
    assert '<td class="text-end">1,200</td>' in text


def test_the_draw_its_seed_and_the_counts_it_was_made_with(
    mia: Actor, warehouse: Any, card: Callable[[], str]
) -> None:
    test = make_experiment(mia, Status.DEV, key="green_button", draw="random", seed=4711)
    text = card()
    assert "Plain random" in text
    assert "<code>4711</code>" in text
    assert "the draw was made with these counts" in text
    assert "counted again" not in text
    assert test.current is not None
    recount_settings_group(test.current.pk)
    assert "Drawn with the counts of" in card()
    assert "counted again" in card()


def test_warnings_stand_above_the_numbers(mia: Actor, warehouse: Any, card: Callable[[], str]) -> None:
    area: dict[str, object] = {"area": "payments"}
    make_experiment(mia, Status.RUNNING, key="red_banner", properties=area, variants=EVERYBODY)
    make_experiment(mia, Status.DEV, key="green_button", properties=area)
    text = card()
    warning = "of your users are also in red_banner, in the same area: both change “payments”."
    assert warning in text
    assert "Serious:" in text
    assert text.index(warning) < text.index("Of the audience")


def test_a_two_way_table_for_each_test_that_shares_users(
    mia: Actor, people: People, warehouse: Any, card: Callable[[], str]
) -> None:
    make_experiment(mia, Status.RUNNING, key="red_banner", variants=EVERYBODY)
    secret = [{"name": "hidden_variant", "percent": "100"}]
    make_experiment(Actor.person(people.other_manager), Status.DRAFT, key="secret", variants=secret)
    make_experiment(mia, Status.DEV, key="green_button")
    text = card()
    assert text.count("us-two-way") == 2
    assert '<th scope="col" class="text-end">a</th> <th scope="col" class="text-end">b</th>' in text
    assert '<th scope="row">control</th>' in text
    assert "hidden_variant" not in text
    assert Draw.objects.get(settings_group__experiment__key="green_button").log["deal"]["variants_met"] == 3
    assert "3 variants of other tests" in text


def test_with_many_tests_the_largest_overlaps_come_first_and_the_others_when_asked_for(
    mia: Actor, warehouse: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "_PAIRS_SHOWN", 1)
    narrow = [{"name": "a", "percent": "20"}, {"name": "b", "percent": "20"}]
    make_experiment(mia, Status.RUNNING, key="everywhere", variants=EVERYBODY)
    make_experiment(mia, Status.RUNNING, key="narrow", variants=narrow)
    make_experiment(mia, Status.RUNNING, key="green_button", variants=EVERYBODY)
    text = " ".join(client.get("/tests/green_button/audience/").content.decode().split())
    assert 'href="/tests/everywhere/"' in text
    assert 'href="/tests/narrow/"' not in text
    assert '1 more test shares fewer users. <a href="/tests/green_button/audience/?all=1">' in text
    text = client.get("/tests/green_button/audience/?all=1").content.decode()
    assert 'href="/tests/narrow/"' in text
    assert "fewer users" not in text


def test_whom_a_new_draw_moves(mia: Actor, warehouse: Any, card: Callable[[], str]) -> None:
    test = make_experiment(mia, Status.RUNNING, key="green_button")
    assert "Against the settings before" not in card()
    wider = [{"name": "control", "percent": "5", "is_control": True}, {"name": "green", "percent": "20"}]
    settings_group = add_prepared(mia, test, variants=wider)
    attach_settings_group(mia, Experiment.objects.get(pk=test.pk), settings_group.number)
    text = card()
    assert "keep their variant" in text
    assert "</strong> join" in text
    assert "</strong> leave" not in text


def test_settings_that_wait_show_their_own_audience(mia: Actor, warehouse: Any, client: Client) -> None:
    test = make_experiment(mia, Status.RUNNING, key="green_button")
    half = [{"name": "control", "percent": "50", "is_control": True}, {"name": "green", "percent": "50"}]
    waiting = add_prepared(mia, test, variants=half)
    page = client.get("/tests/green_button/").content.decode()
    assert f"/tests/green_button/audience/?settings={waiting.number}" in page
    address = f"/tests/green_button/audience/?settings={waiting.number}"
    text = " ".join(client.get(address).content.decode().split())
    assert f"Audience of settings {waiting.number}" in text
    assert '<td class="text-end">1,200</td>' in text
    assert 'name="settings" value="2"' in text
    answer = client.post("/tests/green_button/audience/recount/", {"settings": waiting.number})
    assert answer["Location"] == address
    assert RecountRequest.objects.get().settings_group == waiting
    assert client.get("/tests/green_button/audience/?settings=99").status_code == 404


def test_a_recount_that_failed_says_why_beside_the_last_count(
    mia: Actor, warehouse: Any, client: Client, card: Callable[[], str], settings: Settings
) -> None:
    test = make_experiment(mia, Status.DEV, key="green_button")
    assert test.current is not None
    address = "/tests/green_button/audience/"
    client.post(f"{address}recount/")
    settings.WAREHOUSE_URL = "nonsense://nowhere"
    recount(test.current.pk)
    text = card()
    assert "It could not be counted again" in text
    assert "WAREHOUSE_URL must be like" in text
    assert "users meet the conditions" in text
    count = AudienceCount.objects.get().pk
    polled = client.get(
        address, {"after": count, "polls": 3}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "every 1s" not in polled
