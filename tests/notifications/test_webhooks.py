"""Incoming webhooks: what each kind gets, what it says, and that its address stays a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from notifications.channels.base import Account, Message, SendFailed
from notifications.channels.webhook import FORMATS, Webhook
from tests.notifications.standin.hooks import PATH, TOKEN, Hook
from tests.notifications.standin.server import Behaviour, Received, Reply, Server, standing_in

MESSAGE = Message(
    kind="paused",
    title="“Green button” is paused",
    text="Too many refunds (by mia).",
    url="https://split.example.org/tests/green_button/",
    facts=(("Ends", "not set → 1 December 2026"),),
    urgent=True,
)
forms = pytest.mark.parametrize("form", list(FORMATS))


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]


@pytest.fixture
def hook(form: str) -> Hook:
    return Hook(form)


@pytest.fixture
def server(hook: Hook) -> Iterator[Server]:
    with standing_in(hook) as server:
        yield server


def webhook(server: Server, form: str, path: str = PATH) -> Webhook:
    return Webhook(Account(server.url, "", f"{server.url}{path}", {"format": form}))


def post(server: Server, form: str, message: Message = MESSAGE) -> dict[str, Any]:
    """What was sent."""
    webhook(server, form).send(message, "", uuid4(), repeated=False)
    body: dict[str, Any] = json.loads(server.received[-1].body)
    return body


@forms
def test_title_text_facts_and_the_way_back_are_there(server: Server, form: str, hook: Hook) -> None:
    body = json.dumps(post(server, form), ensure_ascii=False)
    for part in ("“Green button” is paused", "Too many refunds (by mia).", "1 December 2026", MESSAGE.url):
        assert part in body
    assert hook.seen == ["“Green button” is paused"]


@forms
def test_what_people_typed_calls_nobody_and_links_nowhere(server: Server, form: str, hook: Hook) -> None:
    typed = "@channel @all **bold** [a prize](https://evil.example) <b>"
    body = json.dumps(
        post(server, form, Message("paused", typed, typed, MESSAGE.url, facts=((typed, typed),))),
        ensure_ascii=False,
    )
    assert "@channel" not in body
    assert "@all" not in body
    text = json.loads(body)["attachments"][0]
    shown = text["content"]["body"][1]["text"] if form == "teams" else text["text"]
    assert shown.endswith(r"\*\*bold\*\* \[a prize\](https://evil.example) \<b\>")


@forms
@pytest.mark.parametrize("typed", ["&" * 9_000, "*" * 9_000, "𝔘" * 9_000, "", "\n" * 500])
def test_whatever_its_length_it_is_taken(server: Server, form: str, hook: Hook, typed: str) -> None:
    """The stand-in complains of what is beyond the limits."""
    facts = tuple((typed[:300], typed) for _ in range(40))
    post(server, form, Message("paused", typed, typed, MESSAGE.url, facts=facts))
    assert len(hook.seen) == 1


@forms
def test_the_test_button_finds_the_hook_and_posts_nothing(server: Server, form: str, hook: Hook) -> None:
    report = webhook(server, form).check()
    assert [(name, done) for name, done, _ in report.steps] == [
        ("Reach the server", True),
        ("Find the hook", True),
    ]
    assert hook.seen == []


@forms
def test_the_test_button_says_that_there_is_no_such_hook(server: Server, form: str) -> None:
    report = webhook(server, form, "/hooks/no0such0hook").check()
    (_, reached, _), (_, found, words) = report.steps
    assert (reached, found) == (True, False)
    assert "Answered 40" in words
    assert "no0such0hook" not in words


@forms
def test_the_test_button_never_raises(server: Server, form: str) -> None:
    for behaviour in (Behaviour.RUBBISH, Behaviour.CUT, Behaviour.BROKEN, Behaviour.NOT_LET_IN):
        server.behaves(behaviour)
        assert not webhook(server, form).check().is_ok
    for address in ("", "http://[", "ftp://example.org/x", "https://"):
        assert not Webhook(Account("", "", address, {"format": form})).check().is_ok


def test_a_format_that_is_none_is_an_answer(settings: Settings) -> None:
    hook = Webhook(Account("", "", "https://example.org/x", {"format": "fax"}))
    with pytest.raises(SendFailed, match="no format “fax”") as failed:
        hook.send(MESSAGE, "", uuid4(), repeated=False)
    assert failed.value.permanent
    assert not hook.check().is_ok


class Saying:
    """A hook that answers 200 with these words."""

    def __init__(self, words: bytes) -> None:
        self.words = words

    def answer(self, request: Received) -> Reply:
        return Reply(200, self.words, {"Content-Type": "text/plain"})

    def refusal(self, status: int) -> Reply:
        return Reply(status)


def test_no_part_of_a_signed_address_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The address of a workflow of Teams has its signature in the query."""
    caplog.set_level("DEBUG")
    address = "/workflows/0f1e2d3c4b5a/invoke?api-version=1&sig=aB%2BcD_eFgH-0123"
    with (
        standing_in(
            Saying(f"failed at {address} with aB+cD_eFgH-0123 and aB%2BcD_eFgH-0123".encode())
        ) as server,
        pytest.raises(SendFailed) as failed,
    ):
        webhook(server, "teams", address).send(MESSAGE, "", uuid4(), repeated=False)
    for told in (failed.value.answer, caplog.text):
        assert "0f1e2d3c4b5a" not in told
        assert "eFgH-0123" not in told


@pytest.mark.parametrize(
    ("form", "words", "permanent"),
    [
        ("teams", b"Microsoft Teams endpoint returned HTTP error 413 with ContextId x", True),
        ("teams", b"Microsoft Teams endpoint returned HTTP error 429 with ContextId x", False),
        ("rocketchat", b'{"success": false, "error": "invalid-channel"}', True),
        ("rocketchat", b"[]", False),
        ("mattermost", f"ok? {PATH}".encode(), False),
    ],
)
def test_200_is_not_always_a_yes(form: str, words: bytes, permanent: bool) -> None:
    with standing_in(Saying(words)) as server, pytest.raises(SendFailed) as failed:
        webhook(server, form).send(MESSAGE, "", uuid4(), repeated=False)
    assert failed.value.permanent is permanent
    assert TOKEN not in failed.value.answer
