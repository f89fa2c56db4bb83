"""The bench of the pages at a size that says nothing about time, but something about queries: they do not grow with the tests.

Cards are left to the bench itself: most of them show one test.
"""

from __future__ import annotations

from typing import Any

from bench.pages import measure, report
from bench.pages_ground import Size

FEW, MANY = Size(3, 1, 1, 1, 2, 2), Size(8, 3, 3, 3, 6, 4)


def test_every_page_answers_with_as_many_queries_however_many_tests_there_are(
    db: None, warehouse: Any
) -> None:
    pages, left_out = measure(FEW, MANY, rounds=0, cards=False)
    assert {
        *("/", "/tests/", "/tests/?attention=any", "/calendar/", "/overlap/", "/capacity/", "/groups/"),
        *("/check/?user_id=4711", "/help/test-list/"),
    } <= {page.address for page in pages}
    assert [f"{page.address}: {page.few}, {page.many}" for page in pages if page.many > page.few] == []
    text = report(pages, left_out, FEW.tests + MANY.tests)
    assert "the test list with 31 tests" in text
    assert "asked ≤ 150 ms" in text
