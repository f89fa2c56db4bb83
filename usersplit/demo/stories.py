"""What happened in the demo company's tests: who made which, with what settings, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from experiments.lifecycle import Verb
from experiments.models import Kind

# ISO 3166-1 numbers, as the country filter has them.
GERMANY, FRANCE, ITALY, SPAIN, POLAND = 276, 250, 380, 724, 616
UNITED_STATES, CANADA, UNITED_KINGDOM, BRAZIL, INDIA = 840, 124, 826, 76, 356


@dataclass(frozen=True, slots=True)
class Step:
    """`days` before today, `by` did this: a verb, or new settings. Those of a running test may still wait to be attached.

    Dates of settings are days after today, too: `starts_in`, `ends_in`.
    """

    days: float
    by: str
    verb: Verb | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    ending: Mapping[str, object] | None = None
    is_attached: bool = True


@dataclass(frozen=True, slots=True)
class Story:
    """One test or user group. The first step is the day it was created."""

    key: str
    properties: Mapping[str, object]
    steps: Sequence[Step]
    kind: str = Kind.TEST


@dataclass(frozen=True, slots=True)
class ForcedStory:
    """`days` before today, `by` put a user into a variant."""

    days: float
    by: str
    test: str
    variant: str
    environment: str
    user_id: str
    reason: str


def _is(name: str, value: object) -> dict[str, object]:
    return {"filter": name, "operator": "eq", "value": value}


def _in(name: str, *values: object) -> dict[str, object]:
    return {"filter": name, "operator": "in", "value": list(values)}


def _variants(
    *shares: tuple[str, str], payloads: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    payloads = payloads or {}
    return [
        {"name": name, "percent": percent, "is_control": name == "control", "payload": payloads.get(name, {})}
        for name, percent in shares
    ]


def _settings(
    conditions: list[object], variants: list[dict[str, object]], **more: object
) -> dict[str, object]:
    return {"conditions": conditions, "variants": variants, **more}


def _life(by: str, settings: Mapping[str, object], *days: tuple[float, Verb], created: float) -> list[Step]:
    """Created and given settings on one day, then one verb after the other."""
    return [
        Step(created, by),
        Step(created - 0.01, by, settings=settings),
        *(Step(day, by, verb=verb) for day, verb in days),
    ]


_EUROPE = _in("country_id", GERMANY, FRANCE, ITALY, SPAIN, POLAND)
_FIVE_FIVE = (("control", "5"), ("treatment", "5"))

STORIES: tuple[Story, ...] = (
    Story(
        "pay_button_color",
        {
            "name": "Colour of the pay button",
            "area": "payments",
            "hypothesis": "A green button is found faster, so more people finish paying.",
            "metric": "Share of visitors of the pay page who pay.",
            "success": "At least 2 % more payments, no more refunds.",
            "jira_issue": "PAY-17",
        },
        _life(
            "mia",
            _settings(
                [_EUROPE],
                _variants(
                    ("control", "10"),
                    ("green", "10"),
                    payloads={"green": {"color": "#0a0"}, "control": {"color": "#06c"}},
                ),
                message="Europe first",
                ends_in=60,
            ),
            (12, Verb.PUBLISH),
            (9, Verb.START),
            created=15,
        ),
    ),
    Story(
        "discount_banner",
        {
            "name": "Discount banner above the basket",
            "area": "payments",
            "hypothesis": "Seeing the discount early keeps people in the basket.",
            "metric": "Baskets that become orders.",
            "jira_issue": "PAY-23",
            "managers": ["jonas", "mia"],
        },
        [
            *_life(
                "jonas",
                _settings(
                    [_is("is_paying", False)], _variants(("control", "15"), ("banner", "15")), ends_in=25
                ),
                (8, Verb.PUBLISH),
                (6, Verb.START),
                created=10,
            ),
            Step(
                0.2,
                "mia",
                settings=_settings(
                    [_is("is_paying", False), "AND", {"filter": "age", "operator": "gte", "value": 18}],
                    _variants(("control", "20"), ("banner", "20")),
                    ends_in=25,
                    message="More users, adults only",
                ),
                is_attached=False,
            ),
        ],
    ),
    Story(
        "welcome_tour",
        {
            "name": "Welcome tour for new users",
            "area": "onboarding",
            "hypothesis": "Three short hints on the first day bring people back on the second.",
            "metric": "Second-day return.",
            "jira_issue": "ONB-4",
        },
        _life(
            "mia",
            _settings(
                [_is("is_new_user", True)],
                _variants(("control", "20"), ("short", "20"), ("long", "20")),
                ends_in=40,
            ),
            (20, Verb.PUBLISH),
            (18, Verb.START),
            created=24,
        ),
    ),
    Story(
        "feed_ranking",
        {
            "name": "Ranking of the feed",
            "area": "feed",
            "hypothesis": "Fresh posts first makes people open the app more often.",
            "metric": "Sessions per day.",
            "jira_issue": "FEED-102",
            "managers": ["jonas"],
        },
        [
            *_life(
                "jonas",
                _settings(
                    [_in("country_id", UNITED_STATES, CANADA)],
                    _variants(*_FIVE_FIVE),
                    message="North America only",
                ),
                (28, Verb.PUBLISH),
                (26, Verb.START),
                created=30,
            ),
            Step(
                12,
                "jonas",
                settings=_settings(
                    [_in("country_id", UNITED_STATES, CANADA, UNITED_KINGDOM)],
                    _variants(("control", "10"), ("treatment", "10")),
                    ends_in=75,
                    message="Widened: nothing broke in the first two weeks",
                ),
            ),
        ],
    ),
    Story(
        "hint_texts",
        {
            "name": "Friendlier hint texts",
            "area": "onboarding",
            "metric": "Hints dismissed.",
            "jira_issue": "ONB-9",
        },
        _life(
            "mia",
            _settings(
                [], _variants(("control", "50"), ("friendly", "50")), message="Everybody, half and half"
            ),
            (5, Verb.PUBLISH),
            (4, Verb.START),
            created=7,
        ),
    ),
    Story(
        "ios_paywall",
        {
            "name": "Paywall with yearly plan first",
            "area": "payments",
            "side": "client",
            "hypothesis": "People choose what they see first.",
            "metric": "Yearly plans sold.",
            "jira_issue": "IOS-311",
        },
        _life(
            "mia",
            _settings(
                [
                    _is("platform", "ios"),
                    "AND",
                    {"filter": "client_version", "operator": "version_gte", "value": "2.0"},
                    "AND",
                    {"filter": "age", "operator": "gte", "value": 18},
                ],
                _variants(("control", "12.5"), ("yearly_first", "12.5")),
                ends_in=32,
            ),
            (4, Verb.PUBLISH),
            (2, Verb.START),
            created=6,
        ),
    ),
    Story(
        "search_suggestions",
        {
            "name": "Suggestions while typing",
            "area": "search",
            "metric": "Searches with a click.",
            "jira_issue": "SRCH-8",
        },
        _life(
            "mia",
            _settings(
                [_in("language", "en", "de")], _variants(("control", "8"), ("suggest", "8")), ends_in=12
            ),
            (16, Verb.PUBLISH),
            (14, Verb.START),
            (3, Verb.PAUSE),
            created=18,
        ),
    ),
    Story(
        "photo_upload",
        {
            "name": "Photo upload in one step",
            "area": "profile",
            "metric": "Profiles with a photo.",
            "managers": ["jonas"],
        },
        _life(
            "jonas",
            _settings(
                [{"filter": "registered_at", "operator": "within_days", "value": 180}],
                _variants(("control", "10"), ("one_step", "10")),
                ends_in=18,
            ),
            (11, Verb.PUBLISH),
            (10, Verb.START),
            (5, Verb.PAUSE),
            created=13,
        ),
    ),
    Story(
        "one_page_checkout",
        {
            "name": "Checkout on one page",
            "area": "payments",
            "hypothesis": "Every page less is a reason less to leave.",
            "metric": "Baskets that become orders.",
            "success": "At least 3 % more orders.",
            "jira_issue": "PAY-31",
        },
        _life(
            "mia",
            _settings(
                [
                    _is("is_test_user", True),
                    "OR",
                    [_in("country_id", GERMANY, FRANCE), "AND", _is("is_paying", True)],
                ],
                _variants(*_FIVE_FIVE),
                starts_in=7,
                ends_in=35,
            ),
            (1, Verb.PUBLISH),
            created=3,
        ),
    ),
    Story(
        "dark_mode_default",
        {
            "name": "Dark mode as the default",
            "area": "profile",
            "metric": "Evening sessions.",
            "managers": ["jonas"],
        },
        _life(
            "jonas", _settings([], _variants(("control", "4"), ("dark", "4"))), (2, Verb.PUBLISH), created=4
        ),
    ),
    Story(
        "voice_search",
        {
            "name": "Search by voice",
            "area": "search",
            "metric": "Searches per session.",
            "jira_issue": "SRCH-12",
        },
        _life(
            "mia",
            _settings([_in("country_id", UNITED_STATES, UNITED_KINGDOM, INDIA)], _variants(*_FIVE_FIVE)),
            created=1,
        ),
    ),
    Story(
        "push_timing",
        {
            "name": "When to send the daily push",
            "area": "feed",
            "hypothesis": "After dinner beats before lunch.",
        },
        [Step(0.5, "mia")],
    ),
    Story(
        "price_labels",
        {
            "name": "Prices with and without tax",
            "area": "payments",
            "metric": "Orders.",
            "jira_issue": "PAY-9",
        },
        [
            *_life(
                "mia",
                _settings([_EUROPE], _variants(("control", "20"), ("with_tax", "20"))),
                (58, Verb.PUBLISH),
                (56, Verb.START),
                created=60,
            ),
            Step(
                21,
                "mia",
                verb=Verb.FINISH,
                ending={
                    "result": "winner",
                    "variant": "with_tax",
                    "scope": "everywhere",
                    "conclusion": "2.8 % more orders, fewer questions to support.",
                },
            ),
        ],
    ),
    Story(
        "loading_skeleton",
        {
            "name": "Skeleton instead of a spinner",
            "area": "feed",
            "metric": "Waits that end in leaving.",
            "managers": ["jonas"],
        },
        [
            *_life(
                "jonas",
                _settings(
                    [_in("country_id", BRAZIL, INDIA)], _variants(("control", "25"), ("skeleton", "25"))
                ),
                (45, Verb.PUBLISH),
                (43, Verb.START),
                created=47,
            ),
            Step(
                15,
                "jonas",
                verb=Verb.FINISH,
                ending={
                    "result": "winner",
                    "variant": "skeleton",
                    "scope": "conditions",
                    "conclusion": "Clear where connections are slow; not measurable elsewhere.",
                },
            ),
        ],
    ),
    Story(
        "confetti",
        {
            "name": "Confetti after the first order",
            "area": "payments",
            "metric": "Second orders.",
            "jira_issue": "PAY-12",
        },
        [
            *_life(
                "mia",
                _settings([], _variants(("control", "5"), ("confetti", "5"))),
                (38, Verb.PUBLISH),
                (36, Verb.START),
                created=40,
            ),
            Step(
                8,
                "mia",
                verb=Verb.FINISH,
                ending={
                    "result": "rejected",
                    "conclusion": "Nobody came back for confetti, and it cost 40 kB.",
                },
            ),
        ],
    ),
    Story(
        "christmas_guests",
        {"name": "Sees the Christmas shop", "area": "payments"},
        _life(
            "mia",
            {"conditions": [_in("country_id", GERMANY, FRANCE, ITALY, SPAIN, UNITED_KINGDOM, UNITED_STATES)]},
            (6, Verb.PUBLISH),
            (5, Verb.START),
            created=7,
        ),
        kind=Kind.GROUP,
    ),
    Story(
        "power_users",
        {"name": "Paying for more than a year", "area": "profile"},
        _life(
            "mia",
            {
                "conditions": [
                    _is("is_paying", True),
                    "AND",
                    {"filter": "registered_at", "operator": "older_than_days", "value": 365},
                ]
            },
            (2, Verb.PUBLISH),
            created=3,
        ),
        kind=Kind.GROUP,
    ),
)

FORCED: tuple[ForcedStory, ...] = (
    ForcedStory(
        8.9, "quinn", "pay_button_color", "green", "production", "100001", "Looks at the green button"
    ),
    ForcedStory(8.9, "quinn", "pay_button_color", "control", "devel", "100002", "Autotest of the pay page"),
)
