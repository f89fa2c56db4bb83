"""The lifecycle at work: the one function that writes `status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from accounts.actors import Actor
from changelog.models import Verb as EntryVerb
from changelog.services import Change
from core import clock
from core.errors import Conflict, FieldError, InvalidInput, StaleTransition
from core.text import unstorable_text
from experiments.lifecycle import Status, Verb, next_status, verbs_from
from experiments.models import Experiment, Outcome, Scope, Variant
from experiments.models.experiment import StatusChoices
from experiments.services.ground import announce_after_commit, locked, note, require_acting
from experiments.services.requirements import refusals

MAX_CONCLUSION = 20_000


@dataclass(frozen=True, slots=True)
class Ending:
    """How a test ends, checked."""

    result: str = ""
    winner: Variant | None = None
    scope: str = ""
    conclusion: str = ""


def apply_verb(
    actor: Actor,
    experiment: Experiment,
    verb: Verb,
    ending: Mapping[str, object] | None = None,
    expected_status: str | None = None,
) -> Experiment:
    """Move the test along its lifecycle.

    `ending` is for `finish` alone: {"result": "winner", "variant", "scope", "conclusion"} or {"result": "rejected", "conclusion"};
    a user group ends with a conclusion only. `expected_status` is the status that the actor saw when deciding: when it
    is no longer that, StaleTransition. A verb that is wrong in the present status, settings that are not prepared, or
    a missing approval are a Conflict; of many at once one wins and the others get the Conflict.
    """
    require_acting(actor, experiment)
    with transaction.atomic():
        row = locked(experiment)
        status = Status(row.status)
        target = next_status(status, verb)
        if expected_status is not None and expected_status != status:
            raise StaleTransition(
                gettext("“%(key)s” is %(status)s by now; it was %(expected)s when this was decided.")
                % {"key": row.key, "status": _word(status), "expected": _word(expected_status)}
            )
        if target is None:
            possible = ", ".join(verbs_from(status)) or gettext("nothing any more")
            raise Conflict(
                gettext("“%(key)s” is %(status)s, so it cannot be %(done)s. Possible: %(possible)s.")
                % {
                    "key": row.key,
                    "status": _word(status),
                    "done": EntryVerb(verb).label,
                    "possible": possible,
                }
            )
        check_readiness(row, verb)
        end = _clean_ending(row, ending or {}) if verb == Verb.FINISH else Ending()
        _set_status(row, status, target, end)
        # The changelog is in one language, whoever reads it.
        with translation.override("en"):
            changes = [Change("status", "Status", status.value, target.value), *_ending_changes(end)]
            note(actor, EntryVerb(verb.value), row, _sentence(row, verb, end), changes)
        announce_after_commit()
    return row


def _set_status(row: Experiment, read: Status, target: Status, end: Ending) -> None:
    """Compare and set: only from the status that was read, and with everything that goes with the new one."""
    moment = clock.now()
    values: dict[str, Any] = {"status": target.value}
    if target == Status.DEV and row.published_at is None:
        values["published_at"] = moment
    if target == Status.RUNNING and row.started_at is None:
        values["started_at"] = moment
    if target == Status.FINISHED:
        values |= {"finished_at": moment, "outcome": end.result, "winner": end.winner, "scope": end.scope}
        values["conclusion"] = end.conclusion
    if not Experiment.objects.filter(pk=row.pk, status=read.value).update(**values):
        raise StaleTransition(gettext("Somebody else changed “%(key)s” in the meantime.") % {"key": row.key})
    for name, value in values.items():
        setattr(row, name, value)


def check_readiness(row: Experiment, verb: Verb) -> None:
    """Raise Conflict, with the reason, while the test is not ready for this verb. The console asks before it shows the button."""
    for refusal in refusals(row, verb):
        if refusal.sentence:
            raise Conflict(refusal.sentence)


def _clean_ending(row: Experiment, raw: Mapping[str, object]) -> Ending:
    errors: list[FieldError] = []
    conclusion = _clean_conclusion(raw.get("conclusion"), errors)
    if not row.is_test:
        errors += [
            FieldError(name, gettext("A user group has no outcome."))
            for name in ("result", "variant", "scope")
            if raw.get(name)
        ]
        if errors:
            raise InvalidInput(errors)
        return Ending(conclusion=conclusion)
    result, scope, name = raw.get("result"), raw.get("scope"), raw.get("variant")
    winner = None
    if result is None and row.status == Status.DEV:
        # Given up before the start: there is nothing that could have won.
        result = Outcome.REJECTED
    if result not in Outcome.values:
        errors.append(FieldError("result", _one_of(Outcome.values)))
    elif result == Outcome.REJECTED:
        errors += [
            FieldError(field, gettext("Rejecting means that nobody gets a variant; leave this out."))
            for field, value in (("variant", name), ("scope", scope))
            if value not in (None, "")
        ]
    else:
        variants = {variant.name: variant for variant in row.current.variants.all()} if row.current else {}
        winner = variants.get(name) if isinstance(name, str) else None
        if winner is None:
            errors.append(
                FieldError(
                    "variant",
                    gettext("Must be one of this test's variants: %(names)s.")
                    % {"names": ", ".join(variants)},
                )
            )
        if scope not in Scope.values:
            errors.append(FieldError("scope", _one_of(Scope.values)))
    if errors:
        raise InvalidInput(errors)
    return Ending(str(result), winner, str(scope or ""), conclusion)


def _one_of(values: Sequence[str]) -> str:
    return gettext("Must be one of: %(values)s.") % {"values": ", ".join(values)}


def _clean_conclusion(raw: object, errors: list[FieldError]) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str) or len(raw) > MAX_CONCLUSION:
        errors.append(
            FieldError(
                "conclusion",
                gettext("Must be text of at most %(limit)s characters.") % {"limit": f"{MAX_CONCLUSION:,}"},
            )
        )
        return ""
    if message := unstorable_text(raw):
        errors.append(FieldError("conclusion", f"{message[0].upper()}{message[1:]}."))
    return raw.strip()


def _ending_changes(end: Ending) -> list[Change]:
    fields = {
        "outcome": ("Outcome", str(Outcome(end.result).label) if end.result else None),
        "winner": ("Winner", end.winner.name if end.winner else None),
        "scope": ("Who gets it", str(Scope(end.scope).label) if end.scope else None),
        "conclusion": ("Conclusion", end.conclusion or None),
    }
    return [Change(field, label, None, value) for field, (label, value) in fields.items() if value]


def _word(status: str) -> str:
    """A status within a sentence; what is none stays as it was sent."""
    return str(StatusChoices(status).label).lower() if status in StatusChoices.values else status


def _sentence(row: Experiment, verb: Verb, end: Ending) -> str:
    done = str(EntryVerb(verb).label).capitalize()
    if end.winner is not None:
        return f"{done}: “{end.winner.name}” won ({str(Scope(end.scope).label).lower()} from now on)"
    if end.result:
        return f"{done}: rejected, nobody gets a variant any more"
    if row.current is not None and verb in {Verb.PUBLISH, Verb.START}:
        return f"{done} with settings group {row.current.number}"
    return done
