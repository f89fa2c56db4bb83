"""The shop's tests say which variants they are about; every other split test is off."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from .tea_shop import application

if TYPE_CHECKING:
    from usersplit_sdk import Hit
    from usersplit_sdk.testing import ForcedVariants


def page(customer: str = "mia") -> str:
    """What the customer sees."""
    return b"".join(application({"HTTP_X_CUSTOMER": customer}, lambda status, headers: None)).decode()


def test_nobody_is_in_a_test_unless_a_mark_says_so() -> None:
    """Because of ``usersplit_tests_off`` in pytest.ini: else mia would be in the group with the green button."""
    assert page() == '<button class="grey">Buy</button>'


@pytest.mark.usersplit(green_button="green")
def test_green_button() -> None:
    assert page() == '<button class="green">Get it</button>'
    assert page("") == page("noah") == page()


@pytest.mark.usersplit(green_button="green")
def test_a_hit_is_logged_once(usersplit_hits: list[Hit]) -> None:
    page()
    page()
    assert [(hit.test, hit.variant, hit.user_id) for hit in usersplit_hits] == [
        ("green_button", "green", "mia")
    ]


@pytest.mark.usersplit(red_banner="red")
class TestBanner:
    """All of these are about the banner."""

    def test_above_the_usual_button(self) -> None:
        assert page() == '<button class="grey">Buy</button><p class="red">Free delivery until Sunday!</p>'

    @pytest.mark.usersplit(green_button="green")
    def test_with_the_green_button(self) -> None:
        assert 'class="green"' in page()
        assert "Free delivery" in page()

    @pytest.mark.usersplit(red_banner=None)
    def test_without_it(self) -> None:
        assert "Free delivery" not in page()


@pytest.mark.parametrize("variant", ["control", "green"])
def test_the_button_in_every_variant(usersplit: ForcedVariants, variant: str) -> None:
    usersplit.force(green_button=variant)
    assert page().count("<button") == 1


@pytest.mark.usersplit(green_button="green")
def test_threads_of_the_shop_see_it_too() -> None:
    pages: list[str] = []
    thread = threading.Thread(target=lambda: pages.append(page()))
    thread.start()
    thread.join()
    assert pages == ['<button class="green">Get it</button>']
