"""How somebody wants to hear is saved beside the account, by the rules of the account."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core import clock
from core.errors import InvalidInput
from notifications.models import Habits
from notifications.services import save_habits
from tests.conftest import People

USUAL: dict[str, Any] = {
    "email": "mia@example.org",
    "time_zone": "",
    "quiet_from": None,
    "quiet_until": None,
    "quiet_weekends": False,
    "digest": False,
    "direct": "mail",
}


@pytest.fixture
def mia(people: People) -> User:
    save_habits(people.manager, **USUAL)
    return User.objects.get(pk=people.manager.pk)


def test_another_address_makes_an_open_link_useless_and_counts_as_a_revision(mia: User) -> None:
    User.objects.filter(pk=mia.pk).update(link_made_at=clock.now())
    save_habits(mia, **{**USUAL, "email": "mia@elsewhere.example"})
    saved = User.objects.get(pk=mia.pk)
    assert (saved.email, saved.link_made_at, saved.revision) == (
        "mia@elsewhere.example",
        None,
        mia.revision + 1,
    )


def test_quiet_hours_are_nothing_of_the_account(mia: User) -> None:
    User.objects.filter(pk=mia.pk).update(link_made_at=clock.now())
    save_habits(mia, **{**USUAL, "quiet_from": dt.time(22), "quiet_until": dt.time(7)})
    saved = User.objects.get(pk=mia.pk)
    assert saved.link_made_at is not None
    assert saved.revision == mia.revision
    assert Habits.objects.get(person=mia).quiet_from == dt.time(22)


def test_what_a_superuser_changed_meanwhile_stays(mia: User) -> None:
    User.objects.filter(pk=mia.pk).update(role="viewer", language="ja", is_active=False)
    save_habits(mia, **{**USUAL, "time_zone": "Asia/Tokyo"})
    saved = User.objects.get(pk=mia.pk)
    assert (saved.role, saved.is_active, saved.time_zone) == ("viewer", False, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"quiet_from": dt.time(22)}, "quiet_until"),
        ({"direct": "pigeon"}, "direct"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_saved(mia: User, wrong: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_habits(mia, **{**USUAL, "digest": True, **wrong})
    assert [error.path for error in refused.value.errors] == [field]
    assert not Habits.objects.get(person=mia).digest


def test_the_page_saves_the_address_by_the_same_rules(mia: User, client: Client) -> None:
    User.objects.filter(pk=mia.pk).update(link_made_at=clock.now())
    client.force_login(mia)
    answer = client.post(
        "/notifications/mine/", {"email": "new@example.org", "time_zone": "", "direct": "mail"}
    )
    assert answer.status_code == 302
    assert User.objects.get(pk=mia.pk).link_made_at is None
