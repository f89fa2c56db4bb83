"""A Slack workspace that takes requests only as https://docs.slack.dev/reference describes them (November 2026).

Checked: method and verb, the fields of each and their types, the token in its header, JSON with its character set,
scopes, and Block Kit by `block_kit`. It keeps no promise that Slack does not make: `client_msg_id` is taken, and ignored.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.notifications.standin.block_kit import require_blocks
from tests.notifications.standin.server import Received, Reply, require

TOKEN: Final = "xoxb-stand-in-0123456789"
BOT: Final = "U0BOT"
SCOPES: Final = (
    "chat:write,groups:history,groups:read,groups:write,im:history,im:write,users:read,users:read.email"
)
_MESSAGE: Final = {
    "text": str,
    "blocks": list,
    "metadata": dict,
    "unfurl_links": bool,
    "unfurl_media": bool,
    # In no description, but known from Slack's own clients.
    "client_msg_id": str,
}


@dataclass(frozen=True, slots=True)
class Method:
    """Verb, needed scope, fields that must be there and that may be."""

    verb: str
    scope: str
    needed: Mapping[str, type]
    optional: Mapping[str, type] = field(default_factory=dict)


_PAGED: Final = {"limit": str, "cursor": str}
METHODS: Final = {
    "auth.test": Method("POST", "", {}),
    "chat.postMessage": Method("POST", "chat:write", {"channel": str}, _MESSAGE),
    "conversations.archive": Method("POST", "groups:write", {"channel": str}),
    "conversations.create": Method("POST", "groups:write", {"name": str}, {"is_private": bool}),
    "conversations.history": Method(
        "GET",
        "groups:history",
        {"channel": str},
        {**_PAGED, "include_all_metadata": str, "oldest": str, "latest": str, "inclusive": str},
    ),
    "conversations.invite": Method("POST", "groups:write", {"channel": str, "users": str}, {"force": bool}),
    "conversations.kick": Method("POST", "groups:write", {"channel": str, "user": str}),
    "conversations.list": Method("GET", "groups:read", {}, {**_PAGED, "types": str, "exclude_archived": str}),
    "conversations.open": Method("POST", "im:write", {}, {"users": str, "channel": str, "return_im": bool}),
    "conversations.setTopic": Method("POST", "groups:write", {"channel": str, "topic": str}),
    "users.lookupByEmail": Method("GET", "users:read.email", {"email": str}),
}


@dataclass
class Channel:
    """A conversation. Messages are as the history shows them, the oldest first."""

    id: str
    name: str = ""
    topic: str = ""
    members: set[str] = field(default_factory=lambda: {BOT})
    messages: list[dict[str, Any]] = field(default_factory=list)
    is_archived: bool = False

    def described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "is_private": True,
            "is_archived": self.is_archived,
            "topic": {"value": self.topic},
        }


class _Refusal(Exception):
    """`ok: false` with this error, as the method's description lists it."""


class Workspace:
    """Channels by id, people by e-mail address. `page` is how many things come at a time, at most."""

    def __init__(self, people: Mapping[str, str] | None = None) -> None:
        self.people = dict(people or {})
        self.channels = {"C0ROOM": Channel("C0ROOM", "room")}
        self.scopes = SCOPES
        self.page = 1_000
        self.error = ""
        """What the next calls of chat.postMessage are refused with, if anything."""
        self._numbers = itertools.count(1)

    @property
    def seen(self) -> list[str]:
        """The texts that people see, in their order."""
        return [message["text"] for room in self.channels.values() for message in room.messages]

    def answer(self, request: Received) -> Reply:
        require(request.path.startswith("/api/"), "not below /api/")
        name = request.path.removeprefix("/api/")
        require(name in METHODS, f"there is no method {name}")
        method = METHODS[name]
        fields = _fields(request, name, method)
        headers = {"X-OAuth-Scopes": self.scopes}
        try:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                raise _Refusal("invalid_auth")
            if method.scope and method.scope not in self.scopes.split(","):
                body = {"error": "missing_scope", "needed": method.scope, "provided": self.scopes}
                return Reply(200, {"ok": False, **body}, headers)
            play = getattr(self, f"_{re.sub('[.]', '_', name)}")
            return Reply(200, {"ok": True, **play(fields)}, headers)
        except _Refusal as refusal:
            return Reply(200, {"ok": False, "error": str(refusal)}, headers)

    def refusal(self, status: int) -> Reply:
        """With the token in it: what a provider answers is no reason to show it."""
        error = "ratelimited" if status == 429 else f"status_{status}"
        return Reply(status, {"ok": False, "error": error, "detail": f"sent by {TOKEN}"})

    def _channel(self, fields: Mapping[str, Any], *, writing: bool = True) -> Channel:
        channel = self.channels.get(fields["channel"])
        if channel is None or BOT not in channel.members:
            raise _Refusal("channel_not_found")
        if writing and channel.is_archived:
            raise _Refusal("is_archived")
        return channel

    def _im(self, person: str) -> Channel:
        if person not in self.people.values():
            raise _Refusal("channel_not_found")
        return self.channels.setdefault(
            f"D{person}", Channel(f"D{person}", members={BOT, person}, topic="direct")
        )

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        who = {"user": "usersplit", "user_id": BOT, "team": "Stand-in", "team_id": "T0TEAM"}
        return {"url": "https://stand-in.slack.com/", **who}

    def _chat_postMessage(self, fields: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        require(fields.get("text") or fields.get("blocks"), "neither text nor blocks")
        require(len(fields.get("text", "")) <= 40_000, "text of more than 40,000 characters")
        require_blocks(fields.get("blocks", []))
        metadata = fields.get("metadata")
        if metadata is not None:
            require(set(metadata) == {"event_type", "event_payload"}, "metadata of other fields")
            require(isinstance(metadata["event_type"], str), "event_type that is no string")
            require(isinstance(metadata["event_payload"], dict), "event_payload that is no object")
        if self.error:
            raise _Refusal(self.error)
        to = fields["channel"]
        channel = self._im(to) if to[:1] in {"U", "W"} else self._channel(fields)
        ts = f"1763800000.{next(self._numbers):06}"
        kept = {name: fields[name] for name in ("text", "blocks", "metadata") if name in fields}
        channel.messages.append({"type": "message", "ts": ts, "user": BOT, **kept})
        return {"channel": channel.id, "ts": ts, "message": {"text": kept.get("text", "")}}

    def _conversations_create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        name = fields["name"]
        require(re.fullmatch(r"[a-z0-9_-]{1,80}", name), f"name {name!r}")
        if any(channel.name == name for channel in self.channels.values()):
            raise _Refusal("name_taken")
        channel = Channel(f"C{next(self._numbers):08}", name)
        self.channels[channel.id] = channel
        return {"channel": channel.described()}

    def _conversations_list(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        require(fields.get("types") == "private_channel", "this bot may list private channels only")
        rooms = [room for room in self.channels.values() if room.name and BOT in room.members]
        if fields.get("exclude_archived") == "true":
            rooms = [room for room in rooms if not room.is_archived]
        return self._paged("channels", [room.described() for room in rooms], fields)

    def _conversations_history(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        found = reversed(self._channel(fields, writing=False).messages)
        if fields.get("include_all_metadata") != "true":
            found = ({key: one[key] for key in one if key != "metadata"} for one in found)
        return self._paged("messages", list(found), fields)

    def _paged(self, name: str, found: Sequence[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
        limit = int(fields.get("limit", 100))
        require(1 <= limit <= 999, f"limit {limit}")
        start, size = int(fields.get("cursor") or 0), min(limit, self.page)
        following = str(start + size) if start + size < len(found) else ""
        return {name: found[start : start + size], "response_metadata": {"next_cursor": following}}

    def _conversations_invite(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        channel, people = self._channel(fields), fields["users"].split(",")
        require(len(people) <= 100, "more than 100 at a time")
        if not set(people) <= set(self.people.values()):
            raise _Refusal("user_not_found")
        if set(people) <= channel.members:
            raise _Refusal("already_in_channel")
        channel.members |= set(people)
        return {"channel": channel.described()}

    def _conversations_kick(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel(fields)
        if fields["user"] not in channel.members:
            raise _Refusal("not_in_channel")
        channel.members.remove(fields["user"])
        return {}

    def _conversations_archive(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel(fields, writing=False)
        if channel.is_archived:
            raise _Refusal("already_archived")
        channel.is_archived = True
        return {}

    def _conversations_open(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        require(("users" in fields) != ("channel" in fields), "either users or channel")
        return {"channel": {"id": self._im(fields["users"]).id}}

    def _conversations_setTopic(self, fields: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        require(len(fields["topic"]) <= 250, "topic of more than 250 characters")
        channel = self._channel(fields)
        channel.topic = fields["topic"]
        return {"channel": channel.described()}

    def _users_lookupByEmail(self, fields: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        person = self.people.get(fields["email"])
        if person is None:
            raise _Refusal("users_not_found")
        return {"user": {"id": person, "team_id": "T0TEAM", "deleted": False}}


def _fields(request: Received, name: str, method: Method) -> Mapping[str, Any]:
    """The arguments, each of them known and of its type."""
    require(request.method == method.verb, f"{name} by {request.method}")
    require("token" not in request.query, "the token in the address")
    if method.verb == "GET":
        require(not request.body, "GET with a body")
        found: Any = request.query
    else:
        require(not request.query, "POST with arguments in the address")
        require("charset=utf-8" in request.headers.get("content-type", ""), "JSON without its character set")
        found = request.json()
    require(isinstance(found, Mapping), "arguments that are no object")
    types = {**method.needed, **method.optional}
    for argument, value in found.items():
        require(argument in types, f"{name} has no argument {argument}")
        require(type(value) is types[argument], f"{argument} is {value!r}")
    for argument in method.needed:
        require(found.get(argument), f"{name} without {argument}")
    return dict(found)
