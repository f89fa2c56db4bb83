"""The copy on disk: what it is good for, and that it can do no harm."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from usersplit_sdk import disk_copy, remote
from usersplit_sdk.disk_copy import DiskCopy, default_cache_folder
from usersplit_sdk.snapshots import Snapshot

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def folder_of(cache: Path) -> Path:
    (folder,) = cache.iterdir()
    return folder


def stored(cache: Path) -> list[Path]:
    return sorted((folder_of(cache) / "files").iterdir())


def test_start_while_the_server_is_down_answers_from_the_copy_and_says_so(
    server: DeliveryServer, follow: Follow, cache: Path
) -> None:
    off = {"user_ids": ["9"], "device_ids": ["d"]}
    server.publish(3, *(server.document(f"test_{n}") for n in range(9)), tests_off=off)
    assert follow(cache_dir=cache).store.status.errors == ()
    server.stop()
    long_ago = time.time() - 7200
    os.utime(folder_of(cache) / "manifest.json", (long_ago, long_ago))
    followed = follow(cache_dir=cache)
    status = followed.store.status
    assert (status.version, status.published_at, status.tests) == (3, "2026-11-22T12:00:00Z", 9)
    assert followed.store.snapshot.tests_off.device_ids == {"d"}
    assert status.source == f"disk copy of {server.url}"
    assert status.errors[0].endswith("Connection refused; the copy on disk is used")
    assert status.age is not None
    assert 7200 <= status.age < 7300
    server.start_again()
    server.asked.clear()
    assert followed.store.refresh()
    assert followed.store.status.source == server.url
    assert followed.store.status.errors == ()
    assert server.paths() == ["manifest"], "what the copy has is not fetched again"


def test_copy_of_a_clock_that_was_set_back_has_no_age(
    server: DeliveryServer, follow: Follow, cache: Path
) -> None:
    server.publish(3, server.document())
    follow(cache_dir=cache)
    server.stop()
    ahead = time.time() + 86400
    os.utime(folder_of(cache) / "manifest.json", (ahead, ahead))
    followed = follow(cache_dir=cache)
    assert followed.variant() == "v1"
    assert followed.store.status.age is None


def test_copy_follows_the_server_with_a_file_that_never_agrees_left_out(
    server: DeliveryServer, follow: Follow, cache: Path
) -> None:
    server.publish(1, server.document("good"), server.document("bad"))
    followed = follow(cache_dir=cache)
    server.publish(2, server.document("good", "v2"), server.document("bad", "v2"), server.document("worse"))
    for key in ("bad", "worse"):
        server.files[f"tests/{key}.json"] = b"{}"
    assert not followed.store.refresh()
    server.stop()
    again = follow(cache_dir=cache)
    assert [again.variant(key) for key in ("good", "bad", "worse")] == ["v2", "v1", None]
    assert again.store.status.version == 2


def test_restored_backup_is_taken_at_once_by_who_only_has_a_copy(
    server: DeliveryServer, follow: Follow, cache: Path
) -> None:
    server.publish(9, server.document(variant="v9"))
    follow(cache_dir=cache)
    server.publish(8, server.document(variant="v8"))
    assert follow(cache_dir=cache).variant() == "v8"


def test_only_the_user_can_read_it(server: DeliveryServer, follow: Follow, cache: Path) -> None:
    before = os.umask(0)
    try:
        server.publish(1, server.document())
        follow(cache_dir=cache)
    finally:
        os.umask(before)
    folder = folder_of(cache)
    for place in (folder, folder / "files"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for place in (folder / "manifest.json", *stored(cache)):
        assert stat.S_IMODE(place.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[" * 100_000, b'{"format": 1, "version": 1, "files": {"a": 1}}']
)
def test_broken_manifest_in_the_copy_is_no_copy(
    server: DeliveryServer, follow: Follow, cache: Path, body: bytes
) -> None:
    server.publish(1, server.document())
    follow(cache_dir=cache)
    (folder_of(cache) / "manifest.json").write_bytes(body)
    server.stop()
    assert follow(cache_dir=cache).variant() is None
    server.start_again()
    assert follow(cache_dir=cache).variant() == "v1"
    server.stop()
    assert follow(cache_dir=cache).variant() == "v1", "it was mended"


def test_file_of_the_copy_that_was_tampered_with_is_not_used_and_is_mended(
    server: DeliveryServer, follow: Follow, cache: Path
) -> None:
    server.publish(1, server.document(), server.document("other"))
    follow(cache_dir=cache)
    checksum = hashlib.sha256(server.files["tests/other.json"]).hexdigest()
    place = folder_of(cache) / "files" / checksum
    place.write_bytes(json.dumps(server.document("other", "evil")).encode())
    server.stop()
    followed = follow(cache_dir=cache)
    assert (followed.variant(), followed.variant("other")) == ("v1", None)
    assert "checksum" in followed.errors()
    server.start_again()
    assert followed.store.refresh()
    assert followed.variant("other") == "v1"
    assert hashlib.sha256(place.read_bytes()).hexdigest() == checksum


def test_folder_into_which_others_can_write_is_not_trusted(
    server: DeliveryServer, follow: Follow, cache: Path
) -> None:
    server.publish(1, server.document())
    follow(cache_dir=cache)
    folder_of(cache).chmod(0o777)
    server.stop()
    followed = follow(cache_dir=cache)
    assert followed.variant() is None
    assert "others can write into" in followed.errors()


def test_folder_that_is_a_link_is_not_trusted(server: DeliveryServer, follow: Follow, cache: Path) -> None:
    server.publish(1, server.document())
    follow(cache_dir=cache)
    folder = folder_of(cache)
    folder.rename(cache.parent / "elsewhere")
    folder.symlink_to(cache.parent / "elsewhere")
    server.stop()
    assert follow(cache_dir=cache).variant() is None


def test_servers_do_not_share_a_copy(server: DeliveryServer, follow: Follow, cache: Path) -> None:
    server.publish(1, server.document())
    follow(cache_dir=cache)
    second = type(server)()
    second.stop()
    assert follow(second.url, cache_dir=cache).variant() is None


def test_copy_that_somebody_removed_is_made_again(
    server: DeliveryServer, follow: Follow, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_copy, "TOUCH_SECONDS", 0.0)
    server.publish(1, server.document(), server.document("other"))
    followed = follow(cache_dir=cache)
    shutil.rmtree(cache)
    followed.store.poll()  # notices it
    followed.store.poll()
    server.stop()
    again = follow(cache_dir=cache)
    assert (again.variant(), again.variant("other")) == ("v1", "v1")


def test_place_that_cannot_be_written_is_told_and_harms_nothing(
    server: DeliveryServer, follow: Follow, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder should be")
    server.publish(1, server.document())
    followed = follow(cache_dir=cache)
    assert followed.variant() == "v1"
    assert followed.errors().startswith("disk copy: it cannot be ")
    assert len(followed.problems) == 1
    cache.unlink()
    monkeypatch.setattr(remote, "SAVE_AGAIN_SECONDS", 0.0)
    followed.store._save_at = 0.0
    assert followed.store.refresh()
    assert followed.errors() == ""
    server.stop()
    assert follow(cache_dir=cache).variant() == "v1"


def test_what_is_no_longer_listed_is_removed_after_a_while(
    server: DeliveryServer, follow: Follow, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(1, server.document(), server.document("gone"))
    followed = follow(cache_dir=cache)
    long_ago = time.time() - 86400
    (folder_of(cache) / "files" / "x.0123.tmp").write_bytes(b"left behind by a process that was killed")
    for place in stored(cache):
        os.utime(place, (long_ago, long_ago))
    server.publish(2, server.document())
    followed.store.refresh()
    assert len(stored(cache)) == 2, "another process may still have the manifest that lists it"
    for place in stored(cache):
        os.utime(place, (long_ago, long_ago))
    server.publish(3, server.document(), server.document("new"))
    followed.store.refresh()
    names = {hashlib.sha256(body).hexdigest() for path, body in server.files.items() if path != "manifest"}
    assert {place.name for place in stored(cache)} == names


def test_without_a_folder_of_its_own_the_copy_is_in_the_users_cache(
    server: DeliveryServer, follow: Follow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "usersplit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    server.publish(1, server.document())
    follow(cache_dir=None)
    assert list((tmp_path / ".cache" / "usersplit").iterdir())


def test_copy_that_is_up_to_date_says_when_it_was_last_seen_to_be(tmp_path: Path) -> None:
    copy = DiskCopy(tmp_path, "https://usersplit.example")
    assert copy.missing(Snapshot(version=1)) == {}
    copy.finish(Snapshot(version=1))
    age = copy.age()
    assert age is not None
    assert age < 60
