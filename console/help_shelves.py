"""Which page of the help stands on which shelf: by what a person does, the most needed first."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DECISIONS: Final = "decisions"

SHELVES: Final[tuple[tuple[str | Promise, str | Promise, tuple[str, ...]], ...]] = (
    (
        _("Planning and running tests"),
        _("For managers: from an idea to a decision."),
        (
            "first-test",
            "console",
            "ten-tasks",
            "test-list",
            "editor",
            "user-groups",
            "token-tests",
            "before-the-start",
            "planning",
            "worth",
            "drawing",
            "jira",
            "notifications",
        ),
    ),
    (
        _("Reading results"),
        _("For analysts, and for whoever has to decide."),
        ("results", "hits", "walking-users", "health", "counting"),
    ),
    (
        _("Putting tests into code"),
        _("For developers: servers, browsers, apps and scripts."),
        (
            "sdk",
            "sdk-integrations",
            "sdk-variants-as-code",
            "sdk-hits",
            "sdk-transport",
            "sdk-asyncio",
            "sdk-command-line",
            "code-places",
            "browser-client",
            "ofrep",
            "api",
            "hits-api",
        ),
    ),
    (
        _("Trying tests out"),
        _("For QA: see each variant, and why somebody sees none."),
        ("delivery-and-qa", "autotests", "sdk-testing"),
    ),
    (
        _("Keeping it running"),
        _("For administrators: people, users, connections, machines."),
        (
            "readme",
            "people",
            "changelog",
            "users",
            "engines",
            "system-health",
            "chat",
            "slack-and-webhooks",
            "languages",
        ),
    ),
    (
        _("How it is made"),
        _("For whoever wants to know why, or to change it."),
        ("house-rules", DECISIONS, "changes"),
    ),
)
