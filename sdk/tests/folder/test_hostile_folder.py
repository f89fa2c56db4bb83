"""Whatever becomes of a delivery folder, its client goes on answering from the last good copy, and says so."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from usersplit_sdk import Client, Problem, Reason, User
from usersplit_sdk.documents import FILE_LIMIT

if TYPE_CHECKING:
    from tests.folder.conftest import Delivery

USER = User("1", 1)


def test_folder_that_is_removed_keeps_the_last_good_copy(delivery: Delivery, client: Client) -> None:
    shutil.rmtree(delivery.path)
    assert not client.refresh()
    assert client.get_active_variant("green_button", USER) == "v1"
    assert client.status.version == 1
    assert client.status.errors == (f"manifest.json: there is none in {delivery.path}",)
    delivery.publish(2, delivery.document(variant="v2"))
    assert client.refresh()
    assert not client.status.errors
    assert client.get_active_variant("green_button", USER) == "v2"


def test_folder_that_was_away_and_is_the_same_again_is_sound(delivery: Delivery, client: Client) -> None:
    away = delivery.path.with_name("away")
    delivery.path.rename(away)
    assert not client.refresh()
    away.rename(delivery.path)
    assert client.refresh()
    assert client.status.errors == ()


def test_clock_that_is_set_back_changes_nothing(
    delivery: Delivery, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr("time.time_ns", lambda: 0)
    delivery.publish(2, delivery.document(variant="v2"))
    os.utime(delivery.path / "manifest.json", (0, 0))
    assert client.refresh()
    assert client.get_active_variant("green_button", USER) == "v2"
    age = client.status.age
    assert age is not None
    assert 0 <= age < 60


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"format": 2, "version": 1, "files": {}}',
        b'{"format": true, "version": 1, "files": {}}',
        b'{"format": 1, "version": "1", "files": {}}',
        b'{"format": 1, "version": ' + b"9" * 5000 + b', "files": {}}',
        b'{"format": 1, "version": 2, "files": []}',
        b'{"format": 1, "version": 2, "files": {}, "tests_off": []}',
        b'{"format": 1, "version": 2, "files": {}, "tests_off": {"user_ids": "all"}}',
        b" " * (FILE_LIMIT + 1),
    ],
)
def test_unusable_manifest_changes_nothing(delivery: Delivery, client: Client, manifest: bytes) -> None:
    delivery.write("manifest.json", manifest)
    assert not client.refresh()
    assert client.get_active_variant("green_button", USER) == "v1"
    assert client.status.errors[0].startswith("manifest.json: ")


def test_file_that_disagrees_with_the_manifest_keeps_its_last_good_copy(
    delivery: Delivery, client: Client
) -> None:
    delivery.publish(2, delivery.document(variant="v2"), delivery.document("other", variant="v2"))
    sound = (delivery.path / "tests/other.json").read_bytes()
    for broken in (b"", sound[: len(sound) // 2], sound + b" ", sound.replace(b"v2", b"vx")):
        delivery.write("tests/other.json", broken)
        assert not client.refresh()
        assert client.get_active_variant("green_button", USER) == "v2"
        assert client.get_active_variant("other", USER) == "v1"
        assert "last good copy" in client.status.errors[0]
    delivery.write("tests/other.json", sound)
    assert client.refresh(), "the manifest is still the same"
    assert client.get_active_variant("other", USER) == "v2"


def test_file_that_is_mended_is_seen_by_the_background_thread(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document())
    sound = (delivery.path / "tests/green_button.json").read_bytes()
    delivery.write("tests/green_button.json", b"half")
    with Client.from_directory(delivery.path, refresh_seconds=0.02) as client:
        assert client.get_active_variant("green_button", USER) is None
        delivery.write("tests/green_button.json", sound)
        assert delivery.eventually(lambda: client.get_active_variant("green_button", USER) == "v1")


def test_file_without_a_good_copy_is_invalid(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document(), delivery.document("broken"), delivery.document("missing"))
    delivery.list_also(unsummed="not a checksum")
    delivery.write("tests/broken.json", b"half")
    (delivery.path / "tests/missing.json").unlink()
    with Client.from_directory(delivery.path, refresh_seconds=None) as client:
        assert client.get_active_variant("green_button", USER) == "v1"
        for key in ("broken", "missing", "unsummed"):
            assert client.explain(key, USER).reason is Reason.INVALID_TEST_FILE
        assert client.explain("missing", USER).detail == "is missing"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.json",
        "tests/../../secret.json",
        "/etc/passwd",
        "tests/UPPER.json",
        "tests/a.json",
        "tests/ab.json\n",
        "tests\\ab.json",
        "other/ab.json",
        "tests/ab.json\0",
        "tests/\u0661\u0661.json",
        "",
        "\ud800",
    ],
)
def test_path_that_leaves_the_folder_is_never_opened(delivery: Delivery, path: str) -> None:
    digest = delivery.write("../secret.json", delivery.document("secret"))
    delivery.publish(1, delivery.document())
    manifest = json.loads((delivery.path / "manifest.json").read_text())
    manifest["files"][path] = digest
    delivery.write("manifest.json", manifest)
    with Client.from_directory(delivery.path, refresh_seconds=None) as client:
        assert client.test_keys() == ("green_button",)
        assert "is not a path of a delivery" in client.status.errors[0]


def test_flood_of_faults_is_no_flood_of_messages(
    delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    delivery.publish(1, delivery.document())
    delivery.list_also(
        **{f"test_{n}": "0" * 64 for n in range(3000)}, **{f"BAD {n}": "" for n in range(3000)}
    )
    with Client.from_directory(delivery.path, refresh_seconds=None) as client:
        assert client.get_active_variant("green_button", USER) == "v1"
        assert client.explain("test_7", USER).reason is Reason.INVALID_TEST_FILE
        assert len(client.status.errors) < 3100
    assert 1 < len(caplog.records) <= 1000


def test_key_and_kind_must_belong_to_the_file_name(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document())
    files = {
        "tests/other.json": delivery.write("tests/other.json", delivery.document()),
        "groups/green_button.json": delivery.write("groups/green_button.json", delivery.document()),
    }
    delivery.write("manifest.json", {"format": 1, "version": 1, "files": files})
    with Client.from_directory(delivery.path, refresh_seconds=None) as client:
        assert client.explain("other", USER).reason is Reason.INVALID_TEST_FILE
        assert not client.is_in_group("green_button", USER)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
@pytest.mark.parametrize("name", ["tests/odd.json", "manifest.json"])
def test_what_is_no_file_is_not_waited_for(
    delivery: Delivery, client: Client, name: str, make: Callable[[Path], None]
) -> None:
    delivery.publish(2, delivery.document(), delivery.document("odd"))
    (delivery.path / name).unlink()
    make(delivery.path / name)
    assert not client.refresh()
    assert client.get_active_variant("green_button", USER) == "v1"
    assert client.status.errors


@pytest.mark.parametrize("name", ["tests/huge.json", "manifest.json"])
def test_huge_file_is_refused(delivery: Delivery, client: Client, name: str) -> None:
    delivery.publish(2, delivery.document(), delivery.document("huge"))
    with (delivery.path / name).open("wb") as file:
        file.truncate(5 * 1024**3)  # sparse: it takes no room
    assert not client.refresh()
    assert client.get_active_variant("green_button", USER) == "v1"
    assert "larger than" in client.status.errors[0]


def test_file_with_sound_checksum_and_unsound_content_is_invalid(delivery: Delivery, client: Client) -> None:
    body = b"[" * 1_000_000
    delivery.publish(2, delivery.document(variant="v2"))
    delivery.write("tests/other.json", body)
    delivery.list_also(other=hashlib.sha256(body).hexdigest())
    assert client.refresh()
    assert client.get_active_variant("green_button", USER) == "v2"
    assert client.explain("other", USER).detail == "the file is nested too deeply"


def test_lasting_problem_is_told_once_and_again_after_it_was_mended(
    delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Problem] = []
    delivery.publish(1, delivery.document(status="odd"))
    with Client.from_directory(delivery.path, refresh_seconds=None, on_error=told.append) as client:
        client.refresh()
        assert len(told) == 1
        delivery.publish(2, delivery.document())
        client.refresh()
        delivery.publish(3, delivery.document(status="odd"))
        client.refresh()
        client.refresh()
    assert len(told) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
