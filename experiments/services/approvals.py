"""Asking for a second person's word before a start, and giving it."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from accounts.actors import Actor
from changelog.models import Verb
from core import clock
from core.errors import Conflict, NotAllowed
from experiments.lifecycle import APPROVING, Status
from experiments.models import Experiment, PreparationState, SettingsGroup, StartApproval
from experiments.selectors import standing_of
from experiments.services.ground import locked, note, require_acting


def request_approval(actor: Actor, experiment: Experiment) -> StartApproval:
    """Ask for approval of the current settings. Asking again is the same as asking once; the first who asked is the requester."""
    require_acting(actor, experiment)
    if actor.user is None:
        raise NotAllowed(gettext("Only a person can ask for approval."))
    with transaction.atomic():
        row = locked(experiment)
        current = _startable(row)
        approval, is_new = StartApproval.objects.get_or_create(
            settings_group=current, defaults={"requested_by": actor.user}
        )
        if is_new:
            note(
                actor,
                Verb.REQUEST_APPROVAL,
                row,
                f"Asked for approval to start with settings group {current.number}",
            )
    return approval


def approve_start(actor: Actor, experiment: Experiment) -> StartApproval:
    """Approve the start with the current settings. Raises NotAllowed for the requester, Conflict when nobody asked."""
    if actor.user is None or standing_of(actor, experiment) not in APPROVING:
        raise NotAllowed(gettext("Only managers and superusers approve a start."))
    with transaction.atomic():
        row = locked(experiment)
        current = _startable(row)
        approval = StartApproval.objects.select_for_update().filter(settings_group=current).first()
        if approval is None:
            raise Conflict(
                gettext("Nobody has asked for approval of settings group %(number)s yet.")
                % {"number": current.number}
            )
        if approval.requested_by_id == actor.user.pk:
            raise NotAllowed(gettext("A second person has to approve; you asked for it yourself."))
        if approval.approved_by_id is None:
            approval.approved_by, approval.approved_at = actor.user, clock.now()
            approval.save(update_fields=["approved_by", "approved_at"])
            note(actor, Verb.APPROVE, row, f"Approved the start with settings group {current.number}")
    return approval


def _startable(row: Experiment) -> SettingsGroup:
    if row.status != Status.DEV:
        raise Conflict(
            gettext("“%(key)s” is %(status)s; a start is approved while it is in dev.")
            % {"key": row.key, "status": row.get_status_display().lower()}
        )
    if row.current is None or row.current.preparation.state != PreparationState.READY:
        raise Conflict(gettext("“%(key)s” has no prepared settings yet.") % {"key": row.key})
    return row.current
