"""What was delivered, and when: kept for ever, so that a decision of the past can be explained."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Func, Q

from accounts.models import ApiToken, Environment
from core import clock
from core.protection import insert_only
from delivery.formats import canonical_json, manifest_document
from experiments.models import Kind


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


class AppServer(models.Model):
    """A process of an app server that reads its delivery over HTTP, and the version that it said it runs when it last asked."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    instance = models.CharField(
        max_length=100, help_text="Host, process and eight random digits, by its own account."
    )
    environment = models.CharField(max_length=16, choices=Environment, help_text="The token's.")
    version = models.BigIntegerField(help_text="Of the manifest in use; 0 before the first.")
    sdk = models.CharField(max_length=32, blank=True)
    first_seen_at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["token", "instance"], name="delivery_appserver_once"),
            models.CheckConstraint(condition=Q(version__gte=0), name="delivery_appserver_version_from_0"),
        ]

    def __str__(self) -> str:
        return self.instance


class CodeRepository(models.Model):
    """A repository whose code was searched for keys: the newest scan that was reported of it."""

    name = models.CharField(max_length=200, unique=True, help_text="By the scanner's account: shop/web, say.")
    commit = models.CharField(max_length=64, blank=True, help_text="That was searched.")
    committed_at = models.DateTimeField(null=True)
    link = models.CharField(
        max_length=500, blank=True, help_text="The address of a line, with {commit}, {path} and {line}."
    )
    files = models.PositiveIntegerField(default=0, help_text="That were searched.")
    scanned_at = models.DateTimeField(default=clock.now, help_text="When the scan was reported.")
    reported_by = models.CharField(max_length=200, help_text="Who reported it.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CodePlace(models.Model):
    """A line of code that names a test or user group."""

    repository = models.ForeignKey(CodeRepository, on_delete=models.CASCADE, related_name="places")
    # Not a foreign key: code may name a test before the console knows it.
    key = models.CharField(max_length=64)
    kind = models.CharField(
        max_length=8, choices=Kind, blank=True, help_text="Empty where the scanner could not tell."
    )
    path = models.CharField(max_length=500, help_text="From the root of the repository.")
    line = models.PositiveIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "repository", "kind", "path", "line"], name="delivery_codeplace_once"
            ),
            models.CheckConstraint(condition=Q(line__gte=1), name="delivery_codeplace_line_from_1"),
        ]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
