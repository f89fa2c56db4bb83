"""What was delivered at a past moment. Exact: manifests and files are kept, and never changed."""

from __future__ import annotations

import datetime as dt
from threading import Lock
from typing import Final

from delivery.evaluation import Delivered
from delivery.models import Manifest

_MOST_KEPT: Final = 4
_kept: dict[str, Delivered] = {}
_lock = Lock()


def delivered_at(moment: dt.datetime) -> Delivered | None:
    """What the manifest delivered that was the newest at `moment`; None before the first. The last few stay compiled."""
    then = Manifest.objects.filter(published_at__lte=moment).order_by("-version")
    found = then.values_list("version", "sha256").first()
    if found is None:
        return None
    version, sha256 = found
    with _lock:
        known = _kept.pop(sha256, None)
    known = known or Delivered(Manifest.objects.get(version=version))
    with _lock:
        _kept[sha256] = known
        while len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
    return known


def first_delivery() -> dt.datetime | None:
    """When something was delivered for the first time."""
    return Manifest.objects.order_by("version").values_list("published_at", flat=True).first()
