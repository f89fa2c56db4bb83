"""A message as Slack's Block Kit: header, sections, a link back; within the limits that Slack publishes.

Whatever people typed stays text: the three characters that Slack reads as its own are escaped, and nothing is parsed
for mentions, so that the name of a test cannot call a whole channel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from notifications.channels.base import Message

MAX_HEADER: Final = 150
MAX_SECTION: Final = 3_000
MAX_FIELD: Final = 2_000
MAX_FIELDS: Final = 10
MAX_FACTS: Final = 30
MAX_TEXT: Final = 4_000
MAX_SECTIONS: Final = 12
"""Longer texts end with a word of where the rest is: nobody reads 36,000 characters in a chat."""
_ADDRESS: Final = re.compile(r"https?://[^\s<>|]+")
_WORST: Final = 5
"""Characters that one may become by escaping: & is &amp;."""


def blocks_of(message: Message, marker: str) -> list[dict[str, Any]]:
    """The blocks; the first one's id is the `marker`, by which the message is known again."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "block_id": marker, "text": _plain(_cut(message.title, MAX_HEADER))},
    ]
    pieces = list(_pieces(message.text))
    blocks += [_section(piece) for piece in pieces[:MAX_SECTIONS]]
    if len(pieces) > MAX_SECTIONS:
        blocks.append(_section("… and more, which does not fit here."))
    fields = [_field(label, value) for label, value in message.facts[:MAX_FACTS]]
    for start in range(0, len(fields), MAX_FIELDS):
        blocks.append({"type": "section", "fields": fields[start : start + MAX_FIELDS]})
    blocks.append({"type": "context", "elements": [_marked(f"<{escaped(message.url)}|Open in UserSplit>")]})
    return blocks


def fallback_of(message: Message) -> str:
    """What notifications and screen readers say instead of the blocks."""
    return _cut(f"{message.title}\n{message.text}".strip(), MAX_TEXT, escaped_too=True)


def escaped(text: str) -> str:
    """The text, of which Slack reads nothing as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _marked(_linked(text))}


def _field(label: str, value: str) -> dict[str, Any]:
    # Escaping may make it longer; a half of an escaped character would be garbage.
    return _marked(
        f"*{_cut(label, 100, escaped_too=True)}*\n{_cut(value, MAX_FIELD - 600, escaped_too=True)}"
    )


def _marked(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _linked(text: str) -> str:
    """Escaped, with addresses as links: verbatim text has no others."""
    return _ADDRESS.sub(lambda found: f"<{found.group()}>", escaped(text))


def _pieces(text: str) -> Iterator[str]:
    """The text in parts that fit into a section each, between lines where possible."""
    piece: list[str] = []
    for line in _short_lines(text.splitlines()):
        if piece and len(_linked("\n".join([*piece, line]))) > MAX_SECTION:
            yield "\n".join(piece)
            piece = []
        piece.append(line)
    if "".join(piece).strip():
        yield "\n".join(piece)


def _short_lines(lines: Sequence[str]) -> Iterator[str]:
    """The lines; one that is too long for a section by itself comes in parts."""
    for line in lines:
        if len(_linked(line)) <= MAX_SECTION:
            yield line
        else:
            # Each part may hold links, two characters more for at least eight.
            size = MAX_SECTION // (_WORST + 1)
            yield from (line[start : start + size] for start in range(0, len(line), size))


def _cut(text: str, limit: int, *, escaped_too: bool = False) -> str:
    """One piece of at most so many characters that is never empty, which Slack refuses."""
    text = text.strip() or "–"
    known = escaped(text) if escaped_too else text
    if len(known) <= limit:
        return known
    if not escaped_too:
        return f"{text[: limit - 1]}…"
    kept = ""
    for character in text:
        one = escaped(character)
        if len(kept) + len(one) >= limit:
            break
        kept += one
    return f"{kept}…"
