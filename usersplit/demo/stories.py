"""What happened in the demo company's tests: who made which, with what settings, and when."""

from __future__ import annotations

from experiments.lifecycle import Verb
from usersplit.demo.countries import (
    BRAZIL,
    CANADA,
    FRANCE,
    GERMANY,
    INDIA,
    ITALY,
    POLAND,
    SPAIN,
    UNITED_KINGDOM,
    UNITED_STATES,
)
from usersplit.demo.groups import GROUPS
from usersplit.demo.telling import ForcedStory, Step, Story, equals, life, one_of, settings, variants

_EUROPE = one_of("country_id", GERMANY, FRANCE, ITALY, SPAIN, POLAND)
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
        life(
            "mia",
            settings(
                [_EUROPE],
                variants(
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
            *life(
                "jonas",
                settings(
                    [equals("is_paying", False)], variants(("control", "15"), ("banner", "15")), ends_in=25
                ),
                (8, Verb.PUBLISH),
                (6, Verb.START),
                created=10,
            ),
            Step(
                0.2,
                "mia",
                settings=settings(
                    [equals("is_paying", False), "AND", {"filter": "age", "operator": "gte", "value": 18}],
                    variants(("control", "20"), ("banner", "20")),
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
        life(
            "mia",
            settings(
                [equals("is_new_user", True)],
                variants(("control", "20"), ("short", "20"), ("long", "20")),
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
            *life(
                "jonas",
                settings(
                    [one_of("country_id", UNITED_STATES, CANADA)],
                    variants(*_FIVE_FIVE),
                    message="North America only",
                ),
                (28, Verb.PUBLISH),
                (26, Verb.START),
                created=30,
            ),
            Step(
                12,
                "jonas",
                settings=settings(
                    [one_of("country_id", UNITED_STATES, CANADA, UNITED_KINGDOM)],
                    variants(("control", "10"), ("treatment", "10")),
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
        life(
            "mia",
            settings([], variants(("control", "50"), ("friendly", "50")), message="Everybody, half and half"),
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
        life(
            "mia",
            settings(
                [
                    equals("platform", "ios"),
                    "AND",
                    {"filter": "client_version", "operator": "version_gte", "value": "2.0"},
                    "AND",
                    {"filter": "age", "operator": "gte", "value": 18},
                ],
                variants(("control", "12.5"), ("yearly_first", "12.5")),
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
        life(
            "mia",
            settings(
                [one_of("language", "en", "de")], variants(("control", "8"), ("suggest", "8")), ends_in=12
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
        life(
            "jonas",
            settings(
                [{"filter": "registered_at", "operator": "within_days", "value": 180}],
                variants(("control", "10"), ("one_step", "10")),
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
        life(
            "mia",
            settings(
                [
                    equals("is_test_user", True),
                    "OR",
                    [one_of("country_id", GERMANY, FRANCE), "AND", equals("is_paying", True)],
                ],
                variants(*_FIVE_FIVE),
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
        life("jonas", settings([], variants(("control", "4"), ("dark", "4"))), (2, Verb.PUBLISH), created=4),
    ),
    Story(
        "voice_search",
        {
            "name": "Search by voice",
            "area": "search",
            "metric": "Searches per session.",
            "jira_issue": "SRCH-12",
        },
        life(
            "mia",
            settings([one_of("country_id", UNITED_STATES, UNITED_KINGDOM, INDIA)], variants(*_FIVE_FIVE)),
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
            *life(
                "mia",
                settings([_EUROPE], variants(("control", "20"), ("with_tax", "20"))),
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
                    "conclusion": "More people order, fewer ask support about the tax.",
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
            *life(
                "jonas",
                settings(
                    [one_of("country_id", BRAZIL, INDIA)], variants(("control", "25"), ("skeleton", "25"))
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
            *life(
                "mia",
                settings([], variants(("control", "5"), ("confetti", "5"))),
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
    *GROUPS,
)

FORCED: tuple[ForcedStory, ...] = (
    ForcedStory(
        8.9, "quinn", "pay_button_color", "green", "production", "100001", "Looks at the green button"
    ),
    ForcedStory(8.9, "quinn", "pay_button_color", "control", "devel", "100002", "Autotest of the pay page"),
)
