"""Findings of the health check as people read them. Works on the stored findings, so that old checks read as new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audience.health import Question


def sentence(finding: Mapping[str, Any]) -> str:
    """What was found, whether or not chance explains it."""
    return _SENTENCES[finding["question"]](finding)


def question_of(finding: Mapping[str, Any]) -> str:
    """What was asked."""
    return str(_QUESTIONS[finding["question"]]) % {"measure": _label(finding), "test": finding["test"]}


def odds(finding: Mapping[str, Any]) -> str:
    """How often chance alone does worse in any of the questions asked at once."""
    adjusted = float(finding["adjusted"])
    if adjusted >= 0.5:
        return gettext("as good as always")
    if adjusted >= 0.01:
        return gettext("%(times)s times in 100") % {"times": f"{adjusted * 100:.0f}"}
    if adjusted >= 1e-6:
        return gettext("once in %(number)s") % {"number": f"{1 / adjusted:,.0f}"}
    return gettext("less than once in a million")


def shown(value: float, finding: Mapping[str, Any]) -> str:
    """A value of the finding's measure: shares of yes in percent, other numbers with four digits."""
    return f"{value * 100:.2f} %" if finding.get("is_share") else f"{value:,.4g}"


def _sizes(finding: Mapping[str, Any]) -> str:
    if not finding["excess"]:
        return gettext("Split groups differ in size as chance has it.")
    values = {"times": _times(finding), "excess": f"±{finding['excess'] * 100:.1f}"}
    if finding["verdict"] != "fine":
        told = gettext(
            "Split groups differ in size %(times)s times as much as by chance: by %(excess)s %% beyond it."
        )
    else:
        told = gettext(
            "Split groups differ in size %(times)s times as much as by chance, which chance explains."
        )
    return told % values


def _largest(finding: Mapping[str, Any]) -> str:
    part = finding["parts"][0]
    told = gettext("Split group %(number)s has %(users)s users where %(expected)s are expected.")
    return told % {
        "number": part["name"],
        "users": f"{part['users']:,}",
        "expected": f"{finding['mean']:,.1f}",
    }


def _spread(finding: Mapping[str, Any]) -> str:
    values = {"measure": _label(finding), "times": _times(finding)}
    if finding["verdict"] == "fine":
        told = gettext(
            "“%(measure)s” differs between split groups %(times)s times as much as by chance, which chance explains."
        )
        return told % values
    told = gettext(
        "“%(measure)s” differs between split groups %(times)s times as much as by chance: by ±%(excess)s beyond it,"
        " around %(mean)s."
    )
    beyond = {"excess": shown(finding["excess"], finding), "mean": shown(finding["mean"], finding)}
    return told % (values | beyond)


def _test_users(finding: Mapping[str, Any]) -> str:
    parts = [f"{_part(part)} {part['value'] / finding['mean'] * 100:.1f} %" for part in finding["parts"]]
    told = gettext("Users in the former groups of “%(test)s”, of as many as belong there: %(parts)s.")
    return told % {"test": finding["test"], "parts": ", ".join(parts)}


def _test_measure(finding: Mapping[str, Any]) -> str:
    parts = [f"{_part(part)} {shown(part['value'], finding)}" for part in finding["parts"]]
    told = gettext("“%(measure)s” in the former groups of “%(test)s”: %(parts)s.")
    return told % {"measure": _label(finding), "test": finding["test"], "parts": ", ".join(parts)}


def _part(part: Mapping[str, Any]) -> str:
    return str(part["name"] or gettext("all other users"))


def _times(finding: Mapping[str, Any]) -> str:
    return f"{finding['dispersion']:.2f}"


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
    Question.SIZES.value: _("Are the split groups of even size?"),
    Question.LARGEST.value: _("Does a single split group stand out?"),
    Question.SPREAD.value: _("Is “%(measure)s” spread evenly?"),
    Question.TEST_USERS.value: _("Did “%(test)s” cost or bring users?"),
    Question.TEST_MEASURE.value: _("Did “%(test)s” leave a mark on “%(measure)s”?"),
}
