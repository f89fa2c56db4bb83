"""People as the list and their pages show them: how many tests, which tokens, whether they can sign in. Only superusers learn
addresses, sign-ins and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import ApiToken, Role, User
from accounts.password_links import has_open_link
from core import clock
from experiments.lifecycle import UNFINISHED
from experiments.models import Experiment, Kind
from experiments.models.experiment import ExperimentQuerySet
from experiments.selectors import visible_experiments

_LONGEST: Final = 100
_MOST_WORDS: Final = 10

ROLE_WORDS: Final[Mapping[Role, Promise]] = {
    Role.SUPERUSER: _("Everything: people, filters, loads of users, connections, and every test."),
    Role.MANAGER: _(
        "Makes tests and user groups; changes, starts and ends those they manage; approves starts of others."
    ),
    Role.DEVELOPER: _(
        "Reads all but drafts; looks after what of a test is in the code and which hits nobody knows."
    ),
    Role.QA: _("Reads all but drafts; forces users into variants and switches tests off for somebody."),
    Role.VIEWER: _("Reads all but drafts."),
}
"""What each may do, in a sentence. Everybody may make API tokens, which act with the same rights."""


@dataclass(frozen=True, slots=True)
class State:
    """Whether somebody can sign in, in a word with its colour."""

    value: str
    label: Promise
    colour: str


_STATES: Final = {
    state.value: state
    for state in (
        State("active", _("active"), "green"),
        State("invited", _("invited"), "azure"),
        State("waits", _("waits for a link"), "yellow"),
        State("off", _("switched off"), "secondary"),
    )
}


@dataclass(frozen=True, slots=True)
class PeopleWanted:
    """What the reader looks for; empty is anything but `state`, where it is those who may sign in."""

    text: str = ""
    role: str = ""
    state: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.role or self.state)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """`tests`: how many they manage that the reader may know of. `tokens`: how many work."""

    person: User
    state: State
    tests: int
    tokens: int

    @property
    def role(self) -> Role:
        return Role(self.person.role)


def read_people_wanted(query: Mapping[str, str]) -> PeopleWanted:
    """What the list is asked for; what makes no sense is left out."""
    text = query.get("q", "").replace("\x00", "").strip()[:_LONGEST]
    role, state = query.get("role", ""), query.get("state", "")
    return PeopleWanted(
        text.encode("utf-8", "replace").decode(),
        role if role in Role.values else "",
        state if state in {"off", "all"} else "",
    )


def people_found(actor: Actor, wanted: PeopleWanted) -> QuerySet[User]:
    """By name. Addresses are searched for superusers only: a search that finds by them tells them."""
    people = User.objects.all()
    if wanted.state != "all":
        people = people.filter(is_active=wanted.state != "off")
    if wanted.role:
        people = people.filter(role=wanted.role)
    for word in wanted.text.split()[:_MOST_WORDS]:
        where = Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        if actor.is_superuser:
            where |= Q(email__icontains=word)
        people = people.filter(where)
    return people.order_by("-is_active", Lower("first_name"), Lower("last_name"), Lower("username"), "pk")


def person_rows(actor: Actor, people: Sequence[User]) -> list[PersonRow]:
    """Two queries, however many people there are."""
    ids = [person.pk for person in people]
    tests = visible_experiments(actor, Kind.TEST).order_by()
    managing = Experiment.managers.through.objects.filter(user__in=ids, experiment__in=tests.values("pk"))
    managed = dict(managing.values_list("user_id").annotate(Count("pk")))
    usable = ApiToken.objects.usable(clock.now()).filter(owner__in=ids).order_by()
    tokens = dict(usable.values_list("owner_id").annotate(Count("pk"))) if actor.is_superuser else {}
    return [
        PersonRow(person, state_of(person), managed.get(person.pk, 0), tokens.get(person.pk, 0))
        for person in people
    ]


def state_of(person: User) -> State:
    """Whether they can sign in."""
    if not person.is_active:
        return _STATES["off"]
    if person.has_usable_password():
        return _STATES["active"]
    return _STATES["invited" if has_open_link(person) else "waits"]


def managed_by(actor: Actor, person: User, kind: str) -> ExperimentQuerySet:
    """What they manage that is not over, as far as the reader may know of it, with `is_alone`."""
    others = Experiment.managers.through.objects.filter(
        experiment=OuterRef("pk"),
        user__is_active=True,
        user__role__in=[Role.SUPERUSER, Role.MANAGER],
    ).exclude(user=person)
    mine = Experiment.managers.through.objects.filter(user=person).values("experiment_id")
    visible = visible_experiments(actor, kind).filter(pk__in=mine, status__in=UNFINISHED)
    return visible.annotate(is_alone=~Exists(others)).order_by("-is_alone", "name", "pk")


def people_by_role() -> list[tuple[Role, Promise, int]]:
    """Each role, what it may do, and how many have it."""
    active = User.objects.filter(is_active=True).order_by()
    counts = dict(active.values_list("role").annotate(Count("pk")))
    return [(role, words, counts.get(role.value, 0)) for role, words in ROLE_WORDS.items()]
