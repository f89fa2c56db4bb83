"""What a verb will do, in words and with the numbers of this test, for whoever is about to use it."""

from __future__ import annotations

from dataclasses import dataclass

from core import clock
from experiments.lifecycle import Status, Verb
from experiments.list_rows import AudienceTotals, audience_totals
from experiments.models import Experiment

VERB_LABELS = {
    Verb.PUBLISH: "Publish to dev",
    Verb.WITHDRAW: "Withdraw to draft",
    Verb.START: "Start",
    Verb.PAUSE: "Pause",
    Verb.RESUME: "Resume",
    Verb.FINISH: "Finish",
}


@dataclass(frozen=True, slots=True)
class Consequences:
    """Sentences for the page that asks "really?"."""

    label: str
    sentences: list[str]


def consequences(experiment: Experiment, verb: Verb) -> Consequences:
    """What happens to users, servers and this test when `verb` is used now."""
    write = _WRITERS[verb]
    totals = (
        audience_totals([experiment.current_id]).get(experiment.current_id) if experiment.current_id else None
    )
    return Consequences(VERB_LABELS[verb], [sentence for sentence in write(experiment, totals) if sentence])


def _publish(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    who = "get a variant" if experiment.is_test else "are in the group"
    return [
        f"Test users who meet the conditions {who}, whatever the dates say; everybody else sees no change.",
        f"The {experiment.noun} becomes visible to everybody here and is delivered to the app servers.",
        "" if experiment.published_at else f"Its key, {experiment.key}, is fixed from then on.",
    ]


def _withdraw(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    return [
        f"The {experiment.noun} is a draft again: it is no longer delivered, and only its managers see it.",
        "Test users stop seeing it." if experiment.is_test else "Test users are no longer in the group.",
    ]


def _start(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    return [_reach(experiment, totals), _dates(experiment), _upper_bound(totals)]


def _pause(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if not experiment.is_test:
        return ["Nobody is in the group until it is resumed."]
    number = f"{totals.variant_users:,} users stop" if totals else "Users stop"
    return [
        f"{number} seeing their variant at once; only forced users keep theirs.",
        "When it is resumed, everybody gets the same variant as before.",
    ]


def _finish(experiment: Experiment, totals: AudienceTotals | None) -> list[str]:
    if not experiment.is_test:
        return ["Nobody is in the group any more, for good. It can still be read here."]
    return [
        "It ends for good: with a winner, whom you choose here, or rejected.",
        "Rejecting is not the same as choosing the control: after it nobody gets a variant at all.",
    ]


def _reach(experiment: Experiment, totals: AudienceTotals | None) -> str:
    begins = _begins_later(experiment)
    when = "from its start on" if begins else "from now on"
    if totals is None:
        return "Nobody has counted yet how many users this concerns."
    users = f"{totals.users:,} users meet the conditions"
    if not experiment.is_test:
        return f"{users}; they are in the group {when}."
    variants = experiment.current.variants.count() if experiment.current else 0
    which = "the only variant" if variants == 1 else f"one of {_in_words(variants)} variants"
    return f"{users}; {totals.variant_users:,} of them get {which} {when}."


def _dates(experiment: Experiment) -> str:
    current = experiment.current
    if current is None:
        return ""
    starts, ends = current.starts_at, current.ends_at
    moment = "%Y-%m-%d %H:%M UTC"
    parts = []
    if starts and starts > clock.now():
        parts.append(f"it begins {starts.strftime(moment)}")
    if ends:
        verb = "ended" if ends <= clock.now() else "ends"
        parts.append(f"it {verb} {ends.strftime(moment)}")
    return (
        f"By its dates {' and '.join(parts)}."
        if parts
        else "It has no end date: it runs until somebody pauses or finishes it."
    )


def _begins_later(experiment: Experiment) -> bool:
    starts = experiment.current.starts_at if experiment.current else None
    return starts is not None and starts > clock.now()


def _upper_bound(totals: AudienceTotals | None) -> str:
    if totals is not None and totals.users == 0:
        return "Nobody meets the conditions at present: look at them again before you go on."
    return ""


def _in_words(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)


_WRITERS = {
    Verb.PUBLISH: _publish,
    Verb.WITHDRAW: _withdraw,
    Verb.START: _start,
    Verb.PAUSE: _pause,
    Verb.RESUME: _start,
    Verb.FINISH: _finish,
}


def lifecycle_steps(experiment: Experiment) -> list[tuple[str, str, bool]]:
    """The strip at the top of a test: (label, when it was reached or "", whether it stands there now)."""
    reached = {
        "Draft": experiment.created_at,
        "Dev": experiment.published_at,
        "Running": experiment.started_at,
        "Finished": experiment.finished_at,
    }
    present = {
        Status.DRAFT: "Draft",
        Status.DEV: "Dev",
        Status.RUNNING: "Running",
        Status.PAUSED: "Running",
        Status.FINISHED: "Finished",
    }[Status(experiment.status)]
    order = list(reached)
    steps = []
    for label, when in reached.items():
        is_past = order.index(label) <= order.index(present)
        # The day is that of the start.
        is_paused = label == "Running" and experiment.status == Status.PAUSED
        shown = "Running, paused now" if is_paused else label
        steps.append((shown, when.strftime("%Y-%m-%d") if when and is_past else "", label == present))
    return steps
