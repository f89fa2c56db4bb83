"""The request as views see it: with htmx details, signed in or not."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request behind `HtmxMiddleware`."""

    htmx: HtmxDetails
