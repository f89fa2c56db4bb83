"""What people do about the chat room of a test: ask for one, add somebody, take somebody out.

Here it is only written down; `rooms` does it at the provider, in the background, as often as it takes.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from accounts.actors import Actor
from accounts.models import User
from changelog.models import Verb
from core import clock
from core.errors import Conflict, InvalidInput
from core.tasks import enqueue_on_commit
from experiments.lifecycle import Status
from experiments.models import Experiment
from experiments.services.ground import locked, note, require_acting
from notifications.models import Room, RoomMember
from notifications.planning import direct_connection

KEEP_ROOMS = "notifications.tasks.keep_rooms"


def ask_for_room(actor: Actor, experiment: Experiment) -> Room:
    """A chat room with all managers of the test will be made. Asking again is the same, and tries again what failed.

    Raises NotAllowed (NotFound for a draft of others); Conflict when the test is finished or there is no chat.
    """
    require_acting(actor, experiment)
    with transaction.atomic():
        row = locked(experiment)
        if not row.is_test:
            raise Conflict(gettext("Only tests have rooms, user groups do not."))
        room = Room.objects.select_for_update().filter(experiment=row).first()
        if room is not None and room.state != Room.State.FAILED:
            return room
        if row.status == Status.FINISHED:
            raise Conflict(gettext("The test is finished: its room would be archived at once."))
        connection = direct_connection()
        if connection is None:
            raise Conflict(
                gettext("No chat is connected: a superuser connects Matrix or Slack under Connections.")
            )
        wanted = {
            "connection": connection,
            "state": Room.State.WANTED,
            "error": "",
            "not_before": clock.now(),
        }
        room, is_new = Room.objects.update_or_create(
            experiment=row,
            defaults=wanted | {"attempts": 0},
            create_defaults=wanted | {"name": row.name, "created_by": actor.user},
        )
        what = "Asked for a chat room" if is_new else "Asked again for the chat room that could not be made"
        note(actor, Verb.EDIT, row, f"{what} ({connection.name})")
        enqueue_on_commit(KEEP_ROOMS)
    return room


def add_to_room(actor: Actor, experiment: Experiment, person: User) -> RoomMember:
    """The person will be invited, and stays whether or not they manage the test. Again: they are looked for again.

    Raises NotAllowed, NotFound, Conflict without a room, InvalidInput for somebody who cannot sign in any more.
    """
    require_acting(actor, experiment)
    with transaction.atomic():
        room = _lasting_room(experiment)
        if not person.is_active:
            raise InvalidInput.at(
                "person", gettext("%(person)s cannot sign in any more.") % {"person": person}
            )
        member, is_new = RoomMember.objects.select_for_update().get_or_create(
            room=room, person=person, defaults={"by_hand": True}
        )
        if is_new or not member.by_hand or member.state == RoomMember.State.LEAVING:
            note(actor, Verb.EDIT, experiment, f"Added {person} to the chat room")
        # Also whoever is invited already: they may have left the room by themselves.
        member.by_hand, member.state, member.error = True, RoomMember.State.WANTED, ""
        member.save(update_fields=["by_hand", "state", "error"])
        _soon(room)
    return member


def remove_from_room(actor: Actor, experiment: Experiment, person: User) -> None:
    """The person will be taken out of the room. Twice is the same as once.

    Raises NotAllowed, NotFound, Conflict without a room and for managers, who belong into it.
    """
    require_acting(actor, experiment)
    with transaction.atomic():
        room = _lasting_room(experiment)
        if experiment.managers.filter(pk=person.pk).exists():
            text = gettext("%(person)s manages the test, and managers belong into its room.")
            raise Conflict(text % {"person": person})
        members = RoomMember.objects.filter(room=room, person=person)
        gone = members.exclude(state=RoomMember.State.LEAVING).update(
            state=RoomMember.State.LEAVING, by_hand=False, looked_at=None
        )
        if gone:
            note(actor, Verb.EDIT, experiment, f"Took {person} out of the chat room")
            _soon(room)


def _lasting_room(experiment: Experiment) -> Room:
    room = Room.objects.select_for_update().filter(experiment=experiment).first()
    if room is None:
        raise Conflict(gettext("The test has no chat room."))
    if room.state == Room.State.ARCHIVED:
        raise Conflict(gettext("The chat room is archived."))
    return room


def _soon(room: Room) -> None:
    """Whoever asks waits for it: what failed before is tried again at once."""
    Room.objects.filter(Q(pk=room.pk), ~Q(state=Room.State.FAILED)).update(not_before=clock.now())
    enqueue_on_commit(KEEP_ROOMS)
