"""The parts of the benchmark run, at sizes that say nothing about speed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench import decisions, event_loop, start
from bench.__main__ import PARTS, main
from bench.by_hand import AppRequest, AppUser, GreenButton, ifs, tight_ifs
from bench.measuring import Figure
from bench.workload import one_plan, plans, visitors
from usersplit_sdk import Hit

SMALL = decisions.Size(rounds=1, calls=10, crowd=20)


def test_decisions_are_timed_for_one_user_and_for_many_and_held_against_what_was_asked() -> None:
    """Every row of both tables is there, and each figure with its target."""
    text = decisions.run(SMALL)

    for row in (decisions.BY_HAND, decisions.CHECK, decisions.RECORDED):
        assert text.count(f"\n  {row:<62} ") == 2, row
    for row in (decisions.IFS, decisions.ALL_OF_MANY, decisions.ALL_OF_MOST):
        assert text.count(f"\n  {row:<62} ") == 3, row
    for target in ("asked ≤ 3 ×", "asked ≤ 1.5 ×", "asked ≤ 1 ×", "asked ≤ 10 ×"):
        assert text.count(target) == 2, target


def test_starts_are_timed_in_processes_of_their_own() -> None:
    """Cold starts, imports and refreshes of a folder as the publisher writes it."""
    text = start.run(tests=20, processes=1, refreshes=2)

    for row in (
        start.PACKAGE,
        start.NAMES,
        start.REFRESH,
        start.AND_REQUEST,
        "20 test files, to the first decision",
    ):
        assert f"  {row} " in text, row
    assert "asked ≤ 600 ms" in text
    assert "asked ≤ 60 MiB" in text


def test_checks_on_an_event_loop_store_every_hit() -> None:
    """Or the part ends with the number of those that were."""
    text = event_loop.run(checks=300, rounds=1)

    assert "\n  tasks with a check, its hit stored " in text
    assert "asked ≤ 5 ms" in text


def test_lost_hits_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink that keeps only some of them is found out."""

    async def store(self: event_loop.Sink, hits: Sequence[Hit]) -> None:
        self.hits += hits[1:]

    monkeypatch.setattr(event_loop.Sink, "store", store)

    with pytest.raises(SystemExit, match="of 300 hits were stored"):
        event_loop.run(checks=300, rounds=1)


def test_ifs_by_hand_are_right() -> None:
    """What all ratios stand on decides like the plan it was written from."""
    one, many = one_plan(), plans(15)
    button, scattered, tight = GreenButton(), ifs(many), tight_ifs(many)

    for person in visitors(300, one.countries):
        user = AppUser(person.id, person.split_group, person.profile)
        request = AppRequest(person.request)
        right = {plan.key: variant for plan in many if (variant := plan.variant(person))}
        assert button.variant(user, request) == one.variant(person)
        assert scattered(user, request) == tight(user, request) == right


def test_nothing_is_timed_that_answers_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that differs ends the run."""
    monkeypatch.setattr(GreenButton, "variant", lambda self, user, request: "green")

    with pytest.raises(SystemExit, match="nothing was timed"):
        decisions.run(SMALL)


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(3, False, True), (3.1, False, False), (3, True, True), (2.9, True, False)]
)
def test_a_figure_says_whether_it_is_met(value: float, at_least: bool, met: bool) -> None:
    """At most, or at least, the target itself included."""
    figure = Figure("one check", value, 3, at_least=at_least)

    assert figure.met is met
    assert str(figure).endswith(" met") is met or str(figure).endswith("NOT MET") is not met


def test_an_unknown_part_is_named() -> None:
    """With the parts that there are."""
    with pytest.raises(SystemExit, match="No part is called decision; there are decisions"):
        main(["decision"])
    assert {"decisions", "start", "peers", "audience"} <= set(PARTS)
