"""A client of a delivery folder: follows it, and keeps answering whatever becomes of it."""

import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from usersplit_sdk import Client, Problem, Reason, User
from usersplit_sdk.folder import Folder
from usersplit_sdk.snapshots import Snapshot

USER = User("1", 1)


def document(key: str = "green_button", variant: str = "v1", **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "kind": "test",
        "key": key,
        "status": "running",
        "side": "server",
        "settings_group": 1,
        "conditions": [],
        "variants": [{"name": variant, "split_groups": [[1, 2400]]}],
        **changes,
    }


def write(path: Path, content: object) -> str:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_bytes(body)
    aside.replace(path)
    return hashlib.sha256(body).hexdigest()


def publish(folder: Path, version: int, *documents: Any, **manifest: Any) -> None:
    files = {}
    for item in documents:
        path = f"{item['kind']}s/{item['key']}.json"
        files[path] = write(folder / path, item)
    write(
        folder / "manifest.json",
        {"format": 1, "version": version, "published_at": "2026-11-22T12:00:00Z", "files": files, **manifest},
    )


def eventually(condition: Callable[[], bool]) -> bool:
    """Poll until the condition holds; the limit is for a machine that is very busy."""
    limit = time.monotonic() + 20
    pause = threading.Event()
    while not condition():
        if time.monotonic() > limit:
            return False
        pause.wait(0.005)
    return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "delivery"


@pytest.fixture
def by_hand(folder: Path) -> Iterator[Client]:
    publish(folder, 1, document(), document("other"))
    with Client.from_directory(folder, refresh_seconds=None) as client:
        yield client


def test_reads_tests_groups_and_tests_off(folder: Path) -> None:
    group = {k: v for k, v in document("vips").items() if k != "variants"} | {"kind": "group"}
    publish(folder, 118, document(), group, tests_off={"user_ids": ["9"], "device_ids": []})
    with Client.from_directory(str(folder), refresh_seconds=None) as client:
        assert client.get_active_variant("green_button", USER) == "v1"
        assert client.is_in_group("vips", USER)
        assert client.explain("green_button", User("9", 1)).reason is Reason.TESTS_OFF
        status = client.status
        assert (status.version, status.tests, status.groups) == (118, 1, 1)
        assert not status.errors
        assert status.age is not None
        assert status.age >= 0


def test_background_thread_follows_the_folder_within_a_second(folder: Path) -> None:
    with Client.from_directory(folder) as client:
        assert client.explain("green_button", USER).reason is Reason.UNKNOWN_TEST
        assert "manifest.json" in client.status.errors[0]
        for version in (1, 2, 3):
            publish(folder, version, document(variant=f"v{version}"))
            written = time.monotonic()
            assert eventually(lambda: client.status.version == version)  # noqa: B023 - called at once
            assert time.monotonic() - written < 5  # well under one second unless the machine is swamped
            assert client.get_active_variant("green_button", USER) == f"v{version}"
        assert client.status.errors == ()


def test_forgotten_client_ends_its_thread(folder: Path) -> None:
    publish(folder, 1, document())
    client = Client.from_directory(folder, refresh_seconds=0.01)
    threads = [t for t in threading.enumerate() if t.name == "usersplit-refresh" and t.is_alive()]
    del client
    assert eventually(lambda: not any(thread.is_alive() for thread in threads[-1:]))


def test_removed_test_disappears_and_unchanged_files_are_not_read_again(
    folder: Path, by_hand: Client
) -> None:
    kept = by_hand._store.snapshot.tests["green_button"].test
    publish(folder, 2, document(), document("new"))
    assert by_hand.refresh()
    assert by_hand.test_keys() == ("green_button", "new")
    assert by_hand._store.snapshot.tests["green_button"].test is kept


def test_folder_that_is_removed_keeps_the_last_good_copy(folder: Path, by_hand: Client) -> None:
    shutil.rmtree(folder)
    assert not by_hand.refresh()
    assert by_hand.get_active_variant("green_button", USER) == "v1"
    assert by_hand.status.version == 1
    assert len(by_hand.status.errors) == 1
    publish(folder, 2, document(variant="v2"))
    assert by_hand.refresh()
    assert not by_hand.status.errors
    assert by_hand.get_active_variant("green_button", USER) == "v2"


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
        b'{"format": 1, "version": 2, "files": []}',
        b'{"format": 1, "version": 2, "files": {}, "tests_off": []}',
        b'{"format": 1, "version": 2, "files": {}, "tests_off": {"user_ids": "all"}}',
        b" " * (10 * 1024 * 1024 + 1),
    ],
)
def test_unusable_manifest_changes_nothing(folder: Path, by_hand: Client, manifest: bytes) -> None:
    write(folder / "manifest.json", manifest)
    assert not by_hand.refresh()
    assert by_hand.get_active_variant("green_button", USER) == "v1"
    assert by_hand.status.errors[0].startswith("manifest.json: ")


def test_file_that_disagrees_with_the_manifest_keeps_its_last_good_copy(
    folder: Path, by_hand: Client
) -> None:
    publish(folder, 2, document(variant="v2"), document("other", variant="v2"))
    write(folder / "tests/other.json", b"half")
    assert not by_hand.refresh()
    assert by_hand.get_active_variant("green_button", USER) == "v2"
    assert by_hand.get_active_variant("other", USER) == "v1"
    assert "last good copy" in by_hand.status.errors[0]


def test_file_without_a_good_copy_is_invalid(folder: Path) -> None:
    publish(folder, 1, document(), document("broken"), document("missing"), document("unsummed"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["tests/unsummed.json"] = "not a checksum"
    write(folder / "manifest.json", manifest)
    write(folder / "tests/broken.json", b"half")
    (folder / "tests/missing.json").unlink()
    with Client.from_directory(folder, refresh_seconds=None) as client:
        assert client.get_active_variant("green_button", USER) == "v1"
        for key in ("broken", "missing", "unsummed"):
            assert client.explain(key, USER).reason is Reason.INVALID_TEST_FILE
        assert client.explain("missing", USER).detail == "is missing"


def test_reader_waits_for_the_manifest_that_belongs_to_newer_files(folder: Path) -> None:
    publish(folder, 1, document())
    newer = document(variant="v2")
    write(folder / "tests/green_button.json", newer)
    reading = threading.Event()

    class Watched(Folder):
        def read_manifest(self) -> Any:
            manifest = super().read_manifest()
            reading.set()
            return manifest

    def finish_publishing() -> None:
        assert reading.wait(20)
        publish(folder, 2, newer)

    publisher = threading.Thread(target=finish_publishing)
    publisher.start()
    snapshot = Watched(folder).load(Snapshot())
    publisher.join()
    assert (snapshot.version, snapshot.unsettled) == (2, False)


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
        "",
        "\ud800",
    ],
)
def test_path_that_leaves_the_folder_is_never_opened(folder: Path, path: str) -> None:
    digest = write(folder.parent / "secret.json", document("secret"))
    publish(folder, 1, document())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][path] = digest
    write(folder / "manifest.json", manifest)
    with Client.from_directory(folder, refresh_seconds=None) as client:
        assert client.test_keys() == ("green_button",)
        assert "is not a path of a delivery" in client.status.errors[0]


def test_key_and_kind_must_belong_to_the_file_name(folder: Path) -> None:
    publish(folder, 1, document())
    digest = write(folder / "tests/other.json", document())
    files = {
        "tests/other.json": digest,
        "groups/green_button.json": write(folder / "groups/green_button.json", document()),
    }
    write(folder / "manifest.json", {"format": 1, "version": 1, "files": files})
    with Client.from_directory(folder, refresh_seconds=None) as client:
        assert client.explain("other", USER).reason is Reason.INVALID_TEST_FILE
        assert not client.is_in_group("green_button", USER)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_not_waited_for(folder: Path, make: Callable[[Path], None]) -> None:
    publish(folder, 1, document(), document("odd"))
    (folder / "tests/odd.json").unlink()
    make(folder / "tests/odd.json")
    with Client.from_directory(folder, refresh_seconds=None) as client:
        assert client.explain("odd", USER).reason is Reason.INVALID_TEST_FILE
        assert client.get_active_variant("green_button", USER) == "v1"


def test_huge_file_is_refused(folder: Path) -> None:
    publish(folder, 1, document(), document("huge"))
    with (folder / "tests/huge.json").open("wb") as file:
        file.truncate(5 * 1024**3)  # sparse: it takes no room
    with Client.from_directory(folder, refresh_seconds=None) as client:
        assert client.explain("huge", USER).reason is Reason.INVALID_TEST_FILE


def test_lasting_problem_is_told_once_and_again_after_it_was_mended(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Problem] = []
    publish(folder, 1, document(status="odd"))
    with Client.from_directory(folder, refresh_seconds=None, on_error=told.append) as client:
        client.refresh()
        assert len(told) == 1
        publish(folder, 2, document())
        client.refresh()
        publish(folder, 3, document(status="odd"))
        client.refresh()
        client.refresh()
    assert len(told) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


def test_readers_never_see_a_mix_of_two_versions(folder: Path) -> None:
    publish(folder, 0, document("one", "v0"), document("two", "v0"))
    mixed: list[dict[str, str]] = []
    with Client.from_directory(folder, refresh_seconds=None) as client:
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen = client.active_variants(USER)
                if len(seen) != 2 or len(set(seen.values())) != 1:
                    mixed.append(seen)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for version in range(1, 25):
            publish(folder, version, document("one", f"v{version}"), document("two", f"v{version}"))
            assert client.refresh()
        done.set()
        for reader in readers:
            reader.join()
        assert client.get_active_variant("one", USER) == "v24"
    assert mixed == []
