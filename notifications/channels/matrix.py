"""Matrix: rooms and messages by the client-server API (v3), as the user to whom the access token belongs.

Every write is a PUT that may be repeated, or leaves something by which the repetition finds it: a message its transaction
id and a mark in its content, a room its alias.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from notifications.answers import LONGEST_WAIT, object_of, raise_for, text_of
from notifications.channels.base import Account, CheckReport, Message, Receipt, RoomRef, SendFailed
from notifications.outgoing import Answer, call

_API: Final = "/_matrix/client/v3"
MARK: Final = "org.usersplit.delivery"
"""What a message carries besides its words: the token of its delivery."""
ARCHIVED: Final = "Archived: "
MAX_BODY: Final = 9_000
MAX_EVENT: Final = 60_000
"""Bytes. The specification allows 65,536 for an event with all that the server adds, and JSON may spell one as six."""
MAX_NAME: Final = 200
_LOOK_BACK: Final = 100
_USER_ID: Final = re.compile(r"@[a-z0-9._=/+-]{1,200}:[A-Za-z0-9.:\[\]-]{1,230}")
_IS_IN: Final = frozenset({"join", "invite"})


class Matrix:
    """A homeserver, and our account there. `options["server_name"]` is where people are, if not where the account is."""

    has_rooms = True

    def __init__(self, account: Account) -> None:
        self._account = account
        self._user_id = account.account

    def send(self, message: Message, recipient: str, token: UUID, *, repeated: bool) -> Receipt:
        """Into a room (`!…`), or to a person (`@…`) in a room for the two of us."""
        is_direct = recipient.startswith("@")
        room_id = self._direct_room(recipient) if is_direct else recipient
        # The server knows a transaction id for a day at most, and only by the access token that it came with.
        found = self._find(room_id, token) if repeated else None
        if found:
            return Receipt("It had got through before.", found)
        path = f"/rooms/{_part(room_id)}/send/m.room.message/{token.hex}"
        answer = self._call(
            "PUT", path, _content(message, token, is_notice=not (is_direct or message.urgent))
        )
        event_id = text_of(answer, object_of(answer).get("event_id"))
        if not event_id:
            raise SendFailed(f"Answered {answer.status} without the id of the message.")
        return Receipt("In the room.", event_id)

    def create_room(self, name: str, topic: str, token: UUID) -> RoomRef:
        """A private room into which only we invite. The token is part of its alias, by which a repetition finds it."""
        alias = f"usersplit-{token.hex}"
        room_id = self._create(alias, {"name": name[:MAX_NAME], "topic": topic})
        if room_id is None:
            room_id = self._own_room(alias)
            if room_id is None:
                raise SendFailed("The homeserver says that the room is there, and that it is not.")
            # Who was here before us may have been stopped between making the room and naming it.
            self._put_state(room_id, "m.room.name", {"name": name[:MAX_NAME]})
            self._put_state(room_id, "m.room.topic", {"topic": topic})
        return RoomRef(
            room_id, f"https://matrix.to/#/{quote(room_id)}?via={quote(_server(self._me()), safe=':')}"
        )

    def find_person(self, email: str, username: str) -> str | None:
        """The Matrix id made of the user name, else of what stands before the @ of the e-mail address, if there is such a user."""
        server = str(self._account.options.get("server_name") or "") or _server(self._me())
        for local in dict.fromkeys([username.lower(), email.lower().partition("@")[0]]):
            user_id = f"@{local}:{server}"
            if _USER_ID.fullmatch(user_id) and self._exists(user_id):
                return user_id
        return None

    def invite(self, room_id: str, address: str) -> None:
        """Invite whoever is not in and not invited."""
        if self._membership(room_id, address) not in _IS_IN:
            self._change_membership(room_id, address, "invite")

    def remove(self, room_id: str, address: str) -> None:
        """Take out whoever is in, or take an invitation back."""
        if self._membership(room_id, address) in _IS_IN:
            self._change_membership(room_id, address, "kick")

    def archive(self, room_id: str) -> None:
        """Matrix knows no archive: the room says that it is one, and from now on only we can write or invite."""
        name = str(self._state(room_id, "m.room.name").get("name") or "")
        if not name.startswith(ARCHIVED):
            self._put_state(room_id, "m.room.name", {"name": f"{ARCHIVED}{name}"})
        levels = self._state(room_id, "m.room.power_levels")
        if levels.get("events_default") != 100:
            self._put_state(room_id, "m.room.power_levels", {**levels, "events_default": 100, "invite": 100})

    def check(self) -> CheckReport:
        """Reach the homeserver, sign in, and say who we are there."""
        steps: list[tuple[str, bool, str]] = []
        found: dict[str, str] = {}
        for step, look in (("Reach the homeserver", self._versions), ("Sign in", self._who_am_i)):
            try:
                words = look(found)
            except SendFailed as failure:
                steps.append((step, False, failure.answer))
                break
            steps.append((step, True, words))
        return CheckReport(tuple(steps), found)

    def _versions(self, found: dict[str, str]) -> str:
        # Not self._call: whether this is a homeserver at all should be clear before the secret goes there.
        answer = call("GET", f"{self._account.url.rstrip('/')}/_matrix/client/versions")
        try:
            raise_for(answer)
            versions = object_of(answer)["versions"]
            newest = text_of(answer, versions[-1])
        except (SendFailed, LookupError, TypeError) as error:
            raise SendFailed(f"There is no Matrix homeserver at this address{self._hint()}.") from error
        return f"It speaks Matrix up to {newest}."

    def _hint(self) -> str:
        """Where a server name's homeserver is, if somebody typed the name instead."""
        try:
            known = call("GET", f"{self._account.url.rstrip('/')}/.well-known/matrix/client")
            where = text_of(known, object_of(known)["m.homeserver"]["base_url"], 200)
        except (SendFailed, LookupError, TypeError):
            return ""
        return f"; its owner says that it is at {where}" if where else ""

    def _who_am_i(self, found: dict[str, str]) -> str:
        answer = self._call("GET", "/account/whoami")
        user_id = text_of(answer, object_of(answer).get("user_id"))
        if not _USER_ID.fullmatch(user_id):
            raise SendFailed("The homeserver does not say whose access token this is.")
        found["account"] = user_id
        return f"We are {user_id}."

    def _me(self) -> str:
        if not self._user_id:
            found: dict[str, str] = {}
            self._who_am_i(found)
            self._user_id = found["account"]
        return self._user_id

    def _create(self, alias: str, what: Mapping[str, Any]) -> str | None:
        """A new room's id; None if there is one of this alias."""
        body = {
            "preset": "private_chat",
            "visibility": "private",
            "room_alias_name": alias,
            # Who is in the room is decided in the console, so nobody else invites.
            "power_level_content_override": {"invite": 50},
            "initial_state": [
                {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "forbidden"}}
            ],
            **what,
        }
        answer = self._call("POST", "/createRoom", body, also=frozenset({400}))
        if _code(answer) == "M_ROOM_IN_USE":
            return None
        raise_for(answer)
        return _room_id(answer)

    def _own_room(self, alias: str) -> str | None:
        """The id of our room of this alias; None if there is no room of it."""
        full = f"#{alias}:{_server(self._me())}"
        answer = self._call("GET", f"/directory/room/{_part(full)}", also=frozenset({404}))
        if answer.status == 404:
            return None
        room_id = _room_id(answer)
        # The alias cannot be guessed; but what is said there would be read by whoever made the room.
        if self._membership(room_id, self._me()) != "join":
            raise SendFailed("There is a room of this alias that is not ours.", permanent=True)
        return room_id

    def _direct_room(self, user_id: str) -> str:
        """The room for one person, made with the first message. Whoever has left it asked for messages here, and is asked in."""
        if not _USER_ID.fullmatch(user_id):
            raise SendFailed("This is no Matrix id.", permanent=True)
        # Keyed, so that nobody can take the alias first and be written to in our name.
        key = hmac.new(self._account.secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()[:32]
        alias = f"usersplit-direct-{key}"
        room_id = self._own_room(alias) or self._create(alias, {"name": "UserSplit", "is_direct": True})
        if room_id is None:
            raise SendFailed("The room is being made by another.")
        if self._membership(room_id, user_id) not in _IS_IN:
            invitation = {"membership": "invite", "is_direct": True}
            self._put_state(room_id, f"m.room.member/{_part(user_id)}", invitation)
        return room_id

    def _exists(self, user_id: str) -> bool:
        # Some servers show profiles only to who shares a room with them: 403 means that nobody can tell.
        answer = self._call("GET", f"/profile/{_part(user_id)}", also=frozenset({403, 404}))
        return answer.status == 200

    def _membership(self, room_id: str, user_id: str) -> str:
        """`join`, `invite`, `leave`, `ban`; empty for whoever was never in."""
        state = self._state(room_id, f"m.room.member/{_part(user_id)}")
        return str(state.get("membership") or "")

    def _change_membership(self, room_id: str, user_id: str, verb: str) -> None:
        self._call("POST", f"/rooms/{_part(room_id)}/{verb}", {"user_id": user_id})

    def _state(self, room_id: str, path: str) -> dict[str, Any]:
        """The content of a state event; empty if there is none."""
        answer = self._call("GET", f"/rooms/{_part(room_id)}/state/{path}", also=frozenset({404}))
        return object_of(answer) if answer.status == 200 else {}

    def _put_state(self, room_id: str, path: str, content: Mapping[str, Any]) -> None:
        self._call("PUT", f"/rooms/{_part(room_id)}/state/{path}", content)

    def _find(self, room_id: str, token: UUID) -> str:
        """The id of our message with the token among the last in the room."""
        params = {"dir": "b", "limit": str(_LOOK_BACK)}
        answer = self._call("GET", f"/rooms/{_part(room_id)}/messages", params=params)
        for event in _events(object_of(answer)):
            content = event.get("content")
            if (
                isinstance(content, dict)
                and content.get(MARK) == token.hex
                and event.get("sender") == self._me()
            ):
                return text_of(answer, event.get("event_id"))
        return ""

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        also: frozenset[int] = frozenset(),
    ) -> Answer:
        """One call with the access token. Raises SendFailed unless it succeeded, or the homeserver says a status in `also`."""
        secret = self._account.secret
        answer = call(
            method,
            f"{self._account.url.rstrip('/')}{_API}{path}",
            headers={"Authorization": f"Bearer {secret}"},
            body=body,
            params=params,
            secrets=[secret],
        )
        code = _code(answer)
        # A proxy's 404, or that of a server which does not know the address at all, says nothing about rooms and users.
        if answer.status not in also or code in {"", "M_UNRECOGNIZED"}:
            _raise_for(answer, code)
        return answer


def _raise_for(answer: Answer, code: str) -> None:
    try:
        raise_for(answer)
    except SendFailed as failure:
        if code == "M_FORBIDDEN":
            # What we may not do in one room says nothing about the account: the others are not held up.
            failure.provider_down = False
        if code == "M_LIMIT_EXCEEDED" and failure.retry_after is None:
            # Before version 1.10 of the specification the wait stood in the body only.
            wait = _error(answer).get("retry_after_ms")
            if isinstance(wait, (int, float)) and 0 <= wait < 1e12:
                failure.retry_after = min(wait / 1_000, LONGEST_WAIT)
        raise


def _error(answer: Answer) -> dict[str, Any]:
    try:
        return object_of(answer) if answer.status >= 400 else {}
    except SendFailed:
        return {}


def _code(answer: Answer) -> str:
    return str(_error(answer).get("errcode") or "")


def _room_id(answer: Answer) -> str:
    room_id = text_of(answer, object_of(answer).get("room_id"))
    if not room_id.startswith("!"):
        raise SendFailed(f"Answered {answer.status} without the id of the room.")
    return room_id


def _events(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    chunk = page.get("chunk")
    if not isinstance(chunk, list):
        raise SendFailed("The homeserver shows the room in a way that nobody understands.")
    return (event for event in chunk if isinstance(event, dict))


def _part(text: str) -> str:
    """One piece of a path, whatever is in it."""
    return quote(text, safe="")


def _server(user_id: str) -> str:
    return user_id.partition(":")[2]


def _content(message: Message, token: UUID, *, is_notice: bool) -> dict[str, Any]:
    """The message as plain text and as HTML. Without a ping for everybody whose name stands in it."""
    facts = [f"{label}: {value}" for label, value in message.facts]
    said = _cut("\n".join([message.title, message.text, *facts]), MAX_BODY)
    content: dict[str, Any] = {
        # By default clients make no noise for notices.
        "msgtype": "m.notice" if is_notice else "m.text",
        "body": f"{said}\n{message.url}",
        "m.mentions": {},
        MARK: token.hex,
    }
    rows = "".join(f"<li>{escape(label)}: {escape(value)}</li>" for label, value in message.facts)
    html = f'<strong><a href="{escape(message.url)}">{escape(message.title)}</a></strong><br>'
    html += escape(message.text).replace("\n", "<br>") + (f"<ul>{rows}</ul>" if rows else "")
    whole = content | {"format": "org.matrix.custom.html", "formatted_body": html}
    return whole if len(json.dumps(whole, ensure_ascii=False).encode()) <= MAX_EVENT else content


def _cut(text: str, size: int) -> str:
    """At most so many bytes, whole characters."""
    encoded = text.encode()
    return text if len(encoded) <= size else f"{encoded[: size - 3].decode('utf-8', 'ignore')}…"
