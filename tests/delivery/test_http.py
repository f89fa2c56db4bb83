"""Reading a delivery over HTTP: what changed, what did not, and what nobody gets."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.actors import Actor
from accounts.models import Scope
from accounts.services import create_token
from delivery.services import deliver
from experiments.lifecycle import Status
from tests.conftest import People
from tests.factories import make_experiment

MANIFEST = "/api/v1/delivery/manifest"
FILES = "/api/v1/delivery/files/"


def headers(people: People, *scopes: str) -> dict[str, str]:
    _, secret = create_token(Actor.person(people.viewer), "app server", scopes)
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def app_server(people: People) -> dict[str, str]:
    return headers(people, Scope.DELIVER)


def test_manifest_and_files_are_those_of_the_folder(
    client: Client, manager: Actor, app_server: dict[str, str]
) -> None:
    make_experiment(manager, Status.RUNNING, key="first")
    deliver()
    answer = client.get(MANIFEST, headers=app_server)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.content == (Path(settings.DELIVERY_DIR) / "manifest.json").read_bytes()
    for path, sha256 in answer.json()["files"].items():
        file = client.get(FILES + path, headers=app_server)
        assert hashlib.sha256(file.content).hexdigest() == sha256
        assert file["ETag"] == f'"{sha256}"'


def test_who_is_up_to_date_hears_so_and_gets_nothing(
    client: Client, manager: Actor, app_server: dict[str, str]
) -> None:
    make_experiment(manager, Status.RUNNING, key="first")
    deliver()
    for address in (MANIFEST, FILES + "tests/first.json"):
        etag = client.get(address, headers=app_server)["ETag"]
        again = client.get(address, headers=app_server | {"If-None-Match": etag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    make_experiment(manager, Status.RUNNING, key="second")
    deliver()
    etag = f'"{hashlib.sha256(b"older").hexdigest()}"'
    assert client.get(MANIFEST, headers=app_server | {"If-None-Match": etag}).json()["version"] == 2


def test_answers_are_packed_for_who_asks_and_their_etags_count(
    client: Client, manager: Actor, app_server: dict[str, str]
) -> None:
    for number in range(5):
        make_experiment(manager, Status.RUNNING, key=f"test_{number}")
    deliver()
    for address in (MANIFEST, FILES + "tests/test_0.json"):
        plain = client.get(address, headers=app_server)
        assert "Content-Encoding" not in plain
        packed = client.get(address, headers=app_server | {"Accept-Encoding": "gzip"})
        assert packed["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed["Vary"]
        assert len(packed.content) < len(plain.content)
        assert gzip.decompress(packed.content) == plain.content
        assert packed["ETag"] == f"W/{plain['ETag']}"
        for etag in (plain["ETag"], packed["ETag"]):
            again = client.get(
                address, headers=app_server | {"Accept-Encoding": "gzip", "If-None-Match": etag}
            )
            assert (again.status_code, again.content) == (304, b"")


def test_the_first_reader_needs_no_delivery_before(client: Client, app_server: dict[str, str]) -> None:
    assert client.get(MANIFEST, headers=app_server).json()["files"] == {}


def test_an_address_with_a_last_slash_leads_to_the_right_one(
    client: Client, app_server: dict[str, str]
) -> None:
    answer = client.get(MANIFEST + "/", headers=app_server)
    assert (answer.status_code, answer["Location"]) == (308, MANIFEST)


@pytest.mark.parametrize("scope", [scope for scope in Scope.values if scope != Scope.DELIVER])
def test_no_other_scope_reads_files(client: Client, people: People, scope: str) -> None:
    for address in (MANIFEST, FILES + "tests/first.json"):
        answer = client.get(address, headers=headers(people, scope))
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"


def test_nobody_reads_without_a_token(client: Client, db: None) -> None:
    assert client.get(MANIFEST).status_code == 401
    assert client.get(MANIFEST, headers={"Authorization": "Bearer ust_made_up"}).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "tests/unknown.json",
        "manifest.json",
        "../manifest.json",
        "tests/../manifest.json",
        "tests/..%2F..%2Fsecret_key",
        "%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "tests/first.json%00",
        "tests/first.json/",
        "tests/FIRST.json",
        "tests/0.json",
        "tests/" + "a" * 5000 + ".json",
        "tests/%F0%9F%92%A9.json",
        "tests/'; DROP TABLE delivery_manifest; --.json",
    ],
)
def test_there_are_no_other_files(
    client: Client, manager: Actor, app_server: dict[str, str], path: str
) -> None:
    make_experiment(manager, Status.RUNNING, key="first")
    deliver()
    answer = client.get(FILES + path, headers=app_server)
    assert answer.status_code in {308, 404}
    if answer.status_code == 404:
        assert json.loads(answer.content)["status"] == 404
