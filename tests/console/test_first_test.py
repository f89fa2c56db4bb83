"""The guided first test: steps come from the rows of the test, and it is whose it is until they put it away."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.actors import Actor
from accounts.models import User
from console.first_test import Known, State, Step, next_step, steps_of
from console.first_test_facts import guidance_for, known_of
from console.models import FirstTest
from experiments.lifecycle import Status, Verb
from experiments.models import Experiment
from experiments.services import apply_verb, force_user, unforce_user
from tests.analytics.counted import count_hits
from tests.conftest import People
from tests.factories import add_prepared, add_settings, make_draft, make_experiment

PAGE = "/first-test/"


def _browser(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def _next(actor: Actor) -> Step | None:
    guidance = guidance_for(actor)
    assert guidance is not None
    step = next_step(steps_of(known_of(guidance), {}))
    return step.step if step else None


def _states(known: Known) -> dict[Step, State]:
    return {step.step: step.state for step in steps_of(known, {})}


def test_each_step_follows_when_the_one_before_has_been_done(
    manager: Actor, people: People, warehouse: Any
) -> None:
    assert _next(manager) == Step.IDEA
    test = make_draft(manager, key="mine")
    assert _next(manager) == Step.SETTINGS
    add_settings(manager, test)
    assert _next(manager) == Step.AUDIENCE
    settings = add_prepared(manager, test)
    assert _next(manager) == Step.PUBLISH
    test = Experiment.objects.get(pk=test.pk)
    apply_verb(manager, test, Verb.PUBLISH)
    assert _next(manager) == Step.TRY
    forced = force_user(manager, test, "green", "devel", user_id="1")
    assert _next(manager) == Step.CODE
    unforce_user(manager, forced.pk)
    assert _next(manager) == Step.CODE
    count_hits(settings, "green", 1, 1, environment="devel")
    assert _next(manager) == Step.START
    apply_verb(manager, Experiment.objects.get(pk=test.pk), Verb.START)
    assert _next(manager) == Step.HITS
    count_hits(settings, "green", 1, 1)
    assert _next(manager) == Step.FINISH
    apply_verb(manager, Experiment.objects.get(pk=test.pk), Verb.FINISH, {"result": "rejected"})
    assert _next(manager) is None


def test_what_it_is_too_late_for_is_left_out_and_the_rest_waits() -> None:
    started = Known(status=Status.RUNNING, newest=1, is_prepared=True, was_started=True)
    states = _states(started)
    assert states[Step.TRY] == State.PASSED
    assert states[Step.CODE] == State.NEXT
    assert states[Step.HITS] == states[Step.FINISH] == State.LATER
    given_up = _states(Known(status=Status.FINISHED, newest=1, is_prepared=True))
    assert State.NEXT not in given_up.values()
    assert given_up[Step.START] == given_up[Step.HITS] == State.PASSED
    assert list(_states(Known()).values()) == [State.NEXT] + 8 * [State.LATER]


def test_it_follows_the_newest_test_of_the_person_or_the_one_they_choose(
    manager: Actor, people: People
) -> None:
    browser = _browser(people.manager)
    assert "A new test" in browser.get(PAGE).content.decode()
    make_draft(manager, key="older", name="The older one")
    make_draft(manager, key="newer", name="The newer one")
    make_draft(Actor.person(people.other_manager), key="others", name="Not hers")
    page = browser.get(PAGE).content.decode()
    assert 'href="/tests/newer/">The newer one</a>' in page
    assert "Not hers" not in page
    browser.post(f"{PAGE}follow/", {"key": "older"})
    assert 'href="/tests/older/">The older one</a>' in browser.get(PAGE).content.decode()
    browser.post(f"{PAGE}follow/", {"key": ""})
    assert 'href="/new/tests/"' in browser.get(PAGE).content.decode()
    make_draft(manager, key="newest", name="The newest one")
    assert 'href="/tests/newest/">' in browser.get(PAGE).content.decode()


@pytest.mark.parametrize("key", ["others", "nowhere", "\x00", "a" * 5_000, "<script>"])
def test_nobody_follows_what_is_not_theirs(people: People, key: str) -> None:
    make_draft(Actor.person(people.other_manager), key="others")
    assert _browser(people.manager).post(f"{PAGE}follow/", {"key": key}).status_code == 404
    assert not FirstTest.objects.exists()


def test_a_user_who_was_checked_leaves_no_trace_so_the_person_says_so(
    manager: Actor, people: People, warehouse: Any
) -> None:
    browser = _browser(people.manager)
    assert browser.post(f"{PAGE}tried/").status_code == 409
    make_experiment(manager, Status.DEV, key="mine")
    assert "I have checked one" in browser.get(PAGE).content.decode()
    browser.post(f"{PAGE}tried/")
    assert _next(manager) == Step.CODE
    assert "I have checked one" not in browser.get(PAGE).content.decode()


def test_the_page_of_the_test_says_the_step_until_it_is_put_away(
    manager: Actor, people: People, warehouse: Any
) -> None:
    make_draft(manager, key="other_one")
    make_experiment(manager, Status.DRAFT, key="mine")
    browser, htmx = _browser(people.manager), {"HX-Request": "true"}
    strip = browser.get("/tests/mine/first-test/", headers=htmx).content.decode()
    assert "Your first test: step 4 of 9 – Publish it to dev" in strip
    assert 'href="/tests/mine/verbs/publish/"' in strip
    assert browser.get("/tests/other_one/first-test/", headers=htmx).content == b""
    assert "step 4 of 9" in browser.get("/").content.decode()
    assert _browser(people.viewer).get("/tests/mine/first-test/", headers=htmx).content == b""
    answer = browser.post(f"{PAGE}dismiss/", follow=True)
    assert "put away" in answer.content.decode()
    assert browser.get("/tests/mine/first-test/", headers=htmx).content == b""
    # Another browser of the same person knows it too.
    assert "step 4 of 9" not in _browser(people.manager).get("/").content.decode()
    browser.post(f"{PAGE}follow/", {"key": "mine"})
    assert "step 4 of 9" in browser.get("/").content.decode()


def test_who_has_started_a_test_before_is_not_spoken_to_unless_they_ask(
    manager: Actor, people: People, warehouse: Any
) -> None:
    browser = _browser(people.manager)
    assert "New here?" in browser.get("/").content.decode()
    make_experiment(manager, Status.RUNNING, key="first")
    assert "Your first test: step" in browser.get("/").content.decode()
    make_draft(manager, key="second")
    assert "first test" not in browser.get("/").content.decode()
    assert browser.get(PAGE).status_code == 200


def test_an_empty_installation_says_what_it_needs(people: People) -> None:
    asked = _browser(people.manager).get(PAGE).content.decode()
    assert "No users are known yet" in asked
    assert "A superuser loads them." in asked
    assert "An app server is connected" in asked
    assert 'href="/loads/"' in _browser(people.superuser).get(PAGE).content.decode()


def test_words_of_people_are_words(manager: Actor, people: People) -> None:
    make_draft(manager, key="mine", name="<script>alert(1)</script>")
    assert "<script>alert" not in _browser(people.manager).get(PAGE).content.decode()


def test_putting_it_away_does_not_forget_which_test_was_followed(
    manager: Actor, people: People, warehouse: Any
) -> None:
    browser = _browser(people.manager)
    make_experiment(manager, Status.DRAFT, key="mine")
    browser.post(f"{PAGE}follow/", {"key": "mine"})
    browser.post(f"{PAGE}dismiss/")
    make_draft(manager, key="newer")
    guidance = guidance_for(manager)
    assert guidance is not None
    assert (guidance.experiment and guidance.experiment.key, guidance.is_active) == ("mine", False)
    # Of who chose none it is the one that was shown: a later one does not take its place.
    FirstTest.objects.all().delete()
    browser.post(f"{PAGE}dismiss/")
    make_draft(manager, key="newest")
    guidance = guidance_for(manager)
    assert guidance is not None
    assert guidance.experiment is not None
    assert guidance.experiment.key == "newer"
