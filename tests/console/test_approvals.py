"""The page of approvals: who waits for a second person's word, and who has it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from experiments.lifecycle import Status
from experiments.services import approve_start, request_approval
from tests.conftest import People
from tests.factories import make_experiment

PAGE = "/approvals/"


@pytest.fixture
def browser(people: People) -> Client:
    browser = Client()
    browser.force_login(people.viewer)
    return browser


def _keys(browser: Client) -> tuple[list[str], list[str]]:
    context = browser.get(PAGE).context
    waiting, given = ([facts.key for facts, _ in context[name]] for name in ("waiting", "given"))
    return waiting, given


def test_a_start_waits_here_until_somebody_else_has_approved_it(
    browser: Client, people: People, warehouse: Any, settings: Any
) -> None:
    settings.START_NEEDS_APPROVAL = True
    mia, other = Actor.person(people.manager), Actor.person(people.other_manager)
    test = make_experiment(mia, Status.DEV, key="asked_for")
    make_experiment(mia, Status.DEV, key="not_asked_for")
    assert _keys(browser) == ([], [])
    assert "Nobody waits" in browser.get(PAGE).content.decode()
    request_approval(mia, test)
    assert _keys(browser) == (["asked_for"], [])
    assert str(people.manager) in browser.get(PAGE).content.decode()
    approve_start(other, test)
    assert _keys(browser) == ([], ["asked_for"])


def test_where_none_is_needed_the_page_says_so(browser: Client, settings: Any) -> None:
    settings.START_NEEDS_APPROVAL = False
    assert "START_NEEDS_APPROVAL" in browser.get(PAGE).content.decode()
