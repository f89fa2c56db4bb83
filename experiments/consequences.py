"""What a verb will do, in words and with the numbers of this test, for whoever is about to use it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from changelog.models import Entry
from core import clock
from core.moments import moment_words
from experiments.lifecycle import Status, Verb
from experiments.list_rows import AudienceTotals, audience_totals
from experiments.models import Experiment, SettingsGroup
from experiments.saved_conditions import numbers_of_uses

VERB_LABELS = {
    Verb.PUBLISH: _("Publish to dev"),
    Verb.WITHDRAW: _("Withdraw to draft"),
    Verb.START: _("Start"),
    Verb.PAUSE: _("Pause"),
    Verb.RESUME: _("Resume"),
    Verb.FINISH: _("Finish"),
}


@dataclass(frozen=True, slots=True)
class Consequences:
    """Sentences for the page that asks "really?"."""

    label: str
    sentences: list[str]


def consequences(experiment: Experiment, verb: Verb) -> Consequences:
    """What happens to users, servers and this test when `verb` is used now."""
    write = _WRITERS[verb]
    sentences = write(experiment, _totals(experiment))
    return Consequences(str(VERB_LABELS[verb]), [sentence for sentence in sentences if sentence])


def attachment(settings_group: SettingsGroup, current: SettingsGroup) -> list[str]:
    """Whom it concerns when these prepared settings take the place of the current ones, by the newest counts of both."""
    totals = audience_totals([settings_group.pk, current.pk])
    new, now = totals.get(settings_group.pk), totals.get(current.pk)
    if new is None or now is None:
        return []
    values = {"users": f"{new.users:,}", "in_variants": f"{new.variant_users:,}"}
    values |= {"users_now": f"{now.users:,}", "in_variants_now": f"{now.variant_users:,}"}
    if not settings_group.experiment.is_test:
        told = gettext("%(users)s users meet their conditions; now it is %(users_now)s.")
    else:
        told = gettext(
            "%(users)s users meet their conditions and %(in_variants)s of them get a variant;"
            " now it is %(users_now)s and %(in_variants_now)s."
        )
    return [sentence for sentence in (told % values, _how_sure(new) or _how_sure(now)) if sentence]


def reach(experiment: Experiment) -> str:
    """Whom a start concerns, in a sentence or two: for whoever is asked to approve it."""
    totals = _totals(experiment)
    return " ".join(filter(None, (_reach(experiment, totals), _how_sure(totals))))


def _totals(experiment: Experiment) -> AudienceTotals | None:
    current = experiment.current_id
    return audience_totals([current]).get(current) if current else None


def _publish(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    fixed = gettext("Its key, %(key)s, is fixed from then on.") % {"key": experiment.key}
    if experiment.is_test:
        found = [
            gettext(
                "Test users who meet the conditions get a variant, whatever the dates say; everybody else sees no change."
            ),
            gettext("The test becomes visible to everybody here and is delivered to the app servers."),
        ]
    else:
        found = [
            gettext(
                "Test users who meet the conditions are in the group, whatever the dates say; everybody else sees no change."
            ),
            gettext("The user group becomes visible to everybody here and is delivered to the app servers."),
        ]
    return [*found, "" if experiment.published_at else fixed]


def _withdraw(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if experiment.is_test:
        return [
            gettext("The test is a draft again: it is no longer delivered, and only its managers see it."),
            gettext("Test users stop seeing it."),
        ]
    return [
        gettext("The user group is a draft again: it is no longer delivered, and only its managers see it."),
        gettext("Test users are no longer in the group."),
        _copies(experiment),
    ]


def _start(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if _is_over(experiment):
        return [outside_dates(experiment)]
    return [_reach(experiment, totals), _how_sure(totals), _dates(experiment), _nobody(totals)]


def _resume(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if _is_over(experiment):
        return [outside_dates(experiment)]
    same = gettext("Everybody gets the same variant as before the pause.") if experiment.is_test else ""
    return [_reach(experiment, totals), _how_sure(totals), same, _dates(experiment), _nobody(totals)]


def _pause(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if not experiment.is_test:
        return [gettext("Nobody is in the group until it is resumed.")]
    if outside := outside_dates(experiment):
        return [outside]
    again = gettext("When it is resumed, everybody gets the same variant as before.")
    if totals is None:
        return [
            gettext("Users stop seeing their variant at once; only forced users keep theirs."),
            again,
        ]
    stopped = ngettext(
        "%(users)s users stop seeing their variant at once; only forced users keep theirs.",
        "%(users)s users stop seeing their variant at once; only forced users keep theirs.",
        totals.variant_users,
    )
    return [stopped % {"users": f"{totals.variant_users:,}"}, _how_sure(totals), again]


def _finish(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if not experiment.is_test:
        return [
            gettext("Nobody is in the group any more, for good. It can still be read here."),
            _copies(experiment),
        ]
    return [
        gettext("It ends for good: with a winner, whom you choose here, or rejected."),
        gettext("Rejecting is not the same as choosing the control: after it nobody gets a variant at all."),
        *_now_in_variants(experiment, totals),
    ]


def _copies(group: Experiment) -> str:
    """What becomes of those who have the group's conditions: nothing, which is not what one would expect."""
    number = numbers_of_uses([group], Actor.machine("consequences"))[group.pk]
    if not number:
        return ""
    told = ngettext(
        "%(number)s test or group has its conditions; there they stay as they are, as a copy.",
        "%(number)s tests and groups have its conditions; there they stay as they are, as a copy.",
        number,
    )
    return told % {"number": f"{number:,}"}


def _now_in_variants(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if totals is None or experiment.status != Status.RUNNING:
        return []
    if outside := outside_dates(experiment):
        return [outside]
    told = ngettext(
        "%(users)s user gets a variant now, of %(all)s who meet the conditions.",
        "%(users)s users get a variant now, of %(all)s who meet the conditions.",
        totals.variant_users,
    )
    return [told % {"users": f"{totals.variant_users:,}", "all": f"{totals.users:,}"}, _how_sure(totals)]


def _reach(experiment: Experiment, totals: AudienceTotals | None) -> str:
    if totals is None:
        return gettext("Nobody has counted yet how many users this concerns.")
    later = _begins_later(experiment)
    values = {"users": f"{totals.users:,}", "in_variants": f"{totals.variant_users:,}"}
    if not experiment.is_test:
        told = (
            gettext("%(users)s users meet the conditions; they are in the group from its start on.")
            if later
            else gettext("%(users)s users meet the conditions; they are in the group from now on.")
        )
        return told % values
    variants = experiment.current.variants.count() if experiment.current else 0
    if variants == 1:
        told = (
            gettext(
                "%(users)s users meet the conditions; %(in_variants)s of them get the only variant from its start on."
            )
            if later
            else gettext(
                "%(users)s users meet the conditions; %(in_variants)s of them get the only variant from now on."
            )
        )
        return told % values
    told = (
        gettext(
            "%(users)s users meet the conditions; %(in_variants)s of them get one of %(number)s variants from its start on."
        )
        if later
        else gettext(
            "%(users)s users meet the conditions; %(in_variants)s of them get one of %(number)s variants from now on."
        )
    )
    return told % (values | {"number": _in_words(variants)})


def _dates(experiment: Experiment) -> str:
    current = experiment.current
    if current is None:
        return ""
    starts, ends, now = current.starts_at, current.ends_at, clock.now()
    begins = moment_words(starts) if starts and starts > now else ""
    if ends is None:
        return (
            gettext("By its dates it begins %(start)s.") % {"start": begins}
            if begins
            else gettext("It has no end date: it runs until somebody pauses or finishes it.")
        )
    values = {"start": begins, "end": moment_words(ends)}
    if begins:
        return gettext("By its dates it begins %(start)s and ends %(end)s.") % values
    return gettext("By its dates it ends %(end)s.") % values


def outside_dates(experiment: Experiment) -> str:
    """That its dates have not begun, or are over, and what that means; "" within them."""
    current = experiment.current
    if current is not None and current.starts_at and _begins_later(experiment):
        told = (
            gettext("Its dates begin %(start)s: nobody gets a variant before.")
            if experiment.is_test
            else gettext("Its dates begin %(start)s: nobody is in the group before.")
        )
        return told % {"start": moment_words(current.starts_at)}
    if current is not None and current.ends_at and _is_over(experiment):
        told = (
            gettext("Its dates ended %(end)s: nobody gets a variant any more, unless they are changed.")
            if experiment.is_test
            else gettext("Its dates ended %(end)s: nobody is in the group any more, unless they are changed.")
        )
        return told % {"end": moment_words(current.ends_at)}
    return ""


def done_in_words(experiment: Experiment, verb: Verb) -> str:
    """What has become of it, once `verb` is done."""
    values = {"name": experiment.name}
    if verb == Verb.PUBLISH:
        return gettext("“%(name)s” is in dev now.") % values
    if verb == Verb.WITHDRAW:
        return gettext("“%(name)s” is a draft again.") % values
    told = gettext("“%(name)s” is %(status)s now.") % (
        values | {"status": experiment.get_status_display().lower()}
    )
    outside = outside_dates(experiment) if verb in {Verb.START, Verb.RESUME} else ""
    return " ".join(filter(None, (told, outside)))


def _begins_later(experiment: Experiment) -> bool:
    starts = experiment.current.starts_at if experiment.current else None
    return starts is not None and starts > clock.now()


def _is_over(experiment: Experiment) -> bool:
    ends = experiment.current.ends_at if experiment.current else None
    return ends is not None and ends <= clock.now()


def _how_sure(totals: AudienceTotals | None) -> str:
    if totals is None or not totals.is_upper_bound or not totals.users:
        return ""
    return gettext("Not everything that the conditions ask for can be counted: these are upper bounds.")


def _nobody(totals: AudienceTotals | None) -> str:
    if totals is not None and totals.users == 0:
        return gettext("Nobody meets the conditions at present: look at them again before you go on.")
    return ""


_NUMBERS = (
    *(pgettext_lazy("number", "no"), _("one"), _("two"), _("three"), _("four"), _("five")),
    *(_("six"), _("seven"), _("eight"), _("nine"), _("ten")),
)


def _in_words(number: int) -> str:
    return str(_NUMBERS[number]) if number < len(_NUMBERS) else str(number)


_WRITERS = {
    Verb.PUBLISH: _publish,
    Verb.WITHDRAW: _withdraw,
    Verb.START: _start,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.FINISH: _finish,
}


def lifecycle_steps(experiment: Experiment) -> list[tuple[str, dt.datetime | None, bool]]:
    """The strip at the top of a test: (label, when it was reached or None, whether it stands there now)."""
    present = Status(experiment.status)
    steps = [
        (Status.DRAFT, gettext("Draft"), experiment.created_at),
        (Status.DEV, gettext("Dev"), experiment.published_at),
        (Status.RUNNING, gettext("Running"), experiment.started_at),
        (Status.FINISHED, gettext("Finished"), experiment.finished_at),
    ]
    if present == Status.PAUSED:
        steps.insert(3, (Status.PAUSED, gettext("Paused"), _paused_at(experiment)))
    now = [status for status, _label, _when in steps].index(present)
    return [
        (label, when if place <= now else None, place == now)
        for place, (_status, label, when) in enumerate(steps)
    ]


def _paused_at(experiment: Experiment) -> dt.datetime | None:
    paused = Entry.objects.filter(
        subject_kind=experiment.subject_kind, subject_id=experiment.pk, verb=Verb.PAUSE.value
    )
    return paused.order_by("-id").values_list("at", flat=True).first()
