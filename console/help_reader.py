"""Markdown files of the product as HTML for a page of the console: links that lead on, tables and code that scroll inside."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

DEEPEST: Final = 4
_ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|/|#", re.IGNORECASE)
_PNG: Final = b"\x89PNG\r\n\x1a\n"

Resolve = Callable[[Path, str], str | None]
"""The address of a file, and of a part of it ("" or "#part"); None when it has no page."""


@dataclass(frozen=True, slots=True)
class Read:
    """A file. `body` is without its first heading; `parts` are headings of the second level as (anchor, words)."""

    title: str
    body: SafeString
    parts: tuple[tuple[str, str], ...]
    anchors: frozenset[str]


def read_markdown(path: Path, resolve: Resolve) -> Read:
    """The file, rendered. Raw HTML in it is shown as text; links to files without a page are only their words."""
    reader = _reader()
    tokens = reader.parse(path.read_text(encoding="utf-8"))
    headings = [(opened, tokens[at + 1]) for at, opened in enumerate(tokens) if opened.type == "heading_open"]
    title = next((_plain(words) for opened, words in headings if opened.tag == "h1"), path.stem)
    parts = tuple(
        (str(opened.attrs["id"]), _plain(words)) for opened, words in headings if opened.tag == "h2"
    )
    anchors = frozenset(str(opened.attrs["id"]) for opened, _ in headings if "id" in opened.attrs)
    tokens = list(_without_empty_heads(_without_title(tokens)))
    for token in tokens:
        _lead_on(path, token.children or (), resolve)
    renderer = reader.renderer
    assert isinstance(renderer, RendererHTML)
    # Our own files; what looks like HTML in them has been escaped.
    body = mark_safe(renderer.render(tokens, reader.options, {}))  # noqa: S308
    return Read(title, body, parts, anchors)


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.use(anchors_plugin, min_level=1, max_level=DEEPEST)
    reader.add_render_rule("fence", _code)
    reader.add_render_rule("code_block", _code)
    reader.add_render_rule("table_open", _table_opened)
    reader.add_render_rule("table_close", _table_closed)
    return reader


def _code(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    """Whoever has no mouse scrolls it too."""
    return f'<pre class="us-code-block" tabindex="0" translate="no"><code>{escape(tokens[at].content)}</code></pre>\n'


def _table_opened(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return (
        '<div class="table-responsive" tabindex="0" role="group" aria-label="Table"><table class="table">\n'
    )


def _table_closed(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return "</table></div>\n"


def _plain(words: Token) -> str:
    return "".join(child.content for child in words.children or ())


def _without_title(tokens: list[Token]) -> list[Token]:
    """The page has its own heading."""
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        return tokens[3:]
    return tokens


def _without_empty_heads(tokens: list[Token]) -> Iterator[Token]:
    """Markdown wants a head for every table: an empty one goes, and an empty cell of one is no heading."""
    at = 0
    while at < len(tokens):
        if tokens[at].type != "thead_open":
            yield tokens[at]
            at += 1
            continue
        end = next(i for i in range(at, len(tokens)) if tokens[i].type == "thead_close")
        head = tokens[at : end + 1]
        if any(token.content.strip() for token in head if token.type == "inline"):
            for place, token in enumerate(head):
                if token.type == "inline" and not token.content.strip():
                    head[place - 1].tag = head[place + 1].tag = "td"
            yield from head
        at = end + 1


def _lead_on(path: Path, tokens: Sequence[Token], resolve: Resolve) -> None:
    """Links and pictures of one paragraph."""
    is_hidden = False
    for token in tokens:
        if token.type == "link_open":
            address = _address(path, str(token.attrs.get("href", "")), resolve)
            is_hidden = token.hidden = address is None
            token.attrs["href"] = address or ""
        elif token.type == "link_close":
            token.hidden = is_hidden
        elif token.type == "image":
            source = str(token.attrs.get("src", ""))
            token.attrs["src"] = _address(path, source, resolve) or ""
            # Its place is kept while it loads.
            size = png_size(path.parent / source)
            token.attrs.update({"width": size[0], "height": size[1], "loading": "lazy"} if size else {})


def _address(path: Path, href: str, resolve: Resolve) -> str | None:
    if _ELSEWHERE.match(href):
        return href
    name, sharp, part = href.partition("#")
    return resolve((path.parent / name).resolve(), f"{sharp}{part}")


def png_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a PNG in pixels, from its first chunk (PNG specification, 11.2.2)."""
    if not path.is_file():
        return None
    with path.open("rb") as picture:
        begin = picture.read(24)
    if len(begin) < 24 or not begin.startswith(_PNG):
        return None
    width, height = struct.unpack(">II", begin[16:24])
    return int(width), int(height)
