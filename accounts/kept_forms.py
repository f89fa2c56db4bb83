"""A form that came after its session had ended: carried through the sign-in page, so that it can be sent once more.

It stays in the browser: the pages between hold it in hidden fields, nothing of it is stored here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

MAX_CHARACTERS: Final = 1_000_000
_NEVER_KEPT: Final = ("password", "secret")
_OF_ONE_PAGE: Final = "csrfmiddlewaretoken"


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where it was sent, and its fields in order, several of one name included."""

    path: str
    fields: tuple[tuple[str, str], ...]

    def as_text(self) -> str:
        """For a hidden field."""
        return json.dumps([self.path, self.fields])


def kept_form_of(request: HttpRequest) -> KeptForm | None:
    """The form that this request sends; None for what cannot be sent again: files, secrets, far too much."""
    if request.method != "POST" or request.FILES:
        return None
    fields = tuple(
        (name, value) for name, values in request.POST.lists() if name != _OF_ONE_PAGE for value in values
    )
    if any(word in name.lower() for name, _ in fields for word in _NEVER_KEPT):
        return None
    if not fields or sum(len(name) + len(value) for name, value in fields) > MAX_CHARACTERS:
        return None
    return KeptForm(request.get_full_path(), fields)


def read_kept_form(text: str) -> KeptForm | None:
    """What `as_text` wrote; None for anything else, and for addresses outside this console."""
    if not text or len(text) > 3 * MAX_CHARACTERS:
        return None
    try:
        path, fields = json.loads(text)
        kept = KeptForm(path, tuple((name, value) for name, value in fields))
    except (ValueError, TypeError, RecursionError):
        return None
    words = [kept.path, *(word for field in kept.fields for word in field)]
    if not all(isinstance(word, str) for word in words) or not kept.path.startswith("/"):
        return None
    return kept if url_has_allowed_host_and_scheme(kept.path, allowed_hosts=None) else None
