"""A scan told to the server: where a repository, at a commit, names which tests."""

# ruff: noqa: PTH112, PTH119, PTH120 - paths are bytes here, which pathlib does not take

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import NamedTuple
from urllib.parse import urlsplit

from usersplit_sdk.documents import KEY
from usersplit_sdk.scan import Found, Scan
from usersplit_sdk.scan_files import git

ADDRESS = "/api/v1/delivery/code-places/"
PATH_LIMIT = 500
NAME_LIMIT = 200
PLACES_LIMIT = 20_000
SECONDS = 60.0
"""The server writes down thousands of places before it answers."""


class NotReported(Exception):
    """The server did not take the report; the text says why, and never holds the token."""


class Checkout(NamedTuple):
    """A repository as it lies on disk: ``root`` is what paths are told from. Texts are empty where git cannot say."""

    root: bytes
    name: str
    commit: str
    committed_at: str


class Report(NamedTuple):
    """What is sent, and how many places were left out because the server could not hold them."""

    body: bytes
    places: int
    left_out: int


def read_checkout(paths: Sequence[bytes], *, use_git: bool = True) -> Checkout:
    """The repository that the first of the paths lies in; without git it is that path itself.

    Nothing but the last two parts of the address of ``origin`` becomes its name, so that no password in it can.
    """
    first = os.path.realpath(paths[0])
    folder = first if os.path.isdir(first) else os.path.dirname(first)
    top = _line(folder, "rev-parse", "--show-toplevel") if use_git else b""
    root = os.path.realpath(top) if top else folder
    if not top:
        return Checkout(root, _name(os.fsdecode(os.path.basename(root))), "", "")
    origin = os.fsdecode(_line(folder, "config", "--get", "remote.origin.url"))
    name = _repository_of(origin) or _name(os.fsdecode(os.path.basename(root)))
    commit = _line(folder, "rev-parse", "--verify", "HEAD^{commit}").decode("ascii", "replace")
    return Checkout(root, name, commit, _committed_at(folder) if commit else "")


def build_report(found: Scan, checkout: Checkout, link: str) -> Report:
    """The body of the request: each line once for each key, without what only a generated module lists.

    Raises ``NotReported`` for a file outside of the repository.
    """
    kinds = {subject.key: subject.kind for subject in found.known or ()}
    rows: dict[tuple[str, str, str, int], None] = {}
    left_out = 0
    for use in _uses(found):
        path = _inner(checkout.root, use.path)
        if len(path) > PATH_LIMIT or not path.isprintable() or not KEY.fullmatch(use.key):
            left_out += 1
        else:
            rows[use.key, kinds.get(use.key, ""), path, use.use.place.line] = None
    kept = list(rows)[:PLACES_LIMIT]
    document: dict[str, object] = {
        "repository": checkout.name,
        "commit": checkout.commit,
        "committed_at": checkout.committed_at or None,
        "link": link,
        "files": found.files,
        "places": [dict(zip(("key", "kind", "path", "line"), row, strict=True)) for row in kept],
    }
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Report(body, len(kept), left_out + len(rows) - len(kept))


def send_report(url: str, token: str, report: Report) -> None:
    """Tell the server; raises ``NotReported``, or ``ValueError`` for what is no address or no token."""
    from usersplit_sdk.origin import (  # noqa: PLC0415 - it loads OpenSSL, which a scan alone need not wait for
        Connection,
        NotServed,
        Origin,
        Unreachable,
    )

    connection = Connection(Origin(url, token, SECONDS), lambda: math.inf)
    try:
        answer = connection.put(ADDRESS, report.body, {"Content-Type": "application/json"})
    except (Unreachable, NotServed) as problem:
        raise NotReported(str(problem)) from None
    finally:
        connection.close()
    if answer.status == 200:
        return
    reasons = {
        401: "it does not know the token, or no longer",
        403: "the token needs the scope manage, and its owner the right to report scans",
        404: "it is no UserSplit server, or an older one",
    }
    raise NotReported(f"{url} answers {answer.status}: {reasons.get(answer.status) or _detail(answer.body)}")


def _uses(found: Scan) -> Iterator[Found]:
    for uses in (*found.uses.values(), found.unknown):
        yield from (use for use in uses if use.use.kind != "generated")


def _inner(root: bytes, path: bytes) -> str:
    whole = os.path.realpath(path)
    if os.path.commonpath([root, whole]) != root or whole == root:
        raise NotReported(f"{os.fsdecode(path)} lies outside of the repository {os.fsdecode(root)}")
    return os.fsdecode(os.path.relpath(whole, root)).replace(os.sep, "/")


def _line(folder: bytes, *arguments: str) -> bytes:
    answer = git(folder, *arguments)
    return b"" if answer is None or answer.returncode != 0 else answer.stdout.rstrip(b"\r\n")


def _committed_at(folder: bytes) -> str:
    """Out of the commit itself: what shows it nicely may be told by the repository to run a program that checks its signature."""
    answer = git(folder, "cat-file", "commit", "HEAD")
    if answer is None or answer.returncode != 0:
        return ""
    head = answer.stdout.partition(b"\n\n")[0]
    for line in head.split(b"\n"):
        if line.startswith(b"committer "):
            try:
                moment = datetime.fromtimestamp(int(line.split(b" ")[-2]), timezone.utc)
            except (ValueError, IndexError, OverflowError, OSError):
                return ""
            return moment.isoformat()
    return ""


def _repository_of(origin: str) -> str:
    """``shop/web`` of ``git@git.example:shop/web.git`` and of ``https://git.example/shop/web``."""
    try:
        path = urlsplit(origin).path if "://" in origin else origin.rpartition(":")[2]
    except ValueError:
        return ""
    parts = path.removesuffix("/").removesuffix(".git").split("/")
    return "/".join(filter(None, map(_name, parts[-2:])))[:NAME_LIMIT]


def _name(text: str) -> str:
    """What the server takes as a part of a name: anything else becomes a dash."""
    kept = "".join(character if character.isalnum() or character in "._~+@-" else "-" for character in text)
    return kept[:NAME_LIMIT]


def _detail(body: bytes) -> str:
    """The words of a problem document, if it is one."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "nothing more is known"
    return str(detail)[:1000]
