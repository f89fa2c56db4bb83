"""What a client of a server is made of: a store that follows it, and a sink that sends it hits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from usersplit_sdk.hits import HitSink
from usersplit_sdk.http_hits import HttpHits, spool_beside
from usersplit_sdk.remote import RemoteStore
from usersplit_sdk.reporting import OnError, Reporter
from usersplit_sdk.store import OnStatus, PollSeconds, poll_seconds_for

if TYPE_CHECKING:
    import ssl


def follow_server(
    url: str,
    token: str,
    environment: str,
    reporter: Reporter,
    *,
    cache_dir: str | os.PathLike[str] | Literal[False] | None,
    poll_seconds: PollSeconds,
    timeout: float,
    ssl_context: ssl.SSLContext | None,
    hits: HitSink | None,
    on_error: OnError | None,
    on_status: OnStatus | None,
) -> tuple[RemoteStore, HitSink]:
    """The store and the sink, which is the given one if there is one; arguments as of ``Client.from_url``.

    Raises ``ValueError`` for what cannot be an address or a token.
    """
    store = RemoteStore(
        url,
        token,
        reporter,
        cache_dir=cache_dir,
        poll_seconds=poll_seconds_for(environment, poll_seconds),
        timeout=timeout,
        on_status=on_status,
        ssl_context=ssl_context,
    )
    if hits is not None:
        return store, hits
    spool = spool_beside(cache_dir, url, environment)
    sink = HttpHits(url, token, spool=spool, timeout=timeout, ssl_context=ssl_context, on_error=on_error)
    return store, sink
