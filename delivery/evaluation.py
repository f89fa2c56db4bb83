"""The SDK on the server: the same engine, fed with the files that were delivered last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Lock
from typing import Any

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


def delivered_now(*, up_to_date: bool = False) -> Delivered:
    """What the newest manifest delivers. Compiled once per process, and one small query while it stays the newest.

    With `up_to_date` the rows are published first: for people who look at what they changed a moment ago, where
    a few milliseconds per hundred tests are no matter.
    """
    global _newest  # noqa: PLW0603 - one reference, replaced as a whole
    manifest = publish().manifest if up_to_date else None
    edition = manifest or newest_edition()
    if edition is None:
        edition = manifest = publish().manifest
    known = _newest
    if known is not None and known.sha256 == edition.sha256:
        return known
    # Two threads may both load it: wasteful once, never wrong.
    _newest = Delivered(manifest or Manifest.objects.get(version=edition.version))
    return _newest
