"""The docs as the console shows them: the Markdown files of docs/, rendered, with links that lead from page to page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

FOLDER: Final = Path(settings.BASE_DIR) / "docs"
PICTURES: Final = FOLDER / "pictures"
_PAGE: Final = re.compile(r"(?P<page>[a-z0-9-]+)\.md(?P<part>#.*)?")
_PICTURE: Final = re.compile(r"pictures/(?P<name>[a-z0-9-]+\.png)")


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One file of docs/. `parts` are its headings of the second level: (anchor, words)."""

    name: str
    title: str
    body: SafeString
    parts: tuple[tuple[str, str], ...]


def help_pages() -> list[HelpPage]:
    """All of them, by title."""
    pages = [read_page(path.stem) for path in FOLDER.glob("*.md")]
    return sorted((page for page in pages if page is not None), key=lambda page: page.title)


@lru_cache(maxsize=128)
def read_page(name: str) -> HelpPage | None:
    """The page of that name, rendered once in a process; None if there is none."""
    path = FOLDER / f"{name}.md"
    if _PAGE.fullmatch(path.name) is None or not path.is_file():
        return None
    reader = _reader()
    tokens = reader.parse(path.read_text(encoding="utf-8"))
    headings = [
        (token, tokens[at + 1]) for at, token in enumerate(tokens) if token.type == "heading_open"
    ]
    title = next((words.content for opened, words in headings if opened.tag == "h1"), name)
    parts = tuple(
        (str(opened.attrs.get("id", "")), _plain(words)) for opened, words in headings if opened.tag == "h2"
    )
    for token in _all(tokens):
        _lead_here(token)
    renderer = reader.renderer
    assert isinstance(renderer, RendererHTML)
    # Written by us, and raw HTML in it is shown as text.
    body = mark_safe(renderer.render(tokens, reader.options, {}))  # noqa: S308
    return HelpPage(name, title.replace("`", ""), body, parts)


def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").use(anchors_plugin, max_level=3)


def _all(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *(token.children or ()))]


def _plain(words: Token) -> str:
    return "".join(child.content for child in words.children or ())


def _lead_here(token: Token) -> None:
    """Links to other files of docs/ lead to their pages, pictures to where they are served; tables may scroll."""
    href = str(token.attrs.get("href", ""))
    if found := _PAGE.fullmatch(href):
        token.attrs["href"] = reverse("console:help_page", args=[found["page"]]) + (found["part"] or "")
    source = str(token.attrs.get("src", ""))
    if found := _PICTURE.fullmatch(source):
        token.attrs["src"] = reverse("console:help_picture", args=[found["name"]])
