"""What a developer would write without any library: the ratio's base, the same lines in every process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from bench.workload import NOT_OWNED, SPLIT_GROUPS, Plan


class HasProfile(Protocol):
    """The application's user."""

    @property
    def split_group(self) -> int | None: ...
    @property
    def attributes(self) -> Mapping[str, object]: ...


class HasValues(Protocol):
    """The application's request."""

    @property
    def attributes(self) -> Mapping[str, object]: ...


class AppUser:
    """A user as an application keeps one."""

    __slots__ = ("attributes", "id", "split_group")

    def __init__(self, user_id: str, split_group: int, attributes: Mapping[str, object]) -> None:
        self.id, self.split_group, self.attributes = user_id, split_group, attributes


class AppRequest:
    """A request as an application keeps one."""

    __slots__ = ("attributes",)

    def __init__(self, attributes: Mapping[str, object]) -> None:
        self.attributes = attributes


class GreenButton:
    """The single check behind one method call; ``workload.one_plan`` written out."""

    def variant(self, user: HasProfile, request: HasValues) -> str | None:
        profile = user.attributes
        if (
            profile.get("country_id") in {3, 50, 77, 120, 181} and request.attributes.get("platform") == "web"
        ) or profile.get("is_test_user") is True:
            group = user.split_group or 0
            if 1 <= group <= 960:
                return "control"
            if 961 <= group <= 1920:
                return "green"
        return None


AllByHand = Callable[[HasProfile, HasValues], dict[str, str]]


def ifs(plans: Sequence[Plan]) -> AllByHand:
    """One function with an ``if`` per test, each reading what it needs, as they stand scattered in an application.

    Written by a program, since forty are many; the code is what a hand would have written. Which variant owns a
    split group that was drawn at random is a dict, as it would be by hand.
    """
    lines = ["def variants(user, request):", "    found = {}"]
    for number, plan in enumerate(plans):
        country, platform = 'user.attributes.get("country_id")', 'request.attributes.get("platform")'
        tester = 'user.attributes.get("is_test_user") is True'
        lines += [
            f'    if ({country} in {_set(plan)} and {platform} == "{plan.platform}") or {tester}:',
            f"        variant = SPLIT_{number}.get(user.split_group)",
            f'        if variant is not None: found["{plan.key}"] = variant',
        ]
    return _made(lines, plans)


def tight_ifs(plans: Sequence[Plan]) -> AllByHand:
    """The same, every value read once at the top: the best that ifs in this order can do."""
    lines = [
        "def variants(user, request):",
        "    found = {}",
        "    profile, group = user.attributes, user.split_group",
        '    country, test_user = profile.get("country_id"), profile.get("is_test_user") is True',
        '    platform = request.attributes.get("platform")',
    ]
    for number, plan in enumerate(plans):
        lines += [
            f'    if (country in {_set(plan)} and platform == "{plan.platform}") or test_user:',
            f"        variant = SPLIT_{number}.get(group)",
            f'        if variant is not None: found["{plan.key}"] = variant',
        ]
    return _made(lines, plans)


def _set(plan: Plan) -> str:
    return "{" + ", ".join(map(str, plan.countries)) + "}"


def _made(lines: list[str], plans: Sequence[Plan]) -> AllByHand:
    names: dict[str, object] = {
        f"SPLIT_{number}": {
            group: NOT_OWNED[plan.owners[group]] for group in range(1, SPLIT_GROUPS + 1) if plan.owners[group]
        }
        for number, plan in enumerate(plans)
    }
    exec("\n".join([*lines, "    return found"]), names)  # noqa: S102 - our own text, from fixed seeds
    made: AllByHand = names["variants"]  # type: ignore[assignment]
    return made
