"""Incoming webhooks: Mattermost, Rocket.Chat and Microsoft Teams, by the `format` of the connection's options.

The whole address is the secret: whoever knows it may post. None of the three knows a repetition, so a message whose
answer was lost is sent again, and may be seen twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from notifications.answers import object_of, raise_for, text_of
from notifications.channels.base import Account, CheckReport, Message, Receipt, SendFailed
from notifications.channels.hook_forms import mattermost_body, rocket_chat_body, teams_body
from notifications.outgoing import Answer, call

MATTERMOST, ROCKET_CHAT, TEAMS = "mattermost", "rocketchat", "teams"
FORMATS: Final[Mapping[str, str]] = {
    MATTERMOST: "Mattermost",
    ROCKET_CHAT: "Rocket.Chat",
    TEAMS: "Microsoft Teams (Workflows)",
}
_SECRET_FROM: Final = 8
"""Parts of an address that are shorter, such as “hooks”, give nothing away."""


class Webhook:
    """One channel of a team, behind one address."""

    def __init__(self, account: Account) -> None:
        self._address = account.secret.strip()
        self._format = str(account.options.get("format") or MATTERMOST)

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        """Post it where the hook posts; there is no `recipient`."""
        try:
            body, taken = _FORMS[self._format]
        except KeyError as error:
            raise SendFailed(f"There is no format “{self._format[:50]}”.", permanent=True) from error
        answer = self._post(body(message))
        raise_for(answer)
        taken(answer)
        return Receipt(f"Taken by {FORMATS[self._format]}.")

    def check(self) -> CheckReport:
        """Ask for something that posts nothing, but that only a hook that is there refuses, or takes, in its way."""
        name = FORMATS.get(self._format)
        if name is None:
            return CheckReport((("Format", False, f"There is no format “{self._format[:50]}”."),))
        try:
            answer = self._post(_PROBES[self._format])
        except SendFailed as failure:
            return CheckReport((("Reach the server", False, failure.answer),))
        try:
            words = _judge(self._format, answer)
        except SendFailed as failure:
            return CheckReport((("Reach the server", True, ""), ("Find the hook", False, failure.answer)))
        return CheckReport((("Reach the server", True, ""), ("Find the hook", True, words)))

    def _post(self, body: Mapping[str, Any]) -> Answer:
        return call("POST", self._address, body=dict(body), secrets=_secrets_of(self._address))


def _secrets_of(address: str) -> list[str]:
    """Every part of the address that lets somebody post, the longest first."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    # As it is written, and as it reads: an answer may repeat either.
    values = [value for _, value in parse_qsl(parts.query)] + re.split("[&=]", parts.query)
    pieces = [parts.path, parts.query, parts.fragment, parts.password or "", *parts.path.split("/"), *values]
    return sorted({one for one in pieces if len(one) >= _SECRET_FROM}, key=len, reverse=True) or [address]


def _judge(form: str, answer: Answer) -> str:
    """What the answer to the probe says, for people. Raises SendFailed when the hook is not there."""
    if form == MATTERMOST:
        if 200 <= answer.status < 300:
            _took_mattermost(answer)
            return ""
        error = object_of(answer).get("id") if answer.status in {400, 403, 404} else None
        if isinstance(error, str) and "incoming_webhook.channel" in error:
            return ""
    raise_for(answer)
    if form == ROCKET_CHAT:
        _took_rocket_chat(answer)
        return ""
    _took_teams(answer)
    return "The workflow takes messages; whether it posts them is seen with the first one."


def _took_mattermost(answer: Answer) -> None:
    if answer.body.strip() != b"ok":
        raise SendFailed(f"Answered {answer.status}, but not with Mattermost's “ok”: {answer.words()}")


def _took_rocket_chat(answer: Answer) -> None:
    said = object_of(answer)
    if said.get("success") is not True:
        raise SendFailed(f"Rocket.Chat refuses it: {text_of(answer, said.get('error'))}", permanent=True)


def _took_teams(answer: Answer) -> None:
    """Workflows answer with nothing; the older connectors with 1, or with 200 and a text that says what failed."""
    body = answer.body.strip()
    if body in {b"", b"1"} or _is_json(body):
        return
    refused = re.search(rb"HTTP error (4\d\d)", body)
    raise SendFailed(
        f"Answered {answer.status}, but did not take it: {answer.words()}",
        permanent=refused is not None and refused[1] not in {b"408", b"425", b"429"},
    )


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


_FORMS: Final[Mapping[str, tuple[Callable[[Message], dict[str, Any]], Callable[[Answer], None]]]] = {
    MATTERMOST: (mattermost_body, _took_mattermost),
    ROCKET_CHAT: (rocket_chat_body, _took_rocket_chat),
    TEAMS: (teams_body, _took_teams),
}
_PROBES: Final[Mapping[str, Mapping[str, Any]]] = {
    # Mattermost looks for the hook, then for this channel, which is not there.
    MATTERMOST: {"text": "test", "channel": "usersplit-looks-whether-this-hook-is-there"},
    # Rocket.Chat looks for the hook, and posts nothing of nothing.
    ROCKET_CHAT: {},
    # A workflow posts each of no attachments.
    TEAMS: {"type": "message", "attachments": []},
}
