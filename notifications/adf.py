"""Documents in the Atlassian Document Format, version 1, which Jira Cloud takes (v3 of its API). No Django here.

Source: developer.atlassian.com/cloud/jira/platform/apis/document/structure
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from notifications.documents import Block, Paragraph, Text, lines_of

Node: TypeAlias = dict[str, Any]


def as_adf(blocks: Iterable[Block]) -> Node:
    """The document. Blocks without a character are left out: ADF has no empty text."""
    content = [node for block in blocks for node in _block(block)]
    return {"version": 1, "type": "doc", "content": content or [{"type": "paragraph"}]}


def _block(block: Block) -> list[Node]:
    if isinstance(block, Paragraph):
        paragraph = _paragraph(block.pieces)
        return [paragraph] if paragraph else []
    paragraphs = [paragraph for item in block.items if (paragraph := _paragraph(item))]
    items = [{"type": "listItem", "content": [paragraph]} for paragraph in paragraphs]
    return [{"type": "bulletList", "content": items}] if items else []


def _paragraph(pieces: Iterable[Text]) -> Node | None:
    content: list[Node] = []
    for line in lines_of(pieces):
        if content:
            content.append({"type": "hardBreak"})
        content += map(_text, line)
    return {"type": "paragraph", "content": content} if content else None


def _text(piece: Text) -> Node:
    marks: list[Node] = []
    # Code goes with nothing but a link.
    if piece.is_code:
        marks.append({"type": "code"})
    elif piece.is_bold:
        marks.append({"type": "strong"})
    if piece.link:
        marks.append({"type": "link", "attrs": {"href": piece.link}})
    return {"type": "text", "text": piece.text, **({"marks": marks} if marks else {})}


def plain_text(node: object) -> str:
    """The text of a document that Jira sent, link addresses included, without regard to form. Whatever is no document is empty."""
    found: list[str] = []
    rest = [node]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            found += [one[name] for name in ("text", "href") if isinstance(one.get(name), str)]
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    return "\n".join(found)
