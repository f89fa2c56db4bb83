"""A draft by its checklist: from what is missing to the card where it is done, and older settings beside each other."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from accounts.actors import Actor
from accounts.models import Environment
from analytics.models import TotalHits, Who
from core import clock
from experiments.lifecycle import Verb
from experiments.models import Experiment
from experiments.services import apply_verb
from tests.browser.conftest import NARROW, NewPage
from tests.conftest import People
from tests.factories import add_prepared, make_draft

PAGE = "/tests/green_button/"


def test_a_manager_walks_by_the_checklist(
    mia: Actor, people: People, warehouse: Any, new_page: NewPage
) -> None:
    draft = make_draft(mia, key="green_button", hypothesis="Green is seen sooner.")
    page = new_page(people.manager, "dark", NARROW)
    page.goto(PAGE)
    card = page.get_by_role("region", name="Checklist")
    expect(card).to_contain_text("2 missing")
    expect(card.get_by_role("link", name="No hit has come from production yet")).to_be_visible()
    card.get_by_role("link", name="Settings are saved").press("Enter")
    expect(page).to_have_url(re.compile("#settings$"))
    expect(page.get_by_role("link", name="Make the settings")).to_be_in_viewport()
    for target in card.locator(".us-todo").get_by_role("link").all():
        expect(page.locator(str(target.get_attribute("href")))).to_have_count(1)

    add_prepared(mia, draft)
    add_prepared(mia, draft, conditions=[{"filter": "age", "operator": "gte", "value": 18}])
    apply_verb(mia, Experiment.objects.get(key="green_button"), Verb.PUBLISH)
    current = Experiment.objects.get(key="green_button").current
    assert current is not None
    TotalHits.objects.create(
        settings_group=current,
        variant="green",
        environment=Environment.PRODUCTION,
        who=Who.TEST_USERS,
        hits=1,
        users=1,
        first_at=clock.now(),
        last_at=clock.now(),
    )
    page.reload()
    expect(card).to_contain_text("nothing stands in the way")
    expect(card.get_by_role("link", name="Its code is in production: the first hit came on")).to_be_visible()
    expect(card).not_to_contain_text("Before it is published")

    page.get_by_role("link", name="All versions, and what differs between any two").click()
    compared = page.locator("#compared")
    expect(compared).to_contain_text("What differs from settings 1 to settings 2")
    expect(compared.get_by_role("row", name="Conditions")).to_contain_text("18")
    page.get_by_label("against").focus()
    page.get_by_label("against").select_option("1")
    expect(compared).to_contain_text("Nothing differs.")
    expect(page.get_by_label("against")).to_be_focused()
    expect(page).to_have_url(re.compile(r"before=1&after=1$"))
    page.reload()
    expect(compared).to_contain_text("Nothing differs.")
