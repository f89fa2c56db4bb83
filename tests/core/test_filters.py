"""Every list refuses parameters that it does not know, and takes cursors and page sizes."""

from __future__ import annotations

import pytest

from accounts.actors import Actor
from tests.api import Api, wrong_fields
from tests.conftest import People
from tests.factories import add_settings, make_draft

LISTS = [
    "/tests/", "/groups/", "/tests/button/settings-groups/", "/tests/button/changelog/", "/qa/forced/", "/qa/tests-off/",
    "/delivery/servers/",
]  # fmt: skip


@pytest.fixture
def api(people: People, manager: Actor) -> Api:
    make_draft(manager, "button")
    return Api.of(people.manager)


@pytest.mark.parametrize("address", LISTS)
def test_a_misspelt_filter_is_bad_input(api: Api, address: str) -> None:
    assert wrong_fields(api.get(address, statuss="dev", hue="red")) == ["hue", "statuss"]
    assert api.get(address, page_size="1", format="json").json().keys() == {"next", "previous", "results"}
    assert wrong_fields(api.get(address, cursor="made-up")) == ["cursor"]
    assert wrong_fields(api.get(address, page_size="201")) == ["page_size"]


def test_settings_groups_are_filtered_by_state(api: Api, manager: Actor) -> None:
    add_settings(manager, make_draft(manager, "other"))
    address = "/tests/other/settings-groups/"
    assert [row["number"] for row in api.get(address, state=["queued", "failed"]).json()["results"]] == [1]
    assert api.get(address, state="ready").json()["results"] == []
    assert wrong_fields(api.get(address, state="done")) == ["state"]
