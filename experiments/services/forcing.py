"""What QA sets for single users and devices."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

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
MAX_PEOPLE = 1_000


@dataclass(frozen=True, slots=True)
class Forcing:
    """Who gets which variant: exactly one of the ids."""

    variant: str
    user_id: str = ""
    device_id: str = ""

    @property
    def who(self) -> str:
        return f"user {self.user_id}" if self.user_id else f"device {self.device_id}"


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
    person = {"": Forcing(variant, user_id, device_id)}
    return _force(actor, experiment, person, environment, reason, expires_at)[0]


def force_users(
    actor: Actor,
    experiment: Experiment,
    people: Sequence[Forcing],
    environment: str,
    *,
    reason: str = "",
    expires_at: dt.datetime | None = None,
) -> list[ForcedUser]:
    """The same for up to 1,000 at once: all of them, or none and InvalidInput with every path (`people[3].variant`).

    Who stands there twice with the same variant is put into it once. One entry of the changelog names them all.
    """
    if not 1 <= len(people) <= MAX_PEOPLE:
        raise InvalidInput.at(
            "people",
            gettext("Must be 1 to %(most)s users or devices, not %(found)s.")
            % {"most": f"{MAX_PEOPLE:,}", "found": f"{len(people):,}"},
        )
    paths = {f"people[{index}].": person for index, person in enumerate(people)}
    return _force(actor, experiment, paths, environment, reason, expires_at)


def _force(
    actor: Actor,
    experiment: Experiment,
    people: Mapping[str, Forcing],
    environment: str,
    reason: str,
    expires_at: dt.datetime | None,
) -> list[ForcedUser]:
    _require_qa(actor, experiment)
    errors = _terms_errors(reason, expires_at)
    if environment not in Environment.values:
        errors.append(
            FieldError(
                "environment",
                gettext("Must be one of: %(values)s.") % {"values": ", ".join(Environment.values)},
            )
        )
    with transaction.atomic():
        row = locked(experiment)
        if not row.is_test or row.current is None or row.status in {Status.DRAFT, Status.FINISHED}:
            raise Conflict(
                gettext("Nobody can be forced into “%(key)s”: it is %(status)s.")
                % {"key": row.key, "status": row.get_status_display().lower()}
            )
        errors += _people_errors(people, [known.name for known in row.current.variants.all()])
        if errors:
            raise InvalidInput(errors)
        wanted = list(dict.fromkeys(people.values()))
        before = _variants_before(row, environment, wanted)
        terms = {"reason": reason, "expires_at": expires_at, "created_by": actor.user}
        made = _upsert(row, environment, wanted, terms)
        changes = [
            Change("forced", f"Forced {person.who} ({environment})", before.get(_ids(person)), person.variant)
            for person in wanted
        ]
        note(actor, Verb.FORCE, row, _message(wanted, environment), changes)
        announce_after_commit()
    return made


def _upsert(
    row: Experiment, environment: str, wanted: Sequence[Forcing], terms: Mapping[str, Any]
) -> list[ForcedUser]:
    """The rows as they are in the database then: who is moved keeps the time of the first call."""
    made = ForcedUser.objects.bulk_create(
        [
            ForcedUser(
                experiment=row,
                environment=environment,
                user_id=person.user_id,
                device_id=person.device_id,
                variant=person.variant,
                **terms,
            )
            for person in wanted
        ],
        update_conflicts=True,
        unique_fields=["experiment", "environment", "user_id", "device_id"],
        update_fields=["variant", *terms],
    )
    rows = ForcedUser.objects.select_related("experiment", "created_by").in_bulk(
        [forced.pk for forced in made]
    )
    return [rows[forced.pk] for forced in made]


def _variants_before(
    row: Experiment, environment: str, wanted: Sequence[Forcing]
) -> dict[tuple[str, str], str]:
    known = ForcedUser.objects.filter(experiment=row, environment=environment).filter(
        user_id__in=[person.user_id for person in wanted],
        device_id__in=[person.device_id for person in wanted],
    )
    return {(forced.user_id, forced.device_id): forced.variant for forced in known}


def _message(wanted: Sequence[Forcing], environment: str) -> str:
    if len(wanted) == 1:
        return f"Forced {wanted[0].who} into “{wanted[0].variant}” ({environment})"
    sizes = Counter(person.variant for person in wanted)
    shares = ", ".join(f"{count:,} into “{variant}”" for variant, count in sizes.items())
    return f"Forced {len(wanted):,} users or devices: {shares} ({environment})"


def _people_errors(people: Mapping[str, Forcing], variants: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: dict[tuple[str, str], str] = {}
    for path, person in people.items():
        errors += [
            FieldError(path + error.path, error.message)
            for error in _id_errors(person.user_id, person.device_id)
        ]
        if person.variant not in variants:
            errors.append(
                FieldError(
                    f"{path}variant", gettext("Must be one of: %(values)s.") % {"values": ", ".join(variants)}
                )
            )
        elif seen.setdefault(_ids(person), person.variant) != person.variant:
            errors.append(
                FieldError(f"{path}variant", gettext("Stands there twice, with different variants."))
            )
    return errors


def _ids(person: Forcing) -> tuple[str, str]:
    return person.user_id, person.device_id


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
            raise NotFound(gettext("There is no such forced user."))
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
    errors = _id_errors(user_id, device_id) + _terms_errors(reason, expires_at)
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
            raise NotFound(gettext("Tests are not off for that user or device."))
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
    raise NotAllowed(gettext("Only QA and superusers can do that."))


def _id_errors(user_id: str, device_id: str) -> list[FieldError]:
    errors = []
    if bool(user_id) == bool(device_id):
        errors.append(FieldError("user_id", "Give either a user id or a device id."))
    return errors + _text_errors(("user_id", user_id, MAX_ID), ("device_id", device_id, MAX_ID))


def _terms_errors(reason: str, expires_at: dt.datetime | None) -> list[FieldError]:
    errors = _text_errors(("reason", reason, MAX_REASON))
    if expires_at is not None and expires_at <= clock.now():
        errors.append(FieldError("expires_at", "Lies in the past."))
    return errors


def _text_errors(*texts: tuple[str, str, int]) -> list[FieldError]:
    return [
        FieldError(name, gettext("Must be text of at most %(limit)s characters.") % {"limit": limit})
        for name, value, limit in texts
        if len(value) > limit or unstorable_text(value)
    ]
