"""In which language and on which clocks a request's pages are written."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request

from accounts.models import User
from core.conditional import API_ADDRESSES

ZONE_COOKIE: Final = "tz"
UTC: Final = "UTC"
# What programs read, and what must answer without a database.
_FOR_PROGRAMS: Final = (*API_ADDRESSES, "/healthz", "/readyz", "/metrics")


@cache
def time_zones() -> tuple[str, ...]:
    """Every zone that this machine knows, by name."""
    return tuple(sorted(available_timezones()))


def zone_choices(unchosen: str) -> list[tuple[str, str]]:
    """For a list to choose from; `unchosen` are the words for none."""
    return [("", unchosen), *((name, name.replace("_", " ")) for name in time_zones())]


@cache
def _known() -> frozenset[str]:
    return frozenset(time_zones())


def is_time_zone(name: str) -> bool:
    """Whether there is such a zone. A name from outside never becomes the path of a file."""
    return name in _known()


def is_for_programs(request: HttpRequest) -> bool:
    """Whether the answer is English and UTC whoever asks."""
    return request.path_info.startswith(_FOR_PROGRAMS)


def language_of(request: HttpRequest) -> str:
    """The person's own language; else the one chosen at sign-in, else what the browser asks for, else English."""
    person = request.user
    if isinstance(person, User) and person.language in dict(settings.LANGUAGES):
        return person.language
    return get_language_from_request(request)


def time_zone_of(request: HttpRequest) -> ZoneInfo:
    """The person's own zone; else the browser's, which a script told in a cookie; else UTC."""
    person = request.user
    own = person.time_zone if isinstance(person, User) else ""
    for name in (own, request.COOKIES.get(ZONE_COOKIE, "")):
        if name and is_time_zone(name):
            return ZoneInfo(name)
    return ZoneInfo(UTC)
