"""The SDK on the server: the same engine, fed with the files that were delivered last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any

from core import clock
from delivery.documents import document_states
from delivery.models import Manifest
from delivery.selectors import file_bodies, newest_edition
from delivery.services import publish
from usersplit_sdk import Client

Document = Mapping[str, Any]


class Delivered:
    """The content of one manifest: its test files by key, and a client for every environment that is asked for."""

    def __init__(self, manifest: Manifest) -> None:
        bodies = file_bodies(set(manifest.files.values()))
        by_kind: dict[str, dict[str, Document]] = {"test": {}, "group": {}}
        for path in sorted(manifest.files):
            document: Document = json.loads(bodies[manifest.files[path]])
            by_kind[document["kind"]][document["key"]] = document
        self.version = manifest.version
        self.published_at = manifest.published_at
        self.sha256 = manifest.sha256
        self.tests: Mapping[str, Document] = by_kind["test"]
        self.groups: Mapping[str, Document] = by_kind["group"]
        self._tests_off = manifest.tests_off
        self._clients: dict[str, Client] = {}
        self._lock = Lock()

    def client(self, environment: str) -> Client:
        """The client of an environment (`production`, `devel`), compiled when it is first asked for."""
        with self._lock:
            if environment not in self._clients:
                self._clients[environment] = Client.from_documents(
                    self.tests.values(), self.groups.values(), environment, self._tests_off
                )
            return self._clients[environment]

    def is_forced(self, key: str, environment: str, user_id: str | None, device_id: str | None) -> bool:
        """Whether the file of a delivered test forces this user or device, whatever decides."""
        return any(
            one["environment"] == environment
            and (
                ("user_id" in one and one["user_id"] == user_id)
                or ("device_id" in one and one["device_id"] == device_id)
            )
            for one in self.tests[key]["forced"]
        )

    def payload(self, key: str, variant: str) -> object:
        """The JSON payload of a delivered test's variant, None without one."""
        return next(
            (one.get("payload") for one in self.tests[key]["variants"] if one["name"] == variant), None
        )


_newest: Delivered | None = None
# The manifest that was found to hold all that the rows said, and what they said.
_published: tuple[str, tuple[object, ...]] | None = None


def delivered_now(*, up_to_date: bool = False) -> Delivered:
    """What the newest manifest delivers. Compiled once per process, and one small query while it stays the newest.

    With `up_to_date` the rows are published first if they have changed: for people who look at what they changed a moment ago.
    """
    global _newest  # noqa: PLW0603 - one reference, replaced as a whole
    edition = newest_edition()
    manifest: Manifest | None = None
    if edition is None or (up_to_date and not _is_up_to_date(edition.sha256)):
        manifest = _publish()
    newest = manifest or edition
    assert newest is not None
    known = _newest
    if known is not None and known.sha256 == newest.sha256:
        return known
    # Two threads may both load it: wasteful once, never wrong.
    _newest = Delivered(manifest or Manifest.objects.get(version=newest.version))
    return _newest


def _is_up_to_date(sha256: str) -> bool:
    published = _published
    return published is not None and published[0] == sha256 and published[1] == document_states(clock.now())


def _publish() -> Manifest:
    """Publish, and remember what was published, unless something changed meanwhile or cannot be delivered."""
    global _published  # noqa: PLW0603 - one reference, replaced as a whole
    before = document_states(clock.now())
    publication = publish()
    if not publication.refused and document_states(clock.now()) == before:
        _published = publication.manifest.sha256, before
    return publication.manifest
