"""Variants as code: two tests of a shop's catalogue, with delivered test files and without any.

Run it: python examples/variants_as_code.py
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from usersplit_sdk import Client, Environment, RecordingHits, User
from usersplit_sdk.split_tests import MultiTest, ParamTest, Run, SplitTest, per_call, variant

Catalogue = dict[str, int]

COCONUTS: Catalogue = {"king coconut": 12, "dwarf coconut": 9}


class SortingTest(SplitTest):
    """Does it sell more if the cheapest comes first?"""

    key = "catalogue_sorting"

    def is_eligible(self) -> bool:
        return not self.context["user"]["is_vip"]

    @variant
    def control(self, catalogue: Catalogue) -> Catalogue:
        return catalogue

    @variant(name="cheapest")
    def cheapest_first(self, catalogue: Catalogue) -> Catalogue:
        return dict(sorted(catalogue.items(), key=lambda item: item[1]))

    def default(self, catalogue: Catalogue) -> Catalogue:
        return catalogue


class PricingTest(ParamTest):
    """What may a coconut cost?"""

    key = "pricing"
    params = [{"price_delta": delta} for delta in range(-2, 3)]

    def run(self, catalogue: Catalogue) -> Catalogue:
        return {name: price + int(self.param["price_delta"]) for name, price in catalogue.items()}


class SuggestionsTest(SplitTest):
    """Suggestions come from another service, so they are awaited."""

    key = "suggestions"

    @variant
    async def popular(self) -> list[str]:
        await asyncio.sleep(0)
        return ["king coconut"]

    @variant
    async def similar(self) -> list[str]:
        await asyncio.sleep(0)
        return ["coconut milk"]


# What the server would deliver; an application says Client.from_directory("delivery/").
DELIVERED: dict[str, Any] = {
    "format": 1,
    "kind": "test",
    "key": "catalogue_sorting",
    "status": "running",
    "side": "server",
    "settings_group": 1,
    "conditions": [],
    "control": "control",
    "variants": [
        {"name": "control", "split_groups": [[1, 1000]]},
        {"name": "cheapest", "split_groups": [[1001, 2000]]},
    ],
}


def show_with_client() -> None:
    """The delivered test decides; a hit is logged for those who were shown a variant."""
    hits = RecordingHits()
    client = Client.from_documents([DELIVERED], hits=hits)

    @per_call(lambda user, is_vip: SortingTest(client, user, context={"user": {"is_vip": is_vip}}))
    def first_on_page(run: Run[SortingTest], user: User, is_vip: bool) -> str:
        return f"{run.variant}: {next(iter(run(COCONUTS)))}"

    print("mia gets", first_on_page(User("mia", split_group=1500), is_vip=False))
    print("noah gets", first_on_page(User("noah", split_group=500), is_vip=False))
    print("vera, a VIP, gets", first_on_page(User("vera", split_group=1500), is_vip=True))
    print("hits:", ", ".join(f"{hit.user_id} {hit.variant}" for hit in hits.hits))


def show_without_client() -> None:
    """A hash of the test's key and the visitor's device decides, and one test of two for each visitor."""
    counts: Counter[str] = Counter()
    for number in range(1100):
        visitor = Environment(device_id=f"device-{number}")
        context = {"user": {"is_vip": False}}
        with MultiTest(
            [SortingTest, PricingTest], None, None, visitor, context=context, weights={PricingTest: 1000}
        ) as run:
            run(COCONUTS)
            counts[f"{run.key} {run.variant}"] += 1
    for name, count in sorted(counts.items()):
        print(f"{name}: {count} visitors")


async def suggest(user: User) -> str:
    """A test that is awaited."""
    async with SuggestionsTest(user=user) as run:
        return f"{run.variant} suggestions for {user.id}: {', '.join(await run())}"


if __name__ == "__main__":
    show_with_client()
    show_without_client()
    print(asyncio.run(suggest(User("mia"))))
