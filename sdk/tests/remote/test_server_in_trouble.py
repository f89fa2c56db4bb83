"""Whatever becomes of the server, the last good copy goes on answering, and the status says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import remote

if TYPE_CHECKING:
    from tests.remote.conftest import DeliveryServer, Followed

    Follow = Callable[..., Followed]


def test_server_that_was_killed_and_comes_back(server: DeliveryServer, follow: Follow) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.stop()
    assert not followed.store.refresh()
    assert followed.variant() == "v1"
    status = followed.store.status
    assert (status.version, status.source) == (1, server.url)
    assert status.errors == (f"manifest.json: {server.url} cannot be reached: Connection refused",)
    server.publish(2, server.document(variant="v2"))
    server.start_again()
    assert followed.store.refresh()
    assert followed.variant() == "v2"
    assert followed.store.status.errors == ()
    assert [(s.version, len(s.errors)) for s in followed.statuses] == [(1, 0), (1, 1), (2, 0)]


def test_client_of_a_server_that_is_down_has_no_tests_until_it_is_up(
    server: DeliveryServer, follow: Follow
) -> None:
    server.stop()
    followed = follow(poll_seconds=0.02)
    assert followed.store.status.version is None
    assert followed.store.status.age is None
    server.publish(1, server.document())
    server.start_again()
    assert followed.eventually(lambda: followed.variant() == "v1")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not know the token"), (403, "needs the scope deliver")]
)
def test_refused_token_is_said_in_words(
    server: DeliveryServer, follow: Follow, status: int, words: str
) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.odd["manifest"] = lambda request: server.reply(request, status, b"{}")
    assert not followed.store.refresh()
    assert followed.variant() == "v1"
    assert words in followed.errors()


def test_token_that_is_refused_in_the_middle_ends_the_load(server: DeliveryServer, follow: Follow) -> None:
    tests = [server.document(f"test_{n}") for n in range(100)]
    server.publish(1, *tests)
    for path in server.files.keys() - {"manifest"}:
        server.odd[path] = lambda request: server.reply(request, 403)
    followed = follow()
    assert "needs the scope deliver" in followed.errors()
    assert len(server.asked) < 50


@pytest.mark.parametrize("status", [204, 206, 304, 400, 404, 429, 500, 503])
def test_other_answers_change_nothing(server: DeliveryServer, follow: Follow, status: int) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.publish(2, server.document(variant="v2"))
    server.odd["manifest"] = lambda request: server.reply(request, status, headers={"ETag": '"x"'})
    assert followed.store.refresh() == (status == 304)
    assert followed.variant() == "v1"
    assert status == 304 or str(status) in followed.errors()


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b"{", b"[" * 100_000, b'{"format": 2}', b"\xff"]
)
def test_unusable_manifest_changes_nothing(server: DeliveryServer, follow: Follow, body: bytes) -> None:
    server.publish(1, server.document())
    followed = follow()
    server.odd["manifest"] = lambda request: server.reply(request, 200, body)
    assert not followed.store.refresh()
    assert followed.variant() == "v1"
    assert followed.store.status.errors[0].startswith("manifest.json: ")


@pytest.mark.parametrize("fault", ["wrong bytes", "half", "missing", "server error"])
def test_file_that_cannot_be_had_harms_only_its_own_test(
    server: DeliveryServer, follow: Follow, fault: str
) -> None:
    tests = [server.document(f"test_{n}") for n in range(10)]
    server.publish(1, *tests)
    followed = follow()
    path = "tests/test_3.json"
    server.publish(2, *(server.document(f"test_{n}", "v2") for n in range(10)), server.document("new"))
    sound = server.files[path]
    if fault == "server error":
        server.odd[path] = lambda request: server.reply(request, 500)
    elif fault == "missing":
        del server.files[path]
    else:
        server.files[path] = sound[: len(sound) // 2] if fault == "half" else sound.replace(b"v2", b"vx")
    assert not followed.store.refresh()
    assert followed.variant("test_3") == "v1"
    assert {followed.variant(f"test_{n}") for n in range(10) if n != 3} == {"v2"}
    assert followed.variant("new") == "v1"
    assert len(followed.store.status.errors) == 1
    assert "last good copy" in followed.errors()
    server.files[path] = sound
    server.odd.clear()
    assert followed.store.refresh()
    assert followed.variant("test_3") == "v2"


def test_file_that_is_newer_than_the_manifest_settles_by_asking_again(
    server: DeliveryServer, follow: Follow
) -> None:
    server.publish(1, server.document())
    older = server.files["manifest"]
    server.publish(2, server.document(variant="v2"))
    newer = server.files["manifest"]
    server.files["manifest"] = older

    def publish_meanwhile(request: Any) -> None:
        server.files["manifest"] = newer
        server.reply(request, 200, server.files["tests/green_button.json"])

    server.odd["tests/green_button.json"] = publish_meanwhile
    followed = follow()
    assert (followed.store.status.version, followed.variant()) == (2, "v2")
    assert followed.store.status.errors == ()


def test_server_that_dies_during_a_load_leaves_the_old_version_whole(
    server: DeliveryServer, follow: Follow
) -> None:
    server.publish(1, *(server.document(f"test_{n}") for n in range(60)))
    followed = follow()
    server.publish(2, *(server.document(f"test_{n}", "v2") for n in range(60)))
    sound = dict(server.files)
    for number in range(20, 60):
        path = f"tests/test_{number}.json"
        server.odd[path] = lambda request: server.reply(request, 503)
    assert not followed.store.refresh()
    assert followed.store.status.version == 1
    assert {followed.variant(f"test_{n}") for n in range(60)} == {"v1"}
    server.odd.clear()
    server.asked.clear()
    assert followed.store.refresh()
    assert {followed.variant(f"test_{n}") for n in range(60)} == {"v2"}
    assert len(server.asked) < len(sound), "what was fetched before is not fetched again"


def test_etag_that_cannot_be_sent_back_is_done_without(server: DeliveryServer, follow: Follow) -> None:
    for etag in ("x" * 5000, '"\xe4"', "a\r\n b"):
        server.publish(1, server.document())
        server.odd["manifest"] = lambda request: server.reply(
            request,
            200,
            server.files["manifest"],
            {"ETag": etag},  # noqa: B023 - asked for at once
        )
        followed = follow()
        assert followed.store.refresh()
        server.odd.clear()
        server.publish(2, server.document(variant="v2"))
        assert followed.store.refresh()
        assert followed.variant() == "v2"


def test_version_that_goes_back_is_taken_once_it_lasts(
    server: DeliveryServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(9, server.document(variant="v9"))
    followed = follow()
    server.publish(8, server.document(variant="v8"))
    assert not followed.store.refresh()
    assert (followed.store.status.version, followed.variant()) == (9, "v9")
    assert "went back from 9 to 8" in followed.errors()
    server.publish(9, server.document(variant="v9"))
    assert followed.store.refresh(), "one server of several lagged"
    server.publish(8, server.document(variant="v8"))
    assert not followed.store.refresh()
    monkeypatch.setattr(remote, "STEP_BACK_SECONDS", 0.0)
    assert followed.store.refresh(), "a backup was restored"
    assert (followed.store.status.version, followed.variant()) == (8, "v8")


def test_clock_that_is_set_back_changes_nothing(
    server: DeliveryServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish(1, server.document())
    followed = follow(poll_seconds=0.02)
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr("time.time_ns", lambda: 0)
    server.publish(2, server.document(variant="v2"))
    assert followed.eventually(lambda: followed.variant() == "v2")
    age = followed.store.status.age
    assert age is not None
    assert 0 <= age < 60


def test_manifest_with_a_flood_of_odd_paths_is_not_a_flood_of_messages(
    server: DeliveryServer, follow: Follow
) -> None:
    server.publish(1, server.document())
    manifest = json.loads(server.files["manifest"])
    manifest["files"].update({f"../{n}": "0" * 64 for n in range(5000)})
    server.files["manifest"] = json.dumps(manifest).encode()
    followed = follow()
    assert followed.variant() == "v1"
    assert 1 < len(followed.problems) < 50
    assert "not a path of a delivery" in followed.errors()
    assert not [path for path in server.paths() if ".." in path]
