"""The catalogue a new installation starts with. Installations change theirs in the console; nothing reads this later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from audience.countries import COUNTRIES
from audience.specs import FilterType, Source, operators_of

PLATFORMS: Final = (("web", "Web"), ("mobile_web", "Mobile web"), ("ios", "iOS"), ("android", "Android"))
GENDERS: Final = (("female", "Female"), ("male", "Male"), ("other", "Other"))
LANGUAGES: Final = (
    ("ar", "Arabic"), ("bg", "Bulgarian"), ("bn", "Bengali"), ("ca", "Catalan"), ("cs", "Czech"), ("da", "Danish"), ("de", "German"),
    ("el", "Greek"), ("en", "English"), ("es", "Spanish"), ("et", "Estonian"), ("fa", "Persian"), ("fi", "Finnish"), ("fr", "French"),
    ("he", "Hebrew"), ("hi", "Hindi"), ("hr", "Croatian"), ("hu", "Hungarian"), ("id", "Indonesian"), ("it", "Italian"), ("ja", "Japanese"),
    ("ko", "Korean"), ("lt", "Lithuanian"), ("lv", "Latvian"), ("ms", "Malay"), ("nb", "Norwegian"), ("nl", "Dutch"), ("pl", "Polish"),
    ("pt", "Portuguese"), ("ro", "Romanian"), ("ru", "Russian"), ("sk", "Slovak"), ("sl", "Slovenian"), ("sr", "Serbian"), ("sv", "Swedish"),
    ("th", "Thai"), ("tr", "Turkish"), ("uk", "Ukrainian"), ("vi", "Vietnamese"), ("zh", "Chinese"),
)  # fmt: skip


def default_filters() -> list[dict[str, Any]]:
    """Rows for the `Filter` table, in display order. Profile filters have a warehouse column of their own name."""
    languages = sorted(LANGUAGES, key=lambda choice: choice[1])
    rows = [
        _row("is_test_user", "Test user", "boolean", "Works for the company or tests for it. Never counts in results."),
        _row("is_new_user", "New user", "boolean", "Registered a short while ago."),
        _row("is_paying", "Paying user", "boolean", "Has paid at least once."),
        _row("country_id", "Country", "integer", "ISO 3166-1 numeric code.", choices=((n, name) for _, n, name in COUNTRIES)),
        _row("age", "Age", "integer", "In years."),
        _row("gender", "Gender", "string", choices=GENDERS),
        _row("language", "Language", "string", "ISO 639-1 code, as the user chose it.", choices=languages),
        _row("registered_at", "Registered", "date", "When the account was made."),
        _row("app_version", "App version", "version", "The newest version the user has opened."),
        _row("platform", "Platform", "string", "What the request comes from.", "environment", PLATFORMS),
        _row(
            "country_code", "Country of the request", "string", "ISO 3166-1 alpha-2 code, found by address.", "environment",
            ((code, name) for code, _, name in COUNTRIES),
        ),
        _row("user_agent", "User agent", "string", "As the browser or app sends it.", "environment"),
        _row("client_language", "Language of the client", "string", "ISO 639-1 code.", "environment", languages),
        _row("client_version", "Client version", "version", "The version that makes the request.", "environment"),
    ]  # fmt: skip
    return [{**row, "position": 10 * number} for number, row in enumerate(rows, start=1)]


def _row(
    name: str,
    label: str,
    kind: FilterType,
    description: str = "",
    source: Source = "user",
    choices: Iterable[tuple[int | str, str]] = (),
) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": kind,
        "source": source,
        "description": description,
        "operators": list(operators_of(kind)),
        "choices": [{"value": value, "label": text} for value, text in choices],
        "column": name if source == "user" else "",
    }


def install_default_filters(model: Any) -> None:
    """Add those that are missing to the table of `model` (the class of a migration's state, or the real one)."""
    present = set(model.objects.values_list("name", flat=True))
    model.objects.bulk_create(model(**row) for row in default_filters() if row["name"] not in present)
