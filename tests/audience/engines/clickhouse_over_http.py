"""ClickHouse's HTTP interface on loopback, before the engine inside this process: what the driver sends to a server is sent."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

# It ships no types.
_connect: Any = chdb.connect
USER, PASSWORD = "usersplit", "p/w:1"
# What the interface itself takes; all other parameters are settings of the query.
_OWN = frozenset(
    {"database", "session_id", "query_id", "client_protocol_version", "wait_end_of_query", "compress", "decompress",
     "send_progress_in_http_headers", "http_headers_progress_interval_ms", "buffer_size"}
)  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = (
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "Content-Length" in self.headers
            else self.chunks()
        )
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self.answer(
                403, b"Code: 516. DB::Exception: somebody: Authentication failed: password is incorrect", 516
            )
            return
        if self.headers.get("Content-Encoding") == "lz4":
            body = lz4.frame.decompress(body)
        parameters = dict(parse_qsl(urlsplit(self.path).query))
        try:
            found = self.ask(parameters, body)
        except Exception as error:  # noqa: BLE001 - what the engine refuses, the driver is told
            message = str(error)
            code = re.search(r"Code: (\d+)", message)
            self.answer(500, message.encode(), int(code[1]) if code else 1)
        else:
            self.answer(200, found)

    do_GET = do_POST  # noqa: N815 - the base class's name

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def ask(self, parameters: dict[str, str], body: bytes) -> bytes:
        """The query is the body; the rows of an insert come after its first line."""
        with closing(_connect(str(self.folder))) as connection:
            connection.query(f"USE {parameters.get('database', 'default')}")
            for name, value in parameters.items():
                if name not in _OWN:
                    connection.query(f"SET {name} = '{value}'")
            if not body.startswith(b"INSERT INTO ") or b" FORMAT Native\n" not in body:
                sql, wanted = self.with_format(body.decode())
                return bytes(connection.query(sql, wanted).bytes())
            insert, _, rows = body.partition(b" FORMAT Native\n")
            data = self.folder.parent / f"insert-{threading.get_ident()}.native"
            data.write_bytes(rows)
            connection.query(f"{insert.decode()} FROM INFILE '{data}' FORMAT Native")
            data.unlink()
            return b""

    @staticmethod
    def with_format(sql: str) -> tuple[str, str]:
        found = re.search(r"\s+FORMAT\s+(\w+)\s*$", sql)
        return (sql[: found.start()], found[1]) if found else (sql, "TabSeparated")

    def answer(self, status: int, content: bytes, code: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Tests say what they need to."""


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port on which the engine in `folder` answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"folder": folder}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
