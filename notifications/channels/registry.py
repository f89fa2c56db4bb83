"""Which channel a delivery goes over. Modules of providers are loaded when there is something to send."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from notifications.channels.base import Channel, ChatChannel, SendFailed
from notifications.models import ChannelKind, Connection, Delivery, Provider, Room
from notifications.planning import HOOK, ISSUE, PERSON, ROOM

_CLASSES: Final = {
    Provider.MATRIX: ("notifications.channels.matrix", "Matrix"),
    Provider.SLACK: ("notifications.channels.slack", "Slack"),
    Provider.WEBHOOK: ("notifications.channels.webhook", "Webhook"),
    Provider.JIRA_CLOUD: ("notifications.channels.jira", "Jira"),
    Provider.JIRA_DATA_CENTER: ("notifications.channels.jira", "Jira"),
}


def open_connection(connection: Connection) -> Channel:
    """The channel of a connection. Raises SendFailed when its secret cannot be read."""
    module, name = _CLASSES[Provider(connection.provider)]
    return cast(Channel, getattr(import_module(module), name)(connection))


def open_chat(connection: Connection) -> ChatChannel:
    """The same for a provider with rooms."""
    return cast(ChatChannel, open_connection(connection))


def channel_for(delivery: Delivery) -> Channel:
    """Raises SendFailed when there is no connection any more."""
    if delivery.channel == ChannelKind.MAIL:
        return cast(Channel, import_module("notifications.channels.mail").Mail(delivery))
    if delivery.connection is None:
        raise SendFailed("The connection was removed.", permanent=True)
    return open_connection(delivery.connection)


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
