"""The way of a first test, step by step: rules over what was read elsewhere, and the words that a newcomer reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from experiments.lifecycle import Status


class Step(StrEnum):
    """In their order."""

    IDEA = "idea"
    SETTINGS = "settings"
    AUDIENCE = "audience"
    PUBLISH = "publish"
    TRY = "try"
    CODE = "code"
    START = "start"
    HITS = "hits"
    FINISH = "finish"


class State(StrEnum):
    """Where a step stands. `passed`: it was left out, and it is too late for it."""

    DONE = "done"
    NEXT = "next"
    LATER = "later"
    PASSED = "passed"


STATE_WORDS: Final[Mapping[State, str | Promise]] = {
    State.DONE: _("done"),
    State.NEXT: _("next"),
    State.LATER: _("later"),
    State.PASSED: _("left out"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a step is called, why it is there, and what its link says; `page` and `part` are of the help."""

    title: str | Promise
    why: str | Promise
    link: str | Promise
    page: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the test that is followed; all empty while there is none."""

    status: Status | None = None
    newest: int | None = None
    has_failed: bool = False
    is_prepared: bool = False
    is_tried: bool = False
    is_in_code: bool = False
    was_started: bool = False
    has_hits: bool = False


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step as the page shows it; `number` from 1, `address` is where it is done, empty while that is nowhere."""

    step: Step
    number: int
    state: State
    words: Words
    address: str = ""

    @property
    def state_word(self) -> str:
        return str(STATE_WORDS[self.state])


WORDS: Final[Mapping[Step, Words]] = {
    Step.IDEA: Words(
        _("Write down the idea"),
        _(
            "A test begins as a draft that only its managers and superusers see: what changes, and what you expect of it."
        ),
        _("The draft"),
        "first-test",
        "the-idea",
    ),
    Step.SETTINGS: Words(
        _("Say who takes part, and the variants"),
        _(
            "Conditions choose the users, percents say how many of them get which variant. One variant leaves everything as it is, so that there is something to compare with."
        ),
        _("The settings"),
        "editor",
    ),
    Step.AUDIENCE: Words(
        _("Let it be prepared, and look at the audience"),
        _(
            "Users are counted and split groups drawn within seconds. Then you see how many users each variant will have, and which other tests they are in too."
        ),
        _("The audience and the overlap"),
        "before-the-start",
        "the-audience-card-of-a-test",
    ),
    Step.PUBLISH: Words(
        _("Publish it to dev"),
        _("App servers get it, but only test users get a variant: nobody else notices anything."),
        _("Publish"),
        "first-test",
        "dev",
    ),
    Step.TRY: Words(
        _("Try it out"),
        _(
            "Put yourself into each variant in turn, or check what a test user gets and why, before anybody real does."
        ),
        _("Force somebody into a variant"),
        "delivery-and-qa",
        "the-check-page",
    ),
    Step.CODE: Words(
        _("Put it into the code"),
        _(
            "The code asks by the key of the test and gets the name of a variant, or none. The card has the lines to paste."
        ),
        _("The lines to paste"),
        "sdk",
    ),
    Step.START: Words(
        _("Start it"),
        _("From now on whoever meets the conditions gets a variant, and always the same one."),
        _("Start"),
        "first-test",
        "the-start",
    ),
    Step.HITS: Words(
        _("See the hits come in"),
        _(
            "App servers report each user to whom a variant was shown. Nothing else is counted, so no hits means no result."
        ),
        _("The hits"),
        "hits",
    ),
    Step.FINISH: Words(
        _("Finish it"),
        _(
            "Decide on the day that you planned, not on a good one: then everybody gets the winner, or nobody gets anything."
        ),
        _("Finish"),
        "results",
    ),
}
STEPS: Final = len(Step)

# What nobody needs to do any more once this has been done.
_TOO_LATE_AFTER: Final[Mapping[Step, tuple[Step, ...]]] = {
    Step.TRY: (Step.START, Step.FINISH),
    Step.CODE: (Step.FINISH,),
    Step.START: (Step.FINISH,),
    Step.HITS: (Step.FINISH,),
}


def steps_of(known: Known, addresses: Mapping[Step, str]) -> list[ShownStep]:
    """All nine, with where each is done. The first that is neither done nor left out is the next; there is none once the test is finished."""
    done = _done(known)
    shown: list[ShownStep] = []
    has_next = False
    for number, step in enumerate(Step, 1):
        if done[step]:
            state = State.DONE
        elif any(done[later] for later in _TOO_LATE_AFTER.get(step, ())):
            state = State.PASSED
        else:
            state = State.LATER if has_next else State.NEXT
            has_next = True
        shown.append(ShownStep(step, number, state, WORDS[step], addresses.get(step, "")))
    return shown


def next_step(steps: list[ShownStep]) -> ShownStep | None:
    """What is to be done now."""
    return next((step for step in steps if step.state == State.NEXT), None)


def _done(known: Known) -> Mapping[Step, bool]:
    is_published = known.status not in {None, Status.DRAFT}
    return {
        Step.IDEA: known.status is not None,
        Step.SETTINGS: known.newest is not None,
        Step.AUDIENCE: known.is_prepared,
        Step.PUBLISH: is_published,
        Step.TRY: known.is_tried,
        Step.CODE: known.is_in_code,
        Step.START: known.was_started,
        Step.HITS: known.has_hits,
        Step.FINISH: known.status == Status.FINISHED,
    }
