r"""Documents in Jira's wiki markup, which Jira Data Center takes (v2 of its API). No Django here.

What people typed is never markup: its characters are escaped. Source: the page "Text formatting notation" of every Jira.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from notifications.documents import Block, Paragraph, Text, lines_of

_ALWAYS: Final = re.compile(r"[{}\[\]|!]")
# What opens a phrase, such as *strong*, -deleted- or (!): only before a word, so that names like green_button stay readable.
_OPENING: Final = re.compile(r"(?<!\w)([*_\-+^~?(:;])(?=\S)")
_LINE_START: Final = re.compile(r"^(h[1-6]|bq|[#*\-]+)(?=[.\s])")


def as_wiki(blocks: Iterable[Block]) -> str:
    """The document as text."""
    return "\n\n".join(text for block in blocks if (text := _block(block)))


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return _lines(block.pieces)
    # A line break within an item would end the list.
    items = [_lines(item).replace("\n", " ") for item in block.items]
    return "\n".join(f"* {item}" for item in items if item)


def _lines(pieces: Iterable[Text]) -> str:
    return "\n".join(_defused("".join(map(_piece, line))) for line in lines_of(pieces))


def _defused(line: str) -> str:
    """A line that begins like a heading, a quotation or a list begins with a letter's number instead."""
    return _LINE_START.sub(lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", line)


def _piece(piece: Text) -> str:
    text = escaped(piece.text)
    if piece.link:
        return f"[{text}|{_address(piece.link)}]"
    lead, body, tail = _parted(text)
    if piece.is_code:
        return f"{lead}{{{{{body}}}}}{tail}"
    return f"{lead}*{body}*{tail}" if piece.is_bold else text


def _parted(text: str) -> tuple[str, str, str]:
    """Spaces before, the text, spaces behind: marks stand next to words."""
    body = text.strip()
    at = text.index(body)
    return text[:at], body, text[at + len(body) :]


def escaped(text: str) -> str:
    """The text as itself. A backslash escapes what follows, so it is written as a number."""
    numbered = text.replace("&", "&amp;").replace("\\", "&#92;")
    return _OPENING.sub(r"\\\1", _ALWAYS.sub(r"\\\g<0>", numbered))


def _address(link: str) -> str:
    return link.replace("|", "%7C").replace("]", "%5D").replace("[", "%5B").replace("\n", "%0A")
