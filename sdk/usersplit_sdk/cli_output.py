"""What the command line prints: text from files is shown in a way that no terminal mistakes for anything else."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

SLIP = 3
"""Characters by which a slip is longer or shorter than what was meant."""


def printable(text: object) -> str:
    """The text on one line: line breaks, escape sequences and what is no character come as ``\\n``, ``\\x1b``, ``\\udcff``."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in str(text)
    )


def say(text: str, file: TextIO | None = None) -> None:
    """Print to standard output, or to ``file``; what its encoding cannot hold is escaped instead of failing."""
    stream = sys.stdout if file is None else file
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def complain(faults: Iterable[object]) -> None:
    """Print faults to standard error, one a line."""
    for fault in faults:
        say(printable(fault), sys.stderr)


def note(text: object) -> None:
    """Print what is no fault but worth knowing to standard error, so that standard output stays what was asked for."""
    complain([f"note: {text}"])


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` may be a slip of."""
    # Names of about its length, because comparing takes long and there may be thousands.
    near = [other for other in known if abs(len(other) - len(name)) <= SLIP]
    return next(iter(difflib.get_close_matches(name, near, n=1, cutoff=0.75)), None)


def say_json(value: object) -> None:
    """Print a value as indented JSON, in ASCII."""
    say(json.dumps(value, indent=2))


def say_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows that have the same names as aligned columns under those names; None is a dash."""
    if not rows:
        return
    cells = [[name.replace("_", " ") for name in rows[0]]]
    cells += [["-" if value is None else printable(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
