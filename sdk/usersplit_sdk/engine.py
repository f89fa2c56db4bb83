"""The rules of who gets which variant, and the only place where they are written.

Pure: no clock, no I/O, no randomness; the time is an argument. It never raises for whatever a host application
hands over: a ``Subject`` is read from the host's objects first, and what cannot be read counts as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from usersplit_sdk.documents import CompiledTest
from usersplit_sdk.model import SPLIT_GROUPS, Decision, Reason

Additional = Callable[[], bool]
"""The code's own conditions for one test, bound to the user and the request; must not raise."""

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TestsOff:
    """Users and devices for whom all tests are off."""

    user_ids: frozenset[str] = frozenset()
    device_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks, in the form the rules need: read once per check, or once for all tests of a request."""

    user_id: str | None
    device_id: str | None
    split_group: int
    """0 if there is none that can be used."""
    is_test_user: bool
    user_attributes: Mapping[str, object]
    environment_attributes: Mapping[str, object]
    supported_tests: Collection[str]


def read_subject(user: object, environment: object) -> Subject:
    """Read a user (None: a guest) and a request; any object with the attributes of ours will do."""
    profile = _attributes(user)
    # A guest keeps the browser's split group, whoever logged in last; a user never falls back to it.
    split_group = _get(environment if user is None else user, "split_group")
    if type(split_group) is not int or not 1 <= split_group <= SPLIT_GROUPS:
        split_group = 0
    supported = _get(environment, "supported_tests")
    return Subject(
        user_id=_identity(_get(user, "id")),
        device_id=_identity(_get(environment, "device_id")),
        split_group=split_group,
        is_test_user=_get_item(profile, "is_test_user") is True,
        user_attributes=profile,
        environment_attributes=_attributes(environment),
        supported_tests=supported if isinstance(supported, (frozenset, set, list, tuple, dict)) else (),
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
    return attributes if isinstance(attributes, Mapping) else _NOTHING


def _identity(value: object) -> str | None:
    """Ids are texts; a whole number is taken as its digits, because most hosts keep ids so."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool) and -(10**18) < value < 10**18:
        return str(int(value))
    return None


def forced_variant(test: CompiledTest, subject: Subject, environment: str) -> str | None:
    """The variant this user, or else this device, is forced into in the named environment."""
    if subject.user_id is not None and test.forced_users:
        variant = test.forced_users.get((environment, subject.user_id))
        if variant is not None:
            return variant
    if subject.device_id is not None and test.forced_devices:
        return test.forced_devices.get((environment, subject.device_id))
    return None


def decide(
    test: CompiledTest,
    subject: Subject,
    environment: str,
    now: datetime,
    tests_off: TestsOff,
    additional: Additional | None = None,
) -> Decision:
    """Steps 3 to 11 of the evaluation, for a test whose file could be used. ``now`` must be aware."""
    number = test.settings_group
    if test.status == "finished":
        return _decide_finished(test, subject, now)
    forced = forced_variant(test, subject, environment)
    if forced is not None:
        return Decision(forced, Reason.FORCED, None, number)
    reason = _closed(test, subject, now, tests_off)
    if reason is not None:
        return Decision(None, reason, None, number)
    met, path = test.conditions(subject.user_attributes, subject.environment_attributes, now)
    if not met:
        return Decision(None, Reason.CONDITIONS_NOT_MET, path, number)
    if test.side != "server" and test.key not in subject.supported_tests:
        return Decision(None, Reason.NOT_SUPPORTED_BY_CLIENT, None, number)
    if not subject.split_group:
        return Decision(None, Reason.NO_SPLIT_GROUP, None, number)
    variant = test.names[test.owners[subject.split_group]]
    if variant is None:
        return Decision(None, Reason.SPLIT_GROUP_NOT_IN_TEST, None, number)
    if additional is not None and not additional():
        return Decision(None, Reason.ADDITIONAL_CONDITIONS_NOT_MET, None, number)
    return Decision(variant, Reason.SPLIT, None, number)


def _decide_finished(test: CompiledTest, subject: Subject, now: datetime) -> Decision:
    # A test given up before it started may have no outcome; that nobody gets a variant is all it can mean.
    if test.outcome is None or test.outcome.variant is None:
        return Decision(None, Reason.REJECTED, None, test.settings_group)
    if not test.outcome.everywhere:
        met, path = test.conditions(subject.user_attributes, subject.environment_attributes, now)
        if not met:
            return Decision(None, Reason.CONDITIONS_NOT_MET, path, test.settings_group)
    return Decision(test.outcome.variant, Reason.WINNER, None, test.settings_group)


def _closed(test: CompiledTest, subject: Subject, now: datetime, tests_off: TestsOff) -> Reason | None:
    """Why nobody like this gets into the test at this time, whatever its conditions say."""
    if subject.user_id in tests_off.user_ids or subject.device_id in tests_off.device_ids:
        return Reason.TESTS_OFF
    if test.status == "paused":
        return Reason.PAUSED
    if test.status == "dev":
        return None if subject.is_test_user else Reason.NOT_A_TEST_USER
    return None if _inside_dates(test, now) else Reason.OUTSIDE_DATES


def is_in_group(group: CompiledTest, subject: Subject, now: datetime) -> bool:
    """Is the user in the user group: in ``dev`` for test users whatever the date, when running inside the dates."""
    if group.status == "dev":
        if not subject.is_test_user:
            return False
    elif group.status != "running" or not _inside_dates(group, now):
        return False
    return group.conditions(subject.user_attributes, subject.environment_attributes, now)[0]


def _inside_dates(test: CompiledTest, now: datetime) -> bool:
    return (test.starts_at is None or test.starts_at <= now) and (test.ends_at is None or now < test.ends_at)
