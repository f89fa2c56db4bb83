"""A real Matrix homeserver on loopback, for as long as a test needs it, and people who look at it through its own API."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from notifications.channels.base import Account, Message
from notifications.channels.matrix import Matrix
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "synapse" / "bin" / "python"
SERVER_NAME = "usersplit.test"
_MANY = {"per_second": 1_000, "burst_count": 1_000}


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody with an account, signed in."""

    url: str
    user_id: str
    token: str
    password: str

    def call(self, method: str, path: str, body: object = None, **params: str) -> dict[str, Any]:
        """One call of the client-server API. Fails the test unless it succeeds."""
        answer = self.ask(method, path, body, **params)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, method: str, path: str, body: object = None, **params: str) -> requests.Response:
        """The same, whatever comes of it."""
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.url}/_matrix/client/v3{path}"
        return requests.request(method, address, headers=headers, json=body, params=params, timeout=60)

    def invitations(self) -> list[str]:
        """The rooms that this person is invited to."""
        invited = self.call("GET", "/sync", timeout="0").get("rooms", {}).get("invite", {})
        return list(invited)

    def join(self, room_id: str) -> None:
        self.call("POST", f"/join/{quote(room_id)}", {})

    def leave(self, room_id: str) -> None:
        self.call("POST", f"/rooms/{quote(room_id)}/leave", {})

    def messages(self, room_id: str) -> list[dict[str, Any]]:
        """The contents of all messages in the room, the oldest first."""
        page = self.call("GET", f"/rooms/{quote(room_id)}/messages", dir="b", limit="1000")
        events = [event for event in page["chunk"] if event["type"] == "m.room.message"]
        return [event["content"] for event in reversed(events)]

    def state(self, room_id: str, kind: str) -> dict[str, Any]:
        return self.call("GET", f"/rooms/{quote(room_id)}/state/{kind}")

    def members(self, room_id: str) -> dict[str, str]:
        """How everybody stands to the room, by user id: `join`, `invite`, `leave`."""
        events = self.call("GET", f"/rooms/{quote(room_id)}/members")["chunk"]
        return {event["state_key"]: event["content"]["membership"] for event in events}


@dataclass(frozen=True, slots=True)
class Homeserver:
    """A Synapse that runs."""

    url: str
    shared_secret: str

    def register(self, name: str) -> Resident:
        """A new account, by the secret that Synapse shares with whoever makes accounts."""
        address, password = f"{self.url}/_synapse/admin/v1/register", secrets.token_hex(8)
        nonce = requests.get(address, timeout=60).json()["nonce"]
        words = b"\0".join(part.encode() for part in (nonce, name, password, "notadmin"))
        mac = hmac.new(self.shared_secret.encode(), words, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        answer = requests.post(address, json=body, timeout=60)
        assert answer.ok, answer.text
        return Resident(self.url, answer.json()["user_id"], answer.json()["access_token"], password)

    def sign_in_anew(self, resident: Resident) -> Resident:
        """The same person with another access token, for which the server knows no transactions."""
        address = f"{self.url}/_matrix/client/v3/login"
        who = {"type": "m.id.user", "user": resident.user_id}
        body = {"type": "m.login.password", "identifier": who, "password": resident.password}
        answer = requests.post(address, json=body, timeout=60)
        assert answer.ok, answer.text
        return replace(resident, token=answer.json()["access_token"])


def bot_of(homeserver: Homeserver) -> Resident:
    """An account for us."""
    return homeserver.register(f"bot_{uuid.uuid4().hex[:8]}")


def matrix(bot: Resident, **options: str) -> Matrix:
    """The channel as this account."""
    return Matrix(Account(bot.url, bot.user_id, bot.token, options))


def message(title: str, text: str = "All of it.") -> Message:
    """Something to say."""
    facts = (("Ends", "not set → 1 May"),)
    return Message("started", title, text, "https://split.example.org/tests/a/", "a", facts)


@contextlib.contextmanager
def running_synapse(folder: Path) -> Iterator[Homeserver]:
    """Start one in an empty folder; it ends with the block."""
    assert PYTHON.exists(), "Synapse is installed by scripts/setup.py --dev"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    homeserver = Homeserver(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    configuration = folder / "homeserver.yaml"
    # JSON is YAML, too.
    configuration.write_text(json.dumps(_configuration(folder, port, homeserver.shared_secret)))
    with (folder / "synapse.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "synapse.app.homeserver", "--config-path", str(configuration)],
            cwd=folder,
            env=_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _answers(process, homeserver, folder), "Synapse answers", 240)
        yield homeserver
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """Its modules are compiled once, also where containers switch that off: otherwise each start takes thrice as long."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(ROOT / ".venv" / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _answers(process: subprocess.Popen[bytes], homeserver: Homeserver, folder: Path) -> bool:
    if process.poll() is not None:
        pytest.fail(f"Synapse ended: {(folder / 'synapse.log').read_text()[-2_000:]}")
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{homeserver.url}/health", timeout=60).ok
    return False


def _configuration(folder: Path, port: int, shared_secret: str) -> Mapping[str, Any]:
    key = base64.b64encode(os.urandom(32)).decode().rstrip("=")
    (folder / "signing.key").write_text(f"ed25519 a_test {key}\n")
    (folder / "log.yaml").write_text(
        '{"version": 1, "handlers": {"console": {"class": "logging.StreamHandler"}},'
        ' "root": {"level": "WARNING", "handlers": ["console"]}}'
    )
    return {
        "server_name": SERVER_NAME,
        "listeners": [
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "resources": [{"names": ["client"]}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "log_config": str(folder / "log.yaml"),
        "media_store_path": str(folder / "media"),
        "pid_file": str(folder / "synapse.pid"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": shared_secret,
        "macaroon_secret_key": secrets.token_hex(16),
        "form_secret": secrets.token_hex(16),
        "report_stats": False,
        "trusted_key_servers": [],
        "bcrypt_rounds": 4,
        # By default the same question is answered from memory for two minutes, whatever has happened since.
        "caches": {"sync_response_cache_duration": "0s"},
        **dict.fromkeys(("rc_message", "rc_registration", "rc_joins_per_room", "rc_admin_redaction"), _MANY),
        "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _MANY),
        "rc_joins": {"local": _MANY, "remote": _MANY},
        "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), _MANY),
        "rc_room_creation": _MANY,
    }
