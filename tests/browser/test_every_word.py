"""Every word on every page can be translated: in a language that brackets all messages, nothing else stands outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

from django.apps import apps
from django.test import Client

from accounts.models import User
from accounts.preferences import zone_choices
from console.help import help_pages
from tests.browser.pages import PAGES
from tests.browser.test_looks import LONG, everything
from tests.conftest import People
from tests.pseudo_language import CLOSES, OPENS, pseudo_catalogue, pseudo_language
from tests.usersplit.unmarked import _SAME_EVERYWHERE, _SKIPPED, _SPOKEN

__all__ = ["everything", "pseudo_catalogue", "pseudo_language"]

_VOID: Final = frozenset(
    {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "path", "line", "rect"}
)
_LETTERS: Final = re.compile(r"[a-zA-Z]{2,}")
_BETWEEN: Final = re.compile(r"[^\w\s./@-]+|\s[-–·]\s|\s{2,}|\d[\d,.]*")
# Names that have no translation, and the two words of JSON.
_NAMES: Final = frozenset({"Python", "JavaScript", "curl", "Cloud", "Data", "Center", "true", "false"})


class _Speech(HTMLParser):
    """What a page says, in pieces that stand outside of all brackets: texts and spoken attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outside: list[str] = []
        self._depth = 0
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        silent = tag in _SKIPPED or given.get("translate") == "no"
        if not self._is_silent() and not silent:
            for name, value in attrs:
                if name in _SPOKEN and value:
                    self.outside += _outside(value, 0)[0]
        if tag not in _VOID:
            self._open.append((tag, silent))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        said, self._depth = _outside(data, self._depth)
        if not self._is_silent():
            self.outside += said

    def _is_silent(self) -> bool:
        return any(silent for _, silent in self._open)


def _outside(text: str, depth: int) -> tuple[list[str], int]:
    """The pieces outside of brackets that have letters, and how many brackets are open after them."""
    pieces = [""]
    for character in text:
        if character == OPENS:
            depth += 1
            pieces.append("")
        elif character == CLOSES:
            depth -= 1
            pieces.append("")
        elif depth <= 0:
            pieces[-1] += character
    return [" ".join(piece.split()) for piece in pieces if _LETTERS.search(piece)], max(depth, 0)


def _typed() -> Iterator[str]:
    """Every text in the database: what people and programs brought."""
    for model in apps.get_models():
        for row in model.objects.values():  # type: ignore[attr-defined]
            yield from (str(value) for value in row.values())


def _unmarked(piece: str, typed: str) -> list[str]:
    """The parts of a piece that nobody typed and that are the same nowhere."""
    if piece in typed:
        return []
    parts = [part.strip(" .") for part in _BETWEEN.split(piece)]
    return [
        part
        for part in parts
        if _LETTERS.search(part)
        and part not in typed
        and not set(_LETTERS.findall(part)) <= _SAME_EVERYWHERE | _NAMES
    ]


def test_every_word_of_every_page_can_be_translated(
    people: People, everything: dict[str, Any], pseudo_language: str
) -> None:
    User.objects.update(language=pseudo_language)
    browser = Client()
    browser.force_login(people.superuser)
    said: dict[str, str] = {}
    for pattern in PAGES:
        if pattern.startswith("/help/"):
            continue
        address = pattern.format(**everything)
        page = browser.get(address, follow=True).content.decode()
        assert OPENS in page, address
        speech = _Speech()
        speech.feed(page)
        for piece in speech.outside:
            said.setdefault(piece, address)
    zones = (word for choice in zone_choices("") for word in choice)
    # The pages of help are written in English.
    help_words = (part.words for page in help_pages().values() for part in page.parts)
    typed = "\n".join([*_typed(), *zones, *help_words])
    found = [
        f"{address}: {part}   (in: {piece[:80]})"
        for piece, address in said.items()
        for part in _unmarked(piece.replace(LONG, "").replace(LONG[:64], ""), typed)
    ]
    assert not found, "\n".join(found)
