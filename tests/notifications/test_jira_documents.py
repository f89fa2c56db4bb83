"""What we write into Jira: as a document for Jira Cloud, as wiki markup for Jira Data Center."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.adf import as_adf, plain_text
from notifications.channels.base import Message
from notifications.documents import Block, Bullets, Paragraph, Text, document_of
from notifications.wiki_markup import as_wiki
from tests.notifications.standin.adf_checks import check_document

MESSAGE = Message(
    kind="finished",
    title="“Green button” is finished",
    text="Finished: green won (by Mia).",
    url="https://split.example.org/tests/green_button/",
    facts=(("Ends", "not set → 1 December"), ("Note", "")),
)
LINK = "https://split.example.org/tests/green_button/#n-0123"


def test_a_message_is_a_comment_in_both_languages() -> None:
    blocks = document_of(MESSAGE, "n-0123")
    assert as_wiki(blocks) == (
        "*“Green button” is finished*\n\nFinished: green won (by Mia).\n\n".replace("(", "\\(")
        + "* *Ends*: not set → 1 December\n* *Note*: \n\n"
        + f"[Open in UserSplit|{LINK}]"
    )
    document = as_adf(blocks)
    check_document(document)
    title, _, facts, link = document["content"]
    assert title["content"] == [
        {"type": "text", "text": "“Green button” is finished", "marks": [{"type": "strong"}]}
    ]
    assert [len(item["content"][0]["content"]) for item in facts["content"]] == [2, 2]
    assert link["content"][0]["marks"] == [{"type": "link", "attrs": {"href": LINK}}]
    assert "n-0123" in plain_text(document)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("green_button in 1.2-rc1 + more", "green_button in 1.2-rc1 + more"),
        ("a *loud* _soft_ -gone- word", r"a \*loud* \_soft_ \-gone- word"),
        ("[~admin] {code}x{code} !pic.png!", r"\[\~admin\] \{code\}x\{code\} \!pic.png\!"),
        ("a | b || c", r"a \| b \|\| c"),
        ("h1. Heading", "&#104;1. Heading"),
        ("bq. Quotation", "&#98;q. Quotation"),
        ("- item", "&#45; item"),
        ("# item", "&#35; item"),
        (r"C:\new &lt;", "C:&#92;new &amp;lt;"),
        ("one\nh2. two", "one\n&#104;2. two"),
    ],
)
def test_what_people_typed_is_never_markup(typed: str, written: str) -> None:
    assert as_wiki([Paragraph((Text(typed),))]) == written


def test_what_a_list_holds_stays_in_its_line() -> None:
    blocks: list[Block] = [Bullets(((Text("one\ntwo"),), (Text("\n"),), (Text("three"),)))]
    assert as_wiki(blocks) == "* one two\n* three"
    document = as_adf(blocks)
    check_document(document)
    assert len(document["content"][0]["content"]) == 2


_texts = st.builds(
    Text, st.text(max_size=30), st.booleans(), st.booleans(), st.sampled_from(["", "https://example.org/a"])
)
_lines = st.lists(_texts, max_size=4).map(tuple)
_blocks = st.lists(_lines.map(Paragraph) | st.lists(_lines, max_size=3).map(tuple).map(Bullets), max_size=4)


@given(_blocks)
def test_every_document_is_one_that_jira_takes(blocks: list[Any]) -> None:
    document = as_adf(blocks)
    if document["content"] != [{"type": "paragraph"}]:
        check_document(document)
    wiki = as_wiki(blocks)
    assert not any(character in wiki for character in "\0\r\x1b")
    wiki.encode()
