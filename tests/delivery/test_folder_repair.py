"""The folder is made right whatever happened to it, and its version never goes down."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from accounts.actors import Actor
from delivery.services import deliver
from experiments.lifecycle import Status
from tests.factories import make_experiment
from usersplit_sdk import Client


def folder() -> Path:
    return Path(settings.DELIVERY_DIR)


def content() -> dict[str, bytes]:
    return {
        str(path.relative_to(folder())): path.read_bytes() for path in folder().rglob("*") if path.is_file()
    }


@pytest.fixture
def delivered(manager: Actor) -> dict[str, bytes]:
    make_experiment(manager, Status.RUNNING, key="first")
    make_experiment(manager, Status.RUNNING, key="second")
    deliver()
    return content()


def remove(path: str) -> None:
    (folder() / path).unlink()


def cut_a_file() -> None:
    path = folder() / "tests/first.json"
    path.write_bytes(path.read_bytes()[:10])


def leave_half_written_files() -> None:
    (folder() / "tests/.first.json.0123456789abcdef.tmp").write_bytes(b"{")
    (folder() / ".manifest.json.0123456789abcdef.tmp").write_bytes(b"{")


def add_a_file_that_nobody_delivered() -> None:
    (folder() / "groups/stray.json").write_bytes(b"{}")


def link_a_file_elsewhere() -> None:
    path = folder() / "tests/first.json"
    path.rename(folder() / "elsewhere.txt")
    path.symlink_to(folder() / "elsewhere.txt")


DAMAGE: list[Callable[[], object]] = [
    lambda: shutil.rmtree(folder()),
    lambda: shutil.rmtree(folder() / "tests"),
    lambda: remove("manifest.json"),
    lambda: (folder() / "manifest.json").write_bytes(b"\x00" * 100),
    lambda: remove("tests/first.json"),
    cut_a_file,
    leave_half_written_files,
    add_a_file_that_nobody_delivered,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_mended(delivered: dict[str, bytes], damage: Callable[[], object]) -> None:
    damage()
    report = deliver()
    assert content() == delivered
    assert (report.version, report.is_new) == (1, False)


def test_a_link_is_replaced_by_the_file(delivered: dict[str, bytes]) -> None:
    link_a_file_elsewhere()
    deliver()
    assert not (folder() / "tests/first.json").is_symlink()
    assert (folder() / "tests/first.json").read_bytes() == delivered["tests/first.json"]


def test_what_is_not_ours_stays(delivered: dict[str, bytes]) -> None:
    (folder() / "README").write_text("mounted by the app servers")
    deliver()
    assert (folder() / "README").exists()


def test_everybody_may_read_and_nobody_else_may_write(delivered: dict[str, bytes]) -> None:
    modes = {stat.S_IMODE((folder() / path).stat().st_mode) for path in delivered}
    assert modes == {0o644}


@pytest.mark.parametrize("seen", [1, 7])
def test_versions_go_on_above_what_readers_have_seen(delivered: dict[str, bytes], seen: int) -> None:
    # The database was restored from a copy: the folder has another history, as far or further.
    manifest = json.loads(delivered["manifest.json"])
    (folder() / "manifest.json").write_text(json.dumps(manifest | {"version": seen, "files": {}}))
    assert deliver().version == seen + 1
    assert json.loads(content()["manifest.json"])["version"] == seen + 1
    assert deliver().is_new is False


@pytest.mark.parametrize("version", [True, -1, 2**80, 1.5, "9", None])
def test_a_version_that_was_never_ours_is_not_believed(delivered: dict[str, bytes], version: object) -> None:
    (folder() / "manifest.json").write_text(json.dumps({"version": version}))
    assert deliver().version == 1
    assert content() == delivered


def test_a_client_follows_from_version_to_version(delivered: dict[str, bytes], manager: Actor) -> None:
    with Client.from_directory(folder(), refresh_seconds=None) as client:
        assert client.status.version == 1
        make_experiment(manager, Status.RUNNING, key="third")
        deliver()
        assert client.refresh()
        assert client.status.version == 2
        assert client.explain("third").reason.value == "NO_SPLIT_GROUP"
