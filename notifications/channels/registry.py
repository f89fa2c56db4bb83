"""Which channel a delivery goes over, and what its recipient is called there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from notifications.channels.base import Account, Channel, ChatChannel, SendFailed
from notifications.channels.jira import JiraCloud, JiraDataCenter
from notifications.channels.mail import Mail
from notifications.channels.matrix import Matrix
from notifications.channels.slack import Slack
from notifications.channels.webhook import Webhook
from notifications.models import ChannelKind, Connection, Delivery, Provider, Room
from notifications.planning import HOOK, ISSUE, PERSON, ROOM
from notifications.secrets import SecretUnreadable, decrypt

PROVIDERS: Final[Mapping[Provider, Callable[[Account], Channel]]] = {
    Provider.MATRIX: Matrix,
    Provider.SLACK: Slack,
    Provider.WEBHOOK: Webhook,
    Provider.JIRA_CLOUD: JiraCloud,
    Provider.JIRA_DATA_CENTER: JiraDataCenter,
}


def account_of(connection: Connection) -> Account:
    """What a channel needs of a connection. Raises SendFailed when the secret cannot be read."""
    try:
        secret = decrypt(bytes(connection.secret))
    except SecretUnreadable as error:
        answer = "The secret was encrypted with a key that is not there any more: type it in again."
        raise SendFailed(answer, provider_down=True) from error
    return Account(connection.url, connection.account, secret, connection.options)


def channel_of(connection: Connection) -> Channel:
    """The channel that speaks to the connection's provider. Raises SendFailed."""
    return PROVIDERS[Provider(connection.provider)](account_of(connection))


def channel_for(delivery: Delivery) -> Channel:
    """The channel of a delivery. Raises SendFailed when there is none."""
    if delivery.channel == ChannelKind.MAIL:
        return Mail(delivery)
    if delivery.connection is None:
        raise SendFailed("There is no connection for this.", permanent=True)
    return channel_of(delivery.connection)


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
