"""Addresses, tokens and proxies: what is refused at once, and which way a request goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]


PREFIX = "/api/v1/delivery/"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "usersplit.example",
        "ftp://usersplit.example",
        "file:///etc/passwd",
        "https://",
        "https://usersplit.example:port",
        "https://usersplit.example:99999",
        "https://usersplit.example/?a=1",
        "https://usersplit.example/#a",
        "https://usersplit.example/a b",
        "https://usersplit.example/\r\nX: y",
        "https://ümlaut.example",
        "https://[::1",
        None,
        b"https://usersplit.example",
    ],
)
def test_what_is_no_address_is_refused_at_once(follow: Follow, url: Any) -> None:
    with pytest.raises(ValueError, match=r"https://usersplit\.example"):
        follow(url)


def test_address_with_a_password_is_refused_without_showing_it(follow: Follow) -> None:
    with pytest.raises(ValueError, match="no password") as caught:
        follow("https://mia:swordfish@usersplit.example")
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nend", "umläut", "nul\0", None, 7])
def test_what_is_no_token_is_refused_without_showing_it(follow: Follow, token: Any) -> None:
    with pytest.raises(ValueError, match="the token must be printable ASCII") as caught:
        follow(token=token)
    assert str(token) not in str(caught.value) or not str(token).strip()


def test_token_out_of_a_file_may_end_its_line(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    assert follow(token="ust_very_secret\n").variant() == "v1"


def test_server_may_live_below_a_path(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    server.files = {f"/split{PREFIX}{name}": body for name, body in server.files.items()}
    server.files[f"/split{PREFIX}files/tests/green_button.json"] = server.files.pop(
        f"/split{PREFIX}tests/green_button.json"
    )
    for url in (f"{server.url}/split", f"{server.url}/split/"):
        assert follow(url).variant() == "v1"


class Proxy:
    """Hands plain requests on, and notes which."""

    def __init__(self, server: DeliveryServer) -> None:
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Proxy-Authorization")))
                self.path = self.path.removeprefix("http://usersplit.invalid")
                server.serve(self)

            def do_CONNECT(self) -> None:
                outer.asked.append((self.path, self.headers.get("Proxy-Authorization")))
                self.close_connection = True
                self.send_error(403)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def proxy(server: DeliveryServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    made = Proxy(server)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://mia:sword%20fish@127.0.0.1:{made.port}")
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_proxy_of_the_environment_is_used(server: DeliveryServer, proxy: Proxy, follow: Follow) -> None:
    server.publish(1, server.document())
    assert follow("http://usersplit.invalid").variant() == "v1"
    assert {credentials for _, credentials in proxy.asked} == {"Basic bWlhOnN3b3JkIGZpc2g="}
    assert proxy.asked[0][0] == f"http://usersplit.invalid{PREFIX}manifest"


def test_secure_requests_go_through_a_tunnel_and_say_no_token_to_the_proxy(
    proxy: Proxy, follow: Follow
) -> None:
    followed = follow("https://usersplit.invalid")
    assert [path for path, _ in proxy.asked] == ["usersplit.invalid:443"]
    assert "Tunnel connection failed" in followed.errors()
    assert "sword" not in followed.errors()


def test_servers_that_need_no_proxy_are_asked_directly(
    server: DeliveryServer, proxy: Proxy, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.publish(1, server.document())
    assert follow().variant() == "v1"
    assert proxy.asked == []
