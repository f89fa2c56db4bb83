"""Where a command reads tests from: a delivery folder, or a server."""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from usersplit_sdk.cli_output import note
from usersplit_sdk.client import Client
from usersplit_sdk.documents import FORMAT, read_json
from usersplit_sdk.errors import InvalidDocument
from usersplit_sdk.folder import DELIVERED, MANIFEST, Folder
from usersplit_sdk.snapshots import Snapshot
from usersplit_sdk.store import TIMEOUT_SECONDS

TOKEN_VARIABLE = "USERSPLIT_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_LIMIT = 4096
_SILENCE = logging.NullHandler()


class SourceProblem(Exception):
    """The source cannot be read; the text says which and why, and never holds the token."""


class Source:
    """A delivery folder, read once, when first asked."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._snapshot: Snapshot | None = None

    def __enter__(self) -> Source:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing is open between two questions."""

    def snapshot(self) -> Snapshot:
        """All files, checked; raises ``SourceProblem`` if the manifest cannot be used."""
        if self._snapshot is None:
            self._snapshot = self._load()
        return self._snapshot

    def _load(self) -> Snapshot:
        try:
            return self.folder.load(Snapshot())
        except FileNotFoundError:
            raise SourceProblem(f"{MANIFEST}: there is none in {self.folder.path}") from None
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else problem
            raise SourceProblem(f"{MANIFEST}: {reason} ({self.folder.path})") from None

    @contextmanager
    def client(self, environment: str) -> Iterator[Client]:
        """A client that stays as it is; raises ``SourceProblem`` if it has nothing to answer from."""
        self.snapshot()
        # What is wrong with single files stands in the answers; without a handler it would be printed as well.
        logging.getLogger("usersplit_sdk").addHandler(_SILENCE)
        with Client.from_directory(self.folder.path, environment, refresh_seconds=None) as client:
            yield client

    def document(self, path: str) -> dict[str, object]:
        """A file as it was delivered, unchecked; empty if it cannot be read."""
        try:
            document = read_json(self.folder.read(path))
        except (OSError, InvalidDocument):
            return {}
        return document if isinstance(document, dict) else {}


class FetchedSource(Source):
    """A server's delivery, fetched once into a folder of its own that goes when the command ends.

    Raises ``SourceProblem`` if the server cannot be read, ``ValueError`` for what is no address or no token.
    """

    def __init__(self, url: str, token: str) -> None:
        self._fetched = tempfile.TemporaryDirectory(prefix="usersplit-")
        super().__init__(Folder(self._fetched.name))
        try:
            _fetch(url, token, self.folder.path)
        except BaseException:
            self._fetched.cleanup()
            raise

    def __exit__(self, *exc_info: object) -> None:
        """The folder is of no use any more."""
        self._fetched.cleanup()


def _fetch(url: str, token: str, folder: Path) -> None:
    from usersplit_sdk.origin import Origin  # noqa: PLC0415 - it loads OpenSSL, which a folder need not wait for
    from usersplit_sdk.remote import Remote  # noqa: PLC0415 - so does this

    remote = Remote(Origin(url, token, TIMEOUT_SECONDS))
    try:
        with remote.session():
            manifest = remote.read_manifest()
            wanted = {path: str(value) for path, value in manifest.files.items() if DELIVERED.fullmatch(path)}
            for path, body in remote.read_each(wanted) if wanted else ():
                if isinstance(body, OSError):
                    note(f"{path}: {body}")
                else:
                    _write(folder / path, body)
        off = manifest.tests_off
        tests_off = {"user_ids": sorted(off.user_ids), "device_ids": sorted(off.device_ids)}
        document = {"format": FORMAT, **manifest._asdict(), "tests_off": tests_off}
        _write(folder / MANIFEST, json.dumps(document).encode())
    except (OSError, InvalidDocument) as problem:
        raise SourceProblem(str(problem)) from None


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)


def add_server(parser: argparse.ArgumentParser) -> None:
    """The options that name a server instead of a folder."""
    group = parser.add_argument_group("a server instead of a folder")
    group.add_argument("--url", help="its address, e.g. https://usersplit.example")
    group.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"a file that holds the token; without it the variable {TOKEN_VARIABLE} does",
    )


def open_source(options: argparse.Namespace, folder: str | None) -> Source:
    """The source that the options name; exactly one of folder and server must be given."""
    if (folder is None) == (options.url is None):
        options.command.error("name a delivery folder or a server (--url), and only one of them")
    if folder is not None:
        if options.token_file is not None:
            options.command.error("--token-file goes with --url")
        if "://" in folder:
            options.command.error("a server is named with --url")
        return Source(Folder(folder))
    try:
        return FetchedSource(options.url, read_token(options))
    except ValueError as problem:
        options.command.error(str(problem))
        raise


def read_token(options: argparse.Namespace) -> str:
    """The token of the file or the environment; a command without one ends as a wrong call."""
    if options.token_file is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
    else:
        try:
            with Path(options.token_file).open("rb") as file:
                token = file.read(TOKEN_LIMIT + 1).decode("ascii")
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "it holds no token"
            options.command.error(f"--token-file {options.token_file}: {reason}")
    if len(token) > TOKEN_LIMIT:
        options.command.error("the token is none: it is too long")
    if not token.strip():
        options.command.error(f"a server wants a token: --token-file FILE, or the variable {TOKEN_VARIABLE}")
    return token
