"""Questions about what was delivered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models.fields.json import KeyTextTransform

from delivery.formats import is_delivered_path
from delivery.models import DeliveredFile, Manifest


@dataclass(frozen=True, slots=True)
class Edition:
    """Which manifest is the newest: enough to know whether a copy is up to date. `sha256` is of its bytes."""

    version: int
    sha256: str


def newest_edition() -> Edition | None:
    """The newest manifest's identity, without its content; None before the first delivery."""
    row = Manifest.objects.order_by("-version").values_list("version", "sha256").first()
    return Edition(*row) if row else None


def newest_manifest() -> Manifest | None:
    """The newest manifest, None before the first delivery."""
    return Manifest.objects.order_by("-version").first()


def newest_checksum(path: str) -> str | None:
    """The checksum of the file that the newest manifest lists at `path`; None for whatever it does not list."""
    if not is_delivered_path(path):
        return None
    listed = Manifest.objects.order_by("-version").annotate(checksum=KeyTextTransform(path, "files"))
    found: str | None = listed.values_list("checksum", flat=True).first()
    return found


def file_bodies(checksums: Collection[str]) -> Mapping[str, bytes]:
    """The bytes of delivered files by checksum."""
    rows = DeliveredFile.objects.filter(sha256__in=checksums) if checksums else DeliveredFile.objects.none()
    return {sha256: bytes(body) for sha256, body in rows.values_list("sha256", "body")}
