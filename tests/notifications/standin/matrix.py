"""A homeserver with one room, as far as sending goes. What it is like in truth, the tests with Synapse know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from tests.notifications.standin.server import Received, Reply, require

TOKEN: Final = "syt_dXNlcnNwbGl0_very_secret"
ROOM: Final = "!room:example.org"
BOT: Final = "@usersplit:example.org"
_SEND: Final = re.compile(r"/_matrix/client/v3/rooms/([^/]+)/send/m\.room\.message/([^/]+)")
_CODES: Final = {
    400: "M_BAD_JSON",
    401: "M_UNKNOWN_TOKEN",
    # About the account, not about one room.
    403: "M_USER_DEACTIVATED",
    404: "M_NOT_FOUND",
    429: "M_LIMIT_EXCEEDED",
}


class Homeserver:
    """Has forgotten every transaction id, as a real one has after a day: what was sent before has to be looked for."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    @property
    def seen(self) -> Sequence[str]:
        return [event["content"]["body"] for event in self.events]

    def answer(self, request: Received) -> Reply:
        require(request.headers.get("authorization") == f"Bearer {TOKEN}", "no access token")
        sent = _SEND.fullmatch(request.path)
        if sent:
            require(request.method == "PUT", "messages are sent with PUT")
            require(unquote(sent[1]) == ROOM, "there is no such room")
            return self._send(request.json())
        require(request.method == "GET", f"{request.method} {request.path}")
        if request.path.endswith("/account/whoami"):
            return Reply(body={"user_id": BOT})
        require(unquote(request.path) == f"/_matrix/client/v3/rooms/{ROOM}/messages", request.path)
        require(request.query.get("dir") == "b", "no direction")
        return Reply(body={"chunk": self.events[::-1], "start": "t1"})

    def refusal(self, status: int) -> Reply:
        return Reply(status, {"errcode": _CODES.get(status, "M_UNKNOWN"), "error": "No"})

    def _send(self, content: dict[str, Any]) -> Reply:
        require(content.get("msgtype") in {"m.text", "m.notice"}, "no kind of message")
        require(isinstance(content.get("body"), str) and content["body"], "no words")
        has_html = "formatted_body" in content
        require(has_html == (content.get("format") == "org.matrix.custom.html"), "HTML without its format")
        self.events.append({"event_id": f"${len(self.events)}", "sender": BOT, "content": content})
        return Reply(body={"event_id": f"${len(self.events) - 1}"})
