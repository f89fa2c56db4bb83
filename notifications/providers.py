"""What people type to connect each provider: one table, from which the forms and the checks follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifications.models import Provider


@dataclass(frozen=True, slots=True)
class Typed:
    """One thing to type. `choices` are (value, label); a list is typed as words with commas between them."""

    label: str
    help: str
    default: str = ""
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """`what_for` says what it does for people. Without `url` the address is the secret itself; without `account` there is
    none to type. `options` are kept in the connection's options under their names."""

    what_for: str
    secret: Typed
    url: Typed | None = None
    account: Typed | None = None
    options: tuple[tuple[str, Typed], ...] = ()


_JIRA_URL: Final = "Where people open Jira"
_TASKS: Final = (
    (
        "task_type",
        Typed(
            "Type of the task to cut a test out",
            "As Jira calls it. Made when a test finishes, in the project of the test's issue; "
            "a type of sub-task, such as Sub-task, makes it a part of that issue.",
            default="Task",
            required=False,
        ),
    ),
    (
        "project",
        Typed(
            "Project for tests without an issue",
            "Its key, such as PAY. Empty: no tasks for tests that name no issue.",
            required=False,
        ),
    ),
)

PROVIDERS_TYPED: Final[Mapping[Provider, ProviderSpec]] = {
    Provider.MATRIX: ProviderSpec(
        "Rooms for tests, and direct messages to people.",
        url=Typed("Address of the homeserver", "Such as https://matrix.example.org."),
        secret=Typed("Access token", "Of an account made for this. It invites people and writes in rooms."),
        options=(
            (
                "server_name",
                Typed(
                    "Server name of people",
                    "What stands behind the colon in their Matrix ids. Empty: the same as the account's.",
                    required=False,
                ),
            ),
        ),
    ),
    Provider.SLACK: ProviderSpec(
        "Private channels for tests, and direct messages to people.",
        url=Typed(
            "Address of the Web API", "Slack's own, unless a proxy stands before it.", "https://slack.com/api"
        ),
        secret=Typed("Bot token", "Begins with xoxb-. The test says which scopes are missing."),
    ),
    Provider.WEBHOOK: ProviderSpec(
        "One channel of a team hears of all tests, or of those of some areas.",
        secret=Typed(
            "Hook address",
            "What the chat made for its channel. Whoever knows it can write there.",
        ),
        options=(
            (
                "format",
                Typed(
                    "Written for",
                    "How messages are laid out.",
                    default="mattermost",
                    choices=(
                        ("mattermost", "Mattermost"),
                        ("rocketchat", "Rocket.Chat"),
                        ("teams", "Microsoft Teams"),
                    ),
                ),
            ),
            (
                "areas",
                Typed(
                    "Only these areas",
                    "With commas between them. Empty: tests of every area.",
                    required=False,
                    is_list=True,
                ),
            ),
        ),
    ),
    Provider.JIRA_CLOUD: ProviderSpec(
        "Comments on the issues of tests, and tasks to cut them out of the code.",
        url=Typed(_JIRA_URL, "Such as https://example.atlassian.net."),
        account=Typed("E-mail address of the account", "Its name stands on what is written."),
        secret=Typed("API token", "Made under the account's security settings."),
        options=_TASKS,
    ),
    Provider.JIRA_DATA_CENTER: ProviderSpec(
        "Comments on the issues of tests, and tasks to cut them out of the code.",
        url=Typed(_JIRA_URL, "With its path, if it has one, such as https://www.example.org/jira."),
        secret=Typed("Personal access token", "Made in the account's profile."),
        options=_TASKS,
    ),
}
