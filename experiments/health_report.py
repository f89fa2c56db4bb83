"""What the page "Health of the split groups" shows, from the stored checks; the warehouse is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from accounts.actors import Actor
from experiments.charts import Histogram, histogram
from experiments.health_words import odds, question_of, sentence, shown
from experiments.models import HealthCheck, HealthVerdict

HISTORY_SHOWN: Final = 30
ANSWERS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of a check with its answer, in words."""

    question: str
    sentence: str
    dispersion: float
    odds: str
    verdict: str
    verdict_label: str


@dataclass(frozen=True, slots=True)
class WorstGroups:
    """The split groups farthest from the rest in one measure ("" is their size), with values in words."""

    label: str
    groups: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class HealthReport:
    """A check that was done. `bad` and `watch` are the sentences of what chance hardly explains; of all `questions` the
    least likely answers are shown."""

    check: HealthCheck
    users: int
    answers: list[Answer]
    questions: int
    bad: list[str]
    watch: list[str]
    chart: Histogram | None
    worst: list[WorstGroups]
    unsaid: list[str]


def health_report(check: HealthCheck) -> HealthReport:
    """The report on one check."""
    sizes = check.sizes or []
    by_measure = {finding["measure"]: finding for finding in check.findings}
    return HealthReport(
        check=check,
        users=sum(sizes),
        answers=[_answer(finding) for finding in check.findings[:ANSWERS_SHOWN]],
        questions=len(check.findings),
        bad=[sentence(one) for one in check.findings if one["verdict"] == HealthVerdict.BAD],
        watch=[sentence(one) for one in check.findings if one["verdict"] == HealthVerdict.WATCH],
        chart=histogram(sizes) if sum(sizes) else None,
        worst=[_worst(groups, by_measure.get(name, {}), name) for name, groups in check.worst.items()],
        unsaid=list(check.unsaid),
    )


def latest_report() -> HealthReport | None:
    """Of the newest check that saw the users."""
    check = HealthCheck.objects.exclude(verdict=HealthVerdict.FAILED).first()
    return health_report(check) if check is not None else None


def latest_checks() -> list[tuple[HealthCheck, str]]:
    """The newest checks, without what is large about them, each with what it found in one sentence."""
    checks = HealthCheck.objects.defer("sizes", "worst", "findings")[:HISTORY_SHOWN]
    first = dict(HealthCheck.objects.values_list("pk", "findings__0")[:HISTORY_SHOWN])
    return [(check, _notable(check, first.get(check.pk))) for check in checks]


def _notable(check: HealthCheck, first: Mapping[str, Any] | None) -> str:
    """A check in one sentence: the least likely of what chance hardly explains, or why it could not be done; else nothing."""
    if check.problem:
        return f"{check.problem[0].upper()}{check.problem[1:]}"
    return sentence(first) if first and first["verdict"] != HealthVerdict.FINE else ""


def has_alarm(actor: Actor) -> bool:
    """Whether this person is to be told, wherever tests are listed, that the split groups are not well."""
    if actor.user is None or not actor.user.may_manage:
        return False
    latest = HealthCheck.objects.done().values_list("verdict", flat=True).first()
    return latest == HealthVerdict.BAD


def _answer(finding: Mapping[str, Any]) -> Answer:
    verdict = HealthVerdict(finding["verdict"])
    return Answer(
        question=question_of(finding),
        sentence=sentence(finding),
        dispersion=finding["dispersion"],
        odds=odds(finding),
        verdict=verdict.value,
        verdict_label=str(verdict.label),
    )


def _worst(groups: list[dict[str, Any]], finding: Mapping[str, Any], name: str) -> WorstGroups:
    rows = [
        {
            "split_group": group["split_group"],
            "value": shown(group["value"], finding) if name else f"{group['value']:,.0f}",
            "expected": shown(group["expected"], finding) if name else f"{group['expected']:,.1f}",
            "residual": group["residual"],
        }
        for group in groups
    ]
    return WorstGroups(str(finding.get("label") or name) if name else "Users", rows)
