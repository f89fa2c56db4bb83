"""Short texts with a little form, written down once for providers that want them differently. No Django here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from notifications.channels.base import Message


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a line. `link` is an address, if any; code is not bold at the same time."""

    text: str
    is_bold: bool = False
    is_code: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    pieces: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; every item is one line."""

    items: tuple[tuple[Text, ...], ...]


Block: TypeAlias = Paragraph | Bullets


def document_of(message: Message, marker: str) -> list[Block]:
    """The message as a comment. The marker hides in the fragment of its link: nobody reads it, and it is always kept."""
    blocks: list[Block] = [Paragraph((Text(message.title, is_bold=True),))]
    if message.text:
        blocks.append(Paragraph((Text(message.text),)))
    if message.facts:
        blocks.append(Bullets(tuple(_fact(label, value) for label, value in message.facts)))
    blocks.append(Paragraph((Text("Open in UserSplit", link=f"{message.url}#{marker}"),)))
    return blocks


def _fact(label: str, value: str) -> tuple[Text, ...]:
    return Text(label, is_bold=True), Text(f": {value}")


def lines_of(pieces: Iterable[Text]) -> list[list[Text]]:
    """The pieces by lines: a break within one begins a new line. No piece is empty, no line is blank."""
    lines: list[list[Text]] = [[]]
    for piece in pieces:
        for index, part in enumerate(_readable(piece.text).split("\n")):
            if index:
                lines.append([])
            if part:
                lines[-1].append(replace(piece, text=part))
    return [line for line in lines if any(not piece.text.isspace() for piece in line)]


def _readable(text: str) -> str:
    """Without control characters and halves of characters, which no provider takes."""
    return "".join(
        " " if character != "\n" and unicodedata.category(character) in {"Cc", "Cs"} else character
        for character in text
    )
