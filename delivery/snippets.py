"""What a developer pastes into an application for one test or user group: its key, its variants, the filters its conditions read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from django.utils.translation import gettext

from audience.models import Filter
from core.errors import InvalidInput
from delivery.examples import example_for
from experiments.models import Experiment, SettingsGroup, Side

SUPPORTED: Final = {Side.CLIENT, Side.CLIENT_SERVER}


class Language(StrEnum):
    """What snippets are written in."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    CURL = "curl"


LABELS: Final[Mapping[Language, str]] = {
    Language.PYTHON: "Python",
    Language.JAVASCRIPT: "JavaScript",
    Language.CURL: "curl",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """The code, where it belongs, and the scopes of the token that it needs.

    `is_for_texts`: it only asks for texts, which an application that asks UserSplit for all of its texts does anyway.
    """

    language: Language
    code: str
    where: str
    scopes: tuple[str, ...]
    is_for_texts: bool = False


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a snippet says of its test. `profile` and `request` are values by filter that its conditions ask for."""

    key: str
    url: str
    variants: tuple[str, ...]
    has_payloads: bool
    texts: tuple[tuple[str, str], ...]
    is_for_clients: bool
    profile: dict[str, object] = field(default_factory=dict)
    request: dict[str, object] = field(default_factory=dict)


def languages_for(experiment: Experiment) -> tuple[Language, ...]:
    """A user group is asked about by servers only."""
    return tuple(Language) if experiment.is_test else (Language.PYTHON, Language.CURL)


def snippet_for(experiment: Experiment, language: str, url: str) -> Snippet:
    """The snippet for the test's current settings, else for its newest. `url` is where programs reach this installation.

    Raises InvalidInput naming `language`.
    """
    offered = languages_for(experiment)
    if language not in list(offered):
        raise InvalidInput.at("language", f"Must be one of: {', '.join(offered)}.")
    facts = _facts(experiment, url.rstrip("/"))
    chosen = Language(language)
    if not experiment.is_test:
        return _GROUP_WRITERS[chosen](facts)
    return _WRITERS[chosen](facts)


def _facts(experiment: Experiment, url: str) -> _Facts:
    settings_group = (
        experiment.current or SettingsGroup.objects.filter(experiment=experiment).order_by("-number").first()
    )
    if settings_group is None:
        return _Facts(experiment.key, url, (), False, (), experiment.side in SUPPORTED)
    variants = list(settings_group.variants.order_by("position"))
    facts = _Facts(
        key=experiment.key,
        url=url,
        variants=tuple(variant.name for variant in variants),
        has_payloads=any(variant.payload for variant in variants),
        texts=tuple((token, _a_language(texts)) for token, texts in sorted(settings_group.tokens.items())),
        is_for_clients=experiment.side in SUPPORTED,
    )
    predicates = list(_predicates(settings_group.conditions))
    asked = {predicate["filter"] for predicate in predicates}
    types = dict(Filter.objects.filter(name__in=asked).values_list("name", "type"))
    for predicate in predicates:
        name = predicate["filter"]
        values = facts.profile if predicate["source"] == "user" else facts.request
        values.setdefault(name, example_for(predicate, types.get(name, "")))
    return facts


def _predicates(conditions: list[Any]) -> Iterator[dict[str, Any]]:
    for item in conditions:
        if isinstance(item, dict):
            yield item
        elif isinstance(item, list):
            yield from _predicates(item)


def _a_language(texts: Mapping[str, Mapping[str, str]]) -> str:
    return next((language for by_language in texts.values() for language in sorted(by_language)), "en")


# ---- Python ------------------------------------------------------------------------------------------------


def _python_of(value: object) -> str:
    """A literal, with double quotes where that needs nothing escaped."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_python_of(name)}: {_python_of(item)}" for name, item in value.items()) + "}"
        )
    written = repr(value)
    return (
        f'"{value}"' if isinstance(value, str) and written == f"'{value}'" and '"' not in value else written
    )


def _python_head(facts: _Facts, scopes: str) -> list[str]:
    environment = [f"attributes={_python_of(facts.request)}"] if facts.request else []
    supports = []
    if facts.is_for_clients:
        supports = ["# The tests that the client, which shows it, said it knows."]
        environment.append(f"supported_tests=frozenset({{{_python_of(facts.key)}}})")
    attributes = f", attributes={_python_of(facts.profile)}" if facts.profile else ""
    return [
        "import os",
        "",
        "from usersplit_sdk import Client, Environment, User",
        "",
        f"# Once for each process. The token needs the {scopes}.",
        f'client = Client.from_url({_python_of(facts.url)}, token=os.environ["USERSPLIT_TOKEN"])',
        "",
        "# For each request. A guest is user = None; a guest's split group comes from a cookie, as Environment(split_group=...).",
        f'user = User(id="4711", split_group=1187{attributes})',
        *supports,
        f"request = Environment({', '.join(environment)})",
        "",
    ]


def _python(facts: _Facts) -> Snippet:
    lines = _python_head(facts, 'scopes "deliver" and "ingest"')
    if facts.texts and not facts.has_payloads:
        lines += [
            "# Nothing to add where these texts are asked for already. Also logs that the user was shown the variant."
        ]
        lines += _python_texts(facts)
        where = gettext("On an application server.")
        return Snippet(Language.PYTHON, _text(lines), where, ("deliver", "ingest"), is_for_texts=True)
    key = _python_of(facts.key)
    lines += ["# Decided here, without a call to anybody. Also logs that the user was shown the variant."]
    lines += [f"variant = client.get_active_variant({key}, user, request)"]
    if facts.has_payloads:
        lines += [f"payload = client.payload({key}, user, request)"]
    lines += _python_texts(facts)
    for number, variant in enumerate(facts.variants):
        lines += [
            f"{'elif' if number else 'if'} variant == {_python_of(variant)}:",
            "    pass  # what these users get",
        ]
    outside = "    pass  # None: not in the test; what everybody gets without it"
    lines += ["else:", outside] if facts.variants else ["if variant is None:", outside]
    return Snippet(Language.PYTHON, _text(lines), gettext("On an application server."), ("deliver", "ingest"))


def _python_texts(facts: _Facts) -> list[str]:
    return [
        f"text = client.text({_python_of(token)}, user, request, language={_python_of(language)}, "
        'default="The text without the test")'
        for token, language in facts.texts
    ]


def _python_group(facts: _Facts) -> Snippet:
    lines = _python_head(facts, 'scope "deliver"')
    lines += [
        f"if client.is_in_group({_python_of(facts.key)}, user, request):",
        "    pass  # what the users in the group get",
    ]
    return Snippet(Language.PYTHON, _text(lines), gettext("On an application server."), ("deliver",))


# ---- JavaScript --------------------------------------------------------------------------------------------


def _script_of(value: object) -> str:
    """JSON is JavaScript; without "<" it is also safe within a page."""
    return json.dumps(value).replace("<", "\\u003c")


def _javascript(facts: _Facts) -> Snippet:
    user = {"id": "4711"} | ({"attributes": facts.profile} if facts.profile else {})
    key = _script_of(facts.key)
    lines = [
        f"import {{ UserSplit }} from {_script_of(facts.url + '/static/client/usersplit.js')};",
        "",
        "const split = new UserSplit({",
        f"  url: {_script_of(facts.url)},",
        "  // Everybody can read it in the page: the scopes evaluate and ingest, nothing else.",
        "  token: USERSPLIT_TOKEN,",
        "  // null: a guest, who gets a split group of this browser.",
        f"  user: {_script_of(user)},",
        f"  environment: {_script_of(facts.request)},",
        "  // The tests that this page's code knows.",
        f"  supportedTests: [{key}],",
        "});",
        "",
        "await split.ready(); // Never rejects. Without an answer the last known variants count.",
        f"const variant = split.variant({key}); // Also logs that the user was shown it.",
    ]
    if facts.has_payloads:
        lines += [f"const payload = split.payload({key});"]
    for number, variant in enumerate(facts.variants):
        lines += [
            f"{'} else if' if number else 'if'} (variant === {_script_of(variant)}) {{",
            "  // What these users get.",
        ]
    outside = "  // null: not in the test; what everybody gets without it."
    lines += ["} else {", outside, "}"] if facts.variants else ["if (variant === null) {", outside, "}"]
    return Snippet(
        Language.JAVASCRIPT, _text(lines), gettext("In a page, as an ES module."), ("evaluate", "ingest")
    )


# ---- curl --------------------------------------------------------------------------------------------------


def _curl(facts: _Facts) -> Snippet:
    user = {"id": "4711"} | ({"attributes": facts.profile} if facts.profile else {})
    body = {"user": user, "environment": facts.request, "supported_tests": [facts.key]}
    lines = [
        '# In "variants" of the answer; without the key the user is not in the test. "hits" is what to send when it is shown.',
        *_request(f"{facts.url}/api/v1/active-variants/", body),
    ]
    return Snippet(
        Language.CURL, _text(lines), gettext("In a shell, and as a model for any HTTP client."), ("evaluate",)
    )


def _curl_group(facts: _Facts) -> Snippet:
    body = {"user_id": "4711", "environment": facts.request, "tests": []}
    if facts.profile:
        body["attributes"] = facts.profile
    lines = [
        f'# The user is in the group if "groups" of the answer lists {facts.key}.',
        *_request(f"{facts.url}/api/v1/qa/check/", body),
    ]
    return Snippet(Language.CURL, _text(lines), gettext("In a shell, to try it out."), ("qa",))


def _request(address: str, body: object) -> list[str]:
    return [
        f"curl --silent --show-error --fail-with-body {shlex.quote(address)} \\",
        '  --header "Authorization: Bearer $USERSPLIT_TOKEN" \\',
        "  --header 'Content-Type: application/json' \\",
        f"  --data {shlex.quote(json.dumps(body))}",
    ]


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


_WRITERS: Final = {Language.PYTHON: _python, Language.JAVASCRIPT: _javascript, Language.CURL: _curl}
_GROUP_WRITERS: Final = {Language.PYTHON: _python_group, Language.CURL: _curl_group}
