"""pytest plugin of usersplit-sdk: a test of an application says which variants it is about, and all other tests are off.

    @pytest.mark.usersplit(green_button="green")
    def test_the_button_is_green(shop): ...

Outside of the package, so that a run which uses nothing of it does not even import that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from usersplit_sdk import Hit
    from usersplit_sdk.testing import ForcedVariants
    from usersplit_sdk.testing_remote import RemoteVariants

MARK, GROUPS_MARK = "usersplit", "usersplit_groups"
_MARKERS = (
    f"{MARK}(variants, **variants): run with these variants ({{key: name}}; None: no variant), every other split test off",
    f"{GROUPS_MARK}(**groups): user groups that everybody is in (True) or nobody (False)",
)
_FORCED: pytest.StashKey[ForcedVariants] = pytest.StashKey()
_ALL_OFF: pytest.StashKey[bool] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    parser.addini(
        "usersplit_tests_off", "every split test is off in tests without the mark too", "bool", False
    )
    parser.addini(
        "usersplit_allow_unknown", "forced tests and variants may be ones that no client has", "bool", False
    )
    group = parser.getgroup("usersplit", "UserSplit: forcing variants on a server")
    group.addoption("--usersplit-url", metavar="URL", help="the server (or the variable USERSPLIT_URL)")
    group.addoption(
        "--usersplit-token",
        metavar="TOKEN",
        help="a token with the scope qa (better the variable USERSPLIT_TOKEN, which other users cannot see)",
    )
    group.addoption(
        "--usersplit-environment", metavar="NAME", help="production or devel (without: the token's own)"
    )
    group.addoption(
        "--usersplit-wait",
        metavar="SECONDS",
        type=float,
        help="how long app servers may take to have it (10; 0: do not ask whether they do)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, and read once what every test would ask for."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    config.stash[_ALL_OFF] = bool(config.getini("usersplit_tests_off"))


# ---- the marks -------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Force what the test is marked with, before its fixtures are made."""
    refused = _start_if_marked(item)
    try:
        yield
    except (Exception, pytest.fail.Exception) as problem:
        _explain(item, problem)
        raise
    # Only now: what other plugins have begun by then is what they end later on.
    if refused is not None:
        pytest.fail(refused, pytrace=False)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that forces what nobody has."""
    try:
        yield
    except (Exception, pytest.fail.Exception) as problem:
        _explain(item, problem)
        raise
    _explain(item, None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Force nothing any more, whatever became of the test and of its fixtures."""
    try:
        yield
    finally:
        forced = item.stash.get(_FORCED, None)
        if forced is not None:
            del item.stash[_FORCED]
            forced.stop()


def _start_if_marked(item: pytest.Item) -> str | None:
    """What is wrong with the marks, if anything is."""
    is_marked = any(mark.name in (MARK, GROUPS_MARK) for mark in item.iter_markers())
    if not is_marked and not item.config.stash[_ALL_OFF]:
        return None
    try:
        _start(item, _marked_variants(item), _marked_groups(item))
    except (TypeError, ValueError) as problem:
        return f"@pytest.mark.{MARK}: {problem}"
    return None


def _marked_variants(item: pytest.Item) -> dict[str, str | None] | None:
    """Of all marks, the closest one winning key by key; None for a test that is not marked, whose tests stay as they are."""
    variants: dict[str, str | None] | None = {} if item.config.stash[_ALL_OFF] else None
    for mark in reversed(list(item.iter_markers(MARK))):
        variants = variants or {}
        for given in mark.args:
            if not isinstance(given, dict):
                raise TypeError(f"takes green_button='green' or a dict, not {given!r}")
            variants.update(given)
        variants.update(mark.kwargs)
    return variants


def _marked_groups(item: pytest.Item) -> dict[str, bool]:
    groups: dict[str, bool] = {}
    for mark in reversed(list(item.iter_markers(GROUPS_MARK))):
        groups.update(mark.kwargs)
    return groups


def _start(
    item: pytest.Item, variants: dict[str, str | None] | None, groups: dict[str, bool]
) -> ForcedVariants:
    from usersplit_sdk.testing import ForcedVariants  # noqa: PLC0415 - see the head of this module

    allow = bool(item.config.getini("usersplit_allow_unknown"))
    forced = item.stash[_FORCED] = ForcedVariants(variants, groups=groups, allow_unknown=allow)
    forced.start()
    return forced


def _explain(item: pytest.Item, problem: BaseException | None) -> None:
    """Raise for a key or variant that no client has: that may well be why the test has failed."""
    forced = item.stash.get(_FORCED, None)
    mistakes = [] if forced is None else forced.mistakes()
    if mistakes:
        raise pytest.fail.Exception("; ".join(mistakes), pytrace=False) from problem


# ---- fixtures --------------------------------------------------------------------------------------------------


@pytest.fixture
def usersplit(request: pytest.FixtureRequest) -> ForcedVariants:
    """What is forced in this test: ``usersplit.force(green_button="green")``, ``.off()``, ``.as_delivered()``,
    ``.set_groups(christmas=True)`` and ``.hits``. Without a mark nothing is forced before that; hits go nowhere."""
    item = cast(pytest.Item, request.node)
    forced = item.stash.get(_FORCED, None)
    return _start(item, None, {}) if forced is None else forced


@pytest.fixture
def usersplit_hits(usersplit: ForcedVariants) -> list[Hit]:
    """The hits that would have been logged in this test, so far."""
    return usersplit.hits


@pytest.fixture
def usersplit_remote(request: pytest.FixtureRequest) -> Iterator[RemoteVariants]:
    """Forces variants on a server: ``usersplit_remote.user("4711", green_button="green")``, all other tests off for that
    user until the test ends."""
    from usersplit_sdk.testing_remote import WAIT_SECONDS, RemoteVariants  # noqa: PLC0415 - see the head

    option = request.config.getoption
    url = option("--usersplit-url") or os.environ.get("USERSPLIT_URL")
    token = option("--usersplit-token") or os.environ.get("USERSPLIT_TOKEN")
    if not url or not token:
        pytest.fail("usersplit_remote needs a server: --usersplit-url and --usersplit-token, or the variables "
                    "USERSPLIT_URL and USERSPLIT_TOKEN", pytrace=False)  # fmt: skip
    wait = option("--usersplit-wait")
    remote = RemoteVariants(
        url,
        token,
        wait=WAIT_SECONDS if wait is None else wait,
        environment=option("--usersplit-environment"),
        reason=f"pytest {request.node.nodeid}",
    )
    with remote:
        yield remote
