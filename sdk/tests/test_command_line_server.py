"""A server in place of a folder: the same answers, and a token that is shown to nobody else."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk.cli import main

TOKEN = "s3cret-token"


class Delivery:
    """What the server serves, by path below ``/api/v1/delivery/``; ``asked`` are the requests there were."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""

    def publish(self, *documents: dict[str, Any], **manifest: Any) -> None:
        files = {}
        for document in documents:
            path = f"{document['kind']}s/{document['key']}.json"
            self.bodies[f"files/{path}"] = body = json.dumps(document).encode()
            files[path] = hashlib.sha256(body).hexdigest()
        self.bodies["manifest"] = json.dumps(
            {"format": 1, "version": 5, "published_at": "2026-11-22T12:00:00Z", "files": files, **manifest}
        ).encode()


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    served = Delivery()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.bodies.get(self.path.removeprefix("/api/v1/delivery/"))
            known = self.headers["Authorization"] == f"Bearer {TOKEN}"
            self.send_response(401 if not known else 404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"") if known else 0))
            self.end_headers()
            if known:
                self.wfile.write(body or b"")

        def log_message(self, *arguments: object) -> None:
            """Nothing; the tests read ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    served.publish(TEST, {**TEST, "key": "other"}, {**TEST, "key": "broken", "status": "odd"}, GROUP)
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


TEST = {
    "format": 1,
    "kind": "test",
    "key": "green_button",
    "status": "running",
    "side": "server",
    "settings_group": 3,
    "conditions": [{"filter": "country_id", "source": "user", "operator": "in", "value": [50]}],
    "variants": [{"name": "green", "split_groups": [[1, 600]]}],
}
GROUP = {**TEST, "key": "vips", "kind": "group", "conditions": []}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERSPLIT_TOKEN", TOKEN)
    monkeypatch.setenv("no_proxy", "*")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert TOKEN not in printed.out + printed.err
    return code, printed.out, printed.err


def test_check_and_show_ask_the_server(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    user = ["--user", 1, "--split-group", 600, "--attribute", "country_id=51"]
    code, out, err = run(capsys, "check", "--url", delivery.url, "green_button", *user, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)[0]["explanation"] == "country_id is one of [50]: the user's is 51"
    code, out, _ = run(capsys, "check", "vips", "--url", delivery.url)
    assert "vips   True" in out
    code, out, _ = run(capsys, "show", "--url", delivery.url, "--json")
    shown = json.loads(out)
    assert (code, shown["version"], shown["published_at"]) == (0, 5, "2026-11-22T12:00:00Z")
    assert [row["status"] for row in shown["files"]] == ["running", "INVALID", "running", "running"]


def test_tests_off_come_along(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    delivery.publish(TEST, tests_off={"user_ids": ["1"], "device_ids": []})
    code, out, _ = run(capsys, "check", "--url", delivery.url, "--user", 1, "--json")
    assert (code, json.loads(out)[0]["reason"]) == (0, "TESTS_OFF")


def test_codegen_and_scan_compare_with_the_server(
    delivery: Delivery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery.publish({**TEST, "status": "finished"})
    module = tmp_path / "split_names.py"
    assert run(capsys, "codegen", "--url", delivery.url, "--output", module)[0] == 0
    assert run(capsys, "codegen", "--url", delivery.url, "--output", module, "--check")[0] == 0
    (tmp_path / "view.py").write_text("'green_button'")
    assert run(capsys, "scan", tmp_path, "--url", delivery.url)[0] == 1


def test_many_files_are_fetched(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    delivery.publish(*({**TEST, "key": f"test_{number}"} for number in range(50)))
    code, out, _ = run(capsys, "show", "--url", delivery.url, "--json")
    assert (code, len(json.loads(out)["files"])) == (0, 50)


def test_token_may_stand_in_a_file(
    delivery: Delivery, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERSPLIT_TOKEN", "another")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    code, _, _ = run(capsys, "show", "--url", delivery.url, "--token-file", tmp_path / "token")
    assert code == 0


def test_token_that_is_not_known_is_an_error(
    delivery: Delivery, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERSPLIT_TOKEN", "wr0ng")
    for command, code in (("show", 1), ("check", 1), ("scan", 2)):
        answer, out, err = run(capsys, command, "--url", delivery.url)
        assert (answer, out) == (code, "")
        assert "401" in err
        assert "wr0ng" not in err


@pytest.mark.parametrize(
    ("token", "url"),
    [
        ("", "https://usersplit.example"),
        ("to ken", "https://usersplit.example"),
        ("to\nken", "https://usersplit.example"),
        ("tökén", "https://usersplit.example"),
        (TOKEN, "usersplit.example"),
        (TOKEN, "ftp://usersplit.example"),
        (TOKEN, f"https://mia:{TOKEN}@usersplit.example"),
        (TOKEN, ""),
    ],
)
def test_what_is_no_token_or_no_address_is_a_wrong_call(
    token: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("USERSPLIT_TOKEN", token)
    with pytest.raises(SystemExit) as stopped:
        main(["show", "--url", url])
    assert stopped.value.code == 2
    assert not token or token not in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"x" * 10_000])
def test_token_file_that_holds_none_is_a_wrong_call(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        main(["show", "--url", "https://usersplit.example", "--token-file", str(tmp_path / "token")])
    assert stopped.value.code == 2
    assert "token" in capsys.readouterr().err


def test_server_that_is_down_or_serves_nonsense_is_an_error(
    delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    for manifest in (b"<html>", b"[]", b'{"format": 1, "version": 1, "files": []}'):
        delivery.bodies["manifest"] = manifest
        code, out, err = run(capsys, "show", "--url", delivery.url)
        assert (code, out) == (1, "")
        assert err
    code, _, err = run(capsys, "show", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert "cannot be reached" in err


def test_no_path_of_a_manifest_leads_out_of_the_folder(
    delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery.bodies["files/tests/../../x.json"] = b"{}"
    delivery.publish(TEST, files={"tests/../../x.json": "0" * 64, "/etc/passwd": "0" * 64})
    code, out, _ = run(capsys, "show", "--url", delivery.url, "--json")
    assert (code, json.loads(out)["files"]) == (0, [])
    assert delivery.asked == ["/api/v1/delivery/manifest"]


def test_file_that_the_server_does_not_have_is_an_invalid_one(
    delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    del delivery.bodies["files/tests/other.json"]
    code, out, err = run(capsys, "show", "--url", delivery.url, "--json")
    assert code == 0
    assert [row["error"] for row in json.loads(out)["files"] if row["file"] == "tests/other.json"] == [
        "is missing"
    ]
    assert "note: tests/other.json" in err
