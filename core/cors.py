"""Which pages of other origins may read answers: those named in CORS_ORIGINS; with "*", everybody's may ask for variants."""

from __future__ import annotations

from typing import Any, Final

from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest

# Asking changes nothing. Sending hits stays with origins that have a name: a hit from anybody's page would count.
_OPEN_TO_ALL: Final = ("/ofrep/", "/api/v1/active-variants/")


@receiver(check_request_enabled, dispatch_uid="core.cors")
def anybody_may_ask(sender: object, request: HttpRequest, **kwargs: Any) -> bool:
    """Heard by django-cors-headers, which knows the named origins itself."""
    return "*" in settings.CORS_ORIGINS and request.path_info.startswith(_OPEN_TO_ALL)
