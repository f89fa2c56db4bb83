"""Requests to providers. An address that somebody typed may lead anywhere: not into our own network, and not for ever.

The name is resolved once and the connection goes to the very address that was checked; redirects are answers.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from urllib3.util.connection import create_connection

from notifications.channels.base import SendFailed

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 15.0
WHOLE_SECONDS: Final = 20.0
MAX_BODY: Final = 1 << 20
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")

_Kind = TypeVar("_Kind", bound=BaseException)


class AddressRefused(OSError):
    """The name leads to an address that outgoing requests may not reach."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered. Header names are in lower case; `secrets` never come out of `words`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> Any:
        """The body. Raises SendFailed when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise SendFailed(f"Answered {self.status} with something that is not JSON.") from error

    def words(self, limit: int = 300) -> str:
        """The beginning of the body on one line, for people."""
        text = " ".join(self.body[: 8 * limit].decode("utf-8", "replace").replace("\0", "").split())
        return without_secrets(text, self.secrets)[:limit]


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    params: Mapping[str, str] | None = None,
    secrets: Sequence[str] = (),
    at_most: float | None = None,
) -> Answer:
    """One request with a JSON `body`, if any. Any status is an answer, redirects too; what is none raises SendFailed.

    Takes at most WHOLE_SECONDS, or `at_most` if that is less: somebody may be waiting. `secrets` are cut out of every word about it, the log's too.
    """
    adapter = _Adapter()
    kept = tuple(secret for secret in secrets if secret)
    began = time.monotonic()
    whole = min(WHOLE_SECONDS, at_most or WHOLE_SECONDS)
    try:
        with requests.Session() as session, adapter.cut_after(whole):
            # No proxies, certificates or logins from the environment: what is sent is what stands here.
            session.trust_env = False
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            answered = session.request(
                method,
                url,
                headers={"Accept": "application/json", **(headers or {})},
                json=body,
                params=params,
                timeout=(min(CONNECT_SECONDS, whole), min(READ_SECONDS, whole)),
                allow_redirects=False,
                stream=True,
            )
            content = _read(answered, kept)
            # Cut off within its headers an answer seems whole: Python takes the end of the stream for their end.
            adapter.opened.require_uncut()
    except (requests.RequestException, OSError, ValueError) as error:
        failure = _failure(error, time.monotonic() - began, whole)
        logger.info("%s %s: %s", method, _place(url, kept), failure.answer)
        raise failure from None
    logger.info("%s %s: %s", method, _place(url, kept), answered.status_code)
    lowered = {name.lower(): value for name, value in answered.headers.items()}
    return Answer(answered.status_code, lowered, content, kept)


def _read(answered: requests.Response, secrets: Sequence[str]) -> bytes:
    content = b""
    for piece in answered.iter_content(65_536):
        content += piece
        if len(content) > MAX_BODY:
            raise SendFailed(f"Answered {answered.status_code} with more than {MAX_BODY >> 20} MB.")
    return content


def without_secrets(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret in it replaced."""
    for secret in secrets:
        text = text.replace(secret, "•••")
    return text


def _place(url: str, secrets: Sequence[str]) -> str:
    """Scheme, host and path: what follows may be anything. Secrets go before it is cut: half a secret is not known again."""
    return without_secrets(url.split("?", 1)[0].split("#", 1)[0], secrets)[:200]


def _failure(error: Exception, seconds: float, whole: float) -> SendFailed:
    """The same in words for people. The library's own would name hosts, ports and objects."""
    refused = _cause(error, AddressRefused)
    if refused is not None:
        return SendFailed(str(refused), permanent=True)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError)):
        return SendFailed("This is not an address that can be called.", permanent=True)
    if isinstance(error, requests.exceptions.Timeout) or seconds >= whole:
        return SendFailed(f"No answer within {seconds:.0f} seconds.", provider_down=True)
    if isinstance(error, requests.exceptions.SSLError):
        return SendFailed("The certificate of the server does not fit its name.", provider_down=True)
    if _cause(error, socket.gaierror) is not None:
        return SendFailed("There is no server of this name.", provider_down=True)
    if _cause(error, ConnectionRefusedError) is not None:
        return SendFailed("Nothing listens at this address.", provider_down=True)
    return SendFailed("The connection broke before the answer was whole.", provider_down=True)


def _cause(error: BaseException | None, kind: type[_Kind]) -> _Kind | None:
    """The first of a kind in what led to the error; urllib3 wraps in `reason` and `args`, Python in `__cause__`."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        one = queue.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        if isinstance(one, kind):
            return one
        seen.add(id(one))
        queue += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return None


def allowed_address(host: str, port: int) -> str:
    """The numeric address to connect to. Raises AddressRefused unless all that the name leads to may be reached."""
    found = {entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    # One public and one private address under a name is how a check is led around: all or nothing.
    for address in sorted(map(str, found)):
        if not is_allowed(address):
            raise AddressRefused(
                f"{host} leads to {address}, which is not a public address. "
                "NOTIFICATIONS_ALLOW_PRIVATE names the networks that may be reached all the same."
            )
    return min(map(str, found), key=lambda one: (":" in one, one))


def is_allowed(address: str) -> bool:
    """Whether outgoing requests may go there: public addresses, and the networks that the settings name."""
    number = _undressed(ipaddress.ip_address(address.split("%", 1)[0]))
    for network in map(_network, settings.NOTIFICATIONS_ALLOW_PRIVATE):
        if network.version == number.version and number in network:
            return True
    # Reserved and site-local IPv6 networks count as global in the library.
    special = number.is_multicast or number.is_reserved or getattr(number, "is_site_local", False)
    return number.is_global and not special


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network that the settings name; 10.1.2.3/24 means the one that this is in."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise AddressRefused(
            f"NOTIFICATIONS_ALLOW_PRIVATE holds “{text}”, which is no network such as 10.1.2.0/24."
        ) from error


def _undressed(
    number: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address in IPv6 clothes is judged as what it is: mapped, 6to4, or behind a translator (RFC 6052)."""
    if not isinstance(number, ipaddress.IPv6Address):
        return number
    if number in _TRANSLATED:
        return ipaddress.IPv4Address(int(number) & 0xFFFF_FFFF)
    return number.ipv4_mapped or number.sixtofour or number


class _Open:
    """Second handles of the sockets of one call, by which another thread can end it."""

    def __init__(self) -> None:
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_over = False

    def add(self, sock: socket.socket) -> None:
        with self._lock:
            self._handles.append(socket.socket(fileno=os.dup(sock.fileno())))
        if self._is_over:
            self.cut()

    def cut(self) -> None:
        """End whatever is read or written now."""
        with self._lock:
            self._is_over = True
            for handle in self._handles:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    def require_uncut(self) -> None:
        """Raise TimeoutError if it was ended by us."""
        if self._is_over:
            raise TimeoutError

    def close(self) -> None:
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()


class _CheckedHTTP(HTTPConnection):
    opened: _Open

    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _CheckedHTTPS(HTTPSConnection):
    opened: _Open

    def _new_conn(self) -> socket.socket:
        return _connected(self)


def _connected(connection: _CheckedHTTP | _CheckedHTTPS) -> socket.socket:
    """A socket to the checked address. The name stays what TLS and the Host header say."""
    host, port = connection.host.strip("[]"), int(connection.port or connection.default_port)
    timeout = connection.timeout if isinstance(connection.timeout, (int, float)) else CONNECT_SECONDS
    sock = create_connection((allowed_address(host, port), port), timeout, socket_options=[])
    connection.opened.add(sock)
    return sock


class _Adapter(HTTPAdapter):
    """Connects by `_connected`, and gives up as a whole: timeouts of sockets start anew with every byte."""

    def __init__(self) -> None:
        self.opened = _Open()
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        http = type("Http", (_CheckedHTTP,), {"opened": self.opened})
        https = type("Https", (_CheckedHTTPS,), {"opened": self.opened})
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }

    @contextlib.contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Whatever is open after so many seconds ends."""
        timer = threading.Timer(seconds, self.opened.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.opened.close()
