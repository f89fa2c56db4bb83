"""What `run` checks before it starts, and the block it prints when everything is up."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest

from usersplit.embedded.layout import Layout
from usersplit.embedded.processes import StartFailed
from usersplit.embedded.run import Options, announce, wait_for_port
from usersplit.embedded.servers import InUse, connected, missing_servers, owned


def test_options_have_defaults() -> None:
    options = Options.read({})

    assert (options.host, options.port, options.demo) == ("127.0.0.1", 8000, True)
    assert options.url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("given", ["0", "no", "False", "off"])
def test_the_demo_can_be_left_out(given: str) -> None:
    assert Options.read({"DEMO": given}).demo is False


@pytest.mark.parametrize("given", ["http", "0", "65536", "-1", "80 80"])
def test_a_port_that_is_none_is_named(given: str) -> None:
    with pytest.raises(StartFailed, match="PORT must be a number from 1 to 65535"):
        Options.read({"PORT": given})


def test_a_port_in_use_is_said_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=rf"127\.0\.0\.1:{port} cannot be used .*PORT=8001"):
            wait_for_port(Options("127.0.0.1", port, demo=True), patience=0)


def test_an_installation_has_one_owner(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path)

    with owned(layout), pytest.raises(InUse, match=r"already runs in .*process [0-9]+"), owned(layout):
        pass  # pragma: no cover - never reached


def test_an_owner_that_was_killed_is_noticed_once(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path)
    layout.lock.write_text("process 1\n")

    with owned(layout) as was_killed:
        assert was_killed
    with owned(layout) as was_killed:
        assert not was_killed


def test_servers_that_the_environment_names_belong_to_somebody_else(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path)
    given = {"DATABASE_URL": "postgresql://db.example/usersplit"}

    assert [server.name for server in missing_servers(layout, given)] == ["redis"]
    assert connected(layout, given)["DATABASE_URL"] == given["DATABASE_URL"]
    assert connected(layout, given)["BROKER_URL"] == layout.broker_url


def test_the_block_shows_address_and_logins_and_the_file_follows_the_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout.of(tmp_path)
    logins = {"manager": {"username": "mia", "password": "kept-secret"}}
    path = layout.var / "demo.json"
    path.write_text(json.dumps({"url": "http://127.0.0.1:8000", "token": "t", "logins": logins}))

    announce(layout, Options("127.0.0.1", 9001, demo=True))

    block = capsys.readouterr().out
    assert "http://127.0.0.1:9001" in block
    assert "mia" in block
    assert "kept-secret" in block
    assert str(path) in block
    assert json.loads(path.read_text()) == {"url": "http://127.0.0.1:9001", "token": "t", "logins": logins}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
