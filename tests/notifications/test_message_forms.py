"""Whatever people type, the message stays within what Slack, Mattermost, Rocket.Chat and Teams publish, and stays text."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.channels.base import Message
from notifications.channels.blocks import blocks_of, fallback_of
from notifications.channels.hook_forms import mattermost_body, rocket_chat_body, teams_body, typed
from tests.notifications.standin.block_kit import require_blocks
from tests.notifications.standin.hooks import Hook
from tests.notifications.standin.server import Reply

# What is special to one of them, and words that make it long.
WORDS: Final = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["<!here>", "<@U1>", "&amp;", "&" * 400, "https://a.example/?a=1&b=2", "@all", "\n", "*_~`"]
        ),
        st.builds(
            lambda word, times: word * times, st.sampled_from(["ab ", "<", "𝔘", '"']), st.integers(1, 4_000)
        ),
    ),
    max_size=8,
).map("".join)
FEW: Final = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MESSAGES: Final = st.builds(
    lambda title, text, facts, urgent: Message(
        "paused", title, text, "https://split.example.org/tests/a/", facts=tuple(facts), urgent=urgent
    ),
    WORDS,
    WORDS,
    st.lists(st.tuples(WORDS, WORDS), max_size=14),
    st.booleans(),
)


@FEW
@given(MESSAGES)
def test_slack_takes_it(message: Message) -> None:
    blocks = blocks_of(message, "marker")
    require_blocks(blocks)
    assert blocks[0]["block_id"] == "marker"
    assert 1 <= len(fallback_of(message)) <= 4_000


@pytest.mark.parametrize(
    ("form", "body"),
    [("mattermost", mattermost_body), ("rocketchat", rocket_chat_body), ("teams", teams_body)],
)
@FEW
@given(message=MESSAGES)
def test_a_hook_takes_it(form: str, body: object, message: Message) -> None:
    assert callable(body)
    hook = Hook(form)
    reply = getattr(hook, {"rocketchat": "rocket_chat"}.get(form, form))(body(message))
    assert isinstance(reply, Reply)
    assert len(hook.seen) == 1


@FEW
@given(WORDS)
def test_typed_words_lose_nothing_but_their_effect(words: str) -> None:
    shown = typed(words, 10**6)
    assert "@" not in shown.replace("@\u200b", "")
    assert shown.replace("\u200b", "").replace("\\", "") == (words.strip() or "–").replace(
        "\u200b", ""
    ).replace("\\", "")
