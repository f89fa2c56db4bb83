"""What people type to connect each provider: one table, from which the forms and the checks follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from notifications.models import Provider

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Typed:
    """One thing to type. `choices` are (value, label); a list is typed as words with commas between them."""

    label: StrOrPromise
    help: StrOrPromise
    default: str = ""
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """`what_for` says what it does for people. Without `url` the address is the secret itself; without `account` there is
    none to type. `options` are kept in the connection's options under their names."""

    what_for: StrOrPromise
    secret: Typed
    url: Typed | None = None
    account: Typed | None = None
    options: tuple[tuple[str, Typed], ...] = ()


_JIRA_URL: Final = _("Where people open Jira")
_TASKS: Final = (
    (
        "task_type",
        Typed(
            _("Type of the task to cut a test out"),
            _(
                "As Jira calls it. Made when a test finishes, in the project of the test's issue; "
                "a type of sub-task, such as Sub-task, makes it a part of that issue."
            ),
            default="Task",
            required=False,
        ),
    ),
    (
        "project",
        Typed(
            _("Project for tests without an issue"),
            _("Its key, such as PAY. Empty: no tasks for tests that name no issue."),
            required=False,
        ),
    ),
)

PROVIDERS_TYPED: Final[Mapping[Provider, ProviderSpec]] = {
    Provider.MATRIX: ProviderSpec(
        _("Rooms for tests, and direct messages to people."),
        url=Typed(_("Address of the homeserver"), _("Such as https://matrix.example.org.")),
        secret=Typed(
            _("Access token"), _("Of an account made for this. It invites people and writes in rooms.")
        ),
        options=(
            (
                "server_name",
                Typed(
                    _("Server name of people"),
                    _("What stands behind the colon in their Matrix ids. Empty: the same as the account's."),
                    required=False,
                ),
            ),
        ),
    ),
    Provider.SLACK: ProviderSpec(
        _("Private channels for tests, and direct messages to people."),
        url=Typed(
            _("Address of the Web API"),
            _("Slack's own, unless a proxy stands before it."),
            "https://slack.com/api",
        ),
        secret=Typed(_("Bot token"), _("Begins with xoxb-. The test says which scopes are missing.")),
    ),
    Provider.WEBHOOK: ProviderSpec(
        _("One channel of a team hears of all tests, or of those of some areas."),
        secret=Typed(
            _("Hook address"),
            _("What the chat made for its channel. Whoever knows it can write there."),
        ),
        options=(
            (
                "format",
                Typed(
                    _("Written for"),
                    _("How messages are laid out."),
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
                    _("Only these areas"),
                    _("With commas between them. Empty: tests of every area."),
                    required=False,
                    is_list=True,
                ),
            ),
        ),
    ),
    Provider.JIRA_CLOUD: ProviderSpec(
        _("Comments on the issues of tests, and tasks to cut them out of the code."),
        url=Typed(_JIRA_URL, _("Such as https://example.atlassian.net.")),
        account=Typed(_("E-mail address of the account"), _("Its name stands on what is written.")),
        secret=Typed(_("API token"), _("Made under the account's security settings.")),
        options=_TASKS,
    ),
    Provider.JIRA_DATA_CENTER: ProviderSpec(
        _("Comments on the issues of tests, and tasks to cut them out of the code."),
        url=Typed(_JIRA_URL, _("With its path, if it has one, such as https://www.example.org/jira.")),
        secret=Typed(_("Personal access token"), _("Made in the account's profile.")),
        options=_TASKS,
    ),
}
