"""What changed inside a text: always right, readable where it can be, never slow."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from changelog.word_diff import Mark, Piece, has_common_words, shortened, word_diff

WORDS = st.lists(
    st.sampled_from(["the", "green", "red", " ", "  ", "\n", ".", ", ", "ボタン", "50", "{", '"a"', "\x00"])
)
TEXTS = st.one_of(WORDS.map("".join), st.text(max_size=80))


def plain(pieces: list[Piece]) -> str:
    """[-gone-] and {+new+}."""
    forms = {Mark.SAME: "{}", Mark.GONE: "[-{}-]", Mark.NEW: "{{+{}+}}", Mark.CUT: "…"}
    return "".join(forms[piece.mark].format(piece.text) for piece in pieces)


@given(TEXTS, TEXTS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("", "")
@example("a b", "b a")
@example("a. b. c.", "a. x. c.")
def test_without_what_is_new_it_is_the_old_text_and_the_other_way_round(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    for text, left_out in ((before, Mark.NEW), (after, Mark.GONE)):
        assert "".join(piece.text for piece in pieces if piece.mark is not left_out) == text
        short = shortened(pieces, around=5, least=3)
        assert "".join(piece.text for piece in short if piece.mark is not left_out) == text
    assert all(piece.text for piece in pieces)
    # Never two of a kind beside each other, and what is gone before what is new.
    kinds = [piece.mark for piece in pieces]
    assert all(pair[0] != pair[1] and pair != (Mark.NEW, Mark.GONE) for pair in pairwise(kinds))


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("Green button", "Red button", "[-Green-]{+Red+} button"),
        ("a 5 %, b 5 %", "a 5 %, b 10 %", "a 5 %, b [-5-]{+10+} %"),
        ("one two three", "one three", "one [-two -]three"),
        ("Same.", "Same.", "Same."),
        ("", "All new", "{+All new+}"),
        ("緑のボタンを押す", "赤のボタンを押す", "[-緑-]{+赤+}のボタンを押す"),
        ("초록 버튼", "빨강 버튼", "[-초록-]{+빨강+} 버튼"),
        # One change to the eye, not two around a space.
        ("big green button", "small red button", "[-big green-]{+small red+} button"),
    ],
)
def test_changed_words_are_found(before: str, after: str, seen: str) -> None:
    assert plain(word_diff(before, after)) == seen


def test_a_condition_and_a_payload_are_compared_by_their_parts() -> None:
    before = json.dumps([{"filter": "country_id", "operator": "in", "value": [50, 276]}])
    after = json.dumps([{"filter": "country_id", "operator": "not_in", "value": [50, 40]}])
    seen = plain(word_diff(before, after))
    assert "[-276-]{+40+}" in seen
    assert "{+not_+}in" in seen
    assert seen.startswith('[{"filter": "country_id", ')


def test_a_long_text_is_shortened_around_what_changed() -> None:
    sentence = "Nobody reads all of this again. "
    seen = shortened(
        word_diff(sentence * 40 + "Five users." + sentence * 40, sentence * 40 + "Six users." + sentence * 40)
    )
    text = plain(seen)
    assert "[-Five-]{+Six+} users." in text
    assert text.startswith("…")
    assert text.endswith("…")
    assert len(text) < 300


def test_what_is_the_same_is_not_cut() -> None:
    same = [Piece(Mark.SAME, "word " * 400)]
    assert shortened(same) == same


def test_texts_with_nothing_in_common_are_known() -> None:
    assert not has_common_words(word_diff("5, 6", "7, 8"))
    assert not has_common_words(word_diff("", "new"))
    assert has_common_words(word_diff("Green button", "Red button"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a " * 20_000, "a " * 19_999 + "b"),
        ("a b " * 5_000, "b a " * 5_000),
        ("ab. " * 3_000, "ba. " * 3_000),
        ("x" * 200_000, "y" * 200_000),
        (
            "".join(chr(0x4E00 + i % 50) for i in range(9_000)),
            "".join(chr(0x4E00 + i % 49) for i in range(9_000)),
        ),
        ("(" * 9_000, ")(" * 5_000),
    ],
)
def test_what_would_take_long_is_told_coarsely(before: str, after: str) -> None:
    """Compared in full these would take minutes, more than any test may."""
    pieces = word_diff(before, after)
    assert "".join(piece.text for piece in pieces if piece.mark is not Mark.GONE) == after


def _compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many parts of either text each comparison was given, from now on."""
    seen = []

    class Counting(SequenceMatcher[str]):
        def __init__(
            self, isjunk: Callable[[str], bool], a: Sequence[str], b: Sequence[str], autojunk: bool
        ) -> None:
            seen.append((len(a), len(b)))
            super().__init__(isjunk, a, b, autojunk)

    monkeypatch.setattr("changelog.word_diff.SequenceMatcher", Counting)
    return seen


def test_a_text_of_many_changed_sentences_costs_no_more_than_one_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sentence alone would be quick, all of them together would not."""
    seen = _compared(monkeypatch)
    stays = "Sentence {0} stays. The button number {0} is green and large and round and square and small and nice. "
    before = "".join(stays.format(number) for number in range(450))
    after = before.replace("green", "red").replace("nice", "fine")
    pieces = word_diff(before, after)
    assert 1 < len(seen) < 450
    # Looking at every part is the least that a comparison costs.
    assert sum(old + new for old, new in seen) <= 20_000
    # The first are told word by word, and all of them are told rightly.
    assert plain(pieces).startswith("Sentence 0 stays. The button number 0 is [-green-]{+red+} and large")
    for text, left_out in ((before, Mark.NEW), (after, Mark.GONE)):
        assert "".join(piece.text for piece in pieces if piece.mark is not left_out) == text


def test_a_long_text_with_one_change_is_still_told_by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is the same at both ends costs nothing, however long it is."""
    seen = _compared(monkeypatch)
    before = "".join(f"Sentence {number} stays. " for number in range(20_000))
    after = before.replace("Sentence 9000 stays", "Sentence 9000 goes")
    (_, gone, new, _) = word_diff(before, after)
    assert (gone, new) == (Piece(Mark.GONE, "stays"), Piece(Mark.NEW, "goes"))
    assert sum(old + new for old, new in seen) < 100
