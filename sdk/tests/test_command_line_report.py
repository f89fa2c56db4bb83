"""``scan --report``: what the server is told, and what is said when it does not take it."""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk.cli import main

TOKEN = "s3cret-token"
MANIFEST = {"format": 1, "version": 5, "published_at": "2026-11-22T12:00:00Z", "files": {}}


class Server:
    """Answers ``status`` to a report; ``reports`` are those it was sent, as (path, body)."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b"{}"
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.url = ""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    told = Server()
    monkeypatch.setenv("USERSPLIT_TOKEN", TOKEN)
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, json.dumps(MANIFEST).encode())

        def do_PUT(self) -> None:
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            assert self.headers["Content-Type"] == "application/json"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.reports.append((self.path, json.loads(body)))
            self.reply(told.status, told.answer)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nothing; the tests read ``reports``."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{listening.server_port}"
    yield told
    listening.shutdown()
    listening.server_close()
    thread.join()


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=M", "-c", "user.email=m@shop.example", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with two lines that name a test; its address holds a password."""
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    (folder / "src/pay.py").write_text(
        'one = get_active_variant("green_button") or get_active_variant("green_button")\n'
        'two = is_in_group("vips")\nodd = get_active_variant("No-Key")\n'
    )
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "https://mia:pass@git.example/teams/shop/web.git")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["scan", *map(str, arguments)])
    printed = capsys.readouterr()
    assert TOKEN not in printed.out + printed.err
    return code, printed.out, printed.err


def test_the_server_is_told_each_line_once(
    server: Server, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = "https://git.example/{path}#{line}"
    code, _, err = run(capsys, shop / "src", "--report", server.url, "--link", link)
    commit = git(shop, "rev-parse", "HEAD")
    assert (code, err.splitlines()) == (
        0,
        [
            "note: 1 place left out, for a long path, an odd key, or because there are too many",
            f"note: 2 places of shop/web at {commit[:12]} reported",
        ],
    )
    ((path, body),) = server.reports
    assert path == "/api/v1/delivery/code-places/"
    moment = body.pop("committed_at")
    assert moment.endswith("+00:00")
    assert body == {
        "repository": "shop/web",
        "commit": commit,
        "link": link,
        "files": 1,
        "places": [
            {"key": "green_button", "kind": "", "path": "src/pay.py", "line": 1},
            {"key": "vips", "kind": "", "path": "src/pay.py", "line": 2},
        ],
    }


def test_without_git_the_folder_is_the_repository(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my shop"
    folder.mkdir()
    (folder / "a.py").write_text('get_active_variant("green_button")')
    assert run(capsys, folder, "--report", server.url, "--no-git", "--json")[0] == 0
    assert run(capsys, folder, "--report", server.url, "--repository", "shop", "--no-git")[0] == 0
    bodies = [body for _, body in server.reports]
    assert [(body["repository"], body["commit"], body["committed_at"]) for body in bodies] == [
        ("my-shop", "", None),
        ("shop", "", None),
    ]
    assert bodies[0]["places"] == [{"key": "green_button", "kind": "", "path": "a.py", "line": 1}]


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (401, b"", "does not know the token"),
        (403, b"", "needs the scope manage"),
        (404, b"<html>", "an older one"),
        (409, b'{"detail": "A newer commit."}', "A newer commit."),
        (500, b"\xff[", "nothing more is known"),
        (200, b"", ""),
    ],
)
def test_a_report_that_is_not_taken_fails(
    server: Server, shop: Path, capsys: pytest.CaptureFixture[str], status: int, answer: bytes, said: str
) -> None:
    server.status, server.answer = status, answer
    code, out, err = run(capsys, shop, "--report", server.url, "--json")
    assert (code, said in err) == (2 if said else 0, True)
    assert json.loads(out)["files"] == 1


def test_calls_that_make_no_sense(
    server: Server, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (["--link", "x"], ["--report", "ftp://x"], ["--repository", "shop"]):
        with pytest.raises(SystemExit) as ended:
            main(["scan", str(shop), *wrong])
        assert ended.value.code == 2
    outside = tmp_path / "outside.py"
    outside.write_text('get_active_variant("green_button")')
    capsys.readouterr()
    code, _, err = run(capsys, shop, outside, "--report", server.url)
    assert (code, "outside of the repository" in err) == (2, True)
    assert server.reports == []
