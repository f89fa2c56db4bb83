"""Addresses follow from the folder alone, are short enough, and cannot be taken by somebody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from usersplit.embedded.layout import Layout
from usersplit.embedded.servers import remove_sockets

LONGEST_SOCKET_PATH = 107  # bytes: what the kernel's address structure holds


def test_socket_paths_are_short_however_deep_the_folder_lies(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "/".join(["a-rather-long-folder-name"] * 20))

    assert len(os.fsencode(layout.database_sockets / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH
    assert len(os.fsencode(layout.broker_socket)) <= LONGEST_SOCKET_PATH


def test_two_folders_do_not_share_an_address(tmp_path: Path) -> None:
    one, other = Layout.of(tmp_path / "one"), Layout.of(tmp_path / "other")

    assert one.database_url != other.database_url
    assert one.broker_url != other.broker_url
    assert Layout.of(tmp_path / "one").database_url == one.database_url


def test_the_folder_of_the_sockets_is_closed_to_others(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path)
    layout.make_folders()

    assert stat.S_IMODE(layout.sockets.stat().st_mode) & 0o066 == 0
    remove_sockets(layout)


def test_a_link_in_place_of_the_sockets_is_refused(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path)
    layout.sockets.symlink_to(tmp_path)

    try:
        with pytest.raises(PermissionError, match="belongs to somebody else"):
            layout.make_folders()
    finally:
        layout.sockets.unlink()
