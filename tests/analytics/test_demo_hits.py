"""The demo's hits: made by the SDK for real users, taken and counted like everybody's, with something to find in them."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import pytest
from django.db.models import Sum
from django.test import Client

from accounts.models import Environment, User
from analytics.models import TotalHits, UnknownHits, WaitingBatch, Who
from analytics.reports import hits_report
from analytics.results import results_of
from analytics.selectors import span_of
from changelog.models import Entry
from core import clock
from experiments.models import Experiment, SettingsGroup
from usersplit.demo.lives import periods
from usersplit.demo.loading import load_stories
from usersplit.demo.people import save_personas
from usersplit.demo.sending import load_hits


@dataclass(frozen=True)
class Demo:
    """When its hits were made, and how many were sent."""

    at: dt.datetime
    sent: int


@pytest.fixture
def demo(warehouse: object) -> Demo:
    save_personas()
    load_stories()
    at = clock.now()
    with clock.frozen_at(at):
        sent = load_hits()
    assert_it_teaches_no_wrong()
    return Demo(at, sent)


def one(key: str) -> Experiment:
    return Experiment.objects.tests().get(key=key)


def settings_of(key: str, number: int = 1) -> SettingsGroup:
    return one(key).settings_groups.select_related("experiment").get(number=number)


def users(key: str, who: Who = Who.USERS, environment: str = "production") -> int:
    rows = TotalHits.objects.filter(settings_group__experiment__key=key, who=who, environment=environment)
    return rows.aggregate(users=Sum("users"))["users"] or 0


def assert_it_teaches_no_wrong() -> None:
    """A winner was declared because it won, not by chance; and the changelog tells everything in the order of time."""
    [paid] = results_of(settings_of("price_labels"), "production").events
    won = paid.variants[1].rate_difference
    assert won is not None
    assert (won.absolute_interval.low or 0) > 0
    moments = list(Entry.objects.order_by("id").values_list("at", flat=True))
    assert [pair for pair in itertools.pairwise(moments) if pair[0] > pair[1]] == []


def test_the_demo_has_hits_to_look_at(demo: Demo, client: Client) -> None:
    assert demo.sent > 10_000
    assert not WaitingBatch.objects.exists()
    # What ran has users, each test by its own settings; what is an idea or not in production has none.
    for key in ("pay_button_color", "feed_ranking", "search_suggestions", "price_labels", "ios_paywall"):
        assert users(key) > 50, key
    assert hits_report(settings_of("feed_ranking", 1), "production").hits > 0
    assert hits_report(settings_of("feed_ranking", 2), "production").hits > 0
    assert not users("voice_search")
    assert span_of(one("dark_mode_default"), Environment.PRODUCTION).hits == 0
    assert users("dark_mode_default", Who.TEST_USERS, "devel") > 0
    # Forced and test users stand apart.
    assert users("pay_button_color", Who.FORCED) == 1
    assert users("hint_texts", Who.TEST_USERS) > 0
    # One has a sample ratio mismatch, which is told.
    broken = hits_report(settings_of("hint_texts"), "production").ratio
    assert broken.is_mismatch
    assert broken.holds_always
    assert hits_report(settings_of("hint_texts"), "devel").ratio.p_value is None
    assert Entry.objects.filter(verb="alarm", subject_key="hint_texts", by_machine=True).count() == 1
    # Somebody mistyped a test.
    assert set(UnknownHits.objects.values_list("test", flat=True)) == {"pay_buton_color"}
    # A finished test is still in somebody's code; its winner is no mismatch.
    finished = hits_report(settings_of("price_labels"), "production")
    assert finished.seen_until is not None
    assert not finished.ratio.holds_always
    # People buy.
    found = results_of(settings_of("pay_button_color"), "production")
    [paid] = found.events
    assert paid.event == "order.paid"
    assert all(row.conversions and row.mean_value for row in paid.variants)
    assert paid.variants[1].rate_difference is not None
    # Each test was what it was then.
    lives = [life for life in periods(clock.now()) if life.key == "feed_ranking"]
    assert [(life.status, life.document["settings_group"]) for life in lives] == [
        ("dev", 1),
        ("running", 1),
        ("running", 2),
    ]
    assert all(before.until == after.since for before, after in itertools.pairwise(lives))
    [*_, last] = [life for life in periods(clock.now()) if life.key == "price_labels"]
    assert last.document["outcome"] == {"result": "winner", "variant": "with_tax", "scope": "everywhere"}
    # One user's hits are found, and no id does harm.
    client.force_login(User.objects.get(username="mia"))
    asked = "/analytics/user-hits/"
    shown = client.get(asked, {"user_id": "100001", "test": "pay_button_color"}).content.decode()
    assert ">forced<" in shown
    for hostile in ("'; DROP TABLE x; --", "<script>", "a\nb", "\\'\"", "u:100001", "%", "\x00"):
        for name in ("user_id", "device_id", "test"):
            response = client.get(asked, {"user_id": "100001", name: hostile})
            assert response.status_code == 200
            assert "<script>" not in response.content.decode().split("<main", 1)[1].split("</main", 1)[0]
    # Loaded again after it was killed, nothing is there twice.
    before = TotalHits.objects.aggregate(hits=Sum("hits"))
    with clock.frozen_at(demo.at):
        assert load_hits() == demo.sent
    assert TotalHits.objects.aggregate(hits=Sum("hits")) == before
