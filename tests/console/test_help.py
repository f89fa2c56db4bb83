"""The help: every file of the docs is a page, and every link in them and to them leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import urldefrag

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType
from django.test import Client
from django.urls import Resolver404, resolve

from console.first_test import WORDS
from console.help import ROOT, help_pages, page_names, read_page, shelves
from console.help_reader import png_size, read_markdown
from console.help_shelves import SHELVES
from tests.conftest import People

_LINK: Final = re.compile(r'<(?:a|img) [^>]*?(?:href|src)="([^"]*)"')
_IMAGE: Final = re.compile(r"<img [^>]*>")
_IN_TEMPLATE: Final = re.compile(r'help_link "(?P<page>[^"]*)"(?: "(?P<part>[^"]*)")?')
_MARKDOWN_LINK: Final = re.compile(r"\]\((?P<name>[^)#:]*)(?:#[^):]*)?\)")


def _wrong(address: str) -> str:
    """Why this address of the help leads nowhere; empty if it does."""
    path, part = urldefrag(address)
    try:
        match = resolve(path)
    except Resolver404:
        return "no page of the console"
    if match.url_name not in {"help_page", "help_picture"}:
        return ""
    if match.url_name == "help_picture":
        return "" if png_size(ROOT / "docs" / "pictures" / match.kwargs["name"]) else "no picture"
    page = read_page(match.kwargs["page"])
    if page is None:
        return "no page"
    return f"no heading {part}" if part and part not in page.anchors else ""


def test_every_link_in_every_page_leads_somewhere() -> None:
    wrong = []
    for name in help_pages():
        page = read_page(name)
        assert page is not None
        for link in _LINK.findall(page.body):
            if link.startswith("#") and link[1:] not in page.anchors:
                wrong.append(f"{name}: {link}: no such heading")
            elif link.startswith("/") and (why := _wrong(link)):
                wrong.append(f"{name}: {link}: {why}")
            elif not link.startswith(("#", "/", "https://")):
                wrong.append(f"{name}: {link}: neither a page nor an address")
    assert wrong == []


def test_files_that_the_docs_name_are_there() -> None:
    """Those without a page too, such as examples: whoever reads the files follows them."""
    missing = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in page_names()
        for link in _MARKDOWN_LINK.findall(path.read_text(encoding="utf-8"))
        if link and not link.startswith("/") and not (path.parent / link).exists()
    ]
    assert missing == []


def test_every_help_link_of_a_template_leads_to_a_page_and_a_heading() -> None:
    wrong = []
    for path in sorted(Path(settings.BASE_DIR, "templates").rglob("*.html")):
        for token in Lexer(path.read_text()).tokenize():
            if token.token_type != TokenType.BLOCK or not token.contents.startswith("help_link"):
                continue
            link = _IN_TEMPLATE.fullmatch(token.contents)
            # Whatever is not written in the template stands in the table of a first test's steps.
            if link is None and "words." in token.contents:
                continue
            if link is None or not _is_there(link["page"], link["part"] or ""):
                wrong.append(f"{path.name}: {token.contents}")
    assert wrong == []
    assert [words.page for words in WORDS.values() if not _is_there(words.page, words.part)] == []


def _is_there(name: str, part: str) -> bool:
    page = read_page(name)
    return page is not None and part in {"", *page.anchors}


def test_the_parts_that_the_search_leads_to_are_headings_of_the_pages() -> None:
    wrong = [
        f"{name}#{part.anchor}"
        for name, page in help_pages().items()
        for part in page.parts
        if part.anchor and part.anchor not in getattr(read_page(name), "anchors", ())
    ]
    assert wrong == []


def test_every_page_stands_on_one_shelf_and_says_what_it_is_about() -> None:
    named = [name for _, _, names in SHELVES for name in names]
    assert len(named) == len(set(named))
    shown = [page for shelf in shelves() for page in shelf.pages]
    decisions = {name for name in help_pages() if name.startswith("decision-")}
    assert {page.name for page in shown} == help_pages().keys() - decisions
    assert [page.name for page in shown if not page.sentence] == []


def test_pictures_keep_their_place_and_say_what_they_show() -> None:
    pictures = [
        image for name in help_pages() for image in _IMAGE.findall(getattr(read_page(name), "body", ""))
    ]
    assert pictures
    for picture in pictures:
        assert re.search(r'width="\d+" height="\d+"', picture)
        assert re.search(r'alt="[^"]+"', picture)


def test_everybody_reads_and_is_led_on(people: People) -> None:
    browser = Client()
    browser.force_login(people.viewer)
    index = browser.get("/help/").content.decode()
    assert 'href="/help/hits/"' in index
    page = browser.get("/help/hits/").content.decode()
    assert '<a href="#the-shares-do-not-fit">The shares do not fit</a>' in page
    assert '<h2 id="the-shares-do-not-fit">' in page
    assert 'href="/help/decision-0020-looking-every-day/"' in page
    assert page.count("<h1") == 1
    assert browser.get("/help/decisions/").status_code == 200
    assert browser.get("/help/pictures/home.png").headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    "address",
    [
        "/help/nowhere/",
        "/help/adr/",
        "/help/..%2FREADME/",
        "/help/%2e%2e/",
        "/help/hits.md/",
        "/help/HITS/",
        "/help/" + "a" * 5_000 + "/",
        "/help/%00/",
        "/help/pictures/..%2F..%2Fmanage.png",
        "/help/pictures/..%2Fhits.md",
        "/help/pictures/%00.png",
        "/help/pictures/" + "a" * 5_000 + ".png",
    ],
)
def test_names_that_are_not_of_pages_are_not_found(people: People, address: str) -> None:
    browser = Client()
    browser.force_login(people.viewer)
    assert browser.get(address).status_code == 404


def test_what_looks_like_html_in_a_page_is_text(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "# A <b>title</b>\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](other.md)\n\n"
        "```html\n<img src=x>\n```\n\n| | |\n|---|---|\n| one | two |\n\n| | x |\n|---|---|\n| 1 | 2 |\n"
    )
    read = read_markdown(path, lambda _file, _part: None)
    assert "<script>" not in read.body
    assert 'href="javascript' not in read.body
    assert "<img" not in read.body
    assert "<h1" not in read.body
    # A link to a file without a page is only its words.
    assert " b</p>" in read.body
    assert read.body.count("<thead>") == 1
    assert "<th></th>" not in read.body
