"""What tests need from people, and what is wrong with them: rules over `facts`, nothing is read here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import Role
from analytics.srm import ALARM_LEVEL
from console.facts import Facts, quiet_since
from core import clock
from core.moments import day_words
from experiments.lifecycle import Status
from experiments.models import PreparationState

AHEAD: Final = dt.timedelta(days=7)
ROWS_SHOWN: Final = 8


class Need(StrEnum):
    """The groups of the card, in its order."""

    APPROVE = "approve"
    PREPARE = "prepare"
    CODE = "code"
    TRY = "try"
    START = "start"
    LOOK = "look"
    CUT = "cut"


LABELS: Final[Mapping[Need, str | Promise]] = {
    Need.APPROVE: _("To approve"),
    Need.PREPARE: _("To get ready"),
    Need.CODE: _("To put into the code"),
    Need.TRY: _("To try out"),
    Need.START: _("To start"),
    Need.LOOK: _("To look at"),
    Need.CUT: _("To cut out of the code"),
}

_OF_ROLE: Final[Mapping[Role, Sequence[Need]]] = {
    Role.SUPERUSER: (Need.APPROVE, Need.PREPARE, Need.START, Need.LOOK, Need.CUT),
    Role.MANAGER: (Need.APPROVE, Need.PREPARE, Need.START, Need.LOOK, Need.CUT),
    Role.DEVELOPER: (Need.CODE, Need.CUT),
    Role.QA: (Need.TRY,),
    Role.VIEWER: (),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One test and a sentence about it; `card` is the fragment of its page where it is seen to."""

    facts: Facts
    sentence: str
    card: str = ""


@dataclass(frozen=True, slots=True)
class NeedGroup:
    """Tests that need the same. `more` are not shown."""

    need: Need
    label: str
    items: list[Item]
    more: int

    @property
    def count(self) -> int:
        return len(self.items) + self.more


@dataclass(frozen=True, slots=True)
class Date:
    """A test that starts or ends soon."""

    at: dt.datetime
    facts: Facts
    is_start: bool


def need_groups(actor: Actor, found: Iterable[Facts], *, mine_only: bool) -> list[NeedGroup]:
    """What is to be done, for a person of this role. Approvals are everybody's who may give them, whose test it is or not."""
    wanted, now = _OF_ROLE[actor.role] if actor.role is not None else (), clock.now()
    items: dict[Need, list[Item]] = {need: [] for need in wanted}
    for facts in found:
        for need in wanted:
            if need != Need.APPROVE and mine_only and not facts.is_mine:
                continue
            item = _RULES[need](actor, facts)
            if item is not None:
                items[need].append(item)
    # What is planned to begin first is needed first; what has no first day may begin whenever it is ready.
    for need in (Need.PREPARE, Need.START):
        items.get(need, []).sort(key=lambda item: (item.facts.starts_at is None, item.facts.starts_at or now))
    return [
        NeedGroup(need, str(LABELS[need]), rows[:ROWS_SHOWN], max(0, len(rows) - ROWS_SHOWN))
        for need, rows in items.items()
        if rows
    ]


def alarms(found: Iterable[Facts]) -> list[Item]:
    """What is wrong, test by test."""
    items = []
    for facts in found:
        if facts.newest_state == PreparationState.FAILED and facts.status != Status.FINISHED:
            what = gettext("Settings %(number)s could not be prepared: %(why)s") % {
                "number": facts.newest_number,
                "why": facts.newest_error,
            }
            items.append(Item(facts, what, "settings"))
        if facts.status != Status.FINISHED and facts.smallest_p < ALARM_LEVEL:
            what = gettext(
                "Sample ratio mismatch: users are not divided over the variants as they should be. Do not trust its results."
            )
            items.append(Item(facts, what, "hits"))
        since = quiet_since(facts)
        if since is not None:
            what = gettext("No hits have come from production since it was started.")
            if facts.last_hit_at == since:
                what = gettext("No hits have come from production since %(day)s.") % {"day": day_words(since)}
            items.append(Item(facts, what, "hits"))
    return items


def dates_ahead(found: Iterable[Facts]) -> list[Date]:
    """What starts and ends within the next seven days, the soonest first."""
    now = clock.now()
    dates = [
        Date(at, facts, is_start)
        for facts in found
        for at, is_start in ((facts.starts_at, True), (facts.ends_at, False))
        if at is not None and now < at <= now + AHEAD and facts.status in _DATED[is_start]
    ]
    return sorted(dates, key=lambda date: (date.at, date.facts.key, not date.is_start))


_DATED: Final = {
    True: frozenset({Status.DRAFT, Status.DEV, Status.RUNNING}),
    False: frozenset({Status.DEV, Status.RUNNING, Status.PAUSED}),
}


def _to_approve(actor: Actor, facts: Facts) -> Item | None:
    approval = facts.approval
    if facts.status != Status.DEV or approval is None or approval.is_given:
        return None
    if actor.user is not None and approval.requested_by_id == actor.user.pk:
        return None
    return Item(
        facts,
        gettext("%(who)s asked on %(day)s for a second person's word on settings %(number)s.")
        % {
            "who": approval.requested_by,
            "day": day_words(approval.requested_at),
            "number": facts.number,
        },
        "header",
    )


def _to_prepare(actor: Actor, facts: Facts) -> Item | None:
    if facts.status not in {Status.DRAFT, Status.DEV}:
        return None
    if facts.newest_number is None:
        return Item(facts, gettext("It has no settings yet: dates, who takes part, variants."), "settings")
    if facts.newest_state == PreparationState.FAILED:
        return Item(
            facts, gettext("Its settings could not be prepared: change them or try again."), "settings"
        )
    if facts.status == Status.DRAFT and facts.number is not None:
        return Item(facts, gettext("Prepared: publish it to dev, where test users can try it."), "header")
    return None


def _to_code(actor: Actor, facts: Facts) -> Item | None:
    if facts.status not in {Status.DEV, Status.RUNNING} or facts.first_hit_at is not None:
        return None
    if facts.first_devel_hit_at is not None:
        seen = gettext("Seen in devel since %(day)s, not in production yet.")
        return Item(facts, seen % {"day": day_words(facts.first_devel_hit_at)}, "code")
    return Item(facts, gettext("No code has asked for it yet; its page has the lines to paste."), "code")


def _to_try(actor: Actor, facts: Facts) -> Item | None:
    if facts.status != Status.DEV:
        return None
    if facts.first_hit_at is None and facts.first_devel_hit_at is None:
        return Item(facts, gettext("No code has asked for it yet."), "code")
    return Item(facts, gettext("Test users get its variants: try each."), "hits")


def _to_start(actor: Actor, facts: Facts) -> Item | None:
    if facts.status != Status.DEV or facts.number is None:
        return None
    if settings.START_NEEDS_APPROVAL and (facts.approval is None or not facts.approval.is_given):
        if facts.approval is not None:
            return None
        return Item(facts, gettext("Prepared: ask a second person to approve the start."), "header")
    if facts.first_hit_at is None:
        return Item(
            facts, gettext("Prepared. No hit has come from production yet: is its code there?"), "header"
        )
    ready = gettext("Prepared, and its code has been in production since %(day)s.")
    return Item(facts, ready % {"day": day_words(facts.first_hit_at)}, "header")


def _to_look_at(actor: Actor, facts: Facts) -> Item | None:
    if facts.status not in {Status.RUNNING, Status.PAUSED}:
        return None
    if facts.ends_at is not None and facts.ends_at <= clock.now():
        over = gettext("Its dates ended on %(day)s: decide how it ends.") % {"day": day_words(facts.ends_at)}
        return Item(facts, over, "header")
    is_newer = facts.newest_number is not None and facts.newest_number > (facts.number or 0)
    if is_newer and facts.newest_state == PreparationState.READY:
        ready = gettext("Settings %(number)s are ready: attach them.") % {"number": facts.newest_number}
        return Item(facts, ready, "settings")
    if facts.status == Status.PAUSED:
        return Item(
            facts, gettext("Paused: nobody gets a variant until it is resumed or finished."), "header"
        )
    return None


def _to_cut(actor: Actor, facts: Facts) -> Item | None:
    if facts.leftover is None:
        return None
    if facts.leftover.task:
        told = gettext("%(signs)s. Its task is %(task)s.")
        return Item(facts, told % {"signs": facts.leftover, "task": facts.leftover.task}, "code")
    return Item(facts, gettext("%(signs)s.") % {"signs": facts.leftover}, "code")


_RULES: Final[Mapping[Need, Callable[[Actor, Facts], Item | None]]] = {
    Need.APPROVE: _to_approve,
    Need.PREPARE: _to_prepare,
    Need.CODE: _to_code,
    Need.TRY: _to_try,
    Need.START: _to_start,
    Need.LOOK: _to_look_at,
    Need.CUT: _to_cut,
}
