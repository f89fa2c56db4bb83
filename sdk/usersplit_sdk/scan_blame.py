"""Since when a line has stood in the code as it does, by git's history."""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone

from usersplit_sdk.scan_files import Skipped, git, read_source

_HEADER = re.compile(rb"([0-9a-f]{40,64}) \d+ \d+")


class Blame:
    """Answers by file and line; asks git once per file."""

    def __init__(self) -> None:
        self._files: dict[bytes, dict[int, str]] = {}

    def since(self, path: bytes, line: int) -> str | None:
        """The day (UTC) of the commit that wrote the line; None if it is in none, or git cannot say."""
        if path not in self._files:
            self._files[path] = _days(path)
        return self._files[path].get(line)


def _days(path: bytes) -> dict[int, str]:
    folder, name = os.path.split(path)
    # The last commit is asked, not the file as it is now: for that, git would run filters that the repository names.
    # For the same reason nothing is to be made readable.
    answer = git(folder or b".", "blame", "--porcelain", "--no-textconv", "HEAD", "--", os.fsdecode(name))
    if answer is None or answer.returncode != 0:
        return {}
    committed: dict[bytes, list[tuple[int, str]]] = {}
    for number, (line, day) in enumerate(_blamed(answer.stdout), start=1):
        committed.setdefault(line.rstrip(b"\r"), []).append((number, day))
    try:
        lines = read_source(path).split(b"\n")
    except Skipped:
        return {}
    days = {}
    for number, line in enumerate(lines, start=1):
        same = committed.get(line.rstrip(b"\r"))
        if same:
            days[number] = min(same, key=lambda found: abs(found[0] - number))[1]
    return days


def _blamed(output: bytes) -> list[tuple[bytes, str]]:
    """Each line of the file with the day of its commit, out of ``git blame --porcelain``."""
    blamed: list[tuple[bytes, str]] = []
    days: dict[bytes, str] = {}
    commit = b""
    for line in output.split(b"\n"):
        header = _HEADER.match(line)
        if line.startswith(b"\t"):
            blamed.append((line[1:], days.get(commit, "")))
        elif header is not None:
            commit = header[1]
        elif line.startswith(b"author-time "):
            days[commit] = _day(line[12:])
    return blamed


def _day(seconds: bytes) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
