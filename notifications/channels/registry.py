"""Which channel a delivery goes over, and what its recipient is called there."""

from __future__ import annotations

from typing import cast

from notifications.channels.base import Channel, ChatChannel, SendFailed
from notifications.channels.mail import Mail
from notifications.models import ChannelKind, Delivery, Room
from notifications.planning import HOOK, ISSUE, PERSON, ROOM


def channel_for(delivery: Delivery) -> Channel:
    """The channel of a delivery. Raises SendFailed when there is none."""
    if delivery.channel != ChannelKind.MAIL:
        raise SendFailed("There is no connection for this.", permanent=True)
    return Mail(delivery)


def recipient_address(delivery: Delivery, channel: Channel) -> str:
    """What the provider calls the recipient. Raises SendFailed."""
    recipient = delivery.recipient
    if recipient.startswith(ROOM):
        room = Room.objects.filter(pk=int(recipient.removeprefix(ROOM))).first()
        if room is None or not room.room_id:
            raise SendFailed("The room is not there any more.", permanent=True)
        return room.room_id
    if recipient.startswith(PERSON) and delivery.person is not None:
        found = cast(ChatChannel, channel).find_person(delivery.person.email, delivery.person.username)
        if found is None:
            raise SendFailed("The chat knows nobody with this e-mail address or user name.", permanent=True)
        return found
    return recipient.removeprefix(ISSUE) if not recipient.startswith(HOOK) else ""
