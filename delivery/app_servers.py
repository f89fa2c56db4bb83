"""Which app server runs which version: each says so with every question for the manifest.

Servers that read the delivery folder ask nobody, and are not heard of here.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from accounts.models import ApiToken
from core import clock
from delivery.formats import MAX_VERSION
from delivery.models import AppServer

logger = logging.getLogger(__name__)

INSTANCE_HEADER: Final = "UserSplit-Instance"
VERSION_HEADER: Final = "UserSplit-Version"
SDK_HEADER: Final = "UserSplit-SDK"

# Servers ask every few seconds: writing down each time that nothing changed would only cost.
SEEN_STEP: Final = dt.timedelta(seconds=15)
# Whoever was not heard of for so long is gone, or cannot reach us: nobody waits for it.
ALIVE: Final = dt.timedelta(seconds=60)
KEPT: Final = dt.timedelta(days=1)
# A fleet behind one token is smaller; a program that makes up names pushes out its own rows and nobody else's.
MOST_PER_TOKEN: Final = 1_000

_INSTANCE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}:[0-9]{1,10}:[0-9a-f]{8}", re.ASCII)
_VERSION: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_SDK: Final = re.compile(r"[0-9A-Za-z.+!-]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says of itself: its name, the manifest version it runs (0: none yet), the version of its SDK."""

    instance: str
    version: int
    sdk: str


def read_report(headers: Mapping[str, str]) -> Report | None:
    """The report in a request's headers; None without one, or if any of it cannot be: it is no reason to refuse the manifest."""
    instance, version, sdk = (headers.get(name, "") for name in (INSTANCE_HEADER, VERSION_HEADER, SDK_HEADER))
    if not (_INSTANCE.fullmatch(instance) and _VERSION.fullmatch(version) and int(version) < MAX_VERSION):
        return None
    return Report(instance, int(version), sdk if _SDK.fullmatch(sdk) else "")


def record_report(token: ApiToken, report: Report) -> None:
    """Remember what this process runs, if that is news or was last written 15 seconds ago. Never raises: it is a by-product."""
    moment = clock.now()
    try:
        known = AppServer.objects.filter(token=token, instance=report.instance).first()
        if known is None:
            _add(token, report, moment)
        elif (
            _says(known) != (report.version, report.sdk, token.environment)
            or moment - known.seen_at > SEEN_STEP
        ):
            AppServer.objects.filter(pk=known.pk).update(
                version=report.version, sdk=report.sdk, environment=token.environment, seen_at=moment
            )
    except DatabaseError:
        logger.warning("What %s runs could not be written down", report.instance, exc_info=True)


def live_servers(environment: str | None = None) -> QuerySet[AppServer]:
    """Servers heard of in the last minute, of one environment or (None) of all."""
    alive = AppServer.objects.filter(seen_at__gt=clock.now() - ALIVE)
    return alive if environment is None else alive.filter(environment=environment)


def forget_silent_servers() -> int:
    """Delete what was not heard of for a day: how many were."""
    return AppServer.objects.filter(seen_at__lte=clock.now() - KEPT).delete()[0]


def _says(known: AppServer) -> tuple[int, str, str]:
    return known.version, known.sdk, known.environment


def _add(token: ApiToken, report: Report, moment: dt.datetime) -> None:
    """A new row in the place of this token's most silent ones, if there are too many; two requests at once make one row."""
    with transaction.atomic():
        # One at a time per token: what is counted here stays true.
        ApiToken.objects.select_for_update(of=("self",)).filter(pk=token.pk).first()
        own = AppServer.objects.filter(token=token)
        surplus = list(own.order_by("-seen_at", "-pk").values_list("pk", flat=True)[MOST_PER_TOKEN - 1 :])
        if surplus:
            own.filter(pk__in=surplus).delete()
        AppServer.objects.bulk_create(
            [
                AppServer(
                    token=token,
                    instance=report.instance,
                    environment=token.environment,
                    version=report.version,
                    sdk=report.sdk,
                    first_seen_at=moment,
                    seen_at=moment,
                )
            ],
            update_conflicts=True,
            unique_fields=["token", "instance"],
            update_fields=["environment", "version", "sdk", "seen_at"],
        )
