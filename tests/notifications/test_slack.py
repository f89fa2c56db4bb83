"""Slack: messages as Block Kit, people by address, rooms as private channels, and what the Test button says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from notifications.channels.base import Account, Message, SendFailed
from notifications.channels.slack import SCOPES, Slack
from tests.notifications.standin.server import Behaviour, Server, standing_in
from tests.notifications.standin.slack import TOKEN, Workspace

TOKEN_OF_DELIVERY = UUID("5f0c1d7e-0000-4000-8000-000000000001")
ROOM_TOKEN = UUID("abcdef12-0000-4000-8000-000000000002")
MESSAGE = Message(
    kind="paused",
    title="“Green button” is paused",
    text="Too many refunds (by mia).",
    url="https://split.example.org/tests/green_button/",
    test="green_button",
    facts=(("Ends", "not set → 1 December 2026"),),
)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace({"mia@example.org": "U0MIA", "ben@example.org": "U0BEN"})


@pytest.fixture
def server(workspace: Workspace, settings: Settings) -> Iterator[Server]:
    settings.NOTIFICATIONS_ALLOW_PRIVATE = ["127.0.0.0/8"]
    with standing_in(workspace) as server:
        yield server


@pytest.fixture
def slack(server: Server) -> Slack:
    return Slack(Account(server.url, "", TOKEN, {}))


def post(slack: Slack, message: Message = MESSAGE, to: str = "C0ROOM", *, repeated: bool = False) -> Any:
    return slack.send(message, to, TOKEN_OF_DELIVERY, repeated=repeated)


def newest(workspace: Workspace, room: str = "C0ROOM") -> dict[str, Any]:
    return workspace.channels[room].messages[-1]


def texts(message: dict[str, Any]) -> str:
    """Everything that people read in the blocks."""
    found = [block["text"]["text"] for block in message["blocks"] if "text" in block]
    found += [field["text"] for block in message["blocks"] for field in block.get("fields", [])]
    found += [one["text"] for block in message["blocks"] for one in block.get("elements", [])]
    return "\n".join(found)


def test_a_message_has_its_title_its_text_its_facts_and_a_way_back(
    slack: Slack, workspace: Workspace
) -> None:
    receipt = post(slack)
    message = newest(workspace)
    assert [block["type"] for block in message["blocks"]] == ["header", "section", "section", "context"]
    assert texts(message).splitlines() == [
        "“Green button” is paused",
        "Too many refunds (by mia).",
        "*Ends*",
        "not set → 1 December 2026",
        "<https://split.example.org/tests/green_button/|Open in UserSplit>",
    ]
    assert message["text"] == "“Green button” is paused\nToo many refunds (by mia)."
    assert receipt.reference == f"C0ROOM:{message['ts']}"


def test_what_people_typed_calls_nobody_and_links_nowhere(slack: Slack, workspace: Workspace) -> None:
    typed = "<!channel> & <https://evil.example|a prize> <@U0MIA>"
    post(slack, Message("paused", typed, typed, MESSAGE.url, facts=((typed, typed),)))
    written = texts(newest(workspace)).replace(typed, "", 1) + newest(workspace)["text"]
    assert "<!" not in written
    assert "<@" not in written
    assert "|a prize>" not in written
    assert "&lt;!channel&gt; &amp; " in written


@pytest.mark.parametrize(
    "typed", ["&" * 9_000, "word " * 3_000, "<x>\n" * 4_000, "", "https://a.example/ " * 900]
)
def test_whatever_its_length_slack_takes_it(slack: Slack, workspace: Workspace, typed: str) -> None:
    """The stand-in complains of any text beyond the limits, and of a half of an escaped character."""
    facts = tuple((f"{typed[:300]}{number}", typed) for number in range(40))
    post(slack, Message("paused", typed, typed, MESSAGE.url, facts=facts))
    assert len(workspace.seen) == 1


def test_a_long_text_stays_whole_over_several_sections(slack: Slack, workspace: Workspace) -> None:
    lines = [f"• line {number} of a digest" for number in range(500)]
    post(slack, Message("digest", "500 messages", "\n".join(lines), MESSAGE.url))
    sections = [block["text"]["text"] for block in newest(workspace)["blocks"] if block["type"] == "section"]
    assert "\n".join(sections).splitlines() == lines
    assert len(sections) > 1


def test_a_person_is_found_by_address_and_told_directly(slack: Slack, workspace: Workspace) -> None:
    assert slack.find_person("mia@example.org", "mia") == "U0MIA"
    assert slack.find_person("nobody@example.org", "mia") is None
    assert slack.find_person("", "mia") is None
    post(slack, to="U0MIA")
    assert newest(workspace, "DU0MIA")["text"].startswith("“Green button”")


@pytest.mark.parametrize("to", ["C0ROOM", "U0MIA"])
def test_a_repetition_is_found_however_much_came_after(slack: Slack, workspace: Workspace, to: str) -> None:
    first = post(slack, to=to)
    for number in range(7):
        slack.send(MESSAGE, to, UUID(int=number), repeated=False)
    workspace.page = 3
    assert post(slack, to=to, repeated=True).reference == first.reference
    assert len(workspace.seen) == 8


def test_a_repetition_of_what_never_arrived_is_sent(slack: Slack, workspace: Workspace) -> None:
    slack.send(MESSAGE, "C0ROOM", UUID(int=1), repeated=False)
    post(slack, repeated=True)
    assert len(workspace.seen) == 2


def test_who_cannot_look_for_a_repetition_does_not_send_it(slack: Slack, workspace: Workspace) -> None:
    workspace.scopes = workspace.scopes.replace("groups:history,", "")
    with pytest.raises(SendFailed, match=r"missing_scope \(needed: groups:history\)") as failed:
        post(slack, repeated=True)
    assert failed.value.permanent
    assert workspace.seen == []


@pytest.mark.parametrize(
    ("error", "permanent", "down"),
    [
        ("channel_not_found", True, False),
        ("is_archived", True, False),
        ("msg_too_long", True, False),
        ("invalid_auth", True, True),
        ("token_revoked", True, True),
        ("missing_scope", True, True),
        ("ratelimited", False, False),
        ("internal_error", False, True),
        ("", True, False),
    ],
)
def test_ok_false_is_an_answer_too(
    slack: Slack, workspace: Workspace, error: str, permanent: bool, down: bool
) -> None:
    workspace.error = error or " "
    with pytest.raises(SendFailed) as failed:
        post(slack)
    assert (failed.value.permanent, failed.value.provider_down) == (permanent, down)
    assert (error or "no word of why") in failed.value.answer


def test_a_room_is_made_once_whoever_was_killed_in_between(slack: Slack, workspace: Workspace) -> None:
    made = slack.create_room("Кнопка: Grüner Knopf!", "Split test green_button", ROOM_TOKEN)
    room = workspace.channels[made.room_id]
    assert (room.name, room.topic) == ("split-gruner-knopf-abcdef12", "Split test green_button")
    assert made.url == f"https://stand-in.slack.com/archives/{made.room_id}"
    room.topic = ""
    workspace.page = 1
    assert slack.create_room("Кнопка: Grüner Knopf!", "Split test green_button", ROOM_TOKEN) == made
    assert room.topic == "Split test green_button", "whoever made it was killed before the topic was said"


@pytest.mark.parametrize("name", ["", "кнопка", "x" * 300, "-" * 90, "a-" * 60])
def test_any_name_becomes_one_that_slack_takes(slack: Slack, workspace: Workspace, name: str) -> None:
    room = workspace.channels[slack.create_room(name, "t" * 900, ROOM_TOKEN).room_id]
    assert room.name.startswith("split-")
    assert room.name.endswith("-abcdef12")


def test_a_name_that_strangers_took_is_said(slack: Slack, workspace: Workspace) -> None:
    made = slack.create_room("x", "y", ROOM_TOKEN)
    workspace.channels[made.room_id].members.clear()
    with pytest.raises(SendFailed, match="the bot is not in it") as failed:
        slack.create_room("x", "y", ROOM_TOKEN)
    assert failed.value.permanent


def test_inviting_removing_and_archiving_may_be_repeated(slack: Slack, workspace: Workspace) -> None:
    made = slack.create_room("x", "y", ROOM_TOKEN)
    room = workspace.channels[made.room_id]
    for _ in range(2):
        slack.invite(made.room_id, "U0MIA")
    assert "U0MIA" in room.members
    for _ in range(2):
        slack.remove(made.room_id, "U0MIA")
    assert "U0MIA" not in room.members
    for _ in range(2):
        slack.archive(made.room_id)
    assert room.is_archived
    with pytest.raises(SendFailed, match="is_archived"):
        slack.invite(made.room_id, "U0BEN")


def test_the_test_button_names_every_scope_that_is_missing(slack: Slack, workspace: Workspace) -> None:
    report = slack.check()
    assert report.is_ok
    assert report.found == {"account": "U0BOT", "team": "Stand-in", "url": "https://stand-in.slack.com/"}
    workspace.scopes = "chat:write"
    name, done, words = slack.check().steps[-1]
    assert (name, done) == ("Scopes", False)
    assert all(scope in words for scope in SCOPES if scope != "chat:write")
    assert workspace.seen == []


def test_the_test_button_says_what_failed(slack: Slack, server: Server) -> None:
    wrong = Slack(Account(server.url, "", "xoxb-wrong", {}))
    assert wrong.check().steps == (
        ("Reach Slack", True, ""),
        ("Sign in", False, "Slack answered auth.test with invalid_auth."),
    )
    for secret in ("", "xoxb-\n1", "xoxb-ключ"):
        assert not Slack(Account("http://[", "", secret, {})).check().is_ok
    server.behaves(Behaviour.RUBBISH)
    assert slack.check().steps == (("Reach Slack", False, "Answered 200 with something that is not JSON."),)


def test_what_an_answer_lacks_is_no_crash(slack: Slack, workspace: Workspace, server: Server) -> None:
    """A proxy may answer anything; ids that are none never reach an address or the database."""
    made = slack.create_room("x", "y", ROOM_TOKEN)
    workspace.people["odd@example.org"] = "../../etc\u0000"
    with pytest.raises(SendFailed, match="without an id"):
        slack.find_person("odd@example.org", "")
    assert slack.find_person("mia@example.org", "") == "U0MIA"
    assert made.room_id.isalnum()
