"""What the lists of forced users and of people without tests have in common: searching, paging, looking again."""

from __future__ import annotations

from typing import Final

from django.http import QueryDict

from accounts.models import Environment
from core.http import HtmxRequest
from qa_tools.selectors import QaSearch

PAGE_SIZE: Final = 50
# A page that nobody looks at any more asks for a few minutes at most.
_MOST_POLLS: Final = 60


def read_search(query: QueryDict) -> QaSearch:
    """What the address asks for; what cannot be is left out."""
    environment, state = query.get("environment", ""), query.get("state", "")
    return QaSearch(
        query.get("q", "").replace("\x00", "")[:200],
        environment if environment in Environment.values else "",
        state if state in {"in_force", "expired"} else "",
    )


def next_poll(request: HtmxRequest, *, is_moving: bool) -> int | None:
    """The number of the next look at a list that still changes by itself; None when that is over."""
    given = request.GET.get("polls", "")
    done = int(given) if given.isascii() and given.isdecimal() and len(given) < 4 else 0
    return done + 1 if is_moving and done < _MOST_POLLS else None


def template_of(request: HtmxRequest, page: str) -> str:
    """The page, or only its list when htmx asks for that."""
    return f"{page}#results" if request.htmx and request.htmx.target == "results" else page
