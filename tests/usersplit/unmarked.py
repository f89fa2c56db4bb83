"""Words of templates that no translator would ever see: texts and spoken attributes outside of `translate` tags.

python -m tests.usersplit.unmarked templates/console    lists them: file, line, words
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from django.template.base import Lexer, TokenType

ROOT: Final = Path(__file__).resolve().parents[2]
_SPOKEN: Final = frozenset(
    {"aria-label", "aria-description", "alt", "placeholder", "title", "hx-confirm", "data-confirm"}
)
_SKIPPED: Final = frozenset({"script", "style", "code", "kbd", "pre"})
_HOLE: Final = "\x00"
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_SAME_EVERYWHERE: Final = frozenset(
    {"UserSplit", "API", "CSV", "JSON", "AND", "OR", "NOT", "SDK", "UTC", "QA", "Jira", "Slack", "Matrix"}
    | {"Celery", "PostgreSQL", "Redis", "URL", "SQL", "ID", "id", "HTTP", "px", "ms", "kB", "MB", "GB"}
)
"""Names that are the same in every language."""


@dataclass(frozen=True, slots=True)
class Unmarked:
    """Words at a line of a template."""

    path: Path
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.words}"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED or dict(attrs).get("translate") == "no":
            self._skipped.append(tag)
        for name, value in attrs:
            if name in _SPOKEN and value:
                self._note(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and self._skipped[-1] == tag:
            self._skipped.pop()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._note(data)

    def _note(self, text: str) -> None:
        plain = text.replace(_HOLE, " ")
        if [word for word in _WORD.findall(plain) if word not in _SAME_EVERYWHERE]:
            self.found.append((self.getpos()[0], " ".join(plain.split())))


def unmarked(path: Path) -> Iterator[Unmarked]:
    """What of a template is not marked, in its order."""
    reader = _Reader()
    inside = 0
    comment = False
    for token in Lexer(path.read_text()).tokenize():
        tag = token.contents.split()[0] if token.token_type == TokenType.BLOCK else ""
        if tag in {"blocktranslate", "blocktrans"}:
            inside += 1
        if tag == "comment":
            comment = True
        is_marked = inside or comment or token.token_type != TokenType.TEXT
        # Holes keep the lines, so that positions are those of the file.
        reader.feed(_HOLE + "\n" * token.contents.count("\n") if is_marked else token.contents)
        if tag in {"endblocktranslate", "endblocktrans"}:
            inside -= 1
        if tag == "endcomment":
            comment = False
    reader.close()
    for line, words in reader.found:
        yield Unmarked(path, line, words)


def templates(folder: Path = ROOT / "templates") -> list[Path]:
    """Every template below, or the one."""
    return [folder] if folder.is_file() else sorted(folder.rglob("*.html"))


if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or [ROOT / "templates"]
    rows = [row for folder in chosen for path in templates(folder) for row in unmarked(path)]
    print("\n".join(map(str, rows)))
    sys.exit(bool(rows))
