"""Patterns: what is accepted means the same as in ``re``; what is refused could not be trusted."""

import contextlib
import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from usersplit_sdk.patterns import (
    PATTERN_LENGTH_LIMIT,
    PATTERN_SUBJECT_LIMIT,
    UnsafePattern,
    canonical_pattern,
    compile_pattern,
)

pieces = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\W",
        "[ab]",
        "[^a]",
        "[a-c_-]",
        "(a|b)",
        "(?:ab|a)",
        "(a|)",
        "^",
        "$",
        r"\b",
    ]
)
counts = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?"])
patterns = st.recursive(
    st.lists(st.tuples(pieces, counts), min_size=1, max_size=5).map(
        lambda parts: "".join(a + b for a, b in parts)
    ),
    lambda inner: st.tuples(inner, inner, counts).map(lambda t: f"({t[0]}|{t[1]}){t[2]}x"),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(patterns, st.lists(st.text("abx_1 \nä", max_size=12), min_size=5, max_size=5))
def test_accepted_pattern_finds_what_re_finds(pattern: str, texts: list[str]) -> None:
    try:
        compiled = compile_pattern(pattern)
    except UnsafePattern:
        assume(False)
    # In the stdlib `$` also stands before a last line feed; in ours it is the very end, as in SQL.
    reference = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    for text in texts:
        assert bool(compiled.search(text)) == bool(reference.search(text)), (pattern, text)


@settings(max_examples=100, deadline=None)
@given(patterns)
def test_canonical_form_is_its_own_canonical_form(pattern: str) -> None:
    try:
        canonical = canonical_pattern(pattern)
    except UnsafePattern:
        return
    if len(canonical) <= PATTERN_LENGTH_LIMIT:  # written out, a pattern may be longer than one may write
        assert canonical_pattern(canonical) == canonical


@settings(max_examples=100, deadline=None)
@given(patterns, st.text("abx_1 ä", min_size=1, max_size=4), st.sampled_from(["", "!", "x"]))
def test_no_accepted_pattern_is_slow(pattern: str, part: str, end: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except UnsafePattern:
        return
    subject = (part * PATTERN_SUBJECT_LIMIT)[: PATTERN_SUBJECT_LIMIT - len(end)] + end
    started = time.thread_time()
    compiled.search(subject)
    assert time.thread_time() - started < 1.0


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        ("a.*a.*b", "a" * 512),
        ("a.*b.*c", "a" * 170 + "b" * 342),
        (r"Chrome/(\d+\.)+\d+x", "Chrome/" + "1." * 252),
        (r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", "a" * 255 + "@" + "a." * 128),
        (r"^\d+(\.\d+)*$", "1." * 255 + "x"),
        ("Android.*Chrome.*Mobile", "Android Chrome " * 34),
        ("(a|b)*c", "ab" * 256),
    ],
)
def test_useful_patterns_are_accepted_and_bounded(pattern: str, subject: str) -> None:
    compiled = compile_pattern(pattern)
    started = time.thread_time()
    compiled.search(subject)
    assert time.thread_time() - started < 1.0


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(x+x+)+y",
        "(a|aa)+$",
        "(a*)*b",
        r"^(a+)+$",
        r"^(a|a)*$",
        r"^(a|ab|b)*$",
        r"^(\w+\s?)*$",
        r"^(?:(?:a*)?b)+$",
        "a.*a.*a.*b",
        "^" + "(" * 25 + "a" + ")" * 25,
        "(a{30}){30}{30}",
        "((a{30}){30}){30}",
        "a{513}",
        "(?i)a",
        "(?=a)",
        "(?<!a)b",
        r"(a)\1",
        "(?P<name>a)",
        "a++b",
        r"\p{L}",
        r"\Bx",
        "[[:alpha:]]",
        "[z-a]",
        "[^\\s\\S]",
        "[",
        "(",
        ")",
        "*",
        "\\",
        "\\x1",
        "a\0",
        "\ud800",
        "^*",
        "x(a*)*x",
        "a" * 201,
    ],
)
def test_unsafe_or_malformed_pattern_is_refused_at_once(pattern: str) -> None:
    started = time.thread_time()
    with pytest.raises(UnsafePattern):
        canonical_pattern(pattern)
    assert time.thread_time() - started < 0.2


@settings(max_examples=100, deadline=None)
@given(st.text("ab()[]{}|\\*+?^$.,-0129:dwsSnxzZA", max_size=60))
def test_any_text_is_accepted_or_refused_quickly(text: str) -> None:
    started = time.thread_time()
    with contextlib.suppress(UnsafePattern):
        re.compile(canonical_pattern(text))
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize(
    ("pattern", "canonical"),
    [
        (".*a.*", "a"),
        (r"\d+$", "[0-9]+$"),
        (r"a\.b", r"a\.b"),
        ("a.b", r"a[^\x0a]b"),
        ("", ""),
        ("a{0,}b{,2}c", "b{0,2}c"),
    ],
)
def test_canonical_form(pattern: str, canonical: str) -> None:
    assert canonical_pattern(pattern) == canonical or canonical_pattern(pattern) == canonical_pattern(
        canonical
    )
