"""Sinks take hits at once and lose none of them."""

import json
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from usersplit_sdk import FileHits, Hit, NullHits, RecordingHits, hits


def hit(user_id: str = "1") -> Hit:
    time = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    return Hit("green_button", 3, "grün\ud800", user_id, None, 7, "production", time, False, True)


def test_null_and_recording_hits() -> None:
    NullHits().record(hit())
    NullHits().close()
    sink = RecordingHits()
    sink.record(hit())
    sink.close()
    assert sink.hits == [hit()]


def test_file_hits_are_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "hits.jsonl"
    path.write_text("earlier\n")
    sink = FileHits(path)
    sink.record(hit())
    sink.close()
    sink.close()
    earlier, line = path.read_text(encoding="ascii").splitlines()
    assert earlier == "earlier"
    assert json.loads(line) == {
        "test": "green_button",
        "settings_group": 3,
        "variant": "grün\ud800",
        "user_id": "1",
        "device_id": None,
        "split_group": 7,
        "environment": "production",
        "time": "2026-11-22T12:00:00+00:00",
        "forced": False,
        "test_user": True,
    }


def test_hits_of_many_threads_are_all_written(tmp_path: Path) -> None:
    path = tmp_path / "hits.jsonl"
    sink = FileHits(path)

    def record_many(name: int) -> None:
        for number in range(500):
            sink.record(hit(f"{name}-{number}"))

    threads = [threading.Thread(target=record_many, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    assert len({json.loads(line)["user_id"] for line in path.read_text().splitlines()}) == 2000
    assert sink.dropped == 0


def test_hits_wait_while_the_file_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "QUEUE_LIMIT", 2)
    monkeypatch.setattr(hits, "FLUSH_SECONDS", 3600)
    folder = tmp_path / "not_yet"
    sink = FileHits(folder / "hits.jsonl")
    for name in "abc":
        sink.record(hit(name))
    assert sink.dropped == 1
    with pytest.raises(OSError, match="not_yet"):
        sink.flush()
    folder.mkdir()
    sink.close()
    sink.record(hit("late"))
    assert sink.dropped == 2
    lines = (folder / "hits.jsonl").read_text().splitlines()
    assert [json.loads(line)["user_id"] for line in lines] == ["a", "b"]
