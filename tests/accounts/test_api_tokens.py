"""Tokens at the door of the API: unknown, revoked, expired, of somebody who left."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts.actors import Actor
from accounts.models import ApiToken
from accounts.services import create_token, revoke_token
from core import clock
from tests.api import Api, problem
from tests.conftest import People


@pytest.fixture
def token(people: People) -> tuple[ApiToken, str]:
    return create_token(
        Actor.person(people.developer), "reader", ["read"], expires_at=clock.now() + dt.timedelta(days=1)
    )


def test_a_usable_token_reads_and_remembers_when(token: tuple[ApiToken, str]) -> None:
    assert Api(token[1]).get("/tests/").status_code == 200
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_in_any_case(token: tuple[ApiToken, str], scheme: str) -> None:
    answer = Api(None).get("/tests/", headers={"Authorization": f"{scheme} {token[1]}"})
    assert answer.status_code == 200


def test_a_revoked_token_opens_nothing(people: People, token: tuple[ApiToken, str]) -> None:
    revoke_token(Actor.person(people.developer), token[0].pk)
    assert "revoked" in problem(Api(token[1]).get("/tests/"), 401)["detail"]


def test_an_expired_token_opens_nothing(token: tuple[ApiToken, str]) -> None:
    with clock.frozen_at(clock.now() + dt.timedelta(days=2)):
        problem(Api(token[1]).get("/tests/"), 401)


def test_a_token_ends_with_its_owner_s_account(people: People, token: tuple[ApiToken, str]) -> None:
    people.developer.is_active = False
    people.developer.save()
    problem(Api(token[1]).get("/tests/"), 401)


def test_other_schemes_are_no_tokens(token: tuple[ApiToken, str]) -> None:
    problem(Api(None).get("/tests/", headers={"Authorization": f"Basic {token[1]}"}), 401)
