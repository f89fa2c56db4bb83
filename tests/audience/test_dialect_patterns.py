"""Patterns in the words of other engines find a match in the same texts."""

from __future__ import annotations

import dataclasses
import random
import re

import duckdb
import pytest

from audience.dialects_patterns import JAVA, PERL, POSIX, POSTGRES, RE2, Wording, reworded
from tests.audience.random_conditions import RandomConditions, random_text
from usersplit_sdk.patterns import canonical_pattern, compile_pattern

PATTERNS = 300
TEXTS = 60


@pytest.fixture(scope="module")
def texts() -> list[str]:
    source = random.Random(3)
    edges = ["", "a\n", "\n", "a b", "é", "ab" * 256, "x" * 300, "A_1", "日a", "a\u2028b", "🦄"]
    return [*edges, *(random_text(source, 8) for _ in range(TEXTS))]


@pytest.fixture(scope="module")
def patterns() -> list[str]:
    source = RandomConditions(seed=8)
    return [*(source.operand("matches", "string") for _ in range(PATTERNS))]


@pytest.mark.parametrize("wording", [JAVA, PERL])
def test_the_words_of_java_and_perl_are_python_s_but_for_the_end_of_a_text(
    wording: Wording, patterns: list[str], texts: list[str]
) -> None:
    """Python's engine knows no `\\z`; it calls it `\\Z`. Word edges in full are the same to all three."""
    assert wording.end == r"\z"
    for pattern in patterns:
        written = reworded(canonical_pattern(pattern), dataclasses.replace(wording, end=r"\Z"))
        ours, theirs = compile_pattern(pattern), re.compile(written)
        assert [bool(theirs.search(text)) for text in texts] == [bool(ours.search(text)) for text in texts]


def test_without_empty_branches_and_plain_groups_re2_finds_the_same(
    patterns: list[str], texts: list[str]
) -> None:
    """As Snowflake asks: all of a text must match, and groups are those that capture."""
    with duckdb.connect() as connection:
        for pattern in patterns:
            written = reworded(canonical_pattern(pattern), POSIX)
            assert "(?:" not in written.replace(r"\(?:", "")
            found = connection.execute(
                "SELECT regexp_full_match(text, ?, 's') FROM unnest(?) AS all_texts(text)",
                [f".*({written}).*", texts],
            ).fetchall()
            ours = compile_pattern(pattern)
            assert [met for (met,) in found] == [bool(ours.search(text)) for text in texts], pattern


def test_postgresql_counts_to_255_and_names_its_own_edges() -> None:
    def written(pattern: str) -> str:
        return reworded(canonical_pattern(pattern), POSTGRES)

    assert written("x{512}") == "(?:x{255}x{255}x{2})"
    assert written("^a{2,400}$") == "^(?:a{2}a{0,255}a{0,143})$"
    assert written("^(?:ab){300,}c") == "^(?:(?:ab){255}(?:ab){45}(?:ab)*)c"
    assert written(r"\bA\n") == r"\yA\u000a"
    assert written(r"[^\x00]") == r"[^\u0000]"


def test_re2_is_given_the_canonical_form() -> None:
    assert reworded(canonical_pattern(r"\ba.c$"), RE2) == canonical_pattern(r"\ba.c$")
