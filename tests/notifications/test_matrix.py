"""What a Matrix account does, asked of a real Synapse."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest

from accounts.actors import Actor
from notifications.channels.base import Account, SendFailed
from notifications.channels.matrix import Matrix
from notifications.connections import check_connection, create_connection, update_connection
from notifications.models import Provider
from notifications.outgoing import Answer
from tests.conftest import People
from tests.notifications.synapse import SERVER_NAME, Homeserver, bot_of, matrix, message


def test_a_message_is_found_again_by_its_mark_when_the_server_knows_no_transaction(
    homeserver: Homeserver, db: None
) -> None:
    bot = bot_of(homeserver)
    room = matrix(bot).create_room("a", "b", uuid.uuid4())
    token = uuid.uuid4()
    sent = matrix(bot).send(message("Once"), room.room_id, token, repeated=False)
    # The server itself knows the repetition while it remembers the transaction, which belongs to the access token.
    assert matrix(bot).send(message("Once"), room.room_id, token, repeated=False) == sent
    anew = matrix(homeserver.sign_in_anew(bot))
    found = anew.send(message("Once"), room.room_id, token, repeated=True)
    assert (found.reference, found.answer) == (sent.reference, "It had got through before.")
    assert len(bot.messages(room.room_id)) == 1


def test_words_of_people_are_no_markup_and_long_ones_are_cut(homeserver: Homeserver) -> None:
    bot = bot_of(homeserver)
    room = matrix(bot).create_room("n" * 300, "<b>", uuid.uuid4())
    for told in (
        message("<script>", "a\n<img src=x>"),
        message("x", "🙂" * 30_000),
        message("y", "\x01" * 90_000),
    ):
        matrix(bot).send(told, room.room_id, uuid.uuid4(), repeated=False)
    first, second, third = bot.messages(room.room_id)
    assert "&lt;script&gt;</a></strong><br>a<br>&lt;img src=x&gt;" in first["formatted_body"]
    assert first["m.mentions"] == {}
    for cut in (second, third):
        assert cut["body"].endswith("…\nhttps://split.example.org/tests/a/")
        assert "formatted_body" not in cut


def test_the_test_button_says_what_is_wrong(homeserver: Homeserver) -> None:
    bot = bot_of(homeserver)
    good = matrix(bot).check()
    assert good.is_ok
    assert good.found == {"account": bot.user_id}
    wrong = Matrix(Account(bot.url, "", "syt_wrong", {})).check()
    assert [(step, done) for step, done, _ in wrong.steps] == [
        ("Reach the homeserver", True),
        ("Sign in", False),
    ]
    assert wrong.steps[-1][2].startswith("Answered 401 Unauthorized: ")
    assert "syt_wrong" not in str(wrong)
    elsewhere = Matrix(Account(f"{bot.url}/elsewhere", "", bot.token, {})).check()
    assert elsewhere.steps == (
        ("Reach the homeserver", False, "There is no Matrix homeserver at this address."),
    )


def test_whose_a_token_is_the_test_finds_out_and_a_new_token_may_be_anothers(
    homeserver: Homeserver, people: People
) -> None:
    superuser, (first, second) = Actor.person(people.superuser), (bot_of(homeserver), bot_of(homeserver))
    row = create_connection(
        superuser, Provider.MATRIX, name="Chat", url=homeserver.url, secret=first.token, server_name=""
    )
    accounts = []
    for _ in range(2):
        report = check_connection(row.pk)
        assert report is not None
        assert report.is_ok
        row.refresh_from_db()
        accounts.append(row.account)
        row = update_connection(
            superuser,
            row.pk,
            revision=row.revision,
            name="Chat",
            url=homeserver.url,
            secret=second.token,
            server_name="",
        )
        accounts.append(row.account)
    assert accounts == [first.user_id, "", second.user_id, ""]


def test_what_one_room_refuses_does_not_hold_up_the_others(homeserver: Homeserver) -> None:
    bot, other = bot_of(homeserver), bot_of(homeserver)
    room = matrix(other).create_room("a", "b", uuid.uuid4())
    with pytest.raises(SendFailed) as failed:
        matrix(bot).send(message("Once"), room.room_id, uuid.uuid4(), repeated=False)
    assert (failed.value.permanent, failed.value.provider_down) == (True, False)
    with pytest.raises(SendFailed) as failed:
        matrix(replace(bot, token="syt_wrong")).send(
            message("Once"), room.room_id, uuid.uuid4(), repeated=False
        )
    assert (failed.value.permanent, failed.value.provider_down) == (True, True)


def test_the_wait_that_older_homeservers_ask_for_stands_in_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Matrix(Account("https://matrix.example.org", "@bot:example.org", "syt_x", {}))
    for milliseconds, wait in ((2_500, 2.5), (10**9, 3_600.0), ("soon", None), (-1, None)):
        body = json.dumps({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": milliseconds}).encode()
        monkeypatch.setattr("notifications.channels.matrix.call", lambda *_, **__: Answer(429, {}, body))  # noqa: B023
        with pytest.raises(SendFailed) as failed:
            channel.invite("!a:example.org", "@b:example.org")
        assert (failed.value.permanent, failed.value.retry_after) == (False, wait)


def test_people_are_found_by_user_name_then_by_e_mail_address(homeserver: Homeserver) -> None:
    name = f"mia_{uuid.uuid4().hex[:8]}"
    bot, mia = bot_of(homeserver), homeserver.register(name)
    assert matrix(bot).find_person("", name.upper()) == mia.user_id
    assert matrix(bot).find_person(f"{name}@example.org", "someone_else") == mia.user_id
    assert matrix(bot, server_name=SERVER_NAME).find_person("", name) == mia.user_id
    assert matrix(bot).find_person("", "nobody at all/../@") is None
