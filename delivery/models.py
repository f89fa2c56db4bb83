"""What was delivered, and when: kept for ever, so that a decision of the past can be explained."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Func, Q

from core import clock
from core.protection import insert_only
from delivery.formats import canonical_json, manifest_document


class Sha256(Func):
    """PostgreSQL's SHA-256 of bytes, in hexadecimal digits."""

    template = "encode(sha256(%(expressions)s), 'hex')"
    output_field: ClassVar[models.Field[Any, Any]] = models.CharField()


class DeliveredFile(models.Model):
    """The bytes of one test file, under their checksum. The same content is stored once, however often it returns."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    body = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sha256=Sha256(F("body"))), name="delivery_deliveredfile_is_its_checksum"
            ),
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return self.sha256


class Manifest(models.Model):
    """One delivery: which file has which content (path → checksum) and for whom all tests are off."""

    version = models.BigIntegerField(primary_key=True)
    published_at = models.DateTimeField(default=clock.now, db_index=True)
    files = models.JSONField()
    tests_off = models.JSONField()
    sha256 = models.CharField(max_length=64, help_text="Of the bytes of manifest.json.")

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.CheckConstraint(condition=Q(version__gte=1), name="delivery_manifest_version_from_1")
        ]
        triggers = insert_only()

    def __str__(self) -> str:
        return f"version {self.version}"

    def body(self) -> bytes:
        """The bytes of `manifest.json`, in the folder and over HTTP."""
        return canonical_json(manifest_document(self.version, self.published_at, self.files, self.tests_off))
