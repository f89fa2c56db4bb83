"""What a server answers to a batch, and what becomes of the batch: it is sent until it is stored, and counts once."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from usersplit_sdk import outbox

if TYPE_CHECKING:
    from tests.sending.conftest import HitServer, Senders


@pytest.mark.parametrize("spool", [None, False])
def test_a_server_in_trouble_gets_the_same_batch_again(
    server: HitServer, senders: Senders, spool: bool | None
) -> None:
    says = server.says
    server.moods.extend(
        [
            says(500),
            says(503),
            says(429, {"Retry-After": "0"}),
            server.cut,
            says(302, {"Location": "https://x.example"}),
        ]
    )
    sink = senders() if spool is None else senders(spool=False)
    users = senders.record(sink, 5)
    assert senders.eventually(lambda: sink.sent == 5)
    assert server.users() == users
    assert len(server.asked) == 6
    assert len(set(server.bodies)) == 1, "the same hits under the same id"
    assert sink.dropped == 0


def test_a_server_that_is_down_costs_nothing_but_time(server: HitServer, senders: Senders) -> None:
    server.stop()
    sink = senders()
    users = senders.record(sink, 5)
    assert senders.eventually(lambda: len(senders.told) > 0)
    sink.flush()
    assert senders.lines() == users
    server.start_again()
    assert senders.eventually(lambda: server.users() == users)
    assert senders.told == [f"hits: {server.url} cannot be reached: Connection refused"]


def test_what_a_server_wants_to_be_left_alone_for_is_kept_to(
    server: HitServer, senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "ADOPT_SECONDS", 3600.0)
    server.moods.append(server.says(503, {"Retry-After": "100000"}))
    sink = senders()
    senders.record(sink, 1)
    assert senders.eventually(lambda: 200 < sink._delay() <= 300)
    senders.record(sink, 1, first=1)
    sink.flush()
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_that_is_refused_is_told_once_and_tried_rarely(
    server: HitServer, senders: Senders, status: int
) -> None:
    server.mood = server.says(status)
    sink = senders()
    users = senders.record(sink, 5)
    assert senders.eventually(lambda: len(senders.told) == 1)
    assert f"({status})" in senders.told[0]
    assert sink._delay() > 20
    senders.record(sink, 5, first=5)
    sink.close()
    assert len(senders.told) == 1
    assert sink.dropped == 0
    server.mood = type(server).take
    late = senders(token="ust_renewed")
    assert senders.eventually(lambda: len(server.users()) == 10)
    assert set(users) < set(server.users())
    assert senders.eventually(lambda: late.sent == 10)


def test_a_batch_that_is_too_large_is_halved(server: HitServer, senders: Senders) -> None:
    def at_most_three(server: HitServer, request: Any, body: bytes) -> None:
        if len(json.loads(body)["hits"]) > 3:
            return server.reply(request, 413)
        return server.take(request, body)

    server.mood = at_most_three
    for sink in (senders(batch_seconds=0.2), senders(batch_seconds=0.2, spool=False)):
        server.stored.clear()
        users = senders.record(sink, 20)
        assert senders.eventually(lambda: len(server.users()) == 20)
        assert server.users() == users
        assert all(uuid.UUID(batch_id).version == 4 for batch_id in server.stored)
        assert senders.eventually(lambda: sink.waiting == 0)  # noqa: B023
    assert senders.files() == []
    assert senders.told == []


def test_one_hit_that_is_too_large_is_dropped_and_told(server: HitServer, senders: Senders) -> None:
    server.mood = server.says(413)
    sink = senders()
    senders.record(sink, 2)
    assert senders.eventually(lambda: sink.dropped == 2)
    assert senders.eventually(
        lambda: any("finds a single hit too large" in message for message in senders.told)
    )


def test_what_a_proxy_refuses_waits(server: HitServer, senders: Senders) -> None:
    server.mood = server.says(
        400, {"Content-Type": "text/html"}, b"<h1>plain HTTP was sent to the HTTPS port</h1>"
    )
    sink = senders()
    senders.record(sink, 3)
    assert senders.eventually(lambda: len(senders.told) == 1)
    assert senders.told[0].endswith("answers 400 to hits, but not as a UserSplit server does; hits wait")
    sink.close()
    assert (sink.dropped, len(senders.lines())) == (0, 3)


def test_a_batch_that_is_never_taken_is_set_aside(server: HitServer, senders: Senders) -> None:
    server.moods.append(server.refuses())
    sink = senders(batch_seconds=0.2)
    senders.record(sink, 3)
    assert senders.eventually(lambda: sink.dropped == 3)
    senders.record(sink, 1, first=3)
    assert senders.eventually(lambda: server.users() == ["3"])
    assert f"hits: some are dropped: {server.url} answers 400 to hits: hits: must be a list" in senders.told
    (aside,) = (senders.spool / "aside").iterdir()
    assert len(aside.read_bytes().splitlines()) == 3


def test_a_batch_over_which_the_server_fails_does_not_hold_up_the_others(
    server: HitServer, senders: Senders
) -> None:
    def poisoned(server: HitServer, request: Any, body: bytes) -> None:
        if b"poison" in body:
            return server.reply(request, 500)
        return server.take(request, body)

    server.mood = poisoned
    sink = senders(batch_size=1)
    sink.record(senders.hit("poison"))
    number = 0
    while sink.dropped == 0 and number < 1000:
        senders.record(sink, 1, first=number)
        assert senders.eventually(lambda: str(number) in server.users())  # noqa: B023 - called before it changes
        number += 1
    assert sink.dropped == 1
    # It is counted a moment before it is told.
    told = "hits: some are dropped: the server takes others, but fails over these"
    assert senders.eventually(lambda: told in senders.told)


def test_hits_that_are_rejected_are_told_once_with_the_reason(server: HitServer, senders: Senders) -> None:
    errors = [{"index": 0, "errors": [{"field": "environment", "message": "must be devel"}]}]
    unknown = [{"test": "gren_button", "settings_group": 3, "variant": "green", "hits": 1, "why": "test"}]

    def reject(server: HitServer, request: Any, body: bytes) -> None:
        server.take(request, body, rejected=errors, rejected_count=1, unknown=unknown)

    server.mood = reject
    sink = senders(batch_size=2)
    senders.record(sink, 8)
    assert senders.eventually(lambda: (sink.sent, sink.rejected) == (4, 4))
    assert senders.told == [
        "rejected hits: the server rejects some: environment: must be devel",
        "rejected hits: the server does not know test gren_button, settings group 3, variant green",
    ]


def test_a_page_that_asks_to_sign_in_has_stored_nothing(server: HitServer, senders: Senders) -> None:
    page = server.says(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")
    other = server.says(200, body=b'{"batch_id": "another"}')
    server.moods.extend([page, other])
    sink = senders()
    users = senders.record(sink, 2)
    assert senders.eventually(lambda: sink.sent == 2)
    assert server.users() == users
    assert "but not as a UserSplit server does" in senders.told[0]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"ok", b"[]", b'{"rejected": 7, "unknown": [1, {}], "rejected_count": "x"}']
)
def test_a_server_of_few_words_has_stored_it(server: HitServer, senders: Senders, body: bytes) -> None:
    server.mood = server.says(202, body=body)
    sink = senders()
    senders.record(sink, 2)
    assert senders.eventually(lambda: sink.sent == 2)
    assert len(server.asked) == 1


def test_redirects_within_the_server_are_followed_and_others_not(server: HitServer, senders: Senders) -> None:
    other = type(server)()
    server.moods.append(server.says(307, {"Location": f"{other.url}/api/v1/hits/"}))
    server.moods.append(server.says(308, {"Location": "/moved/"}))
    sink = senders()
    users = senders.record(sink, 2)
    assert senders.eventually(lambda: server.users() == users)
    other.stop()
    assert other.asked == []
    assert server.headers[-1]["path"] == "/moved/"
    assert "where the token must not go" in senders.told[0]
