"""Publishing: from rows to a new manifest, and from the newest manifest to the folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from core import clock
from delivery.documents import build_document, delivered_experiments, tests_off_document
from delivery.folder import DeliveryFolder, FolderUnusable
from delivery.formats import canonical_json, checksum, path_of, version_in
from delivery.models import DeliveredFile, Manifest
from delivery.selectors import file_bodies, newest_manifest
from experiments.models import Experiment
from usersplit_sdk import InvalidDocument, parse_document
from usersplit_sdk.documents import read_json

logger = logging.getLogger(__name__)

# Key space of this package in PostgreSQL's advisory locks.
_PUBLICATION_LOCK: Final = 0x5553_0003


@dataclass(frozen=True, slots=True)
class Publication:
    """The newest manifest, whether it is new, and what could not be published: path → why.

    Of a path in `refused` the last good file stays delivered, if there ever was one.
    """

    manifest: Manifest
    is_new: bool
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a delivery did. `written` and `removed` are paths in the folder; `is_new` tells that the version is."""

    version: int
    is_new: bool
    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    refused: Mapping[str, str]


def deliver() -> DeliveryReport:
    """Publish the rows and make the folder DELIVERY_DIR the newest manifest's, whatever is in it now.

    Safe to run in several processes and to kill anywhere: the next run mends what is missing. Raises
    FolderUnusable; the rows are published all the same, for those who read over HTTP.
    """
    folder = DeliveryFolder(settings.DELIVERY_DIR)
    try:
        with folder.locked():
            # Read before the rows: what another process wrote here, it has committed before.
            publication = publish(seen=folder.manifest())
            manifest = publication.manifest
            changes = folder.write(manifest.body(), manifest.files, file_bodies)
    except FolderUnusable:
        publish()
        raise
    return DeliveryReport(
        manifest.version,
        publication.is_new,
        changes.written,
        changes.removed,
        changes.unchanged,
        publication.refused,
    )


def publish(seen: bytes = b"") -> Publication:
    """Write a new manifest if what should be delivered has changed, in a constant number of queries.

    `seen` is the manifest that readers have now. If the database does not know it (it was restored from a copy that
    is older than the folder), a manifest follows that is newer than both: versions only grow.
    """
    seen_version = version_in(seen)
    with transaction.atomic():
        _lock()
        newest = newest_manifest()
        files, bodies, refused = _build(newest.files if newest else {})
        tests_off = tests_off_document(clock.now())
        if (
            newest
            and (newest.files, newest.tests_off) == (files, tests_off)
            and _follows(newest, seen, seen_version)
        ):
            return Publication(newest, is_new=False, refused=refused)
        DeliveredFile.objects.bulk_create(
            [DeliveredFile(sha256=sha256, body=body) for sha256, body in bodies.items()],
            ignore_conflicts=True,
        )
        version = max(newest.version if newest else 0, seen_version) + 1
        manifest = Manifest(version=version, files=files, tests_off=tests_off)
        manifest.sha256 = checksum(manifest.body())
        manifest.save(force_insert=True)
    return Publication(manifest, is_new=True, refused=refused)


def _follows(newest: Manifest, seen: bytes, seen_version: int) -> bool:
    """Whether `newest` is what readers have seen, or comes after it."""
    return newest.version > seen_version or (
        newest.version == seen_version and newest.sha256 == checksum(seen)
    )


def _lock() -> None:
    """One publication at a time, until the end of the transaction: each sees all before it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_PUBLICATION_LOCK, 0])


def _build(delivered: Mapping[str, str]) -> tuple[dict[str, str], dict[str, bytes], dict[str, str]]:
    """What should be delivered (path → checksum), the bytes that are new, and what cannot be used (path → why)."""
    files: dict[str, str] = {}
    bodies: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    for experiment in delivered_experiments(clock.now()):
        path = path_of(experiment.kind, experiment.key)
        try:
            body = _checked_body(experiment, delivered.get(path))
        except (InvalidDocument, ValueError, RecursionError) as problem:
            logger.error("%s cannot be delivered: %s", path, problem)  # noqa: TRY400 - it says where and what
            refused[path] = str(problem)
            if path in delivered:
                files[path] = delivered[path]
            continue
        files[path] = checksum(body)
        if files[path] != delivered.get(path):
            bodies[files[path]] = body
    return files, bodies, refused


def _checked_body(experiment: Experiment, delivered: str | None) -> bytes:
    """The bytes of the file, which the SDK can use: what it once accepted needs no second look."""
    body = canonical_json(build_document(experiment))
    if checksum(body) != delivered:
        parse_document(read_json(body))
    return body
