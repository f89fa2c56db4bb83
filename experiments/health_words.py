"""Findings of the health check as people read them. Works on the stored findings, so that old checks read as new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from audience.health import Question

_REST: Final = "all other users"


def sentence(finding: Mapping[str, Any]) -> str:
    """What was found, whether or not chance explains it."""
    return _SENTENCES[finding["question"]](finding)


def question_of(finding: Mapping[str, Any]) -> str:
    """What was asked."""
    return _QUESTIONS[finding["question"]].format(measure=_label(finding), test=finding["test"])


def odds(finding: Mapping[str, Any]) -> str:
    """How often chance alone does worse in any of the questions asked at once."""
    adjusted = float(finding["adjusted"])
    if adjusted >= 0.5:
        return "as good as always"
    if adjusted >= 0.01:
        return f"{adjusted * 100:.0f} times in 100"
    if adjusted >= 1e-6:
        return f"once in {1 / adjusted:,.0f}"
    return "less than once in a million"


def shown(value: float, finding: Mapping[str, Any]) -> str:
    """A value of the finding's measure: shares of yes in percent, other numbers with four digits."""
    return f"{value * 100:.2f} %" if finding.get("is_share") else f"{value:,.4g}"


def _sizes(finding: Mapping[str, Any]) -> str:
    if not finding["excess"]:
        return "Split groups differ in size as chance has it."
    return (
        f"Split groups differ in size {_times(finding)}: by ±{finding['excess'] * 100:.1f} % beyond it."
        if finding["verdict"] != "fine"
        else f"Split groups differ in size {_times(finding)}, which chance explains."
    )


def _largest(finding: Mapping[str, Any]) -> str:
    part = finding["parts"][0]
    return (
        f"Split group {part['name']} has {part['users']:,} users where {finding['mean']:,.1f} are expected."
    )


def _spread(finding: Mapping[str, Any]) -> str:
    text = f"“{_label(finding)}” differs between split groups {_times(finding)}"
    if finding["verdict"] == "fine":
        return f"{text}, which chance explains."
    return f"{text}: by ±{shown(finding['excess'], finding)} beyond it, around {shown(finding['mean'], finding)}."


def _test_users(finding: Mapping[str, Any]) -> str:
    parts = [
        f"{part['name'] or _REST} {part['value'] / finding['mean'] * 100:.1f} %" for part in finding["parts"]
    ]
    return (
        f"Users in the former groups of “{finding['test']}”, of as many as belong there: {', '.join(parts)}."
    )


def _test_measure(finding: Mapping[str, Any]) -> str:
    parts = [f"{part['name'] or _REST} {shown(part['value'], finding)}" for part in finding["parts"]]
    return f"“{_label(finding)}” in the former groups of “{finding['test']}”: {', '.join(parts)}."


def _times(finding: Mapping[str, Any]) -> str:
    return f"{finding['dispersion']:.2f} times as much as by chance"


def _label(finding: Mapping[str, Any]) -> str:
    return str(finding.get("label") or finding["measure"])


_SENTENCES: Final = {
    Question.SIZES.value: _sizes,
    Question.LARGEST.value: _largest,
    Question.SPREAD.value: _spread,
    Question.TEST_USERS.value: _test_users,
    Question.TEST_MEASURE.value: _test_measure,
}
_QUESTIONS: Final = {
    Question.SIZES.value: "Are the split groups of even size?",
    Question.LARGEST.value: "Does a single split group stand out?",
    Question.SPREAD.value: "Is “{measure}” spread evenly?",
    Question.TEST_USERS.value: "Did “{test}” cost or bring users?",
    Question.TEST_MEASURE.value: "Did “{test}” leave a mark on “{measure}”?",
}
