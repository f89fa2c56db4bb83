"""Each provider with a connection to it: what the table of answers plays, one stage a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from notifications.models import ChannelKind, Connection, Provider
from notifications.secrets import encrypt
from tests.notifications.standin import hooks, jira, matrix, slack
from tests.notifications.standin.server import Provider as Played


class Watched(Played, Protocol):
    """A provider that tells what people saw, one item a message."""

    @property
    def seen(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """A provider to play and how the console is connected to it.

    `secret` and `url` are made of the server's address. `on`: the address that misbehaves, the one that takes messages.
    `finds_repetitions`: a message whose answer was lost is not seen twice.
    """

    name: str
    play: Callable[[], Watched]
    provider: Provider
    secret: Callable[[str], str]
    url: Callable[[str], str]
    recipient: str
    on: str = ""
    account: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    finds_repetitions: bool = True

    @property
    def channel(self) -> ChannelKind:
        return self.provider.channel

    def connect(self, address: str) -> Connection:
        """The connection, written down, to the server at this address."""
        return Connection.objects.create(
            name=self.name,
            provider=self.provider,
            url=self.url(address),
            account=self.account,
            secret=encrypt(self.secret(address)),
            options=dict(self.options),
        )


def slack_stage(people: Mapping[str, str] | None = None, recipient: str = "C0ROOM") -> Stage:
    """A workspace with these people (ids by e-mail address)."""
    return Stage(
        "slack",
        lambda: slack.Workspace(people),
        Provider.SLACK,
        secret=lambda _: slack.TOKEN,
        url=lambda address: f"{address}/api",
        recipient=recipient,
        on="chat.postMessage",
    )


def matrix_stage() -> Stage:
    """A homeserver with a room."""
    return Stage(
        "matrix",
        matrix.Homeserver,
        Provider.MATRIX,
        secret=lambda _: matrix.TOKEN,
        url=lambda address: address,
        recipient=matrix.ROOM,
        on="/send/",
    )


def hook_stage(form: str) -> Stage:
    """A webhook of this format."""
    return Stage(
        form,
        lambda: hooks.Hook(form),
        Provider.WEBHOOK,
        secret=lambda address: f"{address}{hooks.PATH}",
        url=lambda address: address,
        recipient="hook:1",
        options={"format": form},
        finds_repetitions=False,
    )


def jira_stage(provider: Provider) -> Stage:
    """A Jira with the issue PAY-17."""
    is_cloud = provider == Provider.JIRA_CLOUD
    return Stage(
        provider.value,
        lambda: jira.Jira(is_cloud=is_cloud),
        provider,
        secret=lambda _: jira.TOKEN,
        url=lambda address: address,
        recipient="issue:PAY-17",
        account=jira.EMAIL if is_cloud else "",
    )


STAGES: Final = (
    matrix_stage(),
    slack_stage(),
    hook_stage("mattermost"),
    hook_stage("rocketchat"),
    hook_stage("teams"),
    jira_stage(Provider.JIRA_CLOUD),
    jira_stage(Provider.JIRA_DATA_CENTER),
)
