"""Reading an application's translations: gettext's .po files, and JSON of token → text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

MAX_FILE_BYTES: Final = 20_000_000
_LINE: Final = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)\s+)?(".*")\s*')


class UnreadableTexts(ValueError):
    """The file holds no texts; the message says where and why."""


def read_texts(content: str, name: str) -> dict[str, str]:
    """Token → text of a `.po` or `.json` file; messages without a translation are left out. Raises UnreadableTexts."""
    return _read_json(content) if name.endswith(".json") else _read_po(content)


def _read_json(content: str) -> dict[str, str]:
    """An object of texts; objects inside are joined by dots, as many front ends keep them."""
    try:
        read = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableTexts(f"is not readable as JSON: {error}") from error
    if not isinstance(read, dict):
        raise UnreadableTexts('must be an object such as {"pay_button": "Buy"}')
    texts: dict[str, str] = {}
    stack: list[tuple[str, Mapping[str, object]]] = [("", read)]
    while stack:
        prefix, node = stack.pop()
        for key, value in node.items():
            if isinstance(value, dict):
                stack.append((f"{prefix}{key}.", value))
            elif isinstance(value, str):
                texts[f"{prefix}{key}"] = value
            else:
                raise UnreadableTexts(f"{prefix}{key} must be a text, not {json.dumps(value)[:40]}")
    return texts


def _read_po(content: str) -> dict[str, str]:
    """The token of a message is its context, else the message itself, as the SDK's gettext asks for it."""
    texts: dict[str, str] = {}
    entry: dict[str, str] = {}
    current, is_fuzzy = "", False
    for number, raw in enumerate([*content.splitlines(), ""], start=1):
        line = raw.strip()
        if not line or (line.startswith(("msgid ", "msgctxt ", "#,")) and "msgstr" in entry):
            _take(entry, texts, is_fuzzy=is_fuzzy)
            entry, current, is_fuzzy = {}, "", False
        if line.startswith("#,"):
            is_fuzzy = "fuzzy" in line
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or not (match[1] or current):
            raise UnreadableTexts(f"line {number} is not a line of a .po file: {line[:60]}")
        current = match[1] or current
        try:
            part = json.loads(match[2], strict=False)
        except ValueError as error:
            raise UnreadableTexts(f"line {number} is not a text in quotes: {line[:60]}") from error
        # Of plural forms the first is what stands beside a test's text.
        field = "msgstr" if current == "msgstr[0]" else current
        entry[field] = entry.get(field, "") + part
    return texts


def _take(entry: dict[str, str], texts: dict[str, str], *, is_fuzzy: bool) -> None:
    token = entry.get("msgctxt") or entry.get("msgid", "")
    text = entry.get("msgstr", "")
    if token and text and not is_fuzzy:
        texts[token] = text
