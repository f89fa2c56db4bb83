"""Slack's Web API with a bot token: messages in rooms and to people; rooms are private channels.

Slack promises no key against repetitions. Every message carries its delivery's token (as the id of its first block, as
metadata, and as `client_msg_id`); before a repetition the conversation is looked through for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from notifications.answers import object_of, raise_for, retry_after, text_of
from notifications.channels.base import Account, CheckReport, Message, Receipt, RoomRef, SendFailed
from notifications.channels.blocks import blocks_of, fallback_of
from notifications.outgoing import Answer, call

EVENT_TYPE: Final = "usersplit_notification"
SCOPES: Final = (
    "chat:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:write",
    "users:read.email",
)
"""What the token has to allow: https://docs.slack.dev/reference/scopes."""
MAX_NAME: Final = 80
MAX_TOPIC: Final = 250
PAGE: Final = 200
PAGES: Final = 5
"""So far back a repetition is looked for; nobody says more in two days of trying."""

_OUR_TROUBLE: Final = frozenset(
    {
        "access_denied",
        "account_inactive",
        "accesslimited",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_OTHER_TIME: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "request_timeout"})
_SLACK_DOWN: Final = frozenset({"fatal_error", "internal_error", "service_unavailable", "team_added_to_org"})


class Refused(SendFailed):
    """Slack answered `ok: false`; `error` is its own word for why."""

    def __init__(self, method: str, error: str, more: str, seconds: float | None) -> None:
        later = error in _OTHER_TIME or error in _SLACK_DOWN
        super().__init__(
            f"Slack answered {method} with {error or 'no word of why'}" + (f" ({more})." if more else "."),
            permanent=not later,
            provider_down=error in _OUR_TROUBLE or error in _SLACK_DOWN,
            retry_after=seconds,
        )
        self.error = error


class Slack:
    """A workspace, as the bot whose token it is."""

    has_rooms = True

    def __init__(self, account: Account) -> None:
        self._token = account.secret.strip()
        base = account.url.rstrip("/")
        has_path = "/" in base.split("://", 1)[-1]
        self._base = base if has_path else f"{base}/api"

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        """Post it in the channel, or to the person, of that id."""
        if repeated:
            found = self._find_sent(self._conversation(recipient), str(token))
            if found:
                return Receipt("It had arrived already.", found)
        said = self._do(
            "chat.postMessage",
            {
                "channel": recipient,
                "text": fallback_of(message),
                "blocks": blocks_of(message, str(token)),
                "metadata": {"event_type": EVENT_TYPE, "event_payload": {"delivery": str(token)}},
                "client_msg_id": str(token),
                "unfurl_links": False,
                "unfurl_media": False,
            },
        )
        return Receipt("Taken by Slack.", f"{said.text('channel')}:{said.text('ts')}")

    def check(self) -> CheckReport:
        """Sign in, and compare what the token allows with what is needed."""
        try:
            said = self._do("auth.test", {})
        except Refused as refused:
            return CheckReport((("Reach Slack", True, ""), ("Sign in", False, refused.answer)))
        except SendFailed as failure:
            return CheckReport((("Reach Slack", False, failure.answer),))
        granted = {one.strip() for one in said.header("x-oauth-scopes").split(",")} - {""}
        missing = [scope for scope in SCOPES if scope not in granted]
        words = f"The token lacks {', '.join(missing)}: add them to the app, then install it again."
        who = f"As {said.text('user')} in {said.text('team')}."
        return CheckReport(
            (
                ("Reach Slack", True, ""),
                ("Sign in", True, who),
                ("Scopes", not missing, words if missing else f"{len(SCOPES)} of {len(SCOPES)}."),
            ),
            {"account": said.text("user_id"), "team": said.text("team"), "url": _https(said.text("url"))},
        )

    def create_room(self, name: str, topic: str, token: UUID) -> RoomRef:
        """A private channel. Its name ends with a piece of the token: who finds it taken has made it before."""
        channel_name = _channel_name(name, token)
        try:
            room = self._do("conversations.create", {"name": channel_name, "is_private": True}).part(
                "channel"
            )
        except Refused as refused:
            if refused.error != "name_taken":
                raise
            room = self._room_named(channel_name)
        room_id = _id_of(room)
        known = room.get("topic")
        # Each change of the topic is a message in the channel, and Slack gives it back in its own spelling.
        if not isinstance(known, Mapping) or not known.get("value"):
            short = " ".join(topic.split())[:MAX_TOPIC]
            self._do("conversations.setTopic", {"channel": room_id, "topic": short})
        team = _https(self._do("auth.test", {}).text("url"))
        return RoomRef(room_id, f"{team.rstrip('/')}/archives/{room_id}" if team else "")

    def find_person(self, email: str, username: str) -> str | None:
        """The id of the member with this address. Slack finds nobody by a user name."""
        if not email:
            return None
        try:
            person = self._ask("users.lookupByEmail", {"email": email}).part("user")
        except Refused as refused:
            if refused.error in {"users_not_found", "user_not_found"}:
                return None
            raise
        return None if person.get("deleted") else _id_of(person)

    def invite(self, room_id: str, address: str) -> None:
        self._do(
            "conversations.invite",
            {"channel": room_id, "users": address},
            fine={"already_in_channel", "cant_invite_self"},
        )

    def remove(self, room_id: str, address: str) -> None:
        self._do("conversations.kick", {"channel": room_id, "user": address}, fine={"not_in_channel"})

    def archive(self, room_id: str) -> None:
        self._do("conversations.archive", {"channel": room_id}, fine={"already_archived"})

    def _conversation(self, recipient: str) -> str:
        """Where the history of what is sent to the recipient is: a person's id is no conversation."""
        if recipient[:1] not in {"U", "W"}:
            return recipient
        return _id_of(self._do("conversations.open", {"users": recipient}).part("channel"))

    def _find_sent(self, channel: str, token: str) -> str:
        """The reference of the message with this token; empty if there is none among the newest."""
        asked = {"channel": channel, "include_all_metadata": "true", "limit": str(PAGE)}
        for said in self._paged("conversations.history", asked, PAGES):
            for message in said.parts("messages"):
                if _carries(message, token):
                    return f"{channel}:{said.clean(message.get('ts'))}"
        return ""

    def _room_named(self, name: str) -> Mapping[str, Any]:
        asked = {"types": "private_channel", "exclude_archived": "false", "limit": str(PAGE)}
        for said in self._paged("conversations.list", asked, 100):
            for room in said.parts("channels"):
                if room.get("name") == name:
                    return room
        raise SendFailed(f"A channel named {name} is there, but the bot is not in it.", permanent=True)

    def _paged(self, method: str, asked: Mapping[str, str], pages: int) -> Iterator[_Said]:
        cursor = ""
        for _ in range(pages):
            said = self._ask(method, {**asked, "cursor": cursor} if cursor else asked)
            yield said
            following = said.body.get("response_metadata")
            cursor = str(following.get("next_cursor") or "") if isinstance(following, Mapping) else ""
            if not cursor:
                return

    def _ask(self, method: str, asked: Mapping[str, str]) -> _Said:
        """A method that reads: Slack wants its arguments in the address."""
        return self._call("GET", method, params=asked)

    def _do(
        self, method: str, body: Mapping[str, Any], fine: frozenset[str] | set[str] = frozenset()
    ) -> _Said:
        """A method that writes. An error in `fine` says that it was so already."""
        return self._call("POST", method, body=dict(body), fine=fine)

    def _call(
        self,
        verb: str,
        method: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        fine: frozenset[str] | set[str] = frozenset(),
    ) -> _Said:
        if not re.fullmatch(r"[!-~]+", self._token):
            raise SendFailed("This is no token: copy it again.", permanent=True, provider_down=True)
        headers = {"Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        answer = call(
            verb, f"{self._base}/{method}", headers=headers, body=body, params=params, secrets=[self._token]
        )
        raise_for(answer)
        said = _Said(answer, object_of(answer))
        error = said.text("error")
        if said.body.get("ok") is True or error in fine:
            return said
        more = f"needed: {said.text('needed')}" if said.text("needed") else ""
        raise Refused(method, error, more, retry_after(answer))


class _Said:
    """Slack's answer, of which nothing is believed to be there or to be of its type."""

    def __init__(self, answer: Answer, body: Mapping[str, Any]) -> None:
        self.answer, self.body = answer, body

    def text(self, name: str) -> str:
        return self.clean(self.body.get(name))

    def clean(self, value: object) -> str:
        return text_of(self.answer, value, 200)

    def header(self, name: str) -> str:
        return self.answer.headers.get(name, "")

    def part(self, name: str) -> Mapping[str, Any]:
        found = self.body.get(name)
        if not isinstance(found, Mapping):
            raise SendFailed(f"Slack answered without “{name}”.")
        return found

    def parts(self, name: str) -> list[Mapping[str, Any]]:
        found = self.body.get(name)
        return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _carries(message: Mapping[str, Any], token: str) -> bool:
    """Whether a message of the history is the delivery's."""
    if message.get("client_msg_id") == token:
        return True
    metadata = message.get("metadata")
    if isinstance(metadata, Mapping):
        payload = metadata.get("event_payload")
        if isinstance(payload, Mapping) and payload.get("delivery") == token:
            return True
    blocks = message.get("blocks")
    return isinstance(blocks, list) and any(
        isinstance(block, Mapping) and block.get("block_id") == token for block in blocks
    )


def _channel_name(name: str, token: UUID) -> str:
    """Lower-case letters, digits and hyphens, at most 80: what Slack takes as a name of a channel."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    tail = token.hex[:8]
    return f"split-{words or 'test'}"[: MAX_NAME - len(tail) - 1].rstrip("-") + f"-{tail}"


def _id_of(part: Mapping[str, Any]) -> str:
    """An id as Slack makes them. Raises SendFailed for anything else."""
    found = part.get("id")
    if not isinstance(found, str) or not re.fullmatch(r"[A-Z0-9]{2,64}", found):
        raise SendFailed("Slack answered without an id.")
    return found


def _https(address: str) -> str:
    """The address if a page may link to it, else nothing."""
    return address if re.fullmatch(r"https://[A-Za-z0-9.-]+(:\d+)?/?", address) else ""
