"""What browsers and proxies may keep of our answers."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.conftest import People


@pytest.fixture
def console(people: People, client: Client) -> Client:
    client.force_login(people.viewer)
    return client


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "results"}])
def test_a_part_of_a_page_is_never_taken_for_the_page(console: Client, headers: dict[str, str]) -> None:
    answer = console.get("/tests/", headers=headers)
    assert (b"<html" in answer.content) is not bool(headers)
    assert {"HX-Request", "HX-Target", "Cookie"} <= set(answer.headers["Vary"].split(", "))


@pytest.mark.parametrize("address", ["/tests/", "/changelog/export/", "/api/v1/tests/", "/no/such/page/"])
def test_what_somebody_reads_is_theirs_alone_and_asked_for_again(console: Client, address: str) -> None:
    assert console.get(address).headers["Cache-Control"] == "private, no-cache"


def test_what_decides_for_itself_is_left_alone(client: Client) -> None:
    assert "no-store" in client.get("/login/").headers["Cache-Control"]
