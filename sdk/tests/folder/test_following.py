"""A client of a delivery folder follows it, and its checks never see half of a change."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import Client, Reason, Status, User
from usersplit_sdk.folder import Folder
from usersplit_sdk.following import FolderStore
from usersplit_sdk.reporting import Reporter
from usersplit_sdk.snapshots import Snapshot

if TYPE_CHECKING:
    from tests.folder.conftest import Delivery

USER = User("1", 1)


def test_reads_tests_groups_and_tests_off(delivery: Delivery) -> None:
    group = {k: v for k, v in delivery.document("vips").items() if k != "variants"} | {"kind": "group"}
    delivery.publish(118, delivery.document(), group, tests_off={"user_ids": ["9"], "device_ids": []})
    with Client.from_directory(str(delivery.path), refresh_seconds=None) as client:
        assert client.get_active_variant("green_button", USER) == "v1"
        assert client.is_in_group("vips", USER)
        assert client.explain("green_button", User("9", 1)).reason is Reason.TESTS_OFF
        status = client.status
        assert (status.version, status.tests, status.groups) == (118, 1, 1)
        assert status.source == str(delivery.path)
        assert not status.errors
        assert status.age is not None
        assert status.age >= 0


def test_background_thread_follows_the_folder_within_a_second(delivery: Delivery) -> None:
    with Client.from_directory(delivery.path) as client:
        assert client.explain("green_button", USER).reason is Reason.UNKNOWN_TEST
        assert "manifest.json" in client.status.errors[0]
        for version in (1, 2, 3):
            delivery.publish(version, delivery.document(variant=f"v{version}"))
            written = time.monotonic()
            assert delivery.eventually(lambda: client.status.version == version)  # noqa: B023 - called at once
            assert time.monotonic() - written < 5  # well under one second unless the machine is swamped
            assert client.get_active_variant("green_button", USER) == f"v{version}"
        assert client.status.errors == ()


def test_forgotten_client_ends_its_thread(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document())
    client = Client.from_directory(delivery.path, refresh_seconds=0.01)
    thread = next(t for t in reversed(threading.enumerate()) if t.name == "usersplit-refresh")
    del client
    thread.join(20)
    assert not thread.is_alive()


def test_removed_test_disappears_and_unchanged_files_are_not_read_again(
    delivery: Delivery, client: Client
) -> None:
    kept = client._store.snapshot.tests["green_button"].test
    delivery.publish(2, delivery.document(), delivery.document("new"))
    assert client.refresh()
    assert client.test_keys() == ("green_button", "new")
    assert client._store.snapshot.tests["green_button"].test is kept


def test_reader_waits_for_the_manifest_that_belongs_to_newer_files(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document())
    newer = delivery.document(variant="v2")
    delivery.write("tests/green_button.json", newer)
    reading = threading.Event()

    class Watched(Folder):
        def read_manifest(self) -> Any:
            manifest = super().read_manifest()
            reading.set()
            return manifest

    def finish_publishing() -> None:
        assert reading.wait(20)
        delivery.publish(2, newer)

    publisher = threading.Thread(target=finish_publishing)
    publisher.start()
    snapshot = Watched(delivery.path).load(Snapshot())
    publisher.join()
    assert (snapshot.version, snapshot.unsettled) == (2, False)


def test_manifest_written_in_place_within_the_resolution_of_the_clock_is_seen(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document(), delivery.document("other"))
    manifest = delivery.path / "manifest.json"
    found = manifest.stat()
    folder = Folder(delivery.path)
    assert folder.read_manifest().version == 1
    with manifest.open("r+b") as file:
        file.write(manifest.read_bytes().replace(b'"version": 1', b'"version": 2'))
    os.utime(manifest, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert folder.read_manifest().version == 2


def test_manifest_without_news_is_the_same_object(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document())
    folder = Folder(delivery.path)
    first = folder.read_manifest()
    assert folder.read_manifest() is first
    os.utime(delivery.path / "manifest.json", (1, 1))
    assert folder.read_manifest() is first, "its bytes are the same"


def test_version_that_goes_back_is_a_copy_that_somebody_restored(delivery: Delivery) -> None:
    told: list[object] = []
    delivery.publish(9, delivery.document(variant="v9"))
    with Client.from_directory(delivery.path, refresh_seconds=None, on_error=told.append) as client:
        delivery.publish(8, delivery.document(variant="v8"))
        assert client.refresh()
        assert client.get_active_variant("green_button", USER) == "v8"
    assert [str(problem) for problem in told] == [
        "manifest.json: its version went back from 9 to 8; it is taken all the same"
    ]


def test_status_is_told_on_each_change_of_version_or_health(delivery: Delivery) -> None:
    told: list[Status] = []
    store = FolderStore(Folder(delivery.path), Reporter(), None, on_status=told.append)
    delivery.publish(1, delivery.document())
    for _ in range(3):
        store.poll()
    delivery.write("manifest.json", b"{")
    for _ in range(3):
        store.poll()
    assert [(status.version, len(status.errors)) for status in told] == [(None, 1), (1, 0), (1, 1)]


def test_callback_for_the_status_may_ask_for_a_refresh_and_may_fail(delivery: Delivery) -> None:
    delivery.publish(1, delivery.document())
    told: list[object] = []
    stores: list[FolderStore] = []

    def on_status(status: Status) -> None:
        for store in stores:
            store.refresh()
        raise RuntimeError("no room")

    stores.append(FolderStore(Folder(delivery.path), Reporter(told.append), None, on_status=on_status))
    delivery.publish(2, delivery.document(variant="v2"))
    assert stores[0].refresh()
    assert stores[0].snapshot.version == 2
    assert [str(problem) for problem in told] == ["on_status: RuntimeError: no room"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_times_that_are_none_are_refused(delivery: Delivery, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        FolderStore(Folder(delivery.path), Reporter(), seconds)


def test_readers_never_see_a_mix_of_two_versions(delivery: Delivery) -> None:
    delivery.publish(0, delivery.document("one", "v0"), delivery.document("two", "v0"))
    mixed: list[dict[str, str]] = []
    with Client.from_directory(delivery.path, refresh_seconds=None) as client:
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
            name = f"v{version}"
            delivery.publish(version, delivery.document("one", name), delivery.document("two", name))
            assert client.refresh()
        done.set()
        for reader in readers:
            reader.join()
        assert client.get_active_variant("one", USER) == "v24"
    assert mixed == []
