"""What a manager is told before a start."""

from __future__ import annotations

import pytest

from audience.overlap import Change, Movement
from experiments.warnings_in_words import Facts, Kind, PairFacts, VariantFacts, in_percent, warnings_of

BIG = VariantFacts("control", 120, 5_000)
MOVES = Movement(100, 30, 20, (Change("control", "green", 3, 90), Change("green", "blue", 1, 30)))


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [
        (Facts(10_000, variants=[BIG]), []),
        (Facts(0, variants=[BIG]), ["Nobody meets the conditions at present."]),
        (
            Facts(10_000, variants=[BIG, VariantFacts("green", 120, 12)]),
            ["Variant green has only 12 users."],
        ),
        (
            Facts(10_000, variants=[VariantFacts("green", 120, 1), VariantFacts("blue", 1, 0)]),
            [
                "Variant blue has no users: nobody in its split groups meets the conditions.",
                "Variant green has only 1 user.",
            ],
        ),
        (
            Facts(10_000, variants=[VariantFacts("off", 0, 0)]),
            ["Variant off owns no split group: only forced users get it."],
        ),
        (
            Facts(10_000, not_counted=["user_agent"]),
            ["These are upper bounds. Not counted: user agent, because the warehouse does not know it."],
        ),
        (
            Facts(10_000, not_counted=["user_agent", "platform"]),
            [
                "These are upper bounds. Not counted: user agent, platform, because the warehouse does not know them."
            ],
        ),
        (
            Facts(
                10_000,
                pairs=[
                    PairFacts("red_banner", 1_200, 0.12),
                    PairFacts("green_button", 310, 0.031, "pay page"),
                ],
            ),
            [
                "3 % of your users are also in green_button, in the same area: both change “pay page”.",
                "12 % of your users are also in red_banner.",
            ],
        ),
        (
            Facts(10_000, pairs=[PairFacts("", 3_000, 0.3, not_counted=["platform"])]),
            ["Up to 30 % of your users are also in a draft of other managers."],
        ),
        (Facts(10_000, pairs=[PairFacts("small", 900, 0.09)]), []),
        (Facts(10_000, pairs=[PairFacts("small", 90, 0.009, "pay page")]), []),
        (
            Facts(10_000, moves=MOVES),
            [
                "The draw moves 120 users to another variant: 90 from control to green, 30 from green to blue.",
                "The draw takes 20 users who are in a variant now out of the test.",
            ],
        ),
        (Facts(10_000, moves=Movement(100, 30, 0, ())), []),
    ],
)
def test_sentences(facts: Facts, sentences: list[str]) -> None:
    assert [one.text for one in warnings_of(facts)] == sentences


def test_only_the_largest_are_named() -> None:
    pairs = [PairFacts(f"test_{number}", 2_000 + number, 0.2) for number in range(7)]
    said = warnings_of(Facts(10_000, pairs=pairs))
    assert [one.text.split()[-1] for one in said[:2]] == ["test_6.", "test_5."]
    assert said[-1].text == "2 more tests share many of your users, too."
    assert (
        warnings_of(Facts(10_000, pairs=pairs[:6]))[-1].text == "1 more test shares many of your users, too."
    )


def test_without_users_nothing_else_is_said() -> None:
    [only] = warnings_of(Facts(0, variants=[VariantFacts("a", 5, 0)], is_blind=True))
    assert (only.kind, only.is_serious) == (Kind.NO_USERS_YET, True)


@pytest.mark.parametrize(
    ("share", "words"), [(0.312, "31 %"), (0.004, "0.4 %"), (1.0, "100 %"), (0.01, "1 %")]
)
def test_percents(share: float, words: str) -> None:
    assert in_percent(share) == words
