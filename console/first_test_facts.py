"""Which test a person is led through, and how far it is: read from the rows of that test, so that nothing is ticked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import Environment, Role, User
from analytics.models import TotalHits, Who
from audience.warehouse import WarehouseError, get_warehouse
from changelog.models import Entry, SubjectKind, Verb
from console.first_test import Known, Step
from console.models import FirstTest
from core.errors import NotAllowed
from delivery.models import AppServer, CodePlace
from experiments.lifecycle import Status
from experiments.lifecycle import Verb as LifecycleVerb
from experiments.models import Experiment, ForcedUser, Kind, PreparationState
from experiments.models.experiment import ExperimentQuerySet
from experiments.selectors import newest_settings_group, visible_experiments

CHOICES: Final = 30
_GUIDED: Final = frozenset({Role.SUPERUSER, Role.MANAGER})


@dataclass(frozen=True, slots=True)
class Guidance:
    """`row` is what the person chose, if anything; `experiment` is the test that is followed.

    `is_active`: the console speaks of it by itself, at home and on the page of the test.
    """

    person: User
    row: FirstTest | None
    experiment: Experiment | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """What an installation needs before a test makes sense in it. `users` is None when the warehouse does not answer."""

    users: int | None
    has_servers: bool

    @property
    def is_ready(self) -> bool:
        return bool(self.users) and self.has_servers


def may_be_guided(actor: Actor) -> bool:
    """Those who may make tests."""
    return actor.user is not None and actor.role in _GUIDED


def guided_person(actor: Actor) -> User:
    """The person, or NotAllowed for whoever makes no tests."""
    if actor.user is None or not may_be_guided(actor):
        raise NotAllowed(gettext("Managers and superusers make tests, so the first test is theirs."))
    return actor.user


def guidance_for(actor: Actor) -> Guidance | None:
    """None for whoever makes no tests. It is active from the beginning for those who have never started a test."""
    if actor.user is None or not may_be_guided(actor):
        return None
    person = actor.user
    row = FirstTest.objects.select_related("experiment").filter(person=person).first()
    experiment = _followed(actor, row)
    is_over = _has_started_others(person, experiment) if row is None else row.dismissed_at is not None
    return Guidance(person, row, experiment, is_active=not is_over)


def choices_for(actor: Actor) -> list[Experiment]:
    """Tests that this person may choose to follow, the newest first."""
    return list(_own(actor).unfinished().only("key", "name", "kind").order_by("-id")[:CHOICES])


def own_test(actor: Actor, key: str) -> Experiment | None:
    """The test of this key if it is theirs."""
    if "\x00" in key or len(key) > 64:
        return None
    return _own(actor).filter(key=key).first()


def known_of(guidance: Guidance) -> Known:
    """How far the test is. Eight small queries at most, for one test."""
    experiment = guidance.experiment
    if experiment is None:
        return Known()
    newest = newest_settings_group(experiment)
    hits = TotalHits.objects.filter(settings_group__experiment=experiment)
    return Known(
        status=Status(experiment.status),
        newest=newest.number if newest is not None else None,
        has_failed=newest is not None and newest.preparation.state == PreparationState.FAILED,
        is_prepared=experiment.current_id is not None,
        is_tried=_is_tried(guidance, experiment),
        is_in_code=hits.exists() or CodePlace.objects.filter(key=experiment.key).exists(),
        was_started=experiment.started_at is not None,
        has_hits=hits.filter(environment=Environment.PRODUCTION, who=Who.USERS).exists(),
    )


def addresses_of(experiment: Experiment | None, known: Known) -> Mapping[Step, str]:
    """Where each step of the test is done: its cards, the questions of its verbs, pages beside it."""
    if experiment is None:
        return {Step.IDEA: reverse("experiments:experiment_create", kwargs={"kind": Kind.TEST.value})}
    one = {"kind": Kind.TEST.value, "key": experiment.key}
    page = reverse("experiments:experiment_page", kwargs=one)
    verbs = {
        step: reverse("experiments:experiment_verb", kwargs={**one, "verb": verb.value})
        for step, verb, statuses in _VERBS
        if experiment.status in statuses
    }
    settings = f"{page}#settings" if known.newest else reverse("experiments:settings_create", kwargs=one)
    return verbs | {
        Step.IDEA: f"{page}#properties",
        Step.SETTINGS: settings,
        Step.AUDIENCE: f"{page}#audience",
        Step.TRY: reverse("qa_tools:forced_list"),
        Step.CODE: f"{page}#code",
        Step.HITS: f"{page}#hits",
    }


_VERBS: Final = (
    (Step.PUBLISH, LifecycleVerb.PUBLISH, {Status.DRAFT.value}),
    (Step.START, LifecycleVerb.START, {Status.DEV.value}),
    (Step.FINISH, LifecycleVerb.FINISH, {Status.RUNNING.value, Status.PAUSED.value}),
)


def ground() -> Ground:
    """App servers that read a folder are not heard of, but their hits are."""
    try:
        users = get_warehouse().user_count()
    except WarehouseError:
        return Ground(None, has_servers=_has_servers())
    return Ground(users, _has_servers())


def _has_servers() -> bool:
    return AppServer.objects.exists() or TotalHits.objects.exists()


def _own(actor: Actor) -> ExperimentQuerySet:
    assert actor.user is not None
    managed = Experiment.managers.through.objects.filter(user_id=actor.user.pk).values("experiment_id")
    return visible_experiments(actor, Kind.TEST).filter(Q(created_by=actor.user) | Q(pk__in=managed))


def _followed(actor: Actor, row: FirstTest | None) -> Experiment | None:
    wanted = visible_experiments(actor, Kind.TEST)
    if row is not None and row.experiment_id is not None:
        return wanted.filter(pk=row.experiment_id).first()
    since = {} if row is None else {"created_at__gte": row.begun_at}
    return wanted.filter(created_by=actor.user, **since).order_by("-id").first()


def _has_started_others(person: User, experiment: Experiment | None) -> bool:
    started = Entry.objects.filter(actor=person, subject_kind=SubjectKind.TEST, verb=Verb.START)
    if experiment is not None:
        started = started.exclude(subject_id=experiment.pk)
    return started.exists()


def _is_tried(guidance: Guidance, experiment: Experiment) -> bool:
    row = guidance.row
    if row is not None and row.tried_at is not None and row.tried_at >= experiment.created_at:
        return True
    if ForcedUser.objects.filter(experiment=experiment).exists():
        return True
    # Who is no longer forced has been.
    forced = Entry.objects.filter(subject_kind=SubjectKind.TEST, subject_id=experiment.pk, verb=Verb.FORCE)
    tried = TotalHits.objects.filter(settings_group__experiment=experiment).exclude(who=Who.USERS)
    return forced.exists() or tried.exists()
