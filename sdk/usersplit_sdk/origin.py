"""HTTP with one server, which is believed nothing: answers are bounded in size and time, and redirects that leave
the server are refused, so that the token is sent nowhere else. Importing this takes long; do it when it is needed.
"""

from __future__ import annotations

import base64
import http.client
import io
import math
import socket
import ssl
import time
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from usersplit_sdk.documents import FILE_LIMIT

REDIRECTS = 3
REDIRECTING = (301, 302, 303, 307, 308)
CHUNK = 64 * 1024
ETAG_LIMIT = 200
GZIP = 16 + zlib.MAX_WBITS
POST_REDIRECTING = (301, 302, 307, 308)
"""A post goes on as one; 303 asks for something else."""
ANSWER_LIMIT = 1024 * 1024
"""Bytes of what a server has to say of a post."""
PORTS = {"http": 80, "https": 443}

Result = TypeVar("Result")


class Unreachable(OSError):
    """The server cannot be used now; it is worth trying again later."""


class Refused(Unreachable):
    """The server does not accept the token."""


class NotServed(OSError):
    """The server answers, but this one thing is not to be had from it."""


class Answer(NamedTuple):
    """A body with its ETag, or nothing (status 304) for who has it already."""

    status: int
    body: bytes
    etag: str | None


class Posted(NamedTuple):
    """What a server says of a post or a deletion, whatever the status."""

    status: int
    body: bytes
    content_type: str
    retry_after: str | None


class _Request(NamedTuple):
    """What is asked, on each hop of the way to where redirects lead."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None
    limit: int
    redirecting: tuple[int, ...]


class Origin:
    """The server at ``url`` (``https://usersplit.example``, a path may follow) and the token for it.

    ``timeout`` is the number of seconds that a whole exchange may take, connecting included, looking up the name
    not. Proxies are those of the environment. Raises ``ValueError`` for what is no such address or no token.
    """

    def __init__(
        self, url: str, token: str, timeout: float, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        parts = _split(url)
        self.scheme, self.host = parts.scheme, cast(str, parts.hostname)
        self.port = parts.port or PORTS[parts.scheme]
        self.path = parts.path.rstrip("/")
        self.url = f"{parts.scheme}://{parts.netloc}{self.path}"
        if not 0 < timeout < math.inf:
            raise ValueError("the timeout must be a number of seconds, more than 0")
        self.timeout = timeout
        self._authorization = f"Bearer {_sound_token(token)}"
        self._ssl_context = ssl_context

    def __repr__(self) -> str:
        return f"Origin({self.url!r})"

    def headers(self) -> dict[str, str]:
        """What every request says; not to be shown to anybody."""
        return {
            "Authorization": self._authorization,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "usersplit-sdk",
        }

    def ssl_context(self) -> ssl.SSLContext:
        """The application's context, else one that trusts what the system trusts, made once: that takes long."""
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context

    def follow(self, target: str, location: str | None) -> str:
        """Where a redirect leads to on this server; raises ``Unreachable`` if it leads away from it."""
        base = urlsplit(self.url)
        parts = urlsplit(urljoin(f"{base.scheme}://{base.netloc}{target}", location or ""))
        port = parts.port or PORTS.get(parts.scheme)
        if (parts.scheme, parts.hostname, port) != (self.scheme, self.host, self.port):
            elsewhere = f"{parts.scheme}://{parts.hostname}:{port}"[:100]
            raise Unreachable(f"{self.url} redirects to {elsewhere!a}, where the token must not go")
        return parts.path + (f"?{parts.query}" if parts.query else "")


class Connection:
    """One connection at a time to the server, opened when it is needed and used again. For one thread.

    ``until`` gives the monotonic time after which nothing more is asked.
    """

    def __init__(self, origin: Origin, until: Callable[[], float]) -> None:
        self._origin = origin
        self._until = until
        self._deadline = 0.0
        self._http: http.client.HTTPConnection | None = None
        self._proxy_headers: dict[str, str] | None = None

    def get(self, path: str, etag: str | None = None, more: Mapping[str, str] | None = None) -> Answer:
        """What is at ``path``, below the server's own path; raises ``Unreachable`` or ``NotServed``.

        ``more`` are headers to be sent besides.
        """
        headers = {**self._origin.headers(), **(more or {})}
        if etag is not None:
            headers["If-None-Match"] = etag
        request = _Request("GET", headers, None, FILE_LIMIT, REDIRECTING)

        def ask() -> Answer:
            response, body = self._follow(self._origin.path + path, request)
            return self._judge(response, body, etag)

        return self._guarded(ask)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """The answer to a post, whatever its status; ``Unreachable`` or ``NotServed`` if there is none that can be used.

        The body may have arrived, and arrived twice, even then.
        """
        return self._sent("POST", path, body, headers)

    def put(self, path: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """The answer to a put, as to a post. It may arrive twice without harm."""
        return self._sent("PUT", path, body, headers)

    def delete(self, path: str) -> Posted:
        """The answer to a deletion, as to a post."""
        return self._sent("DELETE", path, None, {})

    def _sent(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Posted:
        request = _Request(
            method, {**self._origin.headers(), **headers}, body, ANSWER_LIMIT, POST_REDIRECTING
        )

        def ask() -> Posted:
            response, answer = self._follow(self._origin.path + path, request)
            return Posted(
                response.status,
                answer,
                response.getheader("Content-Type") or "",
                response.getheader("Retry-After"),
            )

        return self._guarded(ask)

    def close(self) -> None:
        """Close the connection; a further ``get`` opens another one."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _guarded(self, ask: Callable[[], Result]) -> Result:
        """What it answers in time; whatever goes wrong is one of our errors, and the connection closed."""
        self._deadline = min(time.monotonic() + self._origin.timeout, self._until())
        url = self._origin.url
        try:
            return ask()
        except (Unreachable, NotServed):
            self.close()
            raise
        except TimeoutError:
            self.close()
            raise Unreachable(f"{url} takes longer than {self._origin.timeout:g} s") from None
        except zlib.error:
            self.close()
            raise Unreachable(f"{url} answers with broken gzip") from None
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise Unreachable(f"{url} cannot be reached: {_reason(problem)}") from None

    def _follow(self, target: str, request: _Request) -> tuple[http.client.HTTPResponse, bytes]:
        for _ in range(REDIRECTS + 1):
            response, body = self._exchange(target, request)
            if response.status not in request.redirecting:
                return response, body
            target = self._origin.follow(target, response.getheader("Location"))
        raise Unreachable(f"{self._origin.url} redirects again and again")

    def _judge(self, response: http.client.HTTPResponse, body: bytes, etag: str | None) -> Answer:
        url, status = self._origin.url, response.status
        if status == 200 or (status == 304 and etag is not None):
            return Answer(status, body, _sound_etag(response.getheader("ETag")))
        if status == 401:
            raise Refused(f"{url} does not know the token, or no longer (401)")
        if status == 403:
            raise Refused(f"{url} refuses the token: it needs the scope deliver (403)")
        if status in (404, 410):
            raise NotServed(f"{url} does not have it ({status})")
        raise Unreachable(f"{url} answers {status}")

    def _exchange(self, target: str, request: _Request) -> tuple[http.client.HTTPResponse, bytes]:
        if self._http is not None:
            try:
                return self._ask(self._http, target, request)
            except ConnectionError:
                self.close()  # the server has closed it while it was idle
        self._http = self._open()
        return self._ask(self._http, target, request)

    def _ask(
        self, connection: http.client.HTTPConnection, target: str, request: _Request
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if connection.sock is None:
            connection.timeout = self._remaining()
            connection.connect()
        connection.sock.settimeout(self._remaining())
        headers = dict(request.headers)
        if self._proxy_headers is not None:
            # A proxy wants the whole address; https goes through a tunnel, whose end is the server itself.
            target = f"http://{urlsplit(self._origin.url).netloc}{target}"
            headers.update(self._proxy_headers)
        try:
            connection.request(request.method, target, body=request.body, headers=headers)
        except ConnectionError:
            # A server that has seen enough (413) may hang up before it has read all, but not without an answer.
            if request.body is None:
                raise
        with connection.getresponse() as response:
            body = _read_body(response, request.limit)
        if response.will_close:
            self.close()
        return response, body

    def _open(self) -> http.client.HTTPConnection:
        origin = self._origin
        proxy = _proxy(origin)
        self._proxy_headers = None
        host, port = (origin.host, origin.port) if proxy is None else (proxy.hostname or "", proxy.port or 80)
        connection = (
            http.client.HTTPSConnection(host, port, context=origin.ssl_context())
            if origin.scheme == "https"
            else http.client.HTTPConnection(host, port)
        )
        if proxy is not None and origin.scheme == "https":
            connection.set_tunnel(origin.host, origin.port, _proxy_headers(proxy))
        elif proxy is not None:
            self._proxy_headers = _proxy_headers(proxy)
        cast(Any, connection).response_class = self._respond
        return connection

    def _respond(self, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        return _TimedResponse(self._remaining, sock, *args, **kwargs)

    def _remaining(self) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _TimedResponse(http.client.HTTPResponse):
    """A response that has to arrive in time as a whole, however small the pieces that keep arriving."""

    def __init__(
        self, remaining: Callable[[], float], sock: socket.socket, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(remaining, sock, self.fp.detach()))


class _TimedReader(io.RawIOBase):
    def __init__(self, remaining: Callable[[], float], sock: socket.socket, raw: io.RawIOBase) -> None:
        self._remaining = remaining
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._remaining())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _read_body(response: http.client.HTTPResponse, limit: int) -> bytes:
    """The body, unpacked. Neither what arrives nor what it unpacks to may exceed ``limit`` bytes."""
    encoding = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise NotServed(f"the answer is in an encoding that was not asked for, {encoding[:20]!a}")
    inflater = zlib.decompressobj(GZIP) if encoding == "gzip" else None
    parts: list[bytes] = []
    arrived = size = 0
    # An announced length is believed where it is too much, so that nothing of it has to be read.
    while (response.length or 0) + arrived <= limit and (chunk := response.read(CHUNK)):
        arrived += len(chunk)
        part = chunk if inflater is None else inflater.decompress(chunk, limit + 1 - size)
        size += len(part)
        parts.append(part)
        if max(arrived, size) > limit:
            break
    if max(arrived + (response.length or 0), size) > limit:
        raise NotServed(f"is larger than {limit} bytes")
    if response.length or (inflater is not None and arrived and not inflater.eof):
        raise Unreachable("the answer ends before its end")
    if inflater is not None and inflater.unused_data:
        raise NotServed("something follows the end of the gzip data")
    return b"".join(parts)


def _split(url: str) -> SplitResult:
    wrong = "the url must be like https://usersplit.example, a path may follow"
    try:
        parts = urlsplit(url)
        sound = parts.scheme in PORTS and parts.hostname and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        raise ValueError(wrong) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("the url must hold no user and no password; access is by token")
    if not sound or not url.isascii() or not url.isprintable() or set(url) & set(" ?#"):
        raise ValueError(wrong)
    return parts


def _sound_token(token: object) -> str:
    """Whoever reads a token from a file has a line end in it; anything else odd would end up in an error message."""
    sound = token.strip() if isinstance(token, str) else ""
    if not sound or not sound.isascii() or not sound.isprintable() or " " in sound:
        raise ValueError("the token must be printable ASCII without spaces")
    return sound


def _proxy(origin: Origin) -> SplitResult | None:
    """The environment's proxy for the server, if there is one."""
    proxy = urllib.request.getproxies().get(origin.scheme)
    if not proxy or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _sound_etag(etag: str | None) -> str | None:
    """What can be sent back; with another one every further request would be refused on this side."""
    return (
        etag
        if etag is not None and etag.isascii() and etag.isprintable() and len(etag) <= ETAG_LIMIT
        else None
    )


def _reason(problem: Exception) -> str:
    """In a few words, of which some may be the server's or a proxy's."""
    if isinstance(problem, OSError):
        return (problem.strerror or str(problem))[:200]
    return f"{type(problem).__name__} {str(problem)[:100]!a}"
