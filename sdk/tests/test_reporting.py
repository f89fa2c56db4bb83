"""Problems are told once, to the log and to a callback, whatever words they contain."""

import logging

import pytest

from usersplit_sdk import Problem
from usersplit_sdk.reporting import TOLD_LIMIT, Reporter


def test_problem_is_told_once_until_its_place_was_sound(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Problem] = []
    reporter = Reporter(told.append)
    for _ in range(2):
        reporter.report(Problem("tests/a.json", "is missing"))
        reporter.report(Problem("tests/b.json", "is missing"))
    reporter.forget(["tests/a.json"])
    reporter.report(Problem("tests/a.json", "is missing"))
    reporter.report(Problem("tests/b.json", "is missing"))
    assert [problem.where for problem in told] == ["tests/a.json", "tests/b.json", "tests/a.json"]
    assert [record.name for record in caplog.records] == ["usersplit_sdk"] * 3


def test_words_of_a_file_make_up_no_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Reporter().report(Problem("tests/a.json", "tokens.x\nERROR all is lost\x1b[2J: must be an object"))
    assert len(caplog.messages[0].splitlines()) == 1
    assert "\x1b" not in caplog.messages[0]


def test_callback_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(problem: Problem) -> None:
        raise RuntimeError("no room")

    Reporter(fail).report(Problem("tests/a.json", "is missing"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]


def test_flood_of_problems_is_cut_off_until_they_are_mended() -> None:
    told: list[Problem] = []
    reporter = Reporter(told.append)
    for number in range(2 * TOLD_LIMIT):
        reporter.report(Problem(f"tests/test_{number}.json", "is missing"))
    assert len(told) == TOLD_LIMIT
    reporter.forget(f"tests/test_{number}.json" for number in range(2 * TOLD_LIMIT))
    reporter.report(Problem("tests/new.json", "is missing"))
    assert told[-1].where == "tests/new.json"
