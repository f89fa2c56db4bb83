"""What a new installation starts with."""

from __future__ import annotations

from audience.catalogue import load_catalogue
from audience.countries import COUNTRIES
from usersplit_sdk.operators import OPERATORS

PROFILE = {
    "is_test_user": "boolean", "is_new_user": "boolean", "is_paying": "boolean", "country_id": "integer", "age": "integer",
    "gender": "string", "language": "string", "registered_at": "date", "app_version": "version",
}  # fmt: skip
ENVIRONMENT = {
    "platform": "string", "country_code": "string", "user_agent": "string", "client_language": "string", "client_version": "version",
}  # fmt: skip


def test_the_filters_of_the_contract_are_there(db: None) -> None:
    catalogue = load_catalogue()
    of = {
        source: {name: spec.type for name, spec in catalogue.items() if spec.source == source}
        for source in ("user", "environment")
    }
    assert of == {"user": PROFILE, "environment": ENVIRONMENT}


def test_only_profile_filters_are_in_the_warehouse(db: None) -> None:
    for spec in load_catalogue().values():
        assert spec.column == (spec.name if spec.source == "user" else "")


def test_every_filter_can_do_what_its_type_can(db: None) -> None:
    for spec in load_catalogue().values():
        assert set(spec.operators) == {
            name for name, operator in OPERATORS.items() if spec.type in operator.types
        }


def test_countries_have_names(db: None) -> None:
    catalogue = load_catalogue()
    assert catalogue["country_id"].label_of(276) == catalogue["country_code"].label_of("DE") == "Germany"
    assert (
        len(catalogue["country_id"].choices)
        == len(catalogue["country_code"].choices)
        == len(COUNTRIES)
        == 249
    )
    assert {choice.value for choice in catalogue["platform"].choices} == {
        "web",
        "mobile_web",
        "ios",
        "android",
    }
    assert catalogue["gender"].label_of("female") == "Female"
    assert catalogue["language"].label_of("de") == "German"
