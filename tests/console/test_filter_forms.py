"""Every list with filters has the same form: live, in the address, with a way back to the whole list."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.conftest import People

LISTS = {
    "/tests/": "q=button",
    "/groups/": "area=shop",
    "/texts/": "q=pay",
    "/people/": "role=qa",
    "/overlap/": "show=running",
    "/calendar/": "weeks=26",
    "/changelog/": "people=1",
    "/servers/": "environment=devel",
}


@pytest.fixture
def browser(people: People) -> Client:
    browser = Client()
    browser.force_login(people.superuser)
    return browser


def _form(browser: Client, address: str) -> str:
    page = browser.get(address).content.decode()
    assert page.count('class="us-filter-form"') == 1
    return page[page.index('class="us-filter-form"') : page.index("</form>", page.index("us-filter-form"))]


@pytest.mark.parametrize("address", LISTS)
def test_it_is_live_and_works_without_scripts(browser: Client, address: str) -> None:
    form = _form(browser, address)
    for part in (f'action="{address}"', f'hx-get="{address}"', 'hx-push-url="true"', 'method="get"'):
        assert part in form
    assert "<noscript>" in form


@pytest.mark.parametrize("address", LISTS)
def test_the_way_back_is_there_while_something_is_filtered(browser: Client, address: str) -> None:
    def is_hidden(query: str) -> bool:
        form = _form(browser, f"{address}?{query}")
        return "hidden" in form[form.index("data-shown-when-filtered") : form.index("</a>")]

    assert is_hidden("")
    assert is_hidden(f"{LISTS[address].split('=')[0]}=")
    assert not is_hidden(LISTS[address])
