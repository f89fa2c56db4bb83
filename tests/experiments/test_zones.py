"""Dates in people's own time zones: the moments stay what they are, and what clocks skip is said."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actors import Actor
from accounts.models import User
from experiments.forms.zones import as_moment, known_zone, moved, written, zones
from experiments.models import Kind, SettingsGroup
from tests.conftest import People
from tests.factories import make_draft

NEW = "/groups/christmas/settings/new/"
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-12-01T09:00", "UTC", "2026-12-01T09:00"),
        ("2026-12-01T09:00", BERLIN, "2026-12-01T08:00"),
        ("2026-07-01T09:00", BERLIN, "2026-07-01T07:00"),
        ("2026-12-01T00:30", "Asia/Tokyo", "2026-11-30T15:30"),
        # The hour that comes twice: the first of it.
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:30"),
    ],
)
def test_a_time_is_meant_in_its_zone(text: str, zone: str, utc: str) -> None:
    moment = as_moment(text, zone)
    assert moment is not None
    assert written(moment, "UTC") == utc
    assert moved(text, zone, "UTC") == utc


def test_what_clocks_skip_is_no_time() -> None:
    with pytest.raises(ValueError, match="clocks go forward"):
        as_moment("2026-03-29T02:30", BERLIN)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(631_152_000, 3_471_292_800), st.sampled_from(zones()))
def test_there_and_back_is_the_same_moment(seconds: int, zone: str) -> None:
    utc = dt.datetime.fromtimestamp(seconds, dt.UTC)
    back = as_moment(written(utc, zone), zone)
    assert back is not None
    # An hour that comes twice is taken for its first.
    assert utc - back in {
        dt.timedelta(0),
        dt.timedelta(minutes=30),
        dt.timedelta(hours=1),
        dt.timedelta(hours=2),
    }


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=20), st.text(max_size=12))
def test_any_text_is_an_answer(text: str, zone: str) -> None:
    assert known_zone(zone) in zones()
    assert isinstance(moved(text, BERLIN, known_zone(zone)), str)


def test_the_editor_takes_dates_in_the_zone_that_stands_beside_them(people: People, client: Client) -> None:
    client.force_login(people.manager)
    make_draft(Actor.person(people.manager), key="christmas", kind=Kind.GROUP)
    typed = {"based_on": "0", "conditions_as": "rows", "zone_was": "UTC", "starts_at": "2026-12-01T09:00"}
    shown = client.post(NEW, typed | {"zone": BERLIN, "op": "refresh"})
    assert shown.context["form"].starts_at == "2026-12-01T10:00"
    assert "2026-12-01 09:00 UTC" in shown.content.decode()
    berlin = typed | {"zone_was": BERLIN, "zone": BERLIN}
    skipped = client.post(NEW, berlin | {"starts_at": "2027-03-28T02:30"})
    assert skipped.status_code == 422
    assert "There is no such time in Europe/Berlin" in skipped.content.decode()
    assert client.post(NEW, berlin).status_code == 302
    starts_at = SettingsGroup.objects.get().starts_at
    assert starts_at is not None
    assert starts_at.isoformat() == "2026-12-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("own", "of_the_browser", "shown"),
    [
        ("", "", "UTC"),
        ("", BERLIN, BERLIN),
        ("Asia/Tokyo", BERLIN, "Asia/Tokyo"),
        ("US/Pacific", "", "US/Pacific"),
        ("", "nonsense\x00", "UTC"),
    ],
)
def test_the_editor_begins_on_the_clocks_that_the_pages_show(
    own: str, of_the_browser: str, shown: str, people: People, client: Client
) -> None:
    User.objects.filter(pk=people.manager.pk).update(time_zone=own)
    client.force_login(people.manager)
    client.cookies["tz"] = of_the_browser
    # What an earlier version remembered beside them.
    client.cookies["zone"] = "Europe/Lisbon"
    make_draft(Actor.person(people.manager), key="christmas", kind=Kind.GROUP)
    page = client.get(NEW)
    assert page.context["form"].zone == shown
    assert f'<option value="{shown}" selected>{shown}</option>' in page.content.decode()
    assert f'data-own-zone="{shown}"' in page.content.decode()
