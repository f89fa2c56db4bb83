"""Incoming webhooks as Mattermost, Rocket.Chat and Teams describe theirs: fields, limits, and what each answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.notifications.standin.server import Received, Reply, require

TOKEN: Final = "secret0hook0of0the0team"
PATH: Final = f"/hooks/{TOKEN}"
_ATTACHMENT: Final = {"fallback", "color", "title", "title_link", "text", "fields"}


class Hook:
    """One hook of one channel. `seen` are the titles that people see."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.seen: list[str] = []
        self._take = _FORMS[form]

    def answer(self, request: Received) -> Reply:
        require(request.method == "POST", "not by POST")
        body = request.json()
        require(isinstance(body, Mapping), "a body that is no object")
        if request.path != PATH:
            return _GONE[self.form]
        return self._take(self, body)

    def refusal(self, status: int) -> Reply:
        """With the address in it: what a provider answers is no reason to show it."""
        return Reply(status, {"id": f"status_{status}", "message": f"refused at {PATH}"})

    def mattermost(self, body: Mapping[str, Any]) -> Reply:
        """https://developers.mattermost.com/integrate/webhooks/incoming"""
        require(set(body) <= {"text", "attachments", "channel", "username", "icon_url", "props"}, set(body))
        require(body.get("text") or body.get("attachments"), "neither text nor attachments")
        if "channel" in body:
            error = "web.incoming_webhook.channel.app_error"
            return Reply(404, {"id": error, "message": "Couldn't find the channel.", "status_code": 404})
        require(len(json.dumps(body["attachments"], ensure_ascii=False)) <= 7_900, "attachments too long")
        for attachment in body["attachments"]:
            require(attachment.get("fallback"), "an attachment without its fallback")
            _require_attachment(attachment)
            self.seen.append(attachment["title"])
        return Reply(200, b"ok", {"Content-Type": "text/plain"})

    def rocket_chat(self, body: Mapping[str, Any]) -> Reply:
        """https://docs.rocket.chat/docs/integrations"""
        if not body:
            return Reply(200, {"success": True})
        require(set(body) <= {"text", "attachments", "alias", "avatar", "emoji"}, set(body))
        require(0 < len(body.get("text", "")) <= 5_000, "text")
        for attachment in body.get("attachments", []):
            _require_attachment(attachment)
        self.seen.append(body["text"])
        return Reply(200, {"success": True})

    def teams(self, body: Mapping[str, Any]) -> Reply:
        """https://learn.microsoft.com/connectors/teams and https://adaptivecards.io, version 1.4"""
        require(body.get("type") == "message", "type is not message")
        require(set(body) == {"type", "attachments"}, set(body))
        require(len(json.dumps(body)) <= 28_000, "more than 28 KB")
        for attachment in body["attachments"]:
            require(set(attachment) == {"contentType", "contentUrl", "content"}, set(attachment))
            require(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "contentType")
            self.seen.append(_title_of_card(attachment["content"]))
        return Reply(202, b"", {"Content-Type": "text/plain"})


_FORMS: Final[Mapping[str, Callable[[Hook, Mapping[str, Any]], Reply]]] = {
    "mattermost": Hook.mattermost,
    "rocketchat": Hook.rocket_chat,
    "teams": Hook.teams,
}
_GONE: Final = {
    "mattermost": Reply(400, {"id": "web.incoming_webhook.invalid.app_error", "message": "Invalid webhook."}),
    "rocketchat": Reply(404, {"success": False, "error": "Invalid integration id or token provided."}),
    "teams": Reply(404, {"error": {"code": "WorkflowNotFound", "message": "The workflow is not there."}}),
}


def _require_attachment(attachment: Mapping[str, Any]) -> None:
    require(set(attachment) <= _ATTACHMENT, set(attachment))
    for field in attachment.get("fields", []):
        require(set(field) == {"title", "value", "short"} and isinstance(field["short"], bool), field)


def _title_of_card(card: Mapping[str, Any]) -> str:
    require(set(card) == {"$schema", "type", "version", "body", "actions"}, set(card))
    require((card["type"], card["version"]) == ("AdaptiveCard", "1.4"), "type and version")
    for element in card["body"]:
        if element["type"] == "FactSet":
            require(all(set(fact) == {"title", "value"} for fact in element["facts"]), element)
        else:
            known = {"type", "text", "wrap", "size", "weight", "color"}
            require(element["type"] == "TextBlock" and set(element) <= known, element)
    for action in card["actions"]:
        require(set(action) == {"type", "title", "url"} and action["type"] == "Action.OpenUrl", action)
    return str(card["body"][0]["text"])
