"""The rules of who gets which variant, and the only place where they are written.

``_rules`` lists the evaluation's steps for one test in their order. Two functions are generated from that list: a
*check*, which answers with the variant alone and reads the host's objects directly, and a *decision*, which says
why. They are pure: no clock, no I/O, no randomness; the time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from math import inf
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple, cast

from usersplit_sdk.conditions import Names, compile_traced, define, write_plain
from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.model import SPLIT_GROUPS, Decision, Reason
from usersplit_sdk.values import from_nanoseconds, to_nanoseconds

Additional = Callable[[object, object], bool]
"""``(user, request)`` → the answer of the code's own conditions for one test; must not raise."""

_NOTHING: Mapping[str, object] = MappingProxyType({})
_CONTAINERS = (frozenset, set, list, tuple, dict)


class TestsOff(NamedTuple):
    """Users and devices for whom all tests are off."""

    user_ids: frozenset[str] = frozenset()
    device_ids: frozenset[str] = frozenset()

    def holds(self, user_id: str | None, device_id: str | None) -> bool:
        """Are they off for this user or device?"""
        return user_id in self.user_ids or device_id in self.device_ids


class Subject(NamedTuple):
    """Who asks, read once and with care: whatever a host application hands over, reading it does not raise."""

    user_id: str | None
    device_id: str | None
    split_group: int
    """0 if there is none that can be used."""
    is_test_user: bool
    profile: Mapping[str, object]
    environment: Mapping[str, object]
    supported_tests: Collection[str]


# ---- reading the host's objects --------------------------------------------------------------------------------


def read_subject(user: object, request: object) -> Subject:
    """Read a user (None: a guest) and a request; any object with the attributes of ours will do."""
    profile = _attributes(user)
    # A guest keeps the browser's split group, whoever logged in last; a user never falls back to it.
    split_group = _get(request if user is None else user, "split_group")
    if type(split_group) is not int or not 1 <= split_group <= SPLIT_GROUPS:
        split_group = 0
    supported = _get(request, "supported_tests")
    if not _is_a(supported, _CONTAINERS):
        supported = ()
    return Subject(
        user_id=identity(_get(user, "id")),
        device_id=identity(_get(request, "device_id")),
        split_group=split_group,
        is_test_user=_get_item(profile, "is_test_user") is True,
        profile=profile,
        environment=_attributes(request),
        supported_tests=cast("Collection[str]", supported),
    )


def _get(holder: object, name: str) -> object:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a property of the host's that fails is a missing value
        return None


def _get_item(attributes: Mapping[str, object], name: str) -> object:
    try:
        return attributes.get(name)
    except Exception:  # noqa: BLE001 - so is an item of its mapping
        return None


def _attributes(holder: object) -> Mapping[str, object]:
    attributes = None if holder is None else _get(holder, "attributes")
    return cast("Mapping[str, object]", attributes) if _is_a(attributes, Mapping) else _NOTHING


def _is_a(value: object, kinds: type | tuple[type, ...]) -> bool:
    try:
        return isinstance(value, kinds)
    except Exception:  # noqa: BLE001 - a lazy object of the host's whose making fails
        return False


def identity(value: object) -> str | None:
    """Ids are texts; a whole number is taken as its digits, because most hosts keep ids so."""
    if type(value) is str:
        return value or None
    try:
        # Of a subclass the bare text or number, whatever it has for a hash or an equality.
        if isinstance(value, str):
            return str.__str__(value) or None
        if isinstance(value, int) and not isinstance(value, bool) and -(10**18) < value < 10**18:
            return str(int(value))
    except Exception:  # noqa: BLE001 - what an object of the host's says of itself may be wrong, or fail
        return None
    return None


# ---- the rules -------------------------------------------------------------------------------------------------


class _Rule(NamedTuple):
    """Where ``when`` holds, ``answer`` is the variant. Both are source; fields in braces are parts of the subject."""

    when: str
    answer: str
    reason: Reason


def _rules(test: CompiledTest, forced: Forced, additional: Additional | None) -> Iterator[_Rule]:
    """Steps 3 to 11 of the contract's evaluation, in order; the last one always holds."""
    if test.status == "finished" and test.kind == "test":
        yield from _finished_rules(test)
        return
    yield from _forced_rules(forced)
    if test.kind == "test":
        yield _Rule("off.holds({user_id}, {device_id})", "None", Reason.TESTS_OFF)
    if test.status in ("paused", "finished"):
        yield _Rule("True", "None", Reason.PAUSED)
        return
    if test.status == "dev":
        yield _Rule("not {is_test_user}", "None", Reason.NOT_A_TEST_USER)
    elif test.starts_at is not None or test.ends_at is not None:
        yield _Rule("not starts_at <= now < ends_at", "None", Reason.OUTSIDE_DATES)
    yield _NOT_MET
    if test.kind == "group":
        yield _Rule("True", "True", Reason.SPLIT)
        return
    if test.side != "server":
        yield _Rule("key not in {supported}", "None", Reason.NOT_SUPPORTED_BY_CLIENT)
    yield _Rule("not split_group", "None", Reason.NO_SPLIT_GROUP)
    yield _Rule("{variant} is None", "None", Reason.SPLIT_GROUP_NOT_IN_TEST)
    if additional is not None:
        yield _Rule("not additional(user, request)", "None", Reason.ADDITIONAL_CONDITIONS_NOT_MET)
    yield _Rule("True", "{variant}", Reason.SPLIT)


def _forced_rules(forced: Forced) -> Iterator[_Rule]:
    if forced.users:
        yield _Rule("(found := {user_id}) in forced_users", "forced_users[found]", Reason.FORCED)
    if forced.devices:
        yield _Rule("(found := {device_id}) in forced_devices", "forced_devices[found]", Reason.FORCED)


def _finished_rules(test: CompiledTest) -> Iterator[_Rule]:
    # A test given up before it started may have no outcome; that nobody gets a variant is all it can mean.
    if test.outcome is None or test.outcome.variant is None:
        yield _Rule("True", "None", Reason.REJECTED)
        return
    if not test.outcome.everywhere:
        yield _NOT_MET
    yield _Rule("True", "winner", Reason.WINNER)


_NOT_MET = _Rule("not ({met})", "None", Reason.CONDITIONS_NOT_MET)


class Forced(NamedTuple):
    """Who is forced into a test's variants in one environment, by user id and by device id."""

    users: Mapping[str, str]
    devices: Mapping[str, str]


def forced_in(test: CompiledTest, environment: str) -> Forced:
    """The forced users and devices of the named environment."""
    users, devices = (
        {name: variant for (where, name), variant in entries.items() if where == environment}
        for entries in (test.forced_users, test.forced_devices)
    )
    return Forced(users, devices)


# ---- from rules to functions -----------------------------------------------------------------------------------

Check = Callable[..., "str | None"]
"""``(user, request, now)`` → the variant (of a user group: True for members), for users and devices for whom tests are
not off. Raises for objects of the host that have to be read with care; a decision then answers instead. ``now``, in
nanoseconds since 1970, is only needed if ``needs_time``."""
Decide = Callable[[Subject, object, object, int, TestsOff], Decision]
"""``(subject, user, request, now, off)`` → the variant and why."""

_READ_USER = (
    "if user is None:",
    "    profile = nothing",
    "    variant = variants[0 if request is None else request._group]",
    "else:",
    "    profile = user._plain",
    "    variant = variants[user._group]",
)
_READ_REQUEST = ("environment = nothing if request is None else request._plain",)
_READ_TIME = ("moment = from_nanoseconds(now)",)
_READ: Mapping[str, tuple[str, ...]] = {
    "profile": _READ_USER, "variant": _READ_USER, "environment": _READ_REQUEST, "moment": _READ_TIME,
}  # fmt: skip
_DIRECT_PARTS: Mapping[str, str] = {
    "user_id": "(None if user is None else identity(user.id))",
    "device_id": "(None if request is None else identity(request.device_id))",
    "is_test_user": "(profile.get('is_test_user') is True)",
    "supported": "(() if request is None else containers(request.supported_tests))",
    "variant": "variant",
}
_CAREFUL_PARTS: Mapping[str, str] = {
    "user_id": "subject.user_id",
    "device_id": "subject.device_id",
    "is_test_user": "subject.is_test_user",
    "supported": "subject.supported_tests",
    "variant": "variants[split_group]",
    "met": "met",
}


def needs_time(test: CompiledTest) -> bool:
    """Does it matter at what time one asks?"""
    return test.starts_at is not None or test.ends_at is not None or test.conditions.timed


def compile_check(test: CompiledTest, environment: str, additional: Additional | None) -> Check:
    """The check of a test or user group for clients of that environment."""
    forced = forced_in(test, environment)
    names = _names(test, forced, additional)
    parts = {**_DIRECT_PARTS, "met": write_plain(test.conditions, names)}
    lines = [f"def check(user, request, {'now' if needs_time(test) else 'now=0'}):"]
    read: list[tuple[str, ...]] = []
    # Everything after the forced ones refuses, so for the variant alone the order does not matter, and what
    # turns most users away comes first: that the test does not own their split group.
    for rule in sorted(_rules(test, forced, additional), key=lambda rule: _CHECK_ORDER.get(rule.reason, 2)):
        if rule.reason in _NOT_IN_CHECKS:
            continue
        when = rule.when.format(**parts)
        for part, reading in _READ.items():
            if part in when and reading not in read:
                read.append(reading)
                lines += (f"    {line}" for line in reading)
        lines.append(f"    if {when}: return {rule.answer.format(**parts)}")
    return cast(Check, define("check", lines, names))


_CHECK_ORDER = {Reason.FORCED: 0, Reason.SPLIT_GROUP_NOT_IN_TEST: 1, Reason.SPLIT: 3, Reason.WINNER: 3}
# Whoever has no split group has one that nobody owns; and for whom tests are off, checks are not asked.
_NOT_IN_CHECKS = (Reason.NO_SPLIT_GROUP, Reason.TESTS_OFF)


def compile_decision(test: CompiledTest, environment: str, additional: Additional | None) -> Decide:
    """The decision of a test or user group for clients of that environment."""
    forced = forced_in(test, environment)
    names = _names(test, forced, additional)
    names.bound.update(
        conditions_met=compile_traced(test.conditions),
        Decision=Decision,
        Reason=Reason,
        number=test.settings_group,
    )
    lines = ["def decide(subject, user, request, now, off):", "    split_group = subject.split_group"]
    for rule in _rules(test, forced, additional):
        detail = "None"
        if rule.reason is Reason.CONDITIONS_NOT_MET:
            moment = "from_nanoseconds(now)" if test.conditions.timed else "None"
            lines.append(f"    met, decided = conditions_met(subject.profile, subject.environment, {moment})")
            detail = "decided"
        when, answer = rule.when.format(**_CAREFUL_PARTS), rule.answer.format(**_CAREFUL_PARTS)
        lines.append(f"    if {when}: return Decision({answer}, Reason.{rule.reason.name}, {detail}, number)")
    return cast(Decide, define("decide", lines, names))


def _names(test: CompiledTest, forced: Forced, additional: Additional | None) -> Names:
    names = Names()
    names.bound.update(
        additional=additional,
        containers=_containers,
        forced_devices=forced.devices,
        forced_users=forced.users,
        from_nanoseconds=from_nanoseconds,
        identity=identity,
        key=test.key,
        nothing=_NOTHING,
        starts_at=-inf if test.starts_at is None else to_nanoseconds(test.starts_at),
        ends_at=inf if test.ends_at is None else to_nanoseconds(test.ends_at),
        # One step for a check, where the test's own table would take two.
        variants=itemgetter(*test.owners)(test.names),
        winner=None if test.outcome is None else test.outcome.variant,
    )
    return names


def _containers(supported: object) -> object:
    if supported is None:
        return ()
    if not isinstance(supported, _CONTAINERS):
        raise TypeError("supported tests are no list")
    return supported
