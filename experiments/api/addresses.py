"""Names of the API's addresses, per kind."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.reverse import reverse

from experiments.models import Kind

NAMESPACES = {Kind.TEST: "tests", Kind.GROUP: "groups"}


def address(request: Request, kind: str, name: str, **arguments: object) -> str:
    """The absolute address of a test or user group, or of something below it (`settings_group`)."""
    return reverse(f"experiments-api:{NAMESPACES[Kind(kind)]}:{name}", kwargs=arguments, request=request)
