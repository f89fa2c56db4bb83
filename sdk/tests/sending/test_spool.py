"""What lies in a spool: nothing of it is lost or sent twice, whatever a disk, a kill or somebody else does to it."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import outbox, spool
from usersplit_sdk.hit_batches import half_ids
from usersplit_sdk.spool import Spool

if TYPE_CHECKING:
    from tests.sending.conftest import HitServer, Senders


def left_by_the_dead(senders: Senders, *batches: bytes, name: str = "4711-0123456789abcdef") -> list[str]:
    """A process's folder, of which nobody holds the lock; answers the batches' ids."""
    place = senders.spool / name
    place.mkdir(mode=0o700, parents=True)
    (place / "lock").touch()
    ids = [str(uuid.uuid4()) for _ in batches]
    for number, (batch_id, lines) in enumerate(zip(ids, batches, strict=True)):
        (place / f"{number:016x}-{batch_id}.hits").write_bytes(lines)
    return ids


def lines(senders: Senders, *users: object) -> bytes:
    return b"".join(json.dumps(senders.hit(user).as_json()).encode() + b"\n" for user in users)


def test_what_the_dead_left_is_sent_under_the_ids_that_it_has(server: HitServer, senders: Senders) -> None:
    ids = left_by_the_dead(senders, lines(senders, 1, 2), lines(senders, 3))
    sink = senders()
    assert senders.eventually(lambda: sink.sent == 3)
    assert [batch_id for batch_id, _ in server.asked] == ids
    assert server.users() == ["1", "2", "3"]
    sink.close()
    assert list(senders.spool.iterdir()) == []


def test_what_the_living_have_is_left_alone(server: HitServer, senders: Senders) -> None:
    server.mood = server.says(403)
    first = senders(close_seconds=0.0)
    first.record(senders.hit(1))
    assert senders.eventually(lambda: len(senders.told) == 1)
    server.mood = type(server).take
    second = senders()
    second.record(senders.hit(2))
    assert senders.eventually(lambda: server.users() == ["2"])
    assert senders.eventually(lambda: senders.lines() == ["1"])
    first.close()
    third = senders()
    assert senders.eventually(lambda: third.sent == 1)
    assert server.users() == ["1", "2"]


def test_a_line_that_was_being_written_is_none_yet(server: HitServer, senders: Senders) -> None:
    left_by_the_dead(senders, lines(senders, 1, 2)[:-9], lines(senders, 3)[:20], b"", b"\0" * 4096)
    sink = senders()
    assert senders.eventually(lambda: senders.files() == [] and sink.waiting == 0)
    assert server.users() == ["1"]
    assert sink.dropped == 0
    assert senders.told == []


@pytest.mark.parametrize(
    "damage", [b"\0\0\0\n", b'{"test": "gr\n', b"[1]\n", b"\xff\xfe\n", b"[" * 9999 + b"\n", b"\n"]
)
def test_a_damaged_file_is_set_aside_and_its_sound_lines_are_sent(
    server: HitServer, senders: Senders, damage: bytes
) -> None:
    left_by_the_dead(senders, lines(senders, 1) + damage + lines(senders, 2), damage, lines(senders, 3))
    sink = senders()
    assert senders.eventually(lambda: sink.sent == 3)
    assert senders.eventually(lambda: senders.files() == [])
    assert server.users() == ["1", "2", "3"]
    aside = senders.spool / "aside"
    assert sorted(path.read_bytes() for path in aside.iterdir()) == sorted(
        [damage, lines(senders, 1) + damage + lines(senders, 2)]
    )
    assert senders.told == [f"hit spool: files that are damaged or useless are set aside in {aside}"]


def test_few_files_are_kept_aside(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ASIDE_LIMIT", 3)
    left_by_the_dead(senders, *[b"damage\n"] * 10)
    senders()
    aside = senders.spool / "aside"
    assert senders.eventually(lambda: not senders.files() and len(list(aside.glob("*"))) == 3)


def test_killed_while_a_batch_was_halved_it_is_sent_as_a_whole(server: HitServer, senders: Senders) -> None:
    (whole,) = left_by_the_dead(senders, lines(senders, 1, 2))
    place = senders.spool / "4711-0123456789abcdef"
    first, second = half_ids(whole)
    (place / f"{0:016x}-{first}.hits").write_bytes(lines(senders, 1))
    (place / f"{0:016x}-{second}.hits.0a0b0c0d.part").write_bytes(lines(senders, 2)[:5])
    senders()
    assert senders.eventually(lambda: server.users() == ["1", "2"])
    assert list(server.stored) == [whole]
    assert senders.eventually(lambda: not place.exists())


class FullDisk:
    """``os.write`` on a disk that has so many bytes left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 0
        self._write = os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, file: int, data: Any) -> int:
        if not Path(f"/proc/self/fd/{file}").readlink().name.endswith((".hits", ".part")):
            return self._write(file, data)
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(file, data[: self.room])
        self.room -= written
        return written


def test_on_a_full_disk_memory_goes_on_and_it_is_told_once(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usersplit_sdk.hit_filling.DISK_SECONDS", 0.0)
    server.mood = server.says(503)
    disk = FullDisk(monkeypatch)
    disk.room = len(lines(senders, 100)) * 3
    sink = senders(batch_seconds=3600)
    for user in range(100, 102):
        sink.record(senders.hit(user))
    sink.flush()
    for user in range(102, 110):  # of these only a part finds room, and is taken back
        sink._queue.append(senders.hit(user))
    sink.flush()
    assert senders.lines() == ["100", "101"]
    assert sink.waiting == 10
    disk.room = 10**9
    sink.record(senders.hit(110))
    sink.flush()
    server.mood = type(server).take
    sink.close()
    assert server.users() == [str(user) for user in range(100, 111)]
    assert senders.told[0] == "hit spool: it cannot be used, hits wait in memory: No space left on device"
    assert len([message for message in senders.told if message.startswith("hit spool")]) == 1
    assert sink.dropped == 0


def test_closing_leaves_in_the_spool_what_was_in_memory(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stop()
    disk = FullDisk(monkeypatch)
    sink = senders()
    sink.record(senders.hit(1))
    sink.flush()
    assert senders.lines() == []
    disk.room = 10**9
    sink.close()
    assert senders.lines() == ["1"]
    server.start_again()
    senders()
    assert senders.eventually(lambda: server.users() == ["1"])


def test_a_place_where_no_spool_can_be_is_told_and_done_without(
    server: HitServer, senders: Senders, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    others = tmp_path / "others"
    others.mkdir()
    others.chmod(0o777)
    for number, place in enumerate((tmp_path / "file" / "spool", tmp_path / "file", others)):
        senders.told.clear()
        sink = senders(spool=place)
        sink.record(senders.hit(number))
        assert senders.eventually(lambda: sink.sent == 1)  # noqa: B023 - called before it changes
        assert any(message.startswith("hit spool: ") for message in senders.told)


def test_a_system_without_locks_has_no_spool(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "fcntl", None)
    sink = senders()
    sink.record(senders.hit())
    assert senders.eventually(lambda: sink.sent == 1)
    assert "a spool needs the locks of fcntl" in senders.told[0]


def test_the_oldest_go_where_there_are_too_many(server: HitServer, senders: Senders) -> None:
    server.mood = server.says(403)
    left_by_the_dead(senders, lines(senders, "old", "old"), lines(senders, "old"))
    sink = senders(spool_bytes=5 * 4096, batch_size=2)
    assert senders.eventually(lambda: len(senders.told) == 1)
    for user in range(12):
        sink.record(senders.hit(user))
    sink.flush()
    assert len(senders.files()) <= 6
    assert senders.eventually(lambda: sink.dropped >= 5)
    assert senders.lines() == sorted(str(user) for user in range(2, 12))
    assert sink.dropped == 5
    assert senders.told[1] == "hits: some are dropped: too many are waiting, and the oldest go first"


def test_what_the_dead_left_waits_where_there_is_no_room_for_it(server: HitServer, senders: Senders) -> None:
    server.mood = server.says(403)
    for number in range(3):
        name = f"{number + 1}-0123456789abcdef"
        left_by_the_dead(senders, *[lines(senders, f"{number}{part}") for part in range(4)], name=name)
    sink = senders(spool_bytes=6 * 4096)
    assert senders.eventually(lambda: len(senders.told) == 1)
    assert (sink.dropped, len(senders.files())) == (0, 12)
    sink.close()
    server.mood = type(server).take
    last = senders()
    assert senders.eventually(lambda: len(server.users()) == 12)
    last.close()


def test_a_spool_that_somebody_removes_is_made_anew(server: HitServer, senders: Senders) -> None:
    server.stop()
    sink = senders(batch_size=2)
    for user in range(3):
        sink.record(senders.hit(user))
    sink.flush()
    for path in senders.spool.glob("*/*"):
        path.unlink()
    for path in senders.spool.iterdir():
        path.rmdir()
    for user in range(3, 6):
        sink.record(senders.hit(user))
    sink.flush()
    server.start_again()
    assert senders.eventually(lambda: server.users()[-3:] == ["3", "4", "5"])
    # What had been read for an attempt when it was removed may still arrive.
    assert senders.eventually(lambda: sink.dropped + len(server.users()) == 6)


def test_nobody_else_can_read_it(server: HitServer, senders: Senders) -> None:
    server.stop()
    sink = senders()
    sink.record(senders.hit())
    sink.flush()
    places = [senders.spool, *senders.spool.rglob("*")]
    assert len(places) == 4
    assert {place.stat().st_mode & 0o777 for place in places} == {0o700, 0o600}
    server.start_again()


def test_folders_of_who_was_killed_at_birth_go(senders: Senders) -> None:
    senders.spool.mkdir(mode=0o700)
    young, old = (senders.spool / f"{number}-0123456789abcdef" for number in (1, 2))
    for place in (young, old):
        place.mkdir(mode=0o700)
    os.utime(old, (0, 0))
    assert list(Spool(senders.spool).adopt(lambda: True)) == []
    assert list(senders.spool.iterdir()) == [young]


def test_what_is_not_ours_stays(senders: Senders) -> None:
    senders.spool.mkdir(mode=0o700)
    (senders.spool / "notes.txt").write_text("mine")
    (senders.spool / "photos").mkdir()
    mine = Spool(senders.spool)
    assert list(mine.adopt(lambda: True)) == []
    mine.begin(str(uuid.uuid4()), 1).close()
    mine.close()
    assert {place.name for place in senders.spool.iterdir()} >= {"notes.txt", "photos"}


def test_a_batch_that_cannot_be_halved_for_want_of_room_waits(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.moods.extend([server.says(413)] * 2)
    disk = FullDisk(monkeypatch)
    disk.room = len(lines(senders, 1, 2)) + 60
    monkeypatch.setattr(outbox, "BACKOFF_LIMIT", 0.5)
    monkeypatch.setattr(outbox, "BACKOFF_SECONDS", 0.5)
    sink = senders(batch_size=2)
    sink.record(senders.hit(1))
    sink.record(senders.hit(2))
    assert senders.eventually(lambda: any("no room to halve" in message for message in senders.told))
    assert senders.lines() == ["1", "2"]
    disk.room = 10**9
    assert senders.eventually(lambda: server.users() == ["1", "2"])
    assert [count for _, count in server.asked] == [2, 2, 1, 1]
