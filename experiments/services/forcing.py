"""What QA sets for single users and devices."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from accounts.actors import Actor
from accounts.models import Role
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record
from core import clock
from core.errors import Conflict, FieldError, InvalidInput, NotAllowed, NotFound
from core.text import unstorable_text
from experiments.lifecycle import ACTING, Status
from experiments.models import Environment, Experiment, ForcedUser, TestsOff
from experiments.selectors import standing_of
from experiments.services.ground import announce_after_commit, locked, note

MAX_ID = 200
MAX_REASON = 500


def force_user(
    actor: Actor,
    experiment: Experiment,
    variant: str,
    environment: str,
    *,
    user_id: str = "",
    device_id: str = "",
    reason: str = "",
    expires_at: dt.datetime | None = None,
) -> ForcedUser:
    """Put a user or a device (exactly one id) into a variant of the test's current settings; a second call moves them.

    QA, the test's managers and superusers may. Raises InvalidInput naming the field, Conflict for a draft or finished test.
    """
    _require_qa(actor, experiment)
    errors = _id_errors(user_id, device_id, reason, expires_at)
    if environment not in Environment.values:
        errors.append(FieldError("environment", f"Must be one of: {', '.join(Environment.values)}."))
    with transaction.atomic():
        row = locked(experiment)
        if not row.is_test or row.current is None or row.status in {Status.DRAFT, Status.FINISHED}:
            raise Conflict(f"Nobody can be forced into “{row.key}”: it is {row.status}.")
        names = [known.name for known in row.current.variants.all()]
        if variant not in names:
            errors.append(FieldError("variant", f"Must be one of: {', '.join(names)}."))
        if errors:
            raise InvalidInput(errors)
        before = ForcedUser.objects.filter(
            experiment=row, environment=environment, user_id=user_id, device_id=device_id
        ).first()
        forced, _ = ForcedUser.objects.update_or_create(
            experiment=row,
            environment=environment,
            user_id=user_id,
            device_id=device_id,
            defaults={
                "variant": variant,
                "reason": reason,
                "expires_at": expires_at,
                "created_by": actor.user,
            },
        )
        who = f"user {user_id}" if user_id else f"device {device_id}"
        change = Change(
            "forced", f"Forced {who} ({environment})", before.variant if before else None, variant
        )
        note(actor, Verb.FORCE, row, f"Forced {who} into “{variant}” ({environment})", [change])
        announce_after_commit()
    return forced


def unforce_user(actor: Actor, forced_id: int) -> None:
    """Let the user or device be decided like anybody else again. Raises NotFound."""
    with transaction.atomic():
        forced = (
            ForcedUser.objects.select_for_update(of=("self",))
            .select_related("experiment")
            .filter(pk=forced_id)
            .first()
        )
        if forced is None:
            raise NotFound("There is no such forced user.")
        _require_qa(actor, forced.experiment)
        who = f"user {forced.user_id}" if forced.user_id else f"device {forced.device_id}"
        forced.delete()
        change = Change("forced", f"Forced {who} ({forced.environment})", forced.variant, None)
        note(
            actor, Verb.UNFORCE, forced.experiment, f"No longer forces {who} ({forced.environment})", [change]
        )
        announce_after_commit()


def switch_tests_off(
    actor: Actor,
    *,
    user_id: str = "",
    device_id: str = "",
    reason: str = "",
    expires_at: dt.datetime | None = None,
) -> TestsOff:
    """All tests off for a user or device (exactly one id); again is the same as once, with the new expiry."""
    _require_qa(actor, None)
    errors = _id_errors(user_id, device_id, reason, expires_at)
    if errors:
        raise InvalidInput(errors)
    with transaction.atomic():
        off, _ = TestsOff.objects.update_or_create(
            user_id=user_id,
            device_id=device_id,
            defaults={"reason": reason, "expires_at": expires_at, "created_by": actor.user},
        )
        _note_person(actor, Verb.TESTS_OFF, off, "Switched all tests off")
        announce_after_commit()
    return off


def switch_tests_on(actor: Actor, off_id: int) -> None:
    """Tests apply to this user or device again. Raises NotFound."""
    _require_qa(actor, None)
    with transaction.atomic():
        off = TestsOff.objects.select_for_update().filter(pk=off_id).first()
        if off is None:
            raise NotFound("Tests are not off for that user or device.")
        off.delete()
        _note_person(actor, Verb.TESTS_ON, off, "Switched tests on again")
        announce_after_commit()


def _note_person(actor: Actor, verb: Verb, off: TestsOff, what: str) -> None:
    kind = "user" if off.user_id else "device"
    record(actor, verb, SubjectKind.PERSON, str(off)[:100], f"{what} for {kind} {off}")


def _require_qa(actor: Actor, experiment: Experiment | None) -> None:
    if actor.user is None or actor.role in {Role.QA, Role.SUPERUSER}:
        return
    if experiment is not None and standing_of(actor, experiment) in ACTING:
        return
    raise NotAllowed("Only QA and superusers can do that.")


def _id_errors(user_id: str, device_id: str, reason: str, expires_at: dt.datetime | None) -> list[FieldError]:
    errors = []
    if bool(user_id) == bool(device_id):
        errors.append(FieldError("user_id", "Give either a user id or a device id."))
    for name, value, limit in (
        ("user_id", user_id, MAX_ID),
        ("device_id", device_id, MAX_ID),
        ("reason", reason, MAX_REASON),
    ):
        if len(value) > limit or unstorable_text(value):
            errors.append(FieldError(name, f"Must be text of at most {limit} characters."))
    if expires_at is not None and expires_at <= clock.now():
        errors.append(FieldError("expires_at", "Lies in the past."))
    return errors
