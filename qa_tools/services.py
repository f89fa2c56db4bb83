"""Letting go of whatever matches."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from core.errors import InvalidInput, NotFound
from experiments.models import ForcedUser, TestsOff
from experiments.selectors import visible_experiments
from experiments.services import switch_tests_on, unforce_user


@transaction.atomic
def unforce_matching(
    actor: Actor, *, user_id: str = "", device_id: str = "", test: str = "", environment: str = ""
) -> int:
    """End what is forced for a user or device (exactly one id), in one test and environment or in all: how many were.

    Raises InvalidInput without exactly one id, NotFound when nothing matches.
    """
    _require_one_id(user_id, device_id)
    rows = ForcedUser.objects.filter(user_id=user_id, device_id=device_id)
    rows = rows.filter(experiment__in=visible_experiments(actor, "test"))
    if test:
        rows = rows.filter(experiment__key=test)
    if environment:
        rows = rows.filter(environment=environment)
    ids = list(rows.values_list("pk", flat=True))
    if not ids:
        raise NotFound(gettext("Nothing is forced for that user or device."))
    for forced_id in ids:
        unforce_user(actor, forced_id)
    return len(ids)


def switch_tests_on_for(actor: Actor, *, user_id: str = "", device_id: str = "") -> None:
    """Tests apply to this user or device again. Raises InvalidInput without exactly one id, NotFound."""
    _require_one_id(user_id, device_id)
    off = TestsOff.objects.filter(user_id=user_id, device_id=device_id).first()
    if off is None:
        raise NotFound(gettext("Tests are not off for that user or device."))
    switch_tests_on(actor, off.pk)


def _require_one_id(user_id: str, device_id: str) -> None:
    if bool(user_id) == bool(device_id):
        raise InvalidInput.at("user_id", gettext("Give either a user id or a device id."))
