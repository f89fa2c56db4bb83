"""A message as Mattermost, Rocket.Chat and Teams take it from an incoming webhook, within their limits.

All three read Markdown. What people typed is escaped, and each @ is defused, so that the name of a test calls nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from notifications.channels.base import Message

MAX_TITLE: Final = 300
MAX_LABEL: Final = 100
MAX_VALUE: Final = 400
MATTERMOST_LIMIT: Final = 7_500
"""Characters of the attachment: Mattermost refuses more than 7,900."""
TEAMS_LIMIT: Final = 24_000
"""Bytes of the body: Teams refuses more than 28 KB, counted in a way of its own."""
CARD_TYPE: Final = "application/vnd.microsoft.card.adaptive"
_TRIES: Final = ((4_000, 30), (2_000, 13), (1_000, 6), (500, 3), (200, 0))
"""(characters of text, facts), until it fits."""
_ADDRESS: Final = re.compile(r"(https?://[^\s<>|\[\]()]+)")


def mattermost_body(message: Message) -> dict[str, Any]:
    """https://developers.mattermost.com/integrate/webhooks/incoming: one attachment with fields."""

    def build(text: int, facts: int) -> dict[str, Any]:
        attachment = {
            "fallback": typed(message.title, MAX_TITLE),
            "title": defused(message.title[:MAX_TITLE]),
            "title_link": message.url,
            **_attachment(message, text, facts),
        }
        return {"attachments": [attachment]}

    return _fitted(build, _characters, MATTERMOST_LIMIT)


def rocket_chat_body(message: Message) -> dict[str, Any]:
    """https://docs.rocket.chat/docs/integrations: a text, which notifications show, and an attachment with fields."""

    def build(text: int, facts: int) -> dict[str, Any]:
        link = {"title": "Open in UserSplit", "title_link": message.url}
        attachments = [{**link, **_attachment(message, text, facts)}]
        return {"text": typed(message.title, MAX_TITLE), "attachments": attachments}

    # Rocket.Chat counts 5,000 characters of the text alone; the attachment is bounded as for the others.
    return _fitted(build, _characters, MATTERMOST_LIMIT)


def teams_body(message: Message) -> dict[str, Any]:
    """A message with one adaptive card, which a workflow posts: https://adaptivecards.io, version 1.4."""

    def build(text: int, facts: int) -> dict[str, Any]:
        colour = {"color": "Attention"} if message.urgent else {}
        body: list[dict[str, Any]] = [
            {**_block(typed(message.title, MAX_TITLE)), "size": "Medium", "weight": "Bolder", **colour}
        ]
        if message.text.strip():
            body.append(_block(typed(message.text, text)))
        rows = [
            {"title": typed(label, MAX_LABEL), "value": typed(value, MAX_VALUE)}
            for label, value in message.facts[:facts]
        ]
        if rows:
            body.append({"type": "FactSet", "facts": rows})
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": body,
            "actions": [{"type": "Action.OpenUrl", "title": "Open in UserSplit", "url": message.url}],
        }
        attachment = {"contentType": CARD_TYPE, "contentUrl": None, "content": card}
        return {"type": "message", "attachments": [attachment]}

    return _fitted(build, lambda body: len(json.dumps(body)), TEAMS_LIMIT)


def typed(text: str, limit: int) -> str:
    """At most so many characters of what people typed, of which Markdown reads nothing as its own; never empty."""
    text = text.strip() or "–"
    short = text if len(text) <= limit else f"{text[: limit - 1]}…"
    parts = _ADDRESS.split(short)
    # Every second part is an address, which a backslash would lead elsewhere.
    parts[::2] = [re.sub(r"([\\`*_~\[\]<>|#!])", r"\\\1", part) for part in parts[::2]]
    return defused("".join(parts))


def defused(text: str) -> str:
    """The text with a space of no width after each @."""
    return text.replace("@", "@\u200b")


def _attachment(message: Message, text: int, facts: int) -> dict[str, Any]:
    fields = [
        {"title": typed(label, MAX_LABEL), "value": typed(value, MAX_VALUE), "short": True}
        for label, value in message.facts[:facts]
    ]
    colour = {"color": "#d63939"} if message.urgent else {}
    return {"text": typed(message.text, text), "fields": fields, **colour}


def _block(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True}


def _characters(body: dict[str, Any]) -> int:
    """As Go writes it, which spells three characters with six."""
    plain = json.dumps(body, ensure_ascii=False)
    return len(plain) + 5 * sum(map(plain.count, "<>&"))


def _fitted(
    build: Callable[[int, int], dict[str, Any]], size: Callable[[dict[str, Any]], int], limit: int
) -> dict[str, Any]:
    for text, facts in _TRIES[:-1]:
        body = build(text, facts)
        if size(body) <= limit:
            return body
    return build(*_TRIES[-1])
