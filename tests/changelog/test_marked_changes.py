"""Changes on pages: the words that differ are marked, for ears too, and nothing typed becomes part of the page."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.template.loader import render_to_string
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actors import Actor
from changelog.models import SubjectKind, Verb
from changelog.services import Change, record
from changelog.templatetags.changes import sides_of
from tests.conftest import People


def seen(html: str) -> str:
    """Without what only ears get."""
    return re.sub(r'<span class="visually-hidden us-spoken">[^<]*</span>', "", html)


@pytest.mark.parametrize(
    ("before", "after", "sides"),
    [
        ("Green button", "Red button", ("<del>Green</del> button", "<ins>Red</ins> button")),
        (None, "Green button", ("—", "Green button")),
        ("Green button", "", ("Green button", "—")),
        (5, 10, ("5", "10")),
        (True, False, ("true", "false")),
        ("one", "two", ("one", "two")),
        (
            {"green": {"color": "#0a0"}},
            {"green": {"color": "#0b0"}},
            (
                "{&quot;green&quot;: {&quot;color&quot;: &quot;#<del>0a0</del>&quot;}}",
                "{&quot;green&quot;: {&quot;color&quot;: &quot;#<ins>0b0</ins>&quot;}}",
            ),
        ),
    ],
)
def test_each_side_shows_its_own(before: object, after: object, sides: tuple[str, str]) -> None:
    shown = sides_of(before, after)
    assert (seen(shown.before), seen(shown.after)) == sides


def test_ears_are_told_in_words_what_eyes_are_told_by_lines() -> None:
    shown = sides_of("same " * 80 + "old", "same " * 80 + "new")
    assert "[removed:" in shown.before
    assert "[added:" in shown.after
    assert re.search(r'title="\d+ characters that did not change">…', shown.before)


HOSTILE = st.lists(
    st.sampled_from(
        ["<script>", "</ins>", "<b>", "&amp;", '"', "'", "word", " ", "{{ x }}", "%s", "{}", "<!--"]
    ),
    max_size=12,
).map("".join)


@given(HOSTILE, HOSTILE)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_typed_becomes_part_of_the_page(before: str, after: str) -> None:
    for html in (sides_of(before, after).before, sides_of(before, after).after):
        assert set(re.findall(r"</?[a-z!][^>]*>", html)) <= {
            *("<del>", "</del>", "<ins>", "</ins>", "</span>"),
            '<span class="visually-hidden us-spoken">',
        }


def test_entries_show_what_changed_in_them(people: People, client: Client) -> None:
    changes = [
        Change(
            "conditions", "Conditions", "country is Germany and age is 18", "country is Japan and age is 18"
        ),
        Change("name", "Na<i>me", "<b>bold</b> one", "<b>bold</b> two"),
    ]
    with transaction.atomic():
        record(Actor.person(people.manager), Verb.EDIT, SubjectKind.FILTER, "age", "Changed", changes)
    client.force_login(people.viewer)
    text = seen(client.get("/changelog/").content.decode())
    assert "country is <del>Germany</del> and age is 18" in text
    assert "country is <ins>Japan</ins> and age is 18" in text
    assert "&lt;b&gt;bold&lt;/b&gt; <ins>two</ins>" in text
    assert "Na&lt;i&gt;me" in text


def test_no_change_is_said() -> None:
    assert "Nothing differs." in render_to_string("experiments/settings/changes.html", {"changes": []})
