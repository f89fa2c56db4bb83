"""The help of the console: which files of the product have a page, what each is about, and where words stand in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from mdit_py_plugins.anchors.index import slugify, unique_slug

from console.help_reader import DEEPEST, Read, read_markdown
from console.help_shelves import DECISIONS, SHELVES

ROOT: Final = Path(settings.BASE_DIR)
FOLDER: Final = ROOT / "docs"
PICTURES: Final = FOLDER / "pictures"
_NAME: Final = re.compile(r"[a-z0-9-]{1,100}")
_HEADING: Final = re.compile(r"(?P<depth>#{1,6}) +(?P<words>.+)")
_MARKS: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)|[`*]")
# A sentence ends at a full stop before a space and a capital, or with its paragraph; a long one at its colon.
_SENTENCE: Final = re.compile(r".+?(?:[.!?](?= [A-Z]|$)|$)")
_TO_COLON: Final = re.compile(r".{40,}?(?=: )")


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and the lower-case words below it; the first part of a page is its title."""

    anchor: str
    words: str
    text: str


@dataclass(frozen=True, slots=True)
class HelpPage:
    """A file that has a page; `sentence` is the first of it, without marks."""

    name: str
    path: Path
    title: str
    sentence: str
    parts: tuple[Part, ...]

    @property
    def address(self) -> str:
        return reverse("console:help_page", args=[self.name])


@dataclass(frozen=True, slots=True)
class Shelf:
    """Pages for who does one kind of thing."""

    title: str | Promise
    sentence: str | Promise
    pages: Sequence[HelpPage]


def page_names() -> dict[Path, str]:
    """Every file that has a page, and the page's name."""
    files = {path: path.stem for path in sorted(FOLDER.glob("*.md"))}
    files |= {path: f"sdk-{path.stem}" for path in sorted((ROOT / "sdk" / "docs").glob("*.md"))}
    files |= {path: f"decision-{path.stem}" for path in sorted((FOLDER / "adr").glob("0*.md"))}
    alone = {
        "README.md": "readme",
        "CHANGELOG.md": "changes",
        "sdk/README.md": "sdk",
        "docs/adr/README.md": DECISIONS,
    }
    return files | {ROOT / path: name for path, name in alone.items() if (ROOT / path).is_file()}


@cache
def help_pages() -> dict[str, HelpPage]:
    """All of them by name: read once in a process, only as far as lists and the search need."""
    return {
        name: _look_into(name, path)
        for path, name in page_names().items()
        if _NAME.fullmatch(name) and path.is_file()
    }


@cache
def shelves() -> tuple[Shelf, ...]:
    """The pages by what people do; what no shelf names stands on the last one."""
    pages = help_pages()
    named = {name for _, _, names in SHELVES for name in names}
    others = sorted(name for name in pages if name not in named and not name.startswith("decision-"))
    found = [
        Shelf(title, sentence, [pages[name] for name in names if name in pages])
        for title, sentence, names in SHELVES
    ]
    last = found[-1]
    return (
        *found[:-1],
        Shelf(last.title, last.sentence, [*last.pages, *(pages[name] for name in others)]),
    )


def shelf_of(name: str) -> Shelf:
    """Where the page stands; decisions stand with their list."""
    wanted = DECISIONS if name.startswith("decision-") else name
    return next(shelf for shelf in shelves() if any(page.name == wanted for page in shelf.pages))


@lru_cache(maxsize=128)
def read_page(name: str) -> Read | None:
    """The page of that name, rendered once in a process; None if there is none."""
    page = help_pages().get(name)
    return read_markdown(page.path, _resolve) if page else None


def find_help(words: Sequence[str], most: int) -> list[tuple[HelpPage, Part]]:
    """Pages that have all `words` (lower case) in one part, with that part: those called so first, then headings, then texts."""
    found = []
    for page in help_pages().values():
        ranked = [
            (rank, place, part)
            for place, part in enumerate(page.parts)
            if (rank := _rank(page, part, place, words)) is not None
        ]
        if ranked:
            rank, _, part = min(ranked, key=lambda row: row[:2])
            found.append((rank + 3 * page.name.startswith("decision-"), page.title, page, part))
    found.sort(key=lambda row: row[:2])
    return [(page, part) for _, _, page, part in found[:most]]


def _rank(page: HelpPage, part: Part, place: int, words: Sequence[str]) -> int | None:
    head = part.words.lower()
    if all(word in head for word in words):
        return 1 if place else 0
    # The title counts as said in every part.
    whole = f"{page.title.lower()} {head} {part.text}"
    return 2 if all(word in whole for word in words) else None


def _resolve(path: Path, part: str) -> str | None:
    if path.parent == PICTURES.resolve() and path.is_file():
        return reverse("console:help_picture", args=[path.name])
    name = _by_file().get(path)
    return None if name is None else reverse("console:help_page", args=[name]) + part


@cache
def _by_file() -> dict[Path, str]:
    return {path.resolve(): name for path, name in page_names().items()}


def _look_into(name: str, path: Path) -> HelpPage:
    """Headings and texts, line by line: a full parse of every page would make the first search of a process slow."""
    parts: list[tuple[str, str, list[str]]] = [("", path.stem, [])]
    slugs: set[str] = set()
    in_code = False
    for line in path.read_text(encoding="utf-8").splitlines():
        in_code ^= line.lstrip().startswith("```")
        heading = None if in_code else _HEADING.fullmatch(line)
        if heading is None or len(heading["depth"]) > DEEPEST:
            parts[-1][2].append(line)
            continue
        words = _MARKS.sub(r"\1", heading["words"].strip())
        slug = unique_slug(slugify(words), slugs)
        if len(heading["depth"]) == 1:
            parts[0] = ("", words, [])
        else:
            parts.append((slug, words, []))
    first = next((block for block in "\n".join(parts[0][2]).split("\n\n") if block.strip()), "")
    return HelpPage(
        name,
        path,
        parts[0][1],
        _first_sentence(first),
        tuple(Part(anchor, words, " ".join(lines).lower()) for anchor, words, lines in parts),
    )


def _first_sentence(block: str) -> str:
    """Of a paragraph; a list, a table or code says nothing by its first line."""
    plain = " ".join(_MARKS.sub(r"\1", block).split())
    if not plain or plain[0] in "|-!#" or "```" in block:
        return ""
    found = _SENTENCE.match(plain)
    sentence = found[0] if found else plain
    cut = _TO_COLON.match(sentence)
    return f"{(cut[0] if cut else sentence).rstrip('.:')}."
